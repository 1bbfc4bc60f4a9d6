// ggml's K-quants: blocks of 256 columns (ggml-common.h, block_q2_K and on), 8 steps.
// Quads of a block in the first region, and words in the second:
//
//   Q2_K  1 of scales and mins, 4 of 2-bit values; d and dmin
//   Q3_K  2 of third bits, 4 of 2-bit values; 3 words of scales, and behind a row's words d
//   Q4_K  1 of d, dmin, scales and mins, 8 of 4-bit values
//   Q5_K  the same, then 2 of fifth bits, 8 of 4-bit values
//   Q6_K  8 of 4-bit values, 4 of upper bits, 1 of scales; d

uint kquant_quads() {
    switch (TYPE) {
    case Q2_K: return Q2_K_QUADS;
    case Q3_K: return Q3_K_QUADS;
    case Q4_K: return Q4_K_QUADS;
    case Q5_K: return Q5_K_QUADS;
    default: return Q6_K_QUADS;
    }
}

// Runs of 16 are 32 columns apart, of Q6_K 64. Steps that share scales and words follow
// each other: of 64 columns, first those of the even sixteenths, then of the odd ones.
uvec2 kquant_columns(uint s) {
    if (TYPE == Q6_K) { // s % 4: first or second half of 32 columns, then which 32
        uint c = (s / 4u) * 128u + (s % 2u) * 16u + ((s / 2u) % 2u) * 32u;
        return uvec2(c, c + 64u);
    }
    uint c = (s / 2u) * 64u + (s % 2u) * 16u;
    return uvec2(c, c + 32u);
}

HeadWords kquant_words(Matrix m, uint row, uint s) {
    uint block = s / 8u, at = block * kquant_quads();
    switch (TYPE) {
    case Q2_K: return HeadWords(quad_at(m, row, at), word_at(m, row, block));
    case Q3_K: {
        uvec3 scales = uvec3(word_at(m, row, Q3_K_WORDS * block), word_at(m, row, Q3_K_WORDS * block + 1u), word_at(m, row, Q3_K_WORDS * block + 2u));
        return HeadWords(uvec4(scales, 0u), word_at(m, row, Q3_K_WORDS * (m.cols / 256u) + block / 2u));
    }
    case Q6_K: return HeadWords(quad_at(m, row, at + 12u), word_at(m, row, block / 2u));
    default: return HeadWords(quad_at(m, row, at), 0u); // Q4_K, Q5_K
    }
}

// d, and of some types dmin.
vec2 kquant_d(HeadWords h, uint s) {
    switch (TYPE) {
    case Q2_K: return half_pair(h.word);
    case Q3_K:
    case Q6_K: return vec2(half_of(h.word, s / 8u), 0.0);
    default: return half_pair(h.quad.x); // Q4_K, Q5_K
    }
}

// 6-bit scales and mins of the sub-blocks 2j and 2j+1 of a Q4_K or Q5_K block whose
// 12 packed bytes are q (ggml's get_scale_min_k4): scale, min, scale, min.
uvec4 q4k_scales_mins(uvec3 q, uint j) {
    uint shift = 16u * (j & 1u);
    uint a = q.x >> shift, b = q.y >> shift, c = q.z >> shift;
    if (j < 2u) return uvec4(a, b, a >> 8, b >> 8) & 63u;
    return uvec4((c & 15u) | ((a >> 2) & 48u), ((c >> 4) & 15u) | ((b >> 2) & 48u),
                 ((c >> 8) & 15u) | ((a >> 10) & 48u), ((c >> 12) & 15u) | ((b >> 10) & 48u));
}

// Scales of Q3_K: the low 4 bits are the nibbles of the first two words, the upper 2
// come from the third. The third bit of a value is stored inverted: where it is 0, 4
// is subtracted.
vec4 q3k_scales(Head h, uint s) {
    uint quarter = (s / 2u) % 4u;
    uint lo = (((quarter & 1u) == 0u ? h.quad.x : h.quad.y) >> (4u * (quarter / 2u))) & 0x0f0f0f0fu;
    uint both = (lo | (((h.quad.z >> (2u * quarter)) & 0x03030303u) << 4)) >> (8u * (s % 2u));
    vec2 d = h.d.x * (vec2(both & 63u, (both >> 16) & 63u) - 32.0);
    return vec4(d.x, -4.0 * d.x, d.y, -4.0 * d.y);
}

