// ggml's K-quants: blocks of 256 columns (ggml-common.h, block_q2_K and on). Words
// of a block, in the file's order:
//
//   Q2_K  4 of scales and mins, 16 of 2-bit values, d and dmin
//   Q3_K  8 of third bits, 16 of 2-bit values, 3 of scales; d in the second region
//   Q4_K  d and dmin, 3 of scales and mins, 32 of 4-bit values
//   Q5_K  d and dmin, 3 of scales and mins, 8 of fifth bits, 32 of 4-bit values
//   Q6_K  32 of 4-bit values, 16 of upper bits, 4 of scales; d in the second region

// 64 columns; of Q2_K and Q3_K the half with h = u % 2 of each run of 32 in them.
uint kquant_unit_pairs() { return TYPE == Q2_K || TYPE == Q3_K ? 4u : 8u; }

uvec2 kquant_columns(uint u, uint p) {
    switch (TYPE) {
    case Q2_K:
    case Q3_K: {
        uint c = (u / 2u) * 64u + (u % 2u) * 16u + p * 4u;
        return uvec2(c, c + 32u);
    }
    case Q6_K: { // 16 columns of each quarter of 128
        uint c = (u / 2u) * 128u + (u % 2u) * 16u + (p / 2u) * 4u + (p % 2u) * 32u;
        return uvec2(c, c + 64u);
    }
    default: {
        uint c = u * 64u + p * 4u;
        return uvec2(c, c + 32u);
    }
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

vec4 q2k_scales(Matrix m, uint row, uint u) {
    uint block = row * m.row_words + (u / 8u) * 21u;
    vec2 d = half_pair(w[block + 20u]); // d, dmin
    uint s = w[block + (u / 2u) % 4u] >> (8u * (u % 2u)); // sub-blocks of 16: this one, +16, +32, +48
    return d.xyxy * vec4(s & 15u, (s >> 4) & 15u, (s >> 16) & 15u, (s >> 20) & 15u);
}

// Scales of Q3_K: the low 4 bits are the nibbles of the first two words, the upper 2
// come from the third.
vec4 q3k_scales(Matrix m, uint row, uint u) {
    float d = block_scale(m, row * (m.cols / 256u) + u / 8u);
    uint at = row * m.row_words + (u / 8u) * 27u + 24u, quarter = (u / 2u) % 4u;
    uint lo = (w[at + (quarter & 1u)] >> (4u * (quarter / 2u))) & 0x0f0f0f0fu;
    uint s = (lo | (((w[at + 2u] >> (2u * quarter)) & 0x03030303u) << 4)) >> (8u * (u % 2u));
    return vec4(d * (float(s & 63u) - 32.0), d * (float((s >> 16) & 63u) - 32.0), 0.0, 0.0);
}

vec4 q6k_scales(Matrix m, uint row, uint u) {
    float d = block_scale(m, row * (m.cols / 256u) + u / 4u);
    uint at = row * m.row_words + (u / 4u) * 52u + 48u + ((u / 2u) % 2u) * 2u; // 8 scales, one a 16 columns
    int shift = int(8u * (u % 2u));
    int lo = int(w[at]), hi = int(w[at + 1u]);
    return d * vec4(bitfieldExtract(lo, shift, 8), bitfieldExtract(lo, shift + 16, 8),
                    bitfieldExtract(hi, shift, 8), bitfieldExtract(hi, shift + 16, 8));
}

// Scale and min of the first and of the second run (Q2_K, Q4_K, Q5_K), their scales
// (Q3_K), the scales of the quarters (Q6_K).
vec4 kquant_scales(Matrix m, uint row, uint u) {
    switch (TYPE) {
    case Q2_K: return q2k_scales(m, row, u);
    case Q3_K: return q3k_scales(m, row, u);
    case Q6_K: return q6k_scales(m, row, u);
    default: { // Q4_K, Q5_K
        uint block = row * m.row_words + (u / 4u) * (TYPE == Q4_K ? 36u : 44u);
        vec2 d = half_pair(w[block]); // d, dmin
        return d.xyxy * vec4(q4k_scales_mins(uvec3(w[block + 1u], w[block + 2u], w[block + 3u]), u % 4u));
    }
    }
}

void q2k_load(Matrix m, uint row, uint u, uint p, vec4 scales, out vec4 a, out vec4 b) {
    uint n = (u / 4u) % 2u, j = (u / 2u) % 2u; // word n holds 128 columns, 2 bits of each run of 32
    uint q = w[row * m.row_words + (u / 8u) * 21u + 4u + n * 8u + (u % 2u) * 4u + p] >> (4u * j);
    a = scales.x * bytes(q & 0x03030303u) - scales.y;
    b = scales.z * bytes((q >> 2) & 0x03030303u) - scales.w;
}

// The third bit is stored inverted: where it is 0, 4 is subtracted.
void q3k_load(Matrix m, uint row, uint u, uint p, vec4 scales, out vec4 a, out vec4 b) {
    uint n = (u / 4u) % 2u, j = (u / 2u) % 2u;
    uint block = row * m.row_words + (u / 8u) * 27u, i = (u % 2u) * 4u + p;
    uint third = w[block + i] >> (n * 4u + j * 2u); // bit k of a byte: run k of 32 columns
    uint q = w[block + 8u + n * 8u + i] >> (4u * j);
    a = scales.x * (bytes((q & 0x03030303u) | ((third & 0x01010101u) << 2)) - 4.0);
    b = scales.y * (bytes(((q >> 2) & 0x03030303u) | ((third << 1) & 0x04040404u)) - 4.0);
}

void q4k_load(Matrix m, uint row, uint u, uint p, vec4 scales, out vec4 a, out vec4 b) {
    uint q = w[row * m.row_words + (u / 4u) * 36u + 4u + (u % 4u) * 8u + p];
    a = scales.x * bytes(low_nibbles(q)) - scales.y;
    b = scales.z * bytes(high_nibbles(q)) - scales.w;
}

void q5k_load(Matrix m, uint row, uint u, uint p, vec4 scales, out vec4 a, out vec4 b) {
    uint block = row * m.row_words + (u / 4u) * 44u;
    uint fifth = w[block + 4u + p] >> (2u * (u % 4u)); // bit k of a byte: run k of 32 columns
    uint q = w[block + 12u + (u % 4u) * 8u + p];
    a = scales.x * bytes(low_nibbles(q) | ((fifth & 0x01010101u) << 4)) - scales.y;
    b = scales.z * bytes(high_nibbles(q) | ((fifth << 3) & 0x10101010u)) - scales.w;
}

// Words 8.. of the low bits hold the second and fourth quarter.
void q6k_load(Matrix m, uint row, uint u, uint p, vec4 scales, out vec4 a, out vec4 b) {
    uint block = row * m.row_words + (u / 4u) * 52u, n = (u / 2u) % 2u;
    uint i = (u % 2u) * 4u + p / 2u, odd = p % 2u;
    uint ql = w[block + n * 16u + odd * 8u + i];
    uint qh = w[block + 32u + n * 8u + i] >> (2u * odd);
    vec2 d = odd == 0u ? scales.xz : scales.yw;
    a = d.x * (bytes(low_nibbles(ql) | ((qh & 0x03030303u) << 4)) - 32.0);
    b = d.y * (bytes(high_nibbles(ql) | (qh & 0x30303030u)) - 32.0);
}

void kquant_load(Matrix m, uint row, uint u, uint p, vec4 scales, out vec4 a, out vec4 b) {
    switch (TYPE) {
    case Q2_K: q2k_load(m, row, u, p, scales, a, b); return;
    case Q3_K: q3k_load(m, row, u, p, scales, a, b); return;
    case Q4_K: q4k_load(m, row, u, p, scales, a, b); return;
    case Q5_K: q5k_load(m, row, u, p, scales, a, b); return;
    default: q6k_load(m, row, u, p, scales, a, b);
    }
}
