#version 450
#extension GL_GOOGLE_include_directive : require
#extension GL_EXT_control_flow_attributes : require
// The smallest logit that top-k, then top-p, then min-p keep: all three keep
// the tokens from some logit upwards, so that one number stands for them and
// nothing is sorted. Ties at the threshold are all kept. One workgroup a row; greedy
// rows return at once.
//
// Of as many shares of the row as GROUPS the greatest logits are known after one pass. The
// k-th of these is at most the k-th of all, so that few logits besides those that top-k
// keeps reach it: they are gathered, and each is compared with all others. Without
// top-k, or where ties are too many, top-k and top-p are radix selects over the
// logits' bits: by count, and by probability mass in 64-bit fixed point, whose sum
// does not depend on the order of the atomics.
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
const uint GROUPS = LANES < 256u ? LANES : 256u;
const uint ROOM = LANES < 64u ? 16u * LANES : 1024u; // candidates
const uint FLIGHT = 16u;                             // logits of a lane that are loaded together
shared uint bin_lo[BINS];
shared uint bin_hi[BINS];
shared uint group_key[GROUPS];
shared uint candidates[ROOM]; // keys
shared uint masses[ROOM];
shared uint count;
shared uint greatest;
shared uint chosen;
shared float remaining;

uint lane() { return gl_LocalInvocationID.x; }

// Order-preserving map from floats to uints; NaN sorts below everything.
uint sort_key(float f) {
    uint b = floatBitsToUint(f);
    if (is_nan(f)) return 0u;
    return b ^ ((b >> 31) != 0u ? 0xffffffffu : 0x80000000u);
}

float from_sort_key(uint k) {
    return uintBitsToFloat(k ^ ((k >> 31) != 0u ? 0x80000000u : 0xffffffffu));
}

// The keys of a lane's next logits, 0 past the end.
void load_keys(uint base, uint first, out uint keys[FLIGHT]) {
    float l[FLIGHT];
    [[unroll]] for (uint j = 0u; j < FLIGHT; j++) {
        uint i = first + j * LANES;
        l[j] = logits[base + min(i, push.vocab - 1u)];
    }
    [[unroll]] for (uint j = 0u; j < FLIGHT; j++) keys[j] = first + j * LANES < push.vocab ? sort_key(l[j]) : 0u;
}

// Probability mass relative to the greatest logit's, 2^-31 the unit.
uint mass(uint key, float maximum) { return uint(min(exp(from_sort_key(key) - maximum), 1.0) * 2147483648.0); }

float wide(uint hi, uint lo) { return float(hi) * 4294967296.0 + float(lo); }

void add_to_bin(uint bin, uint value) {
    uint before = atomicAdd(bin_lo[bin], value);
    if (before + value < before) atomicAdd(bin_hi[bin], 1u);
}

float bin_total(uint bin) { return wide(bin_hi[bin], bin_lo[bin]); }

// Leaves the greatest key of each share of the row in group_key, and that of all, if it is
// above lowest, in greatest.
void find_greatest(uint base, uint lowest) {
    for (uint g = lane(); g < GROUPS; g += LANES) group_key[g] = 0u;
    if (lane() == 0u) greatest = lowest;
    barrier();
    uint mine = 0u;
    for (uint first = lane(); first < push.vocab; first += FLIGHT * LANES) {
        uint keys[FLIGHT];
        load_keys(base, first, keys);
        [[unroll]] for (uint j = 0u; j < FLIGHT; j++) mine = max(mine, keys[j]);
    }
    atomicMax(group_key[lane() % GROUPS], mine);
    barrier();
    if (lane() < GROUPS) atomicMax(greatest, group_key[lane()]);
    barrier();
}

// Gives chosen the value that it has unless a lane finds another.
void otherwise(uint key) {
    barrier(); // who still reads the last choice
    if (lane() == 0u) chosen = key;
    barrier();
}

// Of the groups' keys the k-th greatest, if that is above lowest.
uint bound(uint k, uint lowest) {
    otherwise(lowest);
    if (lane() < GROUPS) {
        uint mine = group_key[lane()], above = 0u, same = 0u;
        for (uint g = 0u; g < GROUPS; g++) {
            if (group_key[g] > mine) above++;
            if (group_key[g] == mine) same++;
        }
        if (mine > lowest && above < k && k <= above + same) chosen = mine;
    }
    barrier();
    return chosen;
}

// Gathers the keys of at least lowest; more than ROOM only count.
void gather(uint base, uint lowest) {
    if (lane() == 0u) count = 0u;
    barrier();
    for (uint first = lane(); first < push.vocab; first += FLIGHT * LANES) {
        uint keys[FLIGHT];
        load_keys(base, first, keys);
        [[unroll]] for (uint j = 0u; j < FLIGHT; j++) {
            if (keys[j] < lowest) continue;
            uint at = atomicAdd(count, 1u);
            if (at < ROOM) candidates[at] = keys[j];
        }
    }
    barrier();
}

