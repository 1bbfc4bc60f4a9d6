// Rows of f16 as the cooperative matrices of many tokens are read: whole 8 values a row, padded
// with zeros, and behind all rows a factor each, 2^-e, for what was stored is a token times 2^e. The
// largest value of a token gets into 2^14 .. 2^15: what f16 cannot hold is then less than
// 2^-28 of it. A token with an infinity or a NaN has the factor NaN.

// Rounds to nearest, ties to even, below 2^16; in integers, since drivers may round as they please.
uint half_bits(float v) {
    uint u = floatBitsToUint(v), sign = (u >> 16) & 0x8000u;
    u &= 0x7fffffffu;
    if (u < 0x38800000u) return sign | (floatBitsToUint(uintBitsToFloat(u) + 0.5) - 0x3f000000u);
    return sign | ((u + 0xfffu + ((u >> 13) & 1u)) >> 13) - (112u << 10);
}

// The exponent, biased by 127, of a token's largest value, which is given by its bits. Those
// below 15 would take 2^e beyond f32.
uint half_exponent(uint most) { return most == 0u ? 141u : max(most >> 23, 15u); }

// Two orders of a row's words, of two columns each. [token][cols], as matrices are loaded from memory;
// or octets, as matrices.glsl's lanes read them: [group of 8 tokens][cols/8][token of the group][8],
// where columns of each four stand in the order 0, 2, 1, 3, that in which bytes of a
// word come apart.
uint half_at(uint token, uint words, uint i, bool octets) {
    return octets ? ((token / 8u * (words / 4u) + i / 4u) * 8u + token % 8u) * 4u + i % 4u : token * words + i;
}

// The columns of a word.
uvec2 half_columns(uint i, bool octets) {
    return octets ? uvec2(0u, 2u) + (i / 2u * 4u + i % 2u) : uvec2(0u, 1u) + 2u * i;
}

// Where a token's factor stands; octets are of whole groups.
uint half_factor_at(uint token, uint tokens, uint words, bool octets) {
    return (octets ? (tokens + 7u) / 8u * 8u : tokens) * words + token;
}

float half_scale(uint exponent) { return uintBitsToFloat((268u - exponent) << 23); }

// The words of the f16 of a row.
uint half_words(uint cols) { return (cols + 7u) / 8u * 4u; }

uint half_factor(uint most) { return most < 0x7f800000u ? (half_exponent(most) - 14u) << 23 : 0x7fc00000u; }

// Blocked halves: rows whose writers don't know a token's largest value, since each computes a part
// of its columns. Blocks of columns, whole 8 of them, have factors of their own: value * factor is
// what was written. In place of the tokens' factors stands `most`, the bits of the largest |value| of
// each token: 0 before (sum_norm.comp), and every writer's atomicMax, whose order changes nothing.
// Behind it are the blocks' factors, [token][block]. A writer takes its block's largest, m, and writes
// half_bits(v * half_scale(half_exponent(m))), the factor half_factor(m), and atomicMax(most, m).
// A reader brings what it loads to the token's factor by half_ratio, and multiplies the
// sums by half_factor(most), as it does those of other rows by the factor.

// Where a block's factor stands. factors: where those of the tokens begin (half_factor_at of token 0), or
// here most.
uint half_block_at(uint token, uint tokens, uint blocks, uint block, uint factors) {
    return factors + tokens + token * blocks + block;
}

// A block's factor as a part of the token's, a power of two: its two halves, by which f16 is multiplied one after the
// other, for below 2^-14 drivers may take an f16 for zero. Of less than 2^-28 nothing is left.
// A block without values has the factor 1, whatever that of the token; one of a NaN may give anything,
// since the token's factor is NaN.
vec2 half_ratio(float block_factor, uint most) {
    uint block = floatBitsToUint(block_factor) >> 23, token = half_factor(most) >> 23;
    uint less = block < token ? token - block : 0u, first = min(less, 14u);
    return uintBitsToFloat((127u - uvec2(first, min(less - first, 14u))) << 23) * (less > 28u ? 0.0 : 1.0);
}
