// Weights are read in pairs: two runs of 4 consecutive columns, wherever the
// block format keeps them in one place. The pairs that share their scales are a
// unit, so that a lane which takes several of them decodes the scales once.
// Layouts are those of layout.go; block formats are those of ggml.
#include "half.glsl"

const uint F32 = 0u, F16 = 1u, Q4_0 = 2u, Q8_0 = 8u, Q4_K = 12u, Q6_K = 14u, BF16 = 30u;

layout(constant_id = 1) const uint TYPE = F32;

layout(set = 0, binding = 0, std430) readonly buffer Weights { uint w[]; };

struct Matrix {
    uint rows;      // of this part
    uint cols;
    uint row_words; // stride of a row in w
    uint scales;    // word at which the f16 scales begin, two a word (Q4_0, Q8_0, Q6_K)
};

bool is_float_type() { return TYPE == F32 || TYPE == F16 || TYPE == BF16; }

// Pairs of a unit: 64 columns of a K-quant, a block of 32, or 8 columns.
uint unit_pairs() {
    if (TYPE == Q4_K || TYPE == Q6_K) return 8u;
    return TYPE == Q4_0 || TYPE == Q8_0 ? 4u : 1u;
}

uint unit_count(uint cols) {
    uint columns = 8u * unit_pairs();
    return (cols + columns - 1u) / columns;
}

// First columns of the two runs of pair p of unit u.
uvec2 pair_columns(uint u, uint p) {
    switch (TYPE) {
    case Q4_0: {
        uint c = u * 32u + p * 4u;
        return uvec2(c, c + 16u);
    }
    case Q4_K: {
        uint c = u * 64u + p * 4u;
        return uvec2(c, c + 32u);
    }
    case Q6_K: { // unit: 16 columns of each quarter of 128
        uint c = (u / 2u) * 128u + (u % 2u) * 16u + (p / 2u) * 4u + (p % 2u) * 32u;
        return uvec2(c, c + 64u);
    }
    case Q8_0: {
        uint c = u * 32u + p * 8u;
        return uvec2(c, c + 4u);
    }
    default:
        return uvec2(u * 8u, u * 8u + 4u);
    }
}

float block_scale(Matrix m, uint block) {
    return half_float((w[m.scales + block / 2u] >> (16u * (block & 1u))) & 0xffffu);
}

vec4 signed_bytes(uint word) {
    int v = int(word);
    return vec4(bitfieldExtract(v, 0, 8), bitfieldExtract(v, 8, 8),
                bitfieldExtract(v, 16, 8), bitfieldExtract(v, 24, 8));
}

// Bytes of a word, each at most 255.
vec4 bytes(uint word) {
    return vec4(word & 0xffu, (word >> 8) & 0xffu, (word >> 16) & 0xffu, word >> 24);
}

float f32_at(Matrix m, uint row, uint c) {
    return c < m.cols ? uintBitsToFloat(w[row * m.row_words + c]) : 0.0;
}

// 16-bit types: the padding of an odd row is zero in the buffer.
vec2 pair_at(Matrix m, uint row, uint pair) {
    if (pair >= m.row_words) return vec2(0.0);
    uint word = w[row * m.row_words + pair];
    if (TYPE == F16) return half_pair(word);
    return vec2(uintBitsToFloat(word << 16), uintBitsToFloat(word & 0xffff0000u));
}

// 6-bit scales and mins of the sub-blocks 2j and 2j+1 of a Q4_K block whose 12
// packed bytes are q (ggml's get_scale_min_k4): scale, min, scale, min.
uvec4 q4k_scales_mins(uvec3 q, uint j) {
    uint shift = 16u * (j & 1u);
    uint a = q.x >> shift, b = q.y >> shift, c = q.z >> shift;
    if (j < 2u) return uvec4(a, b, a >> 8, b >> 8) & 63u;
    return uvec4((c & 15u) | ((a >> 2) & 48u), ((c >> 4) & 15u) | ((b >> 2) & 48u),
                 ((c >> 8) & 15u) | ((a >> 10) & 48u), ((c >> 12) & 15u) | ((b >> 10) & 48u));
}

