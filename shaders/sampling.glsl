// MaxBiases is the tokens of a sequence whose logits may have a bias.
// export
const uint MAX_BIASES = 1024u;
// MaxTopK is the greatest top-k that one workgroup chooses by itself, from the maxima of tiles.
// export
const uint MAX_TOP_K = 128u;
// NoToken is what a step samples when no logit is a number.
// export
const uint NONE = 0xffffffffu;

// Sampling is the parameters of a sequence: 48 bytes. The penalties are of the tokens among its
// last RepeatLastN, the newest included: RepeatPenalty divides a positive logit and multiplies
// another, once; PresencePenalty is subtracted once, FrequencyPenalty for every time that the
// token is there.
// export
struct Sampling {
    float temperature;       // 0: greedy
    float top_p;             // 1: off
    float min_p;             // 0: off
    float repeat_penalty;    // 1: off
    float presence_penalty;  // 0: off
    float frequency_penalty; // 0: off
    uint top_k;              // 0: off
    uint repeat_last_n;
    uint seed_lo;
    uint seed_hi;
    uint biases; // entries of the sequence in SampleBuffers.Biases
    uint masked; // 1: only the tokens of its bits in SampleBuffers.Mask may be drawn
};

// How a row's token is chosen. It follows from the parameters of the row alone, so that the
// token does not depend on what rows are beside it.
const uint BY_TILES = 0u; // output.comp chose the best of each tile, and nothing else counts
const uint BY_RANK = 1u;  // from the few tokens that top-k leaves: sample.comp
const uint BY_MASS = 2u;  // from all tokens: histogram.comp, threshold.comp, pick.comp

bool is_penalized(Sampling s) {
    return s.repeat_penalty != 1.0 || s.presence_penalty != 0.0 || s.frequency_penalty != 0.0;
}

bool is_adjusted(Sampling s) { return s.masked != 0u || s.biases != 0u || is_penalized(s); }

uint choice_of(Sampling s) {
    bool greedy = s.temperature <= 0.0, is_filtered = s.top_k != 0u || s.top_p < 1.0 || s.min_p > 0.0;
    if (!is_adjusted(s) && (greedy || !is_filtered)) return BY_TILES;
    return greedy || (s.top_k != 0u && s.top_k <= MAX_TOP_K) ? BY_RANK : BY_MASS;
}

bool is_nan(float f) {
    return (floatBitsToUint(f) & 0x7fffffffu) > 0x7f800000u;
}

// Order-preserving map from floats to uints; NaN sorts below everything.
uint sort_key(float f) {
    uint b = floatBitsToUint(f);
    if (is_nan(f)) return 0u;
    return b ^ ((b >> 31) != 0u ? 0xffffffffu : 0x80000000u);
}

float from_sort_key(uint k) {
    return uintBitsToFloat(k ^ ((k >> 31) != 0u ? 0x80000000u : 0xffffffffu));
}

// The key of -3.4e38: what sorts below is never drawn.
const uint LOWEST = 0x00803661u;
