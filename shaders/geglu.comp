#version 450
#extension GL_GOOGLE_include_directive : require
// y[t][i] = gelu(gate[t][i]) * up[t][i]. Gate and up are either in the order of GateUpRow
// (layout.go), rows 16 apart in each tile of 32, or one behind the other.
#include "lanes.glsl"
#include "gelu.glsl"

layout(set = 0, binding = 0, std430) readonly buffer GateUp { float gate_up[]; };
layout(set = 0, binding = 1, std430) writeonly buffer Y { float y[]; };

layout(push_constant) uniform Push {
    uint ffn_dim;
    uint stride; // of a token in gate_up
    uint paired; // 1: in the order of GateUpRow
} push;

void main() {
    uint i = group_index() * LANES + gl_LocalInvocationID.x, t = gl_WorkGroupID.z;
    if (i >= push.ffn_dim) return;
    uint gate = t * push.stride + (push.paired != 0u ? i / 16u * 32u + i % 16u : i);
    uint up = gate + (push.paired != 0u ? 16u : push.ffn_dim);
    y[t * push.ffn_dim + i] = gelu(gate_up[gate]) * gate_up[up];
}
