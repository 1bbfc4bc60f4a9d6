// Exact selection from a row of logits without sorting it, by one workgroup: histograms of
// counts and of probability mass, an integer, so that no sum depends on the order in which
// atomics come.
// logits and best are bound by the includer.

// SelectBins is the bins of [Kernels.Histogram].
// export
const uint BINS = 512u;
const uint SEGMENTS = 32u;
const uint PER_SEGMENT = BINS / SEGMENTS;
const uint LOADS = 16u; // logits of a lane that are loaded together
shared uint bin_count[BINS];
shared uint bin_lo[BINS]; // mass
shared uint bin_hi[BINS];

struct Sum { // over keys
    uint count;
    uint lo; // mass
    uint hi;
};
const Sum NOTHING = Sum(0u, 0u, 0u);
shared Sum segment_sum[SEGMENTS];
shared Sum sum_above, sum_upto;
shared uint crossed;

Sum plus(Sum a, Sum b) {
    uint carry, lo = uaddCarry(a.lo, b.lo, carry);
    return Sum(a.count + b.count, lo, a.hi + b.hi + carry);
}

Sum bin_sum(uint bin) { return Sum(bin_count[bin], bin_lo[bin], bin_hi[bin]); }

// What top-k (rank) or top-p (mass) counts.
float amount(Sum s, bool by_mass) { return by_mass ? float(s.hi) * 4294967296.0 + float(s.lo) : float(s.count); }

// Probability mass relative to the greatest logit's, 2^-31 the unit.
uint mass(float logit, float maximum) {
    return logit >= maximum ? 0x80000000u : uint(min(exp(logit - maximum), 1.0) * 2147483648.0);
}

// The bins of distance below the greatest logit; the last one takes all the rest.
const float BINS_PER_UNIT = 16.0;
uint bin_of(float logit, float maximum) {
    return logit >= maximum ? 0u : uint(min((maximum - logit) * BINS_PER_UNIT, float(BINS - 1u)));
}
const uint ANY = BINS;

// Adds a token to a bin: to the count, to the mass, or to both.
void add_to_bin(uint bin, bool counts, uint m) {
    if (counts) atomicAdd(bin_count[bin], 1u);
    if (m == 0u) return;
    uint before = atomicAdd(bin_lo[bin], m);
    if (before + m < before) atomicAdd(bin_hi[bin], 1u);
}

void clear_bins() {
    for (uint b = gl_LocalInvocationID.x; b < BINS; b += LANES) {
        bin_count[b] = 0u;
        bin_lo[b] = 0u;
        bin_hi[b] = 0u;
    }
    barrier();
}

#ifdef SELECTS
// The first bin, in their order, at which the sum from sum_above on reaches the target; the last
// one if none does. Leaves the sums above it and up to it.
uint crossing(bool by_mass, float target) {
    for (uint g = gl_LocalInvocationID.x; g < SEGMENTS; g += LANES) {
        Sum sum = NOTHING;
        for (uint b = g * PER_SEGMENT; b < (g + 1u) * PER_SEGMENT; b++) sum = plus(sum, bin_sum(b));
        segment_sum[g] = sum;
    }
    barrier();
    if (gl_LocalInvocationID.x == 0u) {
        Sum above = sum_above, upto;
        uint g = 0u;
        for (; g + 1u < SEGMENTS; g++) {
            upto = plus(above, segment_sum[g]);
            if (amount(upto, by_mass) >= target) break;
            above = upto;
        }
        uint b = g * PER_SEGMENT;
        for (;; b++) {
            upto = plus(above, bin_sum(b));
            if (amount(upto, by_mass) >= target || b + 1u == (g + 1u) * PER_SEGMENT) break;
            above = upto;
        }
        crossed = b;
        sum_above = above;
        sum_upto = upto;
    }
    barrier();
    return crossed;
}

// The keys of a lane's next logits, from first on; 0 past the end, and in tiles without any of
// at least lowest.
void load_keys(uint row, uint first, uint lowest, out uint keys[LOADS]) {
    uint tiles = (push.vocab + 31u) / 32u;
    uint at[LOADS];
    [[unroll]] for (uint j = 0u; j < LOADS; j++) {
        uint id = first + j * LANES;
        bool wanted = id < push.vocab && sort_key(uintBitsToFloat(best[row * tiles + min(id, push.vocab - 1u) / 32u].x)) >= lowest;
        at[j] = wanted ? id : NONE;
    }
    float l[LOADS];
    [[unroll]] for (uint j = 0u; j < LOADS; j++) l[j] = logits[row * push.vocab + (at[j] == NONE ? 0u : at[j])];
    [[unroll]] for (uint j = 0u; j < LOADS; j++) keys[j] = at[j] == NONE ? 0u : sort_key(l[j]);
}

// The key at which the sum from sum_above on, over the row's keys from hi down to lo, reaches the
// target: lo if it does not. Only those of a bin of the histogram count, or of ANY. Leaves the
// sums above that key and up to it.
uint narrow(uint row, bool by_mass, float target, float maximum, uint lo, uint hi, uint bin) {
    do {
        int shift = max(findMSB(hi - lo) - 8, 0);
        clear_bins();
        for (uint first = gl_LocalInvocationID.x; first < push.vocab; first += LOADS * LANES) {
            uint keys[LOADS];
            load_keys(row, first, lo, keys);
            [[unroll]] for (uint j = 0u; j < LOADS; j++) {
                if (keys[j] < lo || keys[j] > hi || keys[j] == 0u) continue;
                float l = from_sort_key(keys[j]);
                if (bin == ANY || bin_of(l, maximum) == bin) add_to_bin((hi - keys[j]) >> shift, !by_mass, mass(l, maximum));
            }
        }
        barrier();
        uint b = min(crossing(by_mass, target), (hi - lo) >> shift);
        hi -= b << shift;
        uint width = 1u << shift;
        lo = hi - lo >= width ? hi - width + 1u : lo;
    } while (lo < hi);
    return hi;
}
#endif
