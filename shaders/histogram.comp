#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
// Where a row's token is chosen BY_MASS: counts and probability mass of its logits by their
// distance from the greatest, for threshold.comp. A workgroup a share of the vocabulary.
#include "lanes.glsl"
#include "rows.glsl"
#include "sampling.glsl"

layout(set = 0, binding = 0, std430) readonly buffer Rows { Row rows[]; };
layout(set = 0, binding = 1, std430) readonly buffer Params { Sampling sampling[]; };
layout(set = 0, binding = 2, std430) readonly buffer Logits { float logits[]; };
layout(set = 0, binding = 3, std430) readonly buffer Thresholds { uint thresholds[]; }; // [row] the greatest key
layout(set = 0, binding = 4, std430) buffer Bins { uint bins[]; };                      // [row][3][BINS] of counts, low and high words of mass

layout(push_constant) uniform Push {
    uint vocab;
} push;

#include "select.glsl"

// HistogramShare is the tokens of the vocabulary that a workgroup of [Kernels.Histogram] counts.
// export
const uint SHARE = 4096u;

void main() {
    uint row = gl_WorkGroupID.z, lane = gl_LocalInvocationID.x;
    Sampling s = sampling[rows[row].sequence];
    bool counts = s.top_k != 0u, weighs = s.top_p < 1.0;
    if (choice_of(s) != BY_MASS || !(counts || weighs)) return;
    float maximum = from_sort_key(thresholds[row]);
    clear_bins();
    uint end = min((gl_WorkGroupID.x + 1u) * SHARE, push.vocab);
    for (uint first = gl_WorkGroupID.x * SHARE + lane; first < end; first += LOADS * LANES) {
        float l[LOADS];
        [[unroll]] for (uint j = 0u; j < LOADS; j++) l[j] = logits[row * push.vocab + min(first + j * LANES, end - 1u)];
        [[unroll]] for (uint j = 0u; j < LOADS; j++)
            if (first + j * LANES < end && sort_key(l[j]) >= LOWEST) add_to_bin(bin_of(l[j], maximum), counts, weighs ? mass(l[j], maximum) : 0u);
    }
    barrier();
    for (uint b = lane; b < BINS; b += LANES) {
        if ((bin_count[b] | bin_lo[b] | bin_hi[b]) == 0u) continue;
        uint at = row * 3u * BINS + b;
        atomicAdd(bins[at], bin_count[b]);
        uint before = atomicAdd(bins[at + BINS], bin_lo[b]);
        atomicAdd(bins[at + 2u * BINS], bin_hi[b] + (before + bin_lo[b] < before ? 1u : 0u));
    }
}
