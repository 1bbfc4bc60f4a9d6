#version 450
#extension GL_GOOGLE_include_directive : require
// The end of a step: the best token over all chunks of the vocabulary goes into
// the ring that the host reads and into the row for the next step, the row's
// position moves on, and the next step's attention grid is set. One workgroup.
#include "lanes.glsl"
#include "rows.glsl"

layout(set = 0, binding = 0, std430) readonly buffer Best { uvec2 best[]; }; // [row][chunk] of (key bits, id)
layout(set = 0, binding = 1, std430) buffer Rows { Row rows[]; };
layout(set = 0, binding = 2, std430) writeonly buffer Ring { uint ring[]; }; // [row][slot]
layout(set = 0, binding = 3, std430) writeonly buffer Grid { uint grid[]; }; // VkDispatchIndirectCommand

layout(push_constant) uniform Push {
    uint rows;
    uint chunks;
    uint slots;
    uint heads;
    uint split; // positions a split of attention
} push;

const uint NONE = 0xffffffffu; // no logit was a number
shared float lane_key[LANES];
shared uint lane_id[LANES];

void main() {
    uint lane = gl_LocalInvocationID.x;
    uint splits = 1u;
    for (uint row = 0u; row < push.rows; row++) {
        float best_key = -3.4e38;
        uint best_id = NONE;
        for (uint i = lane; i < push.chunks; i += LANES) {
            uvec2 candidate = best[row * push.chunks + i];
            float key = uintBitsToFloat(candidate.x);
            if (candidate.y == NONE) continue;
            if (best_id == NONE || key > best_key) { // chunks are in the order of ids
                best_key = key;
                best_id = candidate.y;
            }
        }
        lane_key[lane] = best_key;
        lane_id[lane] = best_id;
        barrier();
        if (lane == 0u) {
            for (uint i = 1u; i < LANES; i++) {
                if (lane_id[i] == NONE) continue;
                if (best_id == NONE || lane_key[i] > best_key || (lane_key[i] == best_key && lane_id[i] < best_id)) {
                    best_key = lane_key[i];
                    best_id = lane_id[i];
                }
            }
            Row r = rows[row];
            ring[row * push.slots + r.step % push.slots] = best_id;
            r.token = best_id;
            r.position += 1u;
            r.step += 1u;
            rows[row] = r;
            splits = max(splits, r.position / push.split + 1u);
        }
        barrier();
    }
    if (lane == 0u) {
        grid[0] = push.heads;
        grid[1] = splits;
        grid[2] = push.rows;
    }
}
