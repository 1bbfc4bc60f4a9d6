// Weights are read in units of 8 that one lane dequantizes together: two runs
// of 4 consecutive columns, wherever the block format keeps them in one place.
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

uint unit_count(uint cols) { return (cols + 7u) / 8u; }

// First columns of the two runs of unit u.
uvec2 unit_columns(uint u) {
    switch (TYPE) {
    case Q4_0: {
        uint c = (u / 4u) * 32u + (u % 4u) * 4u;
        return uvec2(c, c + 16u);
    }
    case Q4_K: {
        uint c = (u / 8u) * 64u + (u % 8u) * 4u;
        return uvec2(c, c + 32u);
    }
    case Q6_K: {
        uint c = (u / 16u) * 128u + (u % 16u) * 4u;
        return uvec2(c, c + 64u);
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

uint byte_at(uint word_index, uint byte_index) {
    return (w[word_index + byte_index / 4u] >> (8u * (byte_index & 3u))) & 0xffu;
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

// 6-bit scale and min of sub-block s of a Q4_K block whose 12 packed bytes
// begin at word `packed` (ggml's get_scale_min_k4).
uvec2 q4k_scale_min(uint packed, uint s) {
    uint lo = byte_at(packed, s < 4u ? s : s + 4u);
    uint hi = byte_at(packed, s < 4u ? s + 4u : s - 4u);
    if (s < 4u) return uvec2(lo & 63u, hi & 63u);
    uint mid = byte_at(packed, s);
    return uvec2((lo & 15u) | ((hi >> 6) << 4), (lo >> 4) | ((mid >> 6) << 4));
}

// Dequantizes unit u of a row: a and b are the weights at unit_columns(u).
void unit_load(Matrix m, uint row, uint u, out vec4 a, out vec4 b) {
    uint base = row * m.row_words;
    switch (TYPE) {
    case F32: {
        uint c = u * 8u;
        a = vec4(f32_at(m, row, c), f32_at(m, row, c + 1u), f32_at(m, row, c + 2u), f32_at(m, row, c + 3u));
        b = vec4(f32_at(m, row, c + 4u), f32_at(m, row, c + 5u), f32_at(m, row, c + 6u), f32_at(m, row, c + 7u));
        return;
    }
    case Q8_0: {
        float d = block_scale(m, row * (m.cols / 32u) + u / 4u);
        a = d * signed_bytes(w[base + 2u * u]);
        b = d * signed_bytes(w[base + 2u * u + 1u]);
        return;
    }
    case Q4_0: {
        float d = block_scale(m, row * (m.cols / 32u) + u / 4u);
        uint q = w[base + u];
        a = d * (bytes(q & 0x0f0f0f0fu) - 8.0);
        b = d * (bytes((q >> 4) & 0x0f0f0f0fu) - 8.0);
        return;
    }
    case Q4_K: {
        uint block = base + (u / 32u) * 36u;
        uint i = u % 32u;
        uint s = 2u * (i / 8u);
        vec2 d = half_pair(w[block]); // d, dmin
        uvec2 sm0 = q4k_scale_min(block + 1u, s);
        uvec2 sm1 = q4k_scale_min(block + 1u, s + 1u);
        uint q = w[block + 4u + i];
        a = d.x * float(sm0.x) * bytes(q & 0x0f0f0f0fu) - d.y * float(sm0.y);
        b = d.x * float(sm1.x) * bytes((q >> 4) & 0x0f0f0f0fu) - d.y * float(sm1.y);
        return;
    }
    case Q6_K: {
        uint block = base + (u / 32u) * 52u;
        uint i = u % 32u;
        uint n = i / 16u; // half of 128 columns
        uint j = i % 16u; // word of low bits; 8.. hold the columns 32.. and 96..
        float d = block_scale(m, row * (m.cols / 256u) + u / 32u);
        uint ql = w[block + i];
        uint qh = w[block + 32u + n * 8u + (j & 7u)] >> (j < 8u ? 0u : 2u);
        uint scale = 8u * n + j / 4u; // one a 16 columns
        float da = d * float(bitfieldExtract(int(byte_at(block + 48u, scale)), 0, 8));
        float db = d * float(bitfieldExtract(int(byte_at(block + 48u, scale + 4u)), 0, 8));
        a = da * (bytes((ql & 0x0f0f0f0fu) | ((qh & 0x03030303u) << 4)) - 32.0);
        b = db * (bytes(((ql >> 4) & 0x0f0f0f0fu) | (qh & 0x30303030u)) - 32.0);
        return;
    }
    default: { // F16, BF16
        uint p = u * 4u;
        a = vec4(pair_at(m, row, p), pair_at(m, row, p + 1u));
        b = vec4(pair_at(m, row, p + 2u), pair_at(m, row, p + 3u));
    }
    }
}
