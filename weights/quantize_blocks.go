package weights

import (
	"encoding/binary"
	"math"

	"sealvk/weights/format"
)

// quantizers turn whole blocks of values into a type's blocks; len(dst) is what they
// take. Of finite values only a scale (or, in F16 and BF16, a value) can become
// infinite: the caller looks. The results are those of llama.cpp's reference
// quantization without importance matrix (ggml-quants.c); the explicit conversions keep
// the compiler from fusing a multiplication with an addition.
var quantizers = map[format.Type]func(dst []byte, src []float32){
	format.F32: quantizeF32, format.F16: quantizeF16, format.BF16: quantizeBF16,
	format.Q4_0: quantizeQ4_0, format.Q5_0: quantizeQ5_0, format.Q5_1: quantizeQ5_1, format.Q8_0: quantizeQ8_0,
	format.Q4_K: quantizeQ4_K, format.Q5_K: quantizeQ5_K, format.Q6_K: quantizeQ6_K,
}

// float16Bits rounds to the nearest half-precision number, ties to even; Inf from 65520 on.
func float16Bits(f float32) uint16 {
	bits := math.Float32bits(f)
	sign, magnitude := uint16(bits>>16)&0x8000, bits&0x7fff_ffff
	switch {
	case magnitude >= 0x477f_f000: // 65520
		return sign | 0x7c00
	case magnitude < 0x3880_0000: // below 2^-14: a multiple of 2^-24, which the addition rounds to
		return sign | uint16(math.Float32bits(math.Float32frombits(magnitude)+0.5)-0x3f00_0000)
	}
	return sign | uint16((magnitude-(127-15)<<23+0xfff+magnitude>>13&1)>>13)
}

func half(b []byte) float32 { return format.Float16(binary.LittleEndian.Uint16(b)) }

func putHalf(dst []byte, f float32) { binary.LittleEndian.PutUint16(dst, float16Bits(f)) }

func abs(f float32) float32 { return math.Float32frombits(math.Float32bits(f) &^ (1 << 31)) }

// inverse is 1/d; 0 where that is past all numbers (d is 0 as a half then) or d is Inf.
func inverse(d float32) float32 {
	if abs(d) < 0x1p-126 {
		return 0
	}
	return 1 / d
}

func quantizeF32(dst []byte, src []float32) {
	for i, f := range src {
		binary.LittleEndian.PutUint32(dst[4*i:], math.Float32bits(f))
	}
}

func quantizeF16(dst []byte, src []float32) {
	for i, f := range src {
		putHalf(dst[2*i:], f)
	}
}

// BF16: the upper half of a float32, rounded to nearest, ties to even.
func quantizeBF16(dst []byte, src []float32) {
	for i, f := range src {
		bits := math.Float32bits(f)
		binary.LittleEndian.PutUint16(dst[2*i:], uint16((bits+0x7fff+bits>>16&1)>>16))
	}
}

// extreme gives the value that is farthest from zero, the first of several.
func extreme(x *[32]float32) float32 {
	peak := float32(0)
	for _, v := range x {
		if abs(v) > abs(peak) {
			peak = v
		}
	}
	return peak
}

// Q4_0: the extreme value becomes -8.
func quantizeQ4_0(dst []byte, src []float32) {
	for ; len(src) >= 32; dst, src = dst[18:], src[32:] {
		x, q := (*[32]float32)(src), (*[16]byte)(dst[2:])
		d := extreme(x) / -8
		putHalf(dst, d)
		id := inverse(d)
		for i := range q {
			low, high := uint32(float32(x[i]*id)+8.5), uint32(float32(x[16+i]*id)+8.5)
			q[i] = byte(min(low, 15) | min(high, 15)<<4)
		}
	}
}

// Q5_0: the extreme value becomes -16.
func quantizeQ5_0(dst []byte, src []float32) {
	for ; len(src) >= 32; dst, src = dst[22:], src[32:] {
		x := (*[32]float32)(src)
		d := extreme(x) / -16
		putHalf(dst, d)
		id := inverse(d)
		var q [32]uint32
		for i, v := range x {
			q[i] = min(uint32(float32(v*id)+16.5), 31)
		}
		pack5(dst[2:22], &q)
	}
}

// Q5_1: the least value becomes 0, the greatest 31.
func quantizeQ5_1(dst []byte, src []float32) {
	for ; len(src) >= 32; dst, src = dst[24:], src[32:] {
		x := (*[32]float32)(src)
		least, greatest := x[0], x[0]
		for _, v := range x {
			least, greatest = min(least, v), max(greatest, v)
		}
		d := (greatest - least) / 31
		putHalf(dst, d)
		putHalf(dst[2:], least)
		id := inverse(d)
		var q [32]uint32
		for i, v := range x {
			q[i] = min(uint32(float32((v-least)*id)+0.5), 31)
		}
		pack5(dst[4:24], &q)
	}
}

// pack5 writes 32 values of 5 bits: the fifth bits in one word, then nibbles, those of
// value i and i+16 in one byte.
func pack5(dst []byte, q *[32]uint32) {
	fifth, nibbles := uint32(0), (*[16]byte)(dst[4:])
	for i := range nibbles {
		fifth |= q[i]>>4<<i | q[16+i]>>4<<(16+i)
		nibbles[i] = byte(q[i]&15 | q[16+i]&15<<4)
	}
	binary.LittleEndian.PutUint32(dst, fifth)
}

// Q8_0: the extreme value becomes ±127; halves are rounded away from zero.
func quantizeQ8_0(dst []byte, src []float32) {
	for ; len(src) >= 32; dst, src = dst[34:], src[32:] {
		x, q := (*[32]float32)(src), (*[32]byte)(dst[2:])
		d := abs(extreme(x)) / 127
		putHalf(dst, d)
		id := inverse(d)
		for i, v := range x {
			v *= id
			n := int32(float64(abs(v)) + 0.5) // in float64, where the sum is exact
			sign := int32(math.Float32bits(v)) >> 31
			q[i] = byte(n ^ sign - sign)
		}
	}
}
