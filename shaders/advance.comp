#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
// The end of a step in which every row's token is the best of its tiles. One workgroup a row.
#include "lanes.glsl"
#include "rows.glsl"
#include "sampling.glsl"

layout(set = 0, binding = 0, std430) readonly buffer Best { uvec2 best[]; }; // [row][chunk] of (key bits, id)
layout(set = 0, binding = 1, std430) buffer Rows { Row rows[]; };
layout(set = 0, binding = 2, std430) writeonly buffer Ring { uint ring[]; }; // [row][slot]
layout(set = 0, binding = 3, std430) buffer Grid { uint grid[]; }; // VkDispatchIndirectCommand

layout(push_constant) uniform Push {
    uint rows;
    uint chunks;
    uint slots;
    uint heads;
    uint split;      // positions a split of attention, at least
    uint max_splits; // of a sequence
} push;

#include "advance.glsl"

void main() {
    uint row = gl_WorkGroupID.x;
    uvec2 mine = uvec2(0u, NONE);
    for (uint first = gl_LocalInvocationID.x; first < push.chunks; first += FLIGHT * LANES) {
        uvec2 candidates[FLIGHT];
        [[unroll]] for (uint i = 0u; i < FLIGHT; i++) {
            uint chunk = first + i * LANES;
            candidates[i] = chunk < push.chunks ? best[row * push.chunks + chunk] : uvec2(0u, NONE);
        }
        [[unroll]] for (uint i = 0u; i < FLIGHT; i++) mine = better(mine, candidates[i]);
    }
    advance(row, mine);
}
