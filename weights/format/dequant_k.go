package format

// Q2_K: 16 bytes with a scale's and a minimum's nibble, 4 × 64 bit pairs, scales d and
// dmin; two halves of 128 values, in each of which the pairs of byte i belong to values
// i, i+32, i+64 and i+96. w = (d * scale) * q - dmin * min, 16 values to a scale.
func dequantizeQ2_K(dst []float32, src []byte) {
	for ; len(src) > 0; dst, src = dst[256:], src[84:] {
		d, dmin := half(src[80:]), half(src[82:])
		for g, factors := range src[:16] {
			ds, dm := float32(d*float32(factors&15)), float32(dmin*float32(factors>>4))
			for i := range 16 {
				v := 16*g + i
				dst[v] = float32(ds*float32(pair(src[16:80], v))) - dm
			}
		}
	}
}

// pair gives the two bits of value v where byte i of each 32 has those of values i,
// i+32, i+64 and i+96 of a half.
func pair(b []byte, v int) byte { return b[v/128*32+v%32] >> (v % 128 / 32 * 2) & 3 }

// Q3_K: 256 third bits, value v's in bit v/32 of byte v%32; bit pairs as in Q2_K; 16
// scales of 6 bits in 12 bytes, scale d. A value whose third bit is not set is 4 less.
// w = (d * (scale - 32)) * q.
func dequantizeQ3_K(dst []float32, src []byte) {
	for ; len(src) > 0; dst, src = dst[256:], src[110:] {
		d := half(src[108:])
		for g := range 16 {
			ds := float32(d * float32(scaleQ3_K(src[96:108], g)))
			for i := range 16 {
				v := 16*g + i
				q := int(pair(src[32:96], v)) - 4 + int(src[v%32]>>(v/32)&1)<<2
				dst[v] = ds * float32(q)
			}
		}
	}
}

// scaleQ3_K unpacks the scale of group g: its low four bits are nibble g/8 of byte g%8,
// its upper two are bits of byte 8 + g%4.
func scaleQ3_K(f []byte, g int) int {
	low := f[g%8] >> (g / 8 * 4) & 15
	return int(low|f[8+g%4]>>(g/4*2)&3<<4) - 32
}

// Q4_K: scales d and dmin, 8 pairs of 6-bit factors (scale, min) in 12 bytes, 8 × 32
// nibbles; each 32 bytes hold two groups, the low nibbles first.
// w = (d * scale) * q - dmin * min.
func dequantizeQ4_K(dst []float32, src []byte) {
	for ; len(src) > 0; dst, src = dst[256:], src[144:] {
		for g := range 8 {
			ds, dm := lineQ4_K(src, g)
			for i, b := range src[16+g/2*32:][:32] {
				q := b >> (g % 2 * 4) & 15
				dst[32*g+i] = float32(ds*float32(q)) - dm
			}
		}
	}
}

// lineQ4_K gives the scale and minimum of group g of a Q4_K or Q5_K block.
func lineQ4_K(src []byte, g int) (ds, dm float32) {
	scale, min := factorsQ4_K(src[4:16], g)
	return float32(half(src) * float32(scale)), float32(half(src[2:]) * float32(min))
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

// Q5_K: as Q4_K, with 256 fifth bits between factors and nibbles: that of value i of
// group g is bit g of byte i.
func dequantizeQ5_K(dst []float32, src []byte) {
	for ; len(src) > 0; dst, src = dst[256:], src[176:] {
		for g := range 8 {
			ds, dm := lineQ4_K(src, g)
			for i, b := range src[48+g/2*32:][:32] {
				q := b>>(g%2*4)&15 | src[16+i]>>g&1<<4
				dst[32*g+i] = float32(ds*float32(q)) - dm
			}
		}
	}
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
