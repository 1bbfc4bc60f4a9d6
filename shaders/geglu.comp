#version 450
#extension GL_GOOGLE_include_directive : require
// gate[i] = gelu(gate[i]) * up[i], GELU in its tanh approximation
// (https://arxiv.org/abs/1606.08415), written as x * sigmoid(2u), which is the
// same function without the cancellation of 1 + tanh(u).
#include "lanes.glsl"

layout(set = 0, binding = 0, std430) buffer Gate { float gate[]; };
layout(set = 0, binding = 1, std430) readonly buffer Up { float up[]; };

layout(push_constant) uniform Push {
    uint count;
} push;

void main() {
    uint i = group_index() * LANES + gl_LocalInvocationID.x;
    if (i >= push.count) return;
    float v = gate[i];
    float u = 0.7978845608028654 * (v + 0.044715 * v * v * v);
    gate[i] = v / (1.0 + exp(min(-2.0 * u, 80.0))) * up[i];
}
