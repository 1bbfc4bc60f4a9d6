// ggml's formats with blocks of 32 columns (ggml-common.h, block_q4_0 and on); a block
// is a step. Of a block the first region has the nibbles or bytes; the second the fifth
// bits (Q5_0, Q5_1) and scale with minimum (Q4_1, Q5_1) as words, and behind a row's
// words the f16 scales of Q4_0, Q5_0 and Q8_0.

bool has_fifth_bits() { return TYPE == Q5_0 || TYPE == Q5_1; }

// quad.x: fifth bits. word: scale and minimum, or two blocks' scales.
HeadWords block32_words(Matrix m, uint row, uint s) {
    HeadWords h = HeadWords(uvec4(0u), 0u);
    switch (TYPE) {
    case Q4_1: h.word = word_at(m, row, s); break;
    case Q5_1:
        h.quad.x = word_at(m, row, Q5_1_WORDS * s);
        h.word = word_at(m, row, Q5_1_WORDS * s + 1u);
        break;
    case Q5_0:
        h.quad.x = word_at(m, row, s);
        h.word = word_at(m, row, m.cols / 32u + s / 2u);
        break;
    default: h.word = word_at(m, row, s / 2u); // Q4_0, Q8_0
    }
    return h;
}

vec2 block32_scale_offset(uint word, uint s) {
    switch (TYPE) {
    case Q4_1:
    case Q5_1: return half_pair(word);
    case Q5_0: return half_of(word, s) * vec2(1.0, -16.0);
    case Q8_0: return half_of(word, s) * vec2(1.0, -128.0);
    default: return half_of(word, s) * vec2(1.0, -8.0); // Q4_0
    }
}

// 4 bits of each of 4 nibbles, from the lowest on, as bit 4 of the bytes of 4 words.
uvec4 fifth_bits(uint sixteen) {
    uvec4 four = (uvec4(sixteen) >> uvec4(0u, 4u, 8u, 12u)) & 15u;
    return ((four * 0x00204081u) & 0x01010101u) << 4;
}

void block32_unpack(Head h, uvec4 q, uvec4 r, out uvec4 a, out uvec4 b) {
    if (TYPE == Q8_0) { // signed, moved up by 128
        a = q ^ 0x80808080u;
        b = r ^ 0x80808080u;
        return;
    }
    a = low_nibbles(q);
    b = high_nibbles(q);
    if (has_fifth_bits()) {
        a |= fifth_bits(h.quad.x);
        b |= fifth_bits(h.quad.x >> 16);
    }
}
