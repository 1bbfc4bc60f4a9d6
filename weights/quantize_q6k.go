package weights

// symmetric is 16 values of a Q6_K block made ready for the search; the loss is
// Σx²(scale*q - x)² with whole numbers q from -32 to 31.
type symmetric struct {
	x, x2, x3       [16]float32 // values, squares, cubes
	least, greatest float32     // of x
}

// sums gives Σx³q and Σx²q² of the numbers q that an inverse scale leads to.
func (s *symmetric) sums(inverse float32) (q3, q2 float32) {
	a, b := inverse*s.least, inverse*s.greatest
	if min(a, b) > -32.4 && max(a, b) < 31.4 { // none is out of bounds
		for i := 0; i < 16; i += 4 {
			x, x2, x3 := (*[4]float32)(s.x[i:]), (*[4]float32)(s.x2[i:]), (*[4]float32)(s.x3[i:])
			n0 := float32(inverse*x[0]) + roundShift - roundShift
			n1 := float32(inverse*x[1]) + roundShift - roundShift
			n2 := float32(inverse*x[2]) + roundShift - roundShift
			n3 := float32(inverse*x[3]) + roundShift - roundShift
			q3 = q3 + float32(x3[0]*n0) + float32(x3[1]*n1) + float32(x3[2]*n2) + float32(x3[3]*n3)
			q2 = q2 + float32(float32(x2[0]*n0)*n0) + float32(float32(x2[1]*n1)*n1) + float32(float32(x2[2]*n2)*n2) + float32(float32(x2[3]*n3)*n3)
		}
		return q3, q2
	}
	for i := range 16 {
		n := bounded(inverse*s.x[i], 31)
		if n < -32 {
			n = -32
		}
		n = round32(n)
		q3 += float32(s.x3[i] * n)
		q2 += float32(float32(s.x2[i]*n) * n)
	}
	return q3, q2
}

// factorsQ6_K over the extreme value are the inverse scales that are tried: that value
// becomes about -32.
var factorsQ6_K = func() (list []float32) {
	list = append(list, -32)
	for i := -9; i <= 9; i++ {
		if i != 0 {
			list = append(list, -(32 + float32(0.1*float32(i))))
		}
	}
	return list
}()

// fitQ6 searches the scale of smallest loss: for each inverse scale the best one for the
// numbers that it leads to. inverse is that which led to the result.
func fitQ6(x *[16]float32) (scale, inverse float32) {
	s := symmetric{x: *x, least: x[0], greatest: x[0]}
	peak := float32(0)
	for _, v := range x {
		if abs(v) > abs(peak) {
			peak = v
		}
		s.least, s.greatest = min(s.least, v), max(s.greatest, v)
	}
	if abs(peak) < leastQ6 {
		return 0, 0
	}
	for i, v := range x {
		s.x2[i] = v * v
		s.x3[i] = s.x2[i] * v
	}
	best := float32(0) // the part of Σx⁴ that is explained
	for i, factor := range factorsQ6_K {
		candidate := factor / peak
		q3, q2 := s.sums(candidate)
		if i == 0 || q2 > 0 && float32(q3*q3) > float32(best*q2) {
			inverse = candidate
			if q2 > 0 {
				scale = q3 / q2
			}
			best = scale * q3
		}
	}
	return scale, inverse
}

// leastQ6 is the magnitude under which values become 0: their squares' squares would.
const leastQ6 = 1e-15

// Q6_K: 16 scales in whole numbers, the extreme one -128; see dequantizeQ6_K.
func quantizeQ6_K(dst []byte, src []float32) {
	for ; len(src) >= 256; dst, src = dst[210:], src[256:] {
		x, block := (*[256]float32)(src), (*[210]byte)(dst)
		var scales, inverses [16]float32
		extreme := float32(0)
		for i := range scales {
			scales[i], inverses[i] = fitQ6((*[16]float32)(x[16*i:]))
			if abs(scales[i]) > abs(extreme) {
				extreme = scales[i]
			}
		}
		*block = [210]byte{}
		if abs(extreme) < leastQ6 {
			continue
		}
		whole := -128 / extreme
		putHalf(block[208:], 1/whole)
		d := half(block[208:])
		var q [256]byte
		for i := range scales {
			n := min(round32(float32(whole*scales[i])), 127)
			block[192+i] = byte(int8(n))
			in, out := (*[16]float32)(x[16*i:]), (*[16]byte)(q[16*i:])
			if scale := float32(d * n); scale != 0 {
				for j, v := range in {
					out[j] = signedQ6(v / scale)
				}
			} else { // q plays no part; what the search found is kept, as by the reference
				for j, v := range in {
					out[j] = signedQ6(inverses[i] * v)
				}
			}
		}
		for part := range 2 {
			in, low, high := (*[128]byte)(q[128*part:]), (*[64]byte)(block[64*part:]), (*[32]byte)(block[128+32*part:])
			for i := range low {
				low[i] = in[i]&15 | in[64+i]<<4
			}
			for i := range high {
				high[i] = in[i]>>4 | in[32+i]>>4<<2 | in[64+i]>>4<<4 | in[96+i]>>4<<6
			}
		}
	}
}

// signedQ6 rounds, bounds to -32 … 31 and adds 32.
func signedQ6(f float32) byte { return byte(max(-32, min(round32(f), 31)) + 32) }
