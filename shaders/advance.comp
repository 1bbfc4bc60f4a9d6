#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
// The end of a step: the best token over all chunks of the vocabulary goes into
// the ring that the host reads and into the row for the next step, the row's
// position moves on, and the next step's attention grid is set. An idle row stays as it
// is. One workgroup a row.
#include "lanes.glsl"
#include "rows.glsl"

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

// NoToken is what a step samples when no logit is a number.
// export
const uint NONE = 0xffffffffu;
const uint FLIGHT = 8u;        // candidates of a lane that are loaded together
shared uvec2 winner[LANES];

// The one with the greater key, of equal ones the one with the smaller id.
uvec2 better(uvec2 a, uvec2 b) {
    if (b.y == NONE) return a;
    float key = uintBitsToFloat(a.x), other = uintBitsToFloat(b.x);
    return a.y == NONE || other > key || (other == key && b.y < a.y) ? b : a;
}

void main() {
    uint row = gl_WorkGroupID.x, lane = gl_LocalInvocationID.x;
    Row r = rows[row];
    if (r.step == IDLE) return;
    uvec2 mine = uvec2(0u, NONE);
    for (uint first = lane; first < push.chunks; first += FLIGHT * LANES) {
        uvec2 candidates[FLIGHT];
        [[unroll]] for (uint i = 0u; i < FLIGHT; i++) {
            uint chunk = first + i * LANES;
            candidates[i] = chunk < push.chunks ? best[row * push.chunks + chunk] : uvec2(0u, NONE);
        }
        [[unroll]] for (uint i = 0u; i < FLIGHT; i++) mine = better(mine, candidates[i]);
    }
    winner[lane] = mine;
    for (uint half_lanes = LANES / 2u; half_lanes > 0u; half_lanes /= 2u) {
        barrier();
        if (lane < half_lanes) winner[lane] = better(winner[lane], winner[lane + half_lanes]);
    }
    if (lane != 0u) return;
    r.token = winner[0].y;
    ring[row * push.slots + r.step % push.slots] = r.token;
    r.position += 1u;
    r.step += 1u;
    rows[row] = r;
    // The longest sequence sets the number of splits. All grow, so that it never falls; beyond
    // max_splits it is the splits that grow.
    atomicMax(grid[1], min(r.position / push.split + 1u, push.max_splits));
    if (row == 0u) {
        grid[0] = push.heads;
        grid[2] = push.rows;
    }
}
