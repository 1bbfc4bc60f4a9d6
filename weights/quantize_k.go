package weights

import "math"

// round32 rounds to the nearest whole number, ties to even; |f| < 2^22.
func round32(f float32) float32 {
	return f + roundShift - roundShift
}

// roundShift is where float32 has no bits for fractions.
const roundShift = 3 << 22

// affine is how 32 values x are stored as x ≈ scale*q - least with q from 0 to top
// (Q4_K, Q5_K): factors over the range of x are the inverse scales that are tried.
type affine struct {
	top     float32
	factors []float32
}

var affineQ4_K, affineQ5_K = newAffine(15, -1, 20), newAffine(31, -0.5, 15)

func newAffine(top, from float32, steps int) *affine {
	a := &affine{top: top}
	for i := range steps + 1 {
		a.factors = append(a.factors, from+float32(0.1*float32(i))+top)
	}
	return a
}

// group is 32 values x made ready for the search. The whole numbers q come from a grid
// that begins at its least line: above is what x exceeds that by.
type group struct {
	x, above, w      [32]float32 // w: the values' weights
	greatest, width  float32     // of x, and what it exceeds the least line by
	sumW, sumX, sum2 float32     // Σw, Σwx, Σwx²
}

// load weighs each value by its magnitude plus the root mean square of all, and gives the
// least of them and 0.
func (g *group) load(x *[32]float32) (least float32) {
	g.x = *x
	square, greatest := float32(0), x[0]
	for _, v := range x {
		square += float32(v * v)
		least, greatest = min(least, v), max(greatest, v)
	}
	rms := float32(math.Sqrt(float64(square / 32)))
	g.sumW, g.sumX, g.sum2 = 0, 0, 0
	for i, v := range x {
		w := rms + abs(v)
		wx := float32(w * v)
		g.w[i] = w
		g.sumW += w
		g.sumX += wx
		g.sum2 += float32(wx * v)
	}
	g.greatest = greatest
	g.begin(least)
	return least
}

// begin moves the grid.
func (g *group) begin(least float32) {
	g.width = g.greatest - least
	for i, v := range &g.x {
		v -= least
		if v < 0 {
			v = 0
		}
		g.above[i] = v
	}
}

// sums gives Σwq, Σwq² and Σwqx of the numbers q that an inverse scale leads to.
func (g *group) sums(inverse, top float32) (q, q2, qx float32) {
	if float32(inverse*g.width) < top+0.4 { // none is above top
		for i := 0; i < 32; i += 4 {
			x, above, w := (*[4]float32)(g.x[i:]), (*[4]float32)(g.above[i:]), (*[4]float32)(g.w[i:])
			n0 := float32(inverse*above[0]) + roundShift - roundShift
			n1 := float32(inverse*above[1]) + roundShift - roundShift
			n2 := float32(inverse*above[2]) + roundShift - roundShift
			n3 := float32(inverse*above[3]) + roundShift - roundShift
			w0, w1, w2, w3 := w[0]*n0, w[1]*n1, w[2]*n2, w[3]*n3
			q = q + w0 + w1 + w2 + w3
			q2 = q2 + float32(w0*n0) + float32(w1*n1) + float32(w2*n2) + float32(w3*n3)
			qx = qx + float32(w0*x[0]) + float32(w1*x[1]) + float32(w2*x[2]) + float32(w3*x[3])
		}
		return q, q2, qx
	}
	for i := range 32 {
		n := round32(bounded(inverse*g.above[i], top))
		wn := g.w[i] * n
		q += wn
		q2 += float32(wn * n)
		qx += float32(wn * g.x[i])
	}
	return q, q2, qx
}

// loss is Σw(scale*q + least - x)².
func (g *group) loss(inverse, top, scale, least float32) (sum float32) {
	for i := 0; i < 32; i += 4 {
		x, above, w := (*[4]float32)(g.x[i:]), (*[4]float32)(g.above[i:]), (*[4]float32)(g.w[i:])
		d0 := float32(scale*round32(bounded(inverse*above[0], top))) + least - x[0]
		d1 := float32(scale*round32(bounded(inverse*above[1], top))) + least - x[1]
		d2 := float32(scale*round32(bounded(inverse*above[2], top))) + least - x[2]
		d3 := float32(scale*round32(bounded(inverse*above[3], top))) + least - x[3]
		sum = sum + float32(w[0]*float32(d0*d0)) + float32(w[1]*float32(d1*d1)) + float32(w[2]*float32(d2*d2)) + float32(w[3]*float32(d3*d3))
	}
	return sum
}

// bounded is min(f, top) without the care for NaN and -0, which takes instructions.
func bounded(f, top float32) float32 {
	if f > top {
		return top
	}
	return f
}

// exceeds finds from the sums, without looking at the values again, that the loss is above
// best. The loss is a difference of terms that are at most three times the three squares
// together; each, a sum of 32 float32, errs by at most 32 × 2^-24 of its size.
func (g *group) exceeds(q, q2, qx, scale, least, best float32) bool {
	s, m := float64(scale), float64(least)
	ssq2, mmw, sum2 := s*s*float64(q2), m*m*float64(g.sumW), float64(g.sum2)
	loss := sum2 + ssq2 + mmw + 2*(s*m*float64(q)-s*float64(qx)-m*float64(g.sumX))
	return loss-6e-6*(sum2+ssq2+mmw) > float64(best)*(1+1e-4)
}

