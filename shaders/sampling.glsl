// Sampling is the parameters of a sequence: 32 bytes.
// export
struct Sampling {
    float temperature;    // 0: greedy
    float top_p;          // 1: off
    float min_p;          // 0: off
    float repeat_penalty; // 1: off
    uint top_k;           // 0: off
    uint repeat_last_n;
    uint seed_lo;
    uint seed_hi;
};

bool is_nan(float f) {
    return (floatBitsToUint(f) & 0x7fffffffu) > 0x7f800000u;
}
