#version 450
#extension GL_GOOGLE_include_directive : require
// data[i] = (first + i) * factor + seed, four words an invocation.
#include "lanes.glsl"

layout(set = 0, binding = 0, std430) writeonly buffer Data { uvec4 data[]; };

layout(push_constant) uniform Push {
    uint first; // word of the pattern at data[0]
    uint factor;
    uint seed;
} push;

void main() {
    uint at = invocation();
    data[at] = (push.first + at * 4u + uvec4(0u, 1u, 2u, 3u)) * push.factor + push.seed;
}
