// ggml's formats with blocks of 32 columns (ggml-common.h, block_q4_0 and on); a
// unit is a block. Scales of Q4_0, Q5_0 and Q8_0 are in the second region; blocks
// of Q4_1 and Q5_1 begin with a word of scale and minimum.

uint block32_words() {
    switch (TYPE) {
    case Q4_1: return 5u;
    case Q5_0: return 5u;
    case Q5_1: return 6u;
    case Q8_0: return 8u;
    default: return 4u; // Q4_0
    }
}

// x: scale, y: what is added.
vec4 block32_scales(Matrix m, uint row, uint u) {
    if (TYPE == Q4_1 || TYPE == Q5_1) return half_pair(w[row * m.row_words + u * block32_words()]).xyxy;
    return vec4(block_scale(m, row * (m.cols / 32u) + u), 0.0, 0.0, 0.0);
}

// The lowest 4 bits, each as bit 4 of a byte.
uint fifth_bits(uint four) {
    return (((four & 15u) * 0x00204081u) & 0x01010101u) << 4;
}

void block32_load(Matrix m, uint row, uint u, uint p, vec4 scales, out vec4 a, out vec4 b) {
    uint block = row * m.row_words + u * block32_words();
    if (TYPE == Q8_0) {
        a = scales.x * signed_bytes(w[block + p * 2u]);
        b = scales.x * signed_bytes(w[block + p * 2u + 1u]);
        return;
    }
    // The nibbles are a block's last 4 words; in front of them are 32 fifth bits.
    uint nibbles = block + block32_words() - 4u;
    uint q = w[nibbles + p];
    uint lo = low_nibbles(q), hi = high_nibbles(q);
    if (TYPE == Q5_0 || TYPE == Q5_1) {
        uint fifth = w[nibbles - 1u] >> (4u * p);
        lo |= fifth_bits(fifth);
        hi |= fifth_bits(fifth >> 16);
    }
    switch (TYPE) {
    case Q4_0:
        a = scales.x * (bytes(lo) - 8.0);
        b = scales.x * (bytes(hi) - 8.0);
        return;
    case Q5_0:
        a = scales.x * (bytes(lo) - 16.0);
        b = scales.x * (bytes(hi) - 16.0);
        return;
    default: // Q4_1, Q5_1
        a = scales.x * bytes(lo) + scales.y;
        b = scales.x * bytes(hi) + scales.y;
    }
}
