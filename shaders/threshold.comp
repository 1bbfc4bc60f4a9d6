#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
// Where a row's token is chosen BY_MASS: the key (sort_key) of the smallest logit that top-k, then
// top-p, then min-p keep. The histogram tells the bin in which it lies, whose keys are gone through.
// Ties at the threshold are all kept. One workgroup a row.
#include "lanes.glsl"
#include "rows.glsl"
#include "sampling.glsl"

layout(set = 0, binding = 0, std430) readonly buffer Rows { Row rows[]; };
layout(set = 0, binding = 1, std430) readonly buffer Params { Sampling sampling[]; };
layout(set = 0, binding = 2, std430) readonly buffer Logits { float logits[]; };
layout(set = 0, binding = 3, std430) readonly buffer Best { uvec2 best[]; };    // [row][tile] of (key bits, id)
layout(set = 0, binding = 4, std430) readonly buffer Bins { uint bins[]; };     // [row][3][BINS] of histogram.comp
layout(set = 0, binding = 5, std430) buffer Thresholds { uint thresholds[]; }; // [row], before the greatest key

layout(push_constant) uniform Push {
    uint vocab;
} push;

#define SELECTS
#include "select.glsl"

// The bin of the histogram in which the sum from the top reaches the target.
uint reached_bin(uint row, bool by_mass, float target) {
    barrier();
    for (uint b = gl_LocalInvocationID.x; b < BINS; b += LANES) {
        uint at = row * 3u * BINS + b;
        bin_count[b] = bins[at];
        bin_lo[b] = bins[at + BINS];
        bin_hi[b] = bins[at + 2u * BINS];
    }
    if (gl_LocalInvocationID.x == 0u) sum_above = NOTHING;
    barrier();
    return crossing(by_mass, target);
}

// The key at which it does.
uint reached(uint row, bool by_mass, float target, uint greatest) {
    uint bin = reached_bin(row, by_mass, target);
    // The keys of the bin, and some more: what rounding may have moved into it.
    float maximum = from_sort_key(greatest), margin = (abs(maximum) + float(BINS)) * 1e-6;
    float top = maximum - float(bin) / BINS_PER_UNIT + margin, bottom = maximum - float(bin + 1u) / BINS_PER_UNIT - margin;
    uint lo = bin + 1u == BINS || !(abs(bottom) <= 3.4e38) ? LOWEST : max(sort_key(bottom), LOWEST);
    uint hi = abs(top) <= 3.4e38 ? min(sort_key(top), greatest) : greatest;
    return narrow(row, by_mass, target, maximum, lo, hi, bin);
}

void main() {
    uint row = gl_WorkGroupID.x;
    Sampling s = sampling[rows[row].sequence];
    if (choice_of(s) != BY_MASS) return;
    uint greatest = thresholds[row], lowest = LOWEST;
    if (s.top_k != 0u)
        lowest = reached(row, false, float(s.top_k), greatest);
    else if (s.top_p < 1.0)
        reached_bin(row, true, 3.4e38); // never, so that sum_upto is of all
    if (s.top_p < 1.0) {
        float kept = amount(sum_upto, true);
        lowest = max(lowest, reached(row, true, s.top_p * kept, greatest));
    }
    if (s.min_p > 0.0) lowest = max(lowest, sort_key(from_sort_key(greatest) + log(s.min_p)));
    barrier(); // all have read the greatest
    if (gl_LocalInvocationID.x == 0u) thresholds[row] = lowest;
}
