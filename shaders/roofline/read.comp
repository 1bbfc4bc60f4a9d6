#version 450
#extension GL_GOOGLE_include_directive : require
// sums[i] = seed + the sum of the words in the LOADS uvec4 that invocation i reads. The
// lanes of a workgroup read side by side.
#include "lanes.glsl"

layout(constant_id = 1) const uint LOADS = 64; // a multiple of AHEAD
layout(constant_id = 2) const uint AHEAD = 8;  // loads before the first sum: 1, 4 or 8

layout(set = 0, binding = 0, std430) readonly buffer Data { uvec4 data[]; };
layout(set = 0, binding = 1, std430) writeonly buffer Sums { uint sums[]; };

layout(push_constant) uniform Push {
    uint seed;
} push;

void main() {
    uint at = gl_WorkGroupID.x * LANES * LOADS + lane();
    uvec4 sum = uvec4(0u);
    for (uint k = 0u; k < LOADS; k += AHEAD) {
        uvec4 v = data[at];
        if (AHEAD >= 4u) {
            uvec4 a = data[at + LANES], b = data[at + 2u * LANES], c = data[at + 3u * LANES];
            if (AHEAD >= 8u) {
                uvec4 d = data[at + 4u * LANES], e = data[at + 5u * LANES];
                uvec4 f = data[at + 6u * LANES], g = data[at + 7u * LANES];
                v += (d + e) + (f + g);
            }
            v += a + (b + c);
        }
        sum += v;
        at += AHEAD * LANES;
    }
    sums[invocation()] = push.seed + sum.x + sum.y + sum.z + sum.w;
}
