// Weights are read in pairs: two runs of 4 consecutive columns, wherever the
// block format keeps them in one place. The pairs that share their scales are a
// unit, so that a lane which takes several of them decodes the scales once.
// Layouts are those of layout.go. Each family of formats has a file with its
// three functions; TYPE is constant, so that the compiler keeps one of them.
#include "half.glsl"

const uint F32 = 0u, F16 = 1u, BF16 = 30u;
const uint Q4_0 = 2u, Q4_1 = 3u, Q5_0 = 6u, Q5_1 = 7u, Q8_0 = 8u;
const uint Q2_K = 10u, Q3_K = 11u, Q4_K = 12u, Q5_K = 13u, Q6_K = 14u;

layout(constant_id = 1) const uint TYPE = F32;

layout(set = 0, binding = 0, std430) readonly buffer Weights { uint w[]; };

struct Matrix {
    uint rows;      // of this part
    uint cols;
    uint row_words; // stride of a row in w
    uint scales;    // word at which the second region begins: f16 scales, two a word, or MLX's groups
};

// A block's f16 scale in the second region.
float block_scale(Matrix m, uint block) {
    return half_float((w[m.scales + block / 2u] >> (16u * (block & 1u))) & 0xffffu);
}

vec2 bfloat_pair(uint word) {
    return vec2(uintBitsToFloat(word << 16), uintBitsToFloat(word & 0xffff0000u));
}

// Bytes of a word, each at most 255.
vec4 bytes(uint word) {
    return vec4(word & 0xffu, (word >> 8) & 0xffu, (word >> 16) & 0xffu, word >> 24);
}

vec4 signed_bytes(uint word) {
    int v = int(word);
    return vec4(bitfieldExtract(v, 0, 8), bitfieldExtract(v, 8, 8),
                bitfieldExtract(v, 16, 8), bitfieldExtract(v, 24, 8));
}

// The 4-bit values in the low and in the high halves of a word's bytes.
uint low_nibbles(uint word) { return word & 0x0f0f0f0fu; }
uint high_nibbles(uint word) { return (word >> 4) & 0x0f0f0f0fu; }

#include "floats.glsl"
#include "blocks32.glsl"
#include "kquants.glsl"
#include "mlx.glsl"

bool is_float_type() { return TYPE == F32 || TYPE == F16 || TYPE == BF16; }
bool is_kquant() { return TYPE >= Q2_K && TYPE <= Q6_K; }

// Pairs of a unit.
uint unit_pairs() {
    if (is_mlx()) return mlx_unit_pairs();
    if (is_kquant()) return kquant_unit_pairs();
    return is_float_type() ? 1u : 4u;
}

uint unit_count(uint cols) {
    uint columns = 8u * unit_pairs();
    return (cols + columns - 1u) / columns;
}

// First columns of the two runs of pair p of unit u.
uvec2 pair_columns(uint u, uint p) {
    if (is_kquant()) return kquant_columns(u, p);
    uint c = u * unit_pairs() * 8u;
    if (!is_mlx() && !is_float_type() && TYPE != Q8_0) return uvec2(c + p * 4u, c + p * 4u + 16u);
    return uvec2(c + p * 8u, c + p * 8u + 4u);
}

// What the pairs of unit u of a row share; each family packs it as it likes.
vec4 unit_scales(Matrix m, uint row, uint u) {
    if (is_mlx()) return mlx_scales(m, row, u);
    if (is_kquant()) return kquant_scales(m, row, u);
    if (is_float_type()) return vec4(1.0);
    return block32_scales(m, row, u);
}

// Dequantizes pair p of unit u of a row: a and b are the weights at pair_columns(u, p).
void pair_load(Matrix m, uint row, uint u, uint p, vec4 scales, out vec4 a, out vec4 b) {
    if (is_mlx()) mlx_load(m, row, u, p, scales, a, b);
    else if (is_kquant()) kquant_load(m, row, u, p, scales, a, b);
    else if (is_float_type()) float_load(m, row, u, a, b);
    else block32_load(m, row, u, p, scales, a, b);
}
