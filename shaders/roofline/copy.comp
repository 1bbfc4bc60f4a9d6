#version 450
#extension GL_GOOGLE_include_directive : require
// to = from: LOADS uvec4 an invocation. The lanes of a workgroup copy side by side.
#include "lanes.glsl"

layout(constant_id = 1) const uint LOADS = 4; // a multiple of AHEAD
layout(constant_id = 2) const uint AHEAD = 4; // loads before the first store: 1 or 4

layout(set = 0, binding = 0, std430) readonly buffer From { uvec4 from[]; };
layout(set = 0, binding = 1, std430) writeonly buffer To { uvec4 to[]; };

void main() {
    uint at = gl_WorkGroupID.x * LANES * LOADS + lane();
    for (uint k = 0u; k < LOADS; k += AHEAD) {
        uvec4 v = from[at];
        if (AHEAD >= 4u) {
            uvec4 a = from[at + LANES], b = from[at + 2u * LANES], c = from[at + 3u * LANES];
            to[at + LANES] = a;
            to[at + 2u * LANES] = b;
            to[at + 3u * LANES] = c;
        }
        to[at] = v;
        at += AHEAD * LANES;
    }
}
