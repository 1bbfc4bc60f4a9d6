#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
// Where a row's token is chosen BY_MASS: adjusts its logits (adjust.glsl), finds the greatest of
// them, and makes the bins of histogram.comp zero. One workgroup a row.
#include "lanes.glsl"
#include "rows.glsl"
#include "sampling.glsl"

layout(set = 0, binding = 0, std430) readonly buffer Rows { Row rows[]; };
layout(set = 0, binding = 1, std430) readonly buffer Params { Sampling sampling[]; };
layout(set = 0, binding = 2, std430) readonly buffer History { uint history[]; };
layout(set = 0, binding = 3, std430) readonly buffer Biases { uvec2 biases[]; }; // [sequence][MAX_BIASES] of (id, bits)
layout(set = 0, binding = 4, std430) readonly buffer Mask { uint mask[]; };      // [sequence][tile]
layout(set = 0, binding = 5, std430) buffer Counts { uint counts[]; };           // [row][vocab], zeros
layout(set = 0, binding = 6, std430) coherent buffer Logits { float logits[]; };
layout(set = 0, binding = 7, std430) coherent buffer Best { uvec2 best[]; };           // [row][tile] of (key bits, id)
layout(set = 0, binding = 8, std430) writeonly buffer Thresholds { uint thresholds[]; }; // [row], here the greatest key
layout(set = 0, binding = 9, std430) writeonly buffer Bins { uint bins[]; };           // [row][3 * BINS]

layout(push_constant) uniform Push {
    uint vocab;
    uint context; // history entries a sequence
} push;

#include "adjust.glsl"
#include "select.glsl"

shared uint greatest;

void main() {
    uint row = gl_WorkGroupID.x, lane = gl_LocalInvocationID.x;
    Row r = rows[row];
    Sampling s = sampling[r.sequence];
    if (choice_of(s) != BY_MASS) return;
    if (lane == 0u) greatest = LOWEST;
    adjust(row, r, s);
    barrier();
    uint tiles = (push.vocab + TILE_TOKENS - 1u) / TILE_TOKENS, mine = 0u;
    for (uint first = lane; first < tiles; first += TILE_LOADS * LANES) {
        uint keys[TILE_LOADS];
        load_maxima(row * tiles, tiles, first, keys);
        [[unroll]] for (uint j = 0u; j < TILE_LOADS; j++) mine = max(mine, keys[j]);
    }
    atomicMax(greatest, mine);
    for (uint i = lane; i < 3u * BINS; i += LANES) bins[row * 3u * BINS + i] = 0u;
    barrier();
    if (lane == 0u) thresholds[row] = greatest;
}