// What the pairs of unit u of a row share: the scale (Q4_0, Q8_0); scale and min
// of the low and the high run (Q4_K); the scales of the quarters (Q6_K).
vec4 unit_scales(Matrix m, uint row, uint u) {
    switch (TYPE) {
    case Q4_0:
    case Q8_0:
        return vec4(block_scale(m, row * (m.cols / 32u) + u));
    case Q4_K: {
        uint block = row * m.row_words + (u / 4u) * 36u;
        vec2 d = half_pair(w[block]); // d, dmin
        return d.xyxy * vec4(q4k_scales_mins(uvec3(w[block + 1u], w[block + 2u], w[block + 3u]), u % 4u));
    }
    case Q6_K: {
        float d = block_scale(m, row * (m.cols / 256u) + u / 4u);
        uint at = row * m.row_words + (u / 4u) * 52u + 48u + ((u / 2u) % 2u) * 2u; // 8 scales, one a 16 columns
        int shift = int(8u * (u % 2u));
        int lo = int(w[at]), hi = int(w[at + 1u]);
        return d * vec4(bitfieldExtract(lo, shift, 8), bitfieldExtract(lo, shift + 16, 8),
                        bitfieldExtract(hi, shift, 8), bitfieldExtract(hi, shift + 16, 8));
    }
    default:
        return vec4(1.0);
    }
}

// Dequantizes pair p of unit u of a row: a and b are the weights at pair_columns(u, p).
void pair_load(Matrix m, uint row, uint u, uint p, vec4 scales, out vec4 a, out vec4 b) {
    uint base = row * m.row_words;
    switch (TYPE) {
    case F32: {
        uint c = u * 8u;
        a = vec4(f32_at(m, row, c), f32_at(m, row, c + 1u), f32_at(m, row, c + 2u), f32_at(m, row, c + 3u));
        b = vec4(f32_at(m, row, c + 4u), f32_at(m, row, c + 5u), f32_at(m, row, c + 6u), f32_at(m, row, c + 7u));
        return;
    }
    case Q8_0: {
        uint at = base + u * 8u + p * 2u;
        a = scales.x * signed_bytes(w[at]);
        b = scales.x * signed_bytes(w[at + 1u]);
        return;
    }
    case Q4_0: {
        uint q = w[base + u * 4u + p];
        a = scales.x * (bytes(q & 0x0f0f0f0fu) - 8.0);
        b = scales.x * (bytes((q >> 4) & 0x0f0f0f0fu) - 8.0);
        return;
    }
    case Q4_K: {
        uint q = w[base + (u / 4u) * 36u + 4u + (u % 4u) * 8u + p];
        a = scales.x * bytes(q & 0x0f0f0f0fu) - scales.y;
        b = scales.z * bytes((q >> 4) & 0x0f0f0f0fu) - scales.w;
        return;
    }
    case Q6_K: { // low 4 bits in words 0.., of which 8.. hold the second and fourth quarter; high 2 bits in 32..
        uint block = base + (u / 4u) * 52u, n = (u / 2u) % 2u;
        uint i = (u % 2u) * 4u + p / 2u, odd = p % 2u;
        uint ql = w[block + n * 16u + odd * 8u + i];
        uint qh = w[block + 32u + n * 8u + i] >> (2u * odd);
        vec2 d = odd == 0u ? scales.xz : scales.yw;
        a = d.x * (bytes((ql & 0x0f0f0f0fu) | ((qh & 0x03030303u) << 4)) - 32.0);
        b = d.y * (bytes(((ql >> 4) & 0x0f0f0f0fu) | (qh & 0x30303030u)) - 32.0);
        return;
    }
    default: { // F16, BF16
        uint at = u * 4u;
        a = vec4(pair_at(m, row, at), pair_at(m, row, at + 1u));
        b = vec4(pair_at(m, row, at + 2u), pair_at(m, row, at + 3u));
    }
    }
}
