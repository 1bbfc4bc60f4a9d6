package weights

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Dequantize turns whole blocks of type t into values: len(src) is a multiple of the
// block's bytes, len(dst) the number of values. The order of the float32 operations
// is that of gguf-py's dequantize; the explicit conversions keep the compiler from
// fusing a multiplication with an addition.
func Dequantize(dst []float32, t Type, src []byte) error {
	if err := t.check(); err != nil {
		return fmt.Errorf("weights: %w", err)
	}
	if n := len(src) / t.BlockBytes(); len(src)%t.BlockBytes() != 0 || len(dst) != n*t.BlockValues() {
		return fmt.Errorf("weights: %d bytes of %s do not make %d values", len(src), t, len(dst))
	}
	formats[t].dequantize(dst, src)
	return nil
}

// float16 gives the value of IEEE 754 half-precision bits.
func float16(h uint16) float32 {
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

func half(b []byte) float32 { return float16(binary.LittleEndian.Uint16(b)) }

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
		dst[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(src[2*i:])) << 16)
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

// Q8_0: scale d, 32 signed bytes. w = d * q.
func dequantizeQ8_0(dst []float32, src []byte) {
	for ; len(src) > 0; dst, src = dst[32:], src[34:] {
		d := half(src)
		for i, b := range src[2:34] {
			dst[i] = d * float32(int8(b))
		}
	}
}

// Q4_K: scales d and dmin, 8 pairs of 6-bit factors (scale, min) in 12 bytes, 8 × 32
// nibbles; each 32 bytes hold two groups, the low nibbles first.
// w = (d * scale) * q - dmin * min.
func dequantizeQ4_K(dst []float32, src []byte) {
	for ; len(src) > 0; dst, src = dst[256:], src[144:] {
		d, dmin, factors := half(src), half(src[2:]), src[4:16]
		for g := range 8 {
			scale, min := factorsQ4_K(factors, g)
			ds, dm := float32(d*float32(scale)), float32(dmin*float32(min))
			for i, b := range src[16+g/2*32:][:32] {
				q := b >> (g % 2 * 4) & 15
				dst[32*g+i] = float32(ds*float32(q)) - dm
			}
		}
	}
}

// factorsQ4_K unpacks the factors of group g: those of 0..3 are the low six bits of
// bytes 0..3 (scales) and 4..7 (mins), whose upper two bits are those of 4..7; the
// low four bits of these are in bytes 8..11.
func factorsQ4_K(f []byte, g int) (scale, min byte) {
	if g < 4 {
		return f[g] & 63, f[g+4] & 63
	}
	return f[g+4]&15 | f[g-4]>>6<<4, f[g+4]>>4 | f[g]>>6<<4
}

// Q6_K: low nibbles, upper bit pairs, 16 signed scales, scale d; two halves of 128
// values, in each of which the nibbles of byte i belong to values i and i+64.
// w = (d * scale) * (q - 32).
func dequantizeQ6_K(dst []float32, src []byte) {
	for ; len(src) > 0; dst, src = dst[256:], src[210:] {
		d := half(src[208:])
		for v := range 256 {
			part, in := v/128, v%128
			low := src[64*part+in%64] >> (in / 64 * 4) & 15
			high := src[128+32*part+in%32] >> (in / 32 * 2) & 3
			q := int(low|high<<4) - 32
			scale := float32(d * float32(int8(src[192+v/16])))
			dst[v] = scale * float32(q)
		}
	}
}
