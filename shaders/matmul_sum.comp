#version 450
#extension GL_GOOGLE_include_directive : require
// y[i] (+)= sum over the splits s of partial[s][i], in their order.
#include "lanes.glsl"

layout(set = 0, binding = 0, std430) readonly buffer Partial { float partial[]; };
layout(set = 0, binding = 1, std430) buffer Y { float y[]; };

layout(push_constant) uniform Push {
    uint count; // of y
    uint splits;
    uint add; // 1: add to y (residual)
} push;

void main() {
    uint i = group_index() * LANES + gl_LocalInvocationID.x;
    if (i >= push.count) return;
    float v = 0.0;
    for (uint s = 0u; s < push.splits; s++) v += partial[s * push.count + i];
    y[i] = push.add != 0u ? y[i] + v : v;
}
