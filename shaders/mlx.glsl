// MLX's affine quantization (mlx.core.quantize): w = scale * q + bias, with a scale
// and a bias for each group of columns; the id says how (format.MLX). The second region
// has a word a group, the scale in its lower half. 4-bit values have been put in the
// order of ggml's Q4_0: of 32 columns the first 16 are the low nibbles.
const uint MLX_BITS = (TYPE >> 8) & 255u, MLX_GROUP = TYPE & 255u;

bool is_mlx() { return (TYPE & MLX) != 0u; }

uint mlx_word(Matrix m, uint row, uint s) { return word_at(m, row, s / (MLX_GROUP / 32u)); }

vec2 mlx_scale_bias(uint word) { return (TYPE & MLX_BF16) != 0u ? bfloat_pair(word) : half_pair(word); }

void mlx_unpack(uvec4 q, uvec4 r, out uvec4 a, out uvec4 b) {
    a = MLX_BITS == 4u ? low_nibbles(q) : q;
    b = MLX_BITS == 4u ? high_nibbles(q) : r;
}
