// Weights, in tiles of 32 rows that lie word by word side by side (layout.go): lanes
// that take a row each read neighbouring words, and nothing is summed across lanes.
// Rows are read in steps of 32 columns: two runs of 16, wherever the block format keeps
// them in one place. Quantized types give a step's values as bytes q, a run's value
// being scale * q + offset. Steps that share a block's scales are read with its Head.
// Each family of formats has a file with its functions; TYPE is constant, so that the
// compiler keeps one of them. The numbers are generated from package weights/format.
#include "half.glsl"
#include "format_gen.glsl"

layout(constant_id = 1) const uint TYPE = F32;

layout(set = 0, binding = 0, std430) readonly restrict buffer Weights { uint w[]; };
layout(set = 0, binding = 0, std430) readonly restrict buffer Weights4 { uvec4 w4[]; };

// TileRows is the number of rows that lie interleaved on the device: for each four words
// of a row the 32 rows follow each other, so that lanes which take a row each read
// side by side.
// export
const uint TILE = 32u;

// The push constants of kernels begin with these:
// interface matrix: 5 push constants
struct Matrix {
    uint rows;        // of this part
    uint cols;
    uint row_quads;   // of a row in the first region
    uint row_words;   // of a row in the second region
    uint second;      // word at which that begins
};

// What the steps of a block share: as it is loaded, so that nothing waits for it before it is used,
struct HeadWords {
    uvec4 quad;
    uint word;
};

// and as it is used.
struct Head {
    uvec4 quad;
    vec2 d; // scale, and of some types what goes with it
};

// Four words of a row.
uvec4 quad_at(Matrix m, uint row, uint k) {
    return w4[((row / TILE) * m.row_quads + k) * TILE + row % TILE];
}

// A word of a row in the second region.
uint word_at(Matrix m, uint row, uint k) {
    return w[m.second + ((row / TILE) * m.row_words + k) * TILE + row % TILE];
}

// The f16 of block i, of which each word has two.
float half_of(uint word, uint i) { return half_float((word >> (16u * (i & 1u))) & 0xffffu); }

vec2 bfloat_pair(uint word) {
    return vec2(uintBitsToFloat(word << 16), uintBitsToFloat(word & 0xffff0000u));
}

// Bytes of a word, each at most 255.
vec4 bytes(uint word) {
    return vec4(word & 0xffu, (word >> 8) & 0xffu, (word >> 16) & 0xffu, word >> 24);
}

// The 4-bit values in the low and in the high halves of bytes.
uvec4 low_nibbles(uvec4 q) { return q & 0x0f0f0f0fu; }
uvec4 high_nibbles(uvec4 q) { return (q >> 4) & 0x0f0f0f0fu; }

#include "floats.glsl"
#include "blocks32.glsl"
#include "kquants.glsl"
#include "mlx.glsl"

bool is_float_type() { return TYPE == F32 || TYPE == F16 || TYPE == BF16; }
bool is_kquant() { return TYPE >= Q2_K && TYPE <= Q6_K; }

// Steps that share a Head.
uint block_steps() {
    if (is_mlx()) return MLX_GROUP / 32u;
    return is_kquant() ? 8u : 1u;
}

uint step_count(uint cols) { return (cols + 31u) / 32u; }

// First columns of the two runs of step s.
uvec2 step_columns(uint s) {
    return is_kquant() ? kquant_columns(s) : uvec2(s * 32u, s * 32u + 16u);
}

// The head of the block that step s is of.
HeadWords head_words(Matrix m, uint row, uint s) {
    if (is_mlx()) return HeadWords(uvec4(0u), mlx_word(m, row, s));
    if (is_kquant()) return kquant_words(m, row, s);
    if (is_float_type()) return HeadWords(uvec4(0u), 0u);
    return block32_words(m, row, s);
}

Head head_of(HeadWords h, uint s) {
    if (is_mlx()) return Head(h.quad, mlx_scale_bias(h.word));
    if (is_kquant()) return Head(h.quad, kquant_d(h, s));
    if (is_float_type()) return Head(h.quad, vec2(0.0));
    return Head(h.quad, block32_scale_offset(h.word, s));
}

Head step_head(Matrix m, uint row, uint s) { return head_of(head_words(m, row, s), s); }

// Scale and offset of the first run, and of the second.
vec4 step_scales(Head h, uint s) {
    if (is_kquant()) return kquant_scales(h, s);
    return h.d.xyxy;
}

// A step's bytes are in one quad of a row's first region, and of some types in a second one.
bool has_8_bits() { return TYPE == Q8_0 || is_mlx() && MLX_BITS == 8u; }
bool has_second() { return has_8_bits() || shares_second(); }

uint first_quad(uint s) {
    if (is_kquant()) return kquant_first(s);
    return has_8_bits() ? 2u * s : s;
}

uint second_quad(uint s) { return is_kquant() ? kquant_second(s) : 2u * s + 1u; }

// The bytes of the two runs of step s, in the order of the columns. q, r: its quads.
void step_unpack(Head h, uint s, uvec4 q, uvec4 r, out uvec4 a, out uvec4 b) {
    if (is_mlx()) mlx_unpack(q, r, a, b);
    else if (is_kquant()) kquant_unpack(s, q, r, a, b);
    else block32_unpack(h, q, r, a, b);
}

void step_bytes(Matrix m, uint row, Head h, uint s, out uvec4 a, out uvec4 b) {
    uvec4 q = quad_at(m, row, first_quad(s)), r = uvec4(0u);
    if (has_second()) r = quad_at(m, row, second_quad(s));
    step_unpack(h, s, q, r, a, b);
}

// Kernels whose lanes share a row take a step apart into units of 4 pairs of 4 columns.
uint unit_count(uint cols) { return step_count(cols); }
uint unit_pairs() { return 4u; }

uvec2 pair_columns(uint u, uint p) {
    if (is_float_type()) return uvec2(u * 32u + p * 8u, u * 32u + p * 8u + 4u);
    return step_columns(u) + p * 4u;
}

vec4 unit_scales(Matrix m, uint row, uint u) { return step_scales(step_head(m, row, u), u); }

// Dequantizes pair p of unit u of a row: a and b are the weights at pair_columns(u, p).
void pair_load(Matrix m, uint row, uint u, uint p, vec4 scales, out vec4 a, out vec4 b) {
    if (is_float_type()) {
        a = float_at(m, row, u * 8u + p * 2u);
        b = float_at(m, row, u * 8u + p * 2u + 1u);
        return;
    }
    uvec4 qa, qb;
    step_bytes(m, row, step_head(m, row, u), u, qa, qb);
    a = scales.x * bytes(qa[p]) + scales.y;
    b = scales.z * bytes(qb[p]) + scales.w;
}