// One signed byte for each 16 columns: those of a step are 4 apart.
vec4 q6k_scales(Head h, uint s) {
    uint n = (s / 4u) % 2u; // half of the block
    int shift = int(8u * (s % 4u));
    uvec2 words = n == 0u ? h.quad.xy : h.quad.zw;
    vec2 d = h.d.x * vec2(bitfieldExtract(int(words.x), shift, 8), bitfieldExtract(int(words.y), shift, 8));
    return vec4(d.x, -32.0 * d.x, d.y, -32.0 * d.y);
}

vec4 kquant_scales(Head h, uint s) {
    switch (TYPE) {
    case Q2_K: {
        uint q = h.quad[(s / 2u) % 4u] >> (8u * (s % 2u)); // sub-blocks of 16: this one, and 32 columns on
        return vec4(h.d, h.d) * vec4(1.0, -1.0, 1.0, -1.0) * vec4(q & 15u, (q >> 4) & 15u, (q >> 16) & 15u, (q >> 20) & 15u);
    }
    case Q3_K: return q3k_scales(h, s);
    case Q6_K: return q6k_scales(h, s);
    default: // Q4_K, Q5_K
        return vec4(h.d, h.d) * vec4(1.0, -1.0, 1.0, -1.0) * vec4(q4k_scales_mins(h.quad.yzw, (s / 2u) % 4u));
    }
}

// Steps 2 apart share quads: the first one of Q2_K and Q3_K, the second one (third, fifth or upper
// bits) of Q3_K, Q5_K and Q6_K; the latter's of Q3_K and Q5_K serve every other step of a block.
bool shares_first() { return TYPE == Q2_K || TYPE == Q3_K; }
bool shares_second() { return TYPE == Q3_K || TYPE == Q5_K || TYPE == Q6_K; }

uint kquant_first(uint s) {
    uint at = (s / 8u) * kquant_quads(), i = s % 8u, h = s % 2u;
    switch (TYPE) {
    case Q2_K: return at + 1u + (i / 4u) * 2u + h; // a word has 2 bits of 4 columns in each of 4 runs of 32
    case Q3_K: return at + 2u + (i / 4u) * 2u + h;
    case Q4_K: return at + 1u + i;
    case Q5_K: return at + 3u + i;
    default: return at + i; // Q6_K
    }
}

uint kquant_second(uint s) {
    uint at = (s / 8u) * kquant_quads(), n = s % 8u / 4u, h = s % 2u;
    switch (TYPE) {
    case Q3_K: return at + h;
    case Q5_K: return at + 1u + h;
    default: return at + 8u + n * 2u + h; // Q6_K
    }
}

void kquant_unpack(uint s, uvec4 q, uvec4 r, out uvec4 a, out uvec4 b) {
    uint run = s % 8u / 2u;
    switch (TYPE) {
    case Q2_K:
        q >>= 4u * (run % 2u);
        a = q & 0x03030303u;
        b = (q >> 2) & 0x03030303u;
        return;
    case Q3_K:
        r >>= 2u * run; // bit k of a byte: run k of 32 columns
        q >>= 4u * (run % 2u);
        a = (q & 0x03030303u) | ((r & 0x01010101u) << 2);
        b = ((q >> 2) & 0x03030303u) | ((r << 1) & 0x04040404u);
        return;
    case Q4_K:
        a = low_nibbles(q);
        b = high_nibbles(q);
        return;
    case Q5_K:
        r >>= 2u * run; // bit k of a byte: run k of 32 columns
        a = low_nibbles(q) | ((r & 0x01010101u) << 4);
        b = high_nibbles(q) | ((r << 3) & 0x10101010u);
        return;
    default: // Q6_K: low nibbles are 64 columns before the high ones
        r >>= 2u * (run % 2u);
        a = low_nibbles(q) | ((r & 0x03030303u) << 4);
        b = high_nibbles(q) | (r & 0x30303030u);
    }
}
