package format

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Dequantize turns whole blocks of type t into values: len(src) is a multiple of the
// block's bytes, len(dst) the number of values. scales and biases are those of MLX's types, a
// 16-bit float each a block; nil for others. The order of the float32 operations is that of
// gguf-py's dequantize; the explicit conversions keep the compiler from fusing a
// multiplication with an addition.
func Dequantize(dst []float32, t Type, src, scales, biases []byte) error {
	row := table[t]
	switch {
	case !t.Known():
		return fmt.Errorf("format: %s cannot be dequantized", t)
	case len(src)%row.bytes != 0 || len(dst) != len(src)/row.bytes*row.values:
		return fmt.Errorf("format: %d bytes of %s do not make %d values", len(src), t, len(dst))
	case !t.IsMLX():
		row.dequantize(dst, src)
		return nil
	}
	if n := len(src) / row.bytes; len(scales) != 2*n || len(biases) != 2*n {
		return fmt.Errorf("format: %d bytes of %s with %d scales and %d biases do not make %d values",
			len(src), t, len(scales)/2, len(biases)/2, len(dst))
	}
	dequantizeMLX(dst, t, src, scales, biases)
	return nil
}

// Float16 gives the value of IEEE 754 half-precision bits.
func Float16(h uint16) float32 {
	sign, exponent, fraction := uint32(h>>15)<<31, uint32(h>>10)&31, uint32(h)&0x3ff
	switch exponent {
	case 0: // subnormal: exact in float32
		f := float32(fraction) * 0x1p-24
		return math.Float32frombits(math.Float32bits(f) | sign)
	case 31:
		return math.Float32frombits(sign | 0x7f80_0000 | fraction<<13)
	}
	return math.Float32frombits(sign | (exponent+127-15)<<23 | fraction<<13)
}

// BFloat16 gives the value of bfloat16 bits, the upper half of a float32.
func BFloat16(h uint16) float32 { return math.Float32frombits(uint32(h) << 16) }

func half(b []byte) float32 { return Float16(binary.LittleEndian.Uint16(b)) }

func dequantizeF32(dst []float32, src []byte) {
	for i := range dst {
		dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:]))
	}
}

func dequantizeF16(dst []float32, src []byte) {
	for i := range dst {
		dst[i] = half(src[2*i:])
	}
}

func dequantizeBF16(dst []float32, src []byte) {
	for i := range dst {
		dst[i] = BFloat16(binary.LittleEndian.Uint16(src[2*i:]))
	}
}

// Q4_0: scale d, 32 nibbles; the low ones are values 0..15. w = d * (q - 8).
func dequantizeQ4_0(dst []float32, src []byte) {
	for ; len(src) > 0; dst, src = dst[32:], src[18:] {
		d := half(src)
		for i, b := range src[2:18] {
			dst[i] = d * float32(int(b&15)-8)
			dst[16+i] = d * float32(int(b>>4)-8)
		}
	}
}

// Q4_1: scale d, minimum m, 32 nibbles as in Q4_0. w = d * q + m.
func dequantizeQ4_1(dst []float32, src []byte) {
	for ; len(src) > 0; dst, src = dst[32:], src[20:] {
		d, m := half(src), half(src[2:])
		for i, b := range src[4:20] {
			dst[i] = float32(d*float32(b&15)) + m
			dst[16+i] = float32(d*float32(b>>4)) + m
		}
	}
}

// Q5_0: scale d, 32 fifth bits, 32 nibbles as in Q4_0. w = d * (q - 16).
func dequantizeQ5_0(dst []float32, src []byte) {
	for ; len(src) > 0; dst, src = dst[32:], src[22:] {
		d, fifth := half(src), binary.LittleEndian.Uint32(src[2:])
		for i, b := range src[6:22] {
			dst[i] = d * float32(int(uint32(b&15)|fifth>>i&1<<4)-16)
			dst[16+i] = d * float32(int(uint32(b>>4)|fifth>>(16+i)&1<<4)-16)
		}
	}
}

// Q5_1: scale d, minimum m, 32 fifth bits, 32 nibbles as in Q4_0. w = d * q + m.
func dequantizeQ5_1(dst []float32, src []byte) {
	for ; len(src) > 0; dst, src = dst[32:], src[24:] {
		d, m, fifth := half(src), half(src[2:]), binary.LittleEndian.Uint32(src[4:])
		for i, b := range src[8:24] {
			dst[i] = float32(d*float32(uint32(b&15)|fifth>>i&1<<4)) + m
			dst[16+i] = float32(d*float32(uint32(b>>4)|fifth>>(16+i)&1<<4)) + m
		}
	}
}

// Q8_0: scale d, 32 signed bytes. w = d * q.
func dequantizeQ8_0(dst []float32, src []byte) {
	for ; len(src) > 0; dst, src = dst[32:], src[34:] {
		d := half(src)
		for i, b := range src[2:34] {
			dst[i] = d * float32(int8(b))
		}
	}
}
