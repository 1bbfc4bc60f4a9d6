#version 450
#extension GL_GOOGLE_include_directive : require
// The smallest logit that top-k, then top-p, then min-p keep: all three keep
// the tokens from some logit upwards, so that one number stands for them and
// nothing is sorted. top-k and top-p are radix selects over the logits' bits:
// by count, and by probability mass in 64-bit fixed point, whose sum does not
// depend on the order of the atomics. Ties at the threshold are all kept.
// One workgroup a row; greedy rows return at once.
#include "lanes.glsl"
#include "rows.glsl"
#include "sampling.glsl"

layout(set = 0, binding = 0, std430) readonly buffer Rows { Row rows[]; };
layout(set = 0, binding = 1, std430) readonly buffer Params { Sampling sampling[]; };
layout(set = 0, binding = 2, std430) readonly buffer Logits { float logits[]; };
layout(set = 0, binding = 3, std430) writeonly buffer Thresholds { float thresholds[]; };

layout(push_constant) uniform Push {
    uint vocab;
} push;

const uint BINS = 256u;
shared uint bin_lo[BINS];
shared uint bin_hi[BINS];
shared float lane_max[LANES];
shared uint chosen_prefix;
shared float remaining;

// Order-preserving map from floats to uints; NaN sorts below everything.
uint sort_key(float f) {
    uint b = floatBitsToUint(f);
    if (is_nan(f)) return 0u;
    return b ^ ((b >> 31) != 0u ? 0xffffffffu : 0x80000000u);
}

float from_sort_key(uint k) {
    return uintBitsToFloat(k ^ ((k >> 31) != 0u ? 0x80000000u : 0xffffffffu));
}

void add_to_bin(uint bin, uint value) {
    uint before = atomicAdd(bin_lo[bin], value);
    if (before + value < before) atomicAdd(bin_hi[bin], 1u);
}

float bin_total(uint bin) {
    return float(bin_hi[bin]) * 4294967296.0 + float(bin_lo[bin]);
}

// The key at which the sum from the top, over keys of at least lowest, reaches
// the target: a count, or (by_mass) a share of the whole mass.
uint select_key(uint base, uint lowest, bool by_mass, float target, float maximum) {
    uint lane = gl_LocalInvocationID.x;
    uint prefix = 0u, mask = 0u;
    for (int shift = 24; shift >= 0; shift -= 8) {
        for (uint b = lane; b < BINS; b += LANES) {
            bin_lo[b] = 0u;
            bin_hi[b] = 0u;
        }
        barrier();
        for (uint i = lane; i < push.vocab; i += LANES) {
            float l = logits[base + i];
            uint k = sort_key(l);
            if (k < lowest || (k & mask) != prefix) continue;
            add_to_bin((k >> shift) & 255u, by_mass ? uint(min(exp(l - maximum), 1.0) * 2147483648.0) : 1u);
        }
        barrier();
        if (lane == 0u) {
            if (shift == 24) {
                remaining = target;
                if (by_mass) {
                    float total = 0.0;
                    for (uint b = 0u; b < BINS; b++) total += bin_total(b);
                    remaining = target * total;
                }
            }
            uint chosen = 0u;
            float above = 0.0, sum = 0.0;
            for (int b = int(BINS) - 1; b >= 0; b--) {
                float here = bin_total(uint(b));
                if (here == 0.0) continue;
                chosen = uint(b); // rounding may leave the target unreached: the lowest bin then
                above = sum;
                sum += here;
                if (sum >= remaining) break;
            }
            remaining -= above;
            chosen_prefix = prefix | (chosen << shift);
        }
        barrier();
        prefix = chosen_prefix;
        mask |= 255u << shift;
    }
    return prefix;
}

void main() {
    uint row = gl_WorkGroupID.x;
    uint lane = gl_LocalInvocationID.x;
    Sampling s = sampling[rows[row].sequence];
    if (s.temperature <= 0.0) {
        if (lane == 0u) thresholds[row] = -3.4e38;
        return;
    }

    uint base = row * push.vocab;
    float maximum = -3.4e38;
    for (uint i = lane; i < push.vocab; i += LANES) {
        float l = logits[base + i];
        if (!is_nan(l)) maximum = max(maximum, l);
    }
    lane_max[lane] = maximum;
    barrier();
    for (uint i = 0u; i < LANES; i++) maximum = max(maximum, lane_max[i]);

    uint lowest = sort_key(-3.4e38);
    if (s.top_k > 0u && s.top_k < push.vocab) lowest = max(lowest, select_key(base, lowest, false, float(s.top_k), maximum));
    if (s.top_p < 1.0) lowest = max(lowest, select_key(base, lowest, true, s.top_p, maximum));
    if (s.min_p > 0.0) lowest = max(lowest, sort_key(maximum + log(s.min_p)));
    if (lane == 0u) thresholds[row] = from_sort_key(lowest);
}
