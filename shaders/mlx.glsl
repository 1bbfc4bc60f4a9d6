// MLX's affine quantization (mlx.core.quantize): w = scale * q + bias, with a scale
// and a bias for each group of columns; the id says how (layout.go). Values are
// packed into words from the lowest bits on. The second region has a word a group,
// the scale in its lower half.
const uint MLX = 1u << 17, MLX_BF16 = 1u << 16;
const uint MLX_BITS = (TYPE >> 8) & 255u, MLX_GROUP = TYPE & 255u;

bool is_mlx() { return (TYPE & MLX) != 0u; }

// A unit is a group, or half of one of 128 columns.
uint mlx_unit_pairs() { return MLX_GROUP == 32u ? 4u : 8u; }

// x: scale, y: bias.
vec4 mlx_scales(Matrix m, uint row, uint u) {
    uint group = row * (m.cols / MLX_GROUP) + (MLX_GROUP == 128u ? u / 2u : u);
    uint word = w[m.scales + group];
    return ((TYPE & MLX_BF16) != 0u ? bfloat_pair(word) : half_pair(word)).xyxy;
}

vec4 nibbles4(uint q) { return vec4(q & 15u, (q >> 4) & 15u, (q >> 8) & 15u, (q >> 12) & 15u); }

void mlx_load(Matrix m, uint row, uint u, uint p, vec4 scales, out vec4 a, out vec4 b) {
    if (MLX_BITS == 4u) {
        uint q = w[row * m.row_words + u * mlx_unit_pairs() + p];
        a = scales.x * nibbles4(q) + scales.y;
        b = scales.x * nibbles4(q >> 16) + scales.y;
        return;
    }
    uint at = row * m.row_words + (u * mlx_unit_pairs() + p) * 2u;
    a = scales.x * bytes(w[at]) + scales.y;
    b = scales.x * bytes(w[at + 1u]) + scales.y;
}
