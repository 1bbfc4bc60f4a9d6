#version 450
#extension GL_GOOGLE_include_directive : require
// wrong[i] = seed + how many of the LOADS uvec4 that invocation i reads differ from fill's
// pattern with seed 0.
#include "lanes.glsl"

layout(constant_id = 1) const uint LOADS = 64;

layout(set = 0, binding = 0, std430) readonly buffer Data { uvec4 data[]; };
layout(set = 0, binding = 1, std430) writeonly buffer Wrong { uint wrong[]; };

layout(push_constant) uniform Push {
    uint first; // word of the pattern at data[0]
    uint factor;
    uint seed;
} push;

void main() {
    uint at = gl_WorkGroupID.x * LANES * LOADS + lane();
    uint n = 0u;
    for (uint k = 0u; k < LOADS; k++) {
        uvec4 want = (push.first + at * 4u + uvec4(0u, 1u, 2u, 3u)) * push.factor;
        if (data[at] != want) n++;
        at += LANES;
    }
    wrong[invocation()] = push.seed + n;
}
