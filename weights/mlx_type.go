package weights

import "fmt"

// mlxType marks the ids of MLX's types, which ggml has no numbers for: bits 0..7 are
// the group size, bits 8..15 the width, bit 16 is set where scales and biases are bf16.
const mlxType Type = 1 << 17

// MLX gives the type of MLX's affine quantization (mlx.core.quantize): groups of 32,
// 64 or 128 columns, values of 4 or 8 bits, scale and bias F16 or BF16;
// w = scale * q + bias. The values are packed into little-endian 32-bit words, the
// first in the lowest bits. They lie in Tensor.Data, scales and biases each on their own.
func MLX(bits, group int, scale Type) Type {
	t := mlxType | Type(bits)<<8 | Type(group)
	if scale == BF16 {
		t |= 1 << 16
	}
	return t
}

// IsMLX reports whether t is one of MLX's types, and which.
func (t Type) IsMLX() (bits, group int, scale Type, ok bool) {
	scale = F16
	if t&(1<<16) != 0 {
		scale = BF16
	}
	return int(t >> 8 & 0xff), int(t & 0xff), scale, t&mlxType != 0
}

func mlxName(bits, group int, scale Type) string {
	return fmt.Sprintf("MLX %d-bit/%d %s", bits, group, scale)
}
