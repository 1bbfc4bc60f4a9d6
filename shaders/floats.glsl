// F32, F16 and BF16: a unit is one pair, 8 columns, of which the last may be ragged.

float f32_at(Matrix m, uint row, uint c) {
    return c < m.cols ? uintBitsToFloat(w[row * m.row_words + c]) : 0.0;
}

// 16-bit types: the padding of an odd row is zero in the buffer.
vec2 pair_at(Matrix m, uint row, uint pair) {
    if (pair >= m.row_words) return vec2(0.0);
    uint word = w[row * m.row_words + pair];
    return TYPE == F16 ? half_pair(word) : bfloat_pair(word);
}

void float_load(Matrix m, uint row, uint u, out vec4 a, out vec4 b) {
    if (TYPE == F32) {
        uint c = u * 8u;
        a = vec4(f32_at(m, row, c), f32_at(m, row, c + 1u), f32_at(m, row, c + 2u), f32_at(m, row, c + 3u));
        b = vec4(f32_at(m, row, c + 4u), f32_at(m, row, c + 5u), f32_at(m, row, c + 6u), f32_at(m, row, c + 7u));
        return;
    }
    uint at = u * 4u;
    a = vec4(pair_at(m, row, at), pair_at(m, row, at + 1u));
    b = vec4(pair_at(m, row, at + 2u), pair_at(m, row, at + 3u));
}