// The k-th greatest of the candidates, or lowest if there are fewer.
uint select_rank(uint k, uint lowest) {
    otherwise(lowest);
    for (uint i = lane(); i < count; i += LANES) {
        uint mine = candidates[i], above = 0u, same = 0u;
        for (uint j = 0u; j < count; j++) {
            if (candidates[j] > mine) above++;
            if (candidates[j] == mine) same++;
        }
        if (above < k && k <= above + same) chosen = mine;
    }
    barrier();
    return chosen;
}

// The candidate at which the mass from the top, over keys of at least lowest, reaches a
// share of the whole; the greatest one if the share is nothing.
uint select_mass(uint lowest, float share, float maximum) {
    for (uint i = lane(); i < count; i += LANES) masses[i] = candidates[i] < lowest ? 0u : mass(candidates[i], maximum);
    otherwise(greatest);
    for (uint i = lane(); i < count; i += LANES) {
        uint mine = candidates[i];
        uvec2 above = uvec2(0u), upto = uvec2(0u), total = uvec2(0u); // low, high
        for (uint j = 0u; j < count; j++) {
            uint carry, m = masses[j];
            total.x = uaddCarry(total.x, m, carry);
            total.y += carry;
            upto.x = uaddCarry(upto.x, candidates[j] >= mine ? m : 0u, carry);
            upto.y += carry;
            above.x = uaddCarry(above.x, candidates[j] > mine ? m : 0u, carry);
            above.y += carry;
        }
        float target = share * wide(total.y, total.x);
        if (mine >= lowest && wide(above.y, above.x) < target && target <= wide(upto.y, upto.x)) chosen = mine;
    }
    barrier();
    return chosen;
}

// The key at which the sum from the top over the row's keys of at least lowest reaches
// the target: a count, or (by_mass) a share of the whole mass.
uint select_key(uint base, uint lowest, bool by_mass, float target, float maximum) {
    uint prefix = 0u, mask = 0u;
    for (int shift = 24; shift >= 0; shift -= 8) {
        for (uint b = lane(); b < BINS; b += LANES) {
            bin_lo[b] = 0u;
            bin_hi[b] = 0u;
        }
        barrier();
        for (uint i = lane(); i < push.vocab; i += LANES) {
            uint k = sort_key(logits[base + i]);
            if (k < lowest || (k & mask) != prefix) continue;
            add_to_bin((k >> shift) & 255u, by_mass ? mass(k, maximum) : 1u);
        }
        barrier();
        if (lane() == 0u) {
            if (shift == 24) {
                remaining = target;
                if (by_mass) {
                    float total = 0.0;
                    for (uint b = 0u; b < BINS; b++) total += bin_total(b);
                    remaining = target * total;
                }
            }
            uint bin = 0u;
            float above = 0.0, sum = 0.0;
            for (int b = int(BINS) - 1; b >= 0; b--) {
                float here = bin_total(uint(b));
                if (here == 0.0) continue;
                bin = uint(b); // rounding may leave the target unreached: the lowest bin then
                above = sum;
                sum += here;
                if (sum >= remaining) break;
            }
            remaining -= above;
            chosen = prefix | (bin << shift);
        }
        barrier();
        prefix = chosen;
        mask |= 255u << shift;
    }
    return prefix;
}

void main() {
    uint row = gl_WorkGroupID.x;
    Sampling s = sampling[rows[row].sequence];
    if (s.temperature <= 0.0) {
        if (lane() == 0u) thresholds[row] = -3.4e38;
        return;
    }

    uint base = row * push.vocab, lowest = sort_key(-3.4e38);
    find_greatest(base, lowest);
    float maximum = from_sort_key(greatest);

    bool few = s.top_k > 0u && s.top_k <= GROUPS;
    if (few) {
        lowest = bound(s.top_k, lowest);
        gather(base, lowest);
        few = count <= ROOM;
    }
    if (few)
        lowest = select_rank(s.top_k, lowest);
    else if (s.top_k > 0u && s.top_k < push.vocab)
        lowest = max(lowest, select_key(base, lowest, false, float(s.top_k), maximum));
    if (s.top_p < 1.0)
        lowest = max(lowest, few ? select_mass(lowest, s.top_p, maximum) : select_key(base, lowest, true, s.top_p, maximum));
    if (s.min_p > 0.0) lowest = max(lowest, sort_key(maximum + log(s.min_p)));
    if (lane() == 0u) thresholds[row] = from_sort_key(lowest);
}