// fit searches the scale and least line of smallest loss for the values in g: for each
// inverse scale the best line through the numbers that it leads to. A better least line
// moves the grid of what is tried next.
func (a *affine) fit(g *group, least float32) (scale, line, inverse, begin float32) {
	line, begin = least, least
	if !(g.width > narrow) {
		return 0, line, 0, begin
	}
	inverse = a.top / g.width
	scale = 1 / inverse
	best := g.loss(inverse, a.top, scale, line)
	for _, factor := range a.factors {
		candidate := factor / g.width
		q, q2, qx := g.sums(candidate, a.top)
		d := float32(g.sumW*q2) - float32(q*q)
		if !(d > 0) {
			continue
		}
		s := (float32(g.sumW*qx) - float32(g.sumX*q)) / d
		m := (float32(q2*g.sumX) - float32(q*qx)) / d
		if m > 0 {
			s, m = qx/q2, 0
		}
		if g.exceeds(q, q2, qx, s, m, best) {
			continue
		}
		if l := g.loss(candidate, a.top, s, m); l < best {
			best, scale, inverse, begin, line = l, s, candidate, line, m
			if g.begin(m); !(g.width > narrow) {
				break
			}
		}
	}
	return scale, line, inverse, begin
}

// narrow is the width at which an inverse scale might overflow.
const narrow = 0x1p-120

// quantize makes the common part of a Q4_K and Q5_K block: scales d and dmin, 6-bit
// factors (see factorsQ4_K), and the numbers q.
func (a *affine) quantize(dst []byte, x *[256]float32, q *[256]byte) {
	var g group
	var scales, mins, inverses, begins [8]float32
	maxScale, maxMin := float32(0), float32(0)
	for i := range 8 {
		least := g.load((*[32]float32)(x[32*i:]))
		scales[i], least, inverses[i], begins[i] = a.fit(&g, least)
		mins[i] = -least
		maxScale, maxMin = max(maxScale, scales[i]), max(maxMin, mins[i])
	}
	var f [8][2]byte
	for i := range 8 {
		f[i] = [2]byte{factor6(scales[i], maxScale), factor6(mins[i], maxMin)}
	}
	putHalf(dst, maxScale/63)
	putHalf(dst[2:], maxMin/63)
	d, dmin := half(dst), half(dst[2:])
	for i := range 4 {
		dst[4+i] = f[i][0] | f[4+i][0]>>4<<6
		dst[8+i] = f[i][1] | f[4+i][1]>>4<<6
		dst[12+i] = f[4+i][0]&15 | f[4+i][1]<<4
	}
	for i := range 8 {
		in, out := (*[32]float32)(x[32*i:]), (*[32]byte)(q[32*i:])
		scale, least := float32(d*float32(f[i][0])), float32(dmin*float32(f[i][1]))
		if scale == 0 { // q plays no part; what the search found is kept, as by the reference
			for j, v := range in {
				out[j] = clampByte(round32(float32(inverses[i]*(v-begins[i]))), a.top)
			}
			continue
		}
		for j, v := range in {
			out[j] = clampByte(round32((v+least)/scale), a.top)
		}
	}
}

// factor6 gives the whole number from 0 to 63 that is nearest to 63 f/greatest.
func factor6(f, greatest float32) byte {
	if !(greatest > 0) {
		return 0
	}
	return clampByte(round32(float32(63/greatest*f)), 63)
}

// clampByte converts a whole number, bounded to 0 … top; NaN becomes 0.
func clampByte(f, top float32) byte {
	if f >= top {
		return byte(top)
	}
	if f > 0 {
		return byte(f)
	}
	return 0
}

func quantizeQ4_K(dst []byte, src []float32) {
	var q [256]byte
	for ; len(src) >= 256; dst, src = dst[144:], src[256:] {
		affineQ4_K.quantize(dst, (*[256]float32)(src), &q)
		for g := range 4 {
			in, out := (*[64]byte)(q[64*g:]), (*[32]byte)(dst[16+32*g:])
			for i := range out {
				out[i] = in[i] | in[32+i]<<4
			}
		}
	}
}

func quantizeQ5_K(dst []byte, src []float32) {
	var q [256]byte
	for ; len(src) >= 256; dst, src = dst[176:], src[256:] {
		affineQ5_K.quantize(dst, (*[256]float32)(src), &q)
		fifth := (*[32]byte)(dst[16:])
		*fifth = [32]byte{}
		for g := range 4 {
			in, out := (*[64]byte)(q[64*g:]), (*[32]byte)(dst[48+32*g:])
			for i := range out {
				out[i] = in[i]&15 | in[32+i]<<4
				fifth[i] |= in[i]>>4<<(2*g) | in[32+i]>>4<<(2*g+1)
			}
		}
	}
}
