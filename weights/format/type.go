package format

import "fmt"

// Type is a storage format of weights, numbered as in ggml; see also [MLX].
type Type uint32

// The formats that can be read. A Q type stores blocks of values with one or more
// scales; the others store single values.
const (
	F32  Type = 0
	F16  Type = 1
	Q4_0 Type = 2
	Q4_1 Type = 3
	Q5_0 Type = 6
	Q5_1 Type = 7
	Q8_0 Type = 8
	Q2_K Type = 10
	Q3_K Type = 11
	Q4_K Type = 12
	Q5_K Type = 13
	Q6_K Type = 14
	BF16 Type = 30
)

// MLX's types, which ggml has no numbers for, have bit MLXBit: bits 0..7 are the group
// size, bits 8..15 the width, MLXBF16 is set where scales and biases are bf16.
const (
	MLXBit  Type = 1 << 17
	MLXBF16 Type = 1 << 16
)

// MLX gives the type of MLX's affine quantization (mlx.core.quantize): groups of 32,
// 64 or 128 columns, values of 4 or 8 bits, scale and bias F16 or BF16;
// w = scale * q + bias. The values are packed into little-endian 32-bit words, the
// first in the lowest bits. Scales and biases each lie on their own.
func MLX(bits, group int, scale Type) Type {
	t := MLXBit | Type(bits)<<8 | Type(group)
	if scale == BF16 {
		t |= MLXBF16
	}
	return t
}

// MLX gives the parameters of one of MLX's types; ok is false for others.
func (t Type) MLX() (bits, group int, scale Type, ok bool) {
	scale = F16
	if t&MLXBF16 != 0 {
		scale = BF16
	}
	return int(t >> 8 & 0xff), int(t & 0xff), scale, t.IsMLX()
}

// IsMLX reports whether the type's scales and biases lie apart from its values.
func (t Type) IsMLX() bool { return t&MLXBit != 0 }

// IsFloat reports whether the type stores single floating-point values.
func (t Type) IsFloat() bool { return table[t].exponent != 0 }

// Known reports whether weights of the type can be read.
func (t Type) Known() bool { return table[t].values != 0 }

// String gives the name that ggml uses, such as "Q4_K".
func (t Type) String() string {
	if row, ok := table[t]; ok {
		return row.name
	}
	if name, ok := removed[t]; ok {
		return name
	}
	return fmt.Sprintf("type %d", uint32(t))
}

// BlockValues is the number of values in a block: 1, 32 or 256, for MLX the group; 0 for
// a type that cannot be read.
func (t Type) BlockValues() int { return table[t].values }

// BlockBytes is the size of a block in bytes, MLX's scales and biases not counted; 0 for a
// type that cannot be read.
func (t Type) BlockBytes() int { return table[t].bytes }

// Scales are the byte offsets of a block's float16 scales and minimums, which its values
// are multiples of; none for single values and for MLX.
func (t Type) Scales() []int { return table[t].scales }
