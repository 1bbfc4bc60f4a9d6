package reference

import "math"

// MatMulHalf is MatMul by matrix units, whose factors are rounded to f16. Of a factor's size at
// most 2^-10 (weights, which drivers round up or down as they like) or 2^-11 (x, rounded to
// nearest) is lost; below 2^-14 as much as there. to_half.comp takes the largest x of a
// token beyond 2^14, so that for x this is 2^-25 / 2^14 of it. The rest is f32's
// rounding, which matrix units do by cutting off.
func MatMulHalf(w, x []float32, rows, cols, tokens int) Expected {
	e := MatMul(w, x, rows, cols, tokens)
	for t := range tokens {
		largest := largest(x[t*cols:][:cols])
		for r := range rows {
			i := t*rows + r
			e.Tolerance[i] *= 4
			for k, v := range w[r*cols:][:cols] {
				wk, xk := math.Abs(float64(v)), math.Abs(float64(x[t*cols+k]))
				dw, dx := max(0x1p-10*wk, 0x1p-24), max(0x1p-11*xk, 0x1p-39*largest)
				e.Tolerance[i] += dw*xk + dx*wk + dw*dx
			}
		}
	}
	return e
}

// MatMulMatrices is MatMul of few tokens by matrices.glsl, of x that f16 holds. Weights become
// scale × q + offset in f16, of a scale and an offset that are rounded too: that loses a share of
// the largest weights around, rather than of each.
func MatMulMatrices(w, x []float32, rows, cols, tokens int) Expected {
	const around = 32 // columns
	e := MatMul(w, x, rows, cols, tokens)
	for t := range tokens {
		for r := range rows {
			i := t*rows + r
			e.Tolerance[i] *= 4
			for first := 0; first < cols; first += around {
				last := min(first+around, cols)
				dw := max(0x1p-9*largest(w[r*cols:][first:last]), 0x1p-24)
				for _, v := range x[t*cols:][first:last] {
					e.Tolerance[i] += dw * math.Abs(float64(v))
				}
			}
		}
	}
	return e
}

// Halves rounds tokens of cols values, a multiple of 8, as to_half.comp does: the words that kernels read,
// in either order, for up to room tokens, and the values that these stand for.
func Halves(x []float32, cols, room int, octets bool) (words []uint32, values []float32) {
	words, values = make([]uint32, room*(cols/2+1)), make([]float32, len(x))
	factors := factorsAt(len(x)/cols, cols, octets)
	for t := range len(x) / cols {
		factor := scaleOf(x[t*cols:][:cols])
		words[factors+t] = math.Float32bits(float32(factor))
		halve(words, values, x, t, cols, 0, cols, factor, octets)
	}
	return words, values
}

// BlockedHalves is Halves of tokens whose blocks of columns, of block or at the end fewer, have factors of their own
// (half_rows.glsl). The values are what a reader makes of them, which brings all to the token's factor.
func BlockedHalves(x []float32, cols, block int, octets bool) (words []uint32, values []float32) {
	tokens, blocks := len(x)/cols, (cols+block-1)/block
	most := factorsAt(tokens, cols, octets)
	words, values = make([]uint32, most+tokens*(1+blocks)), make([]float32, len(x))
	for t := range tokens {
		row := x[t*cols:][:cols]
		words[most+t] = math.Float32bits(float32(largest(row)))
		for b := range blocks {
			from, to := b*block, min(cols, (b+1)*block)
			factor := scaleOf(row[from:to])
			words[most+tokens+t*blocks+b] = math.Float32bits(float32(factor))
			halve(words, values, x, t, cols, from, to, factor, octets)
		}
		for c := range row { // what is left of small ones
			factor := scaleOf(row)
			_, v := half(float64(values[t*cols+c]) / factor)
			values[t*cols+c] = float32(v * factor)
		}
	}
	return words, values
}

// factorsAt is the words of tokens' values.
func factorsAt(tokens, cols int, octets bool) int {
	if octets {
		tokens = (tokens + 7) / 8 * 8
	}
	return tokens * cols / 2
}

// scaleOf is the factor of values of f16.
func scaleOf(x []float32) float64 {
	most := largest(x)
	if most == 0 {
		return 1
	}
	_, exponent := math.Frexp(most)
	return math.Ldexp(1, exponent-15)
}

// halve rounds columns of token t.
func halve(words []uint32, values, x []float32, t, cols, from, to int, factor float64, octets bool) {
	for c := from; c < to; c++ {
		bits, v := half(float64(x[t*cols+c]) / factor)
		values[t*cols+c] = float32(v * factor)
		at := t*cols + c
		if octets {
			at = (t/8*(cols/8)+c/8)*64 + t%8*8 + c%8/4*4 + [4]int{0, 2, 1, 3}[c%4]
		}
		words[at/2] |= bits << (at % 2 * 16)
	}
}

// half is the f16 nearest to v, below 2^15: its bits, and its value.
func half(v float64) (bits uint32, value float64) {
	_, exponent := math.Frexp(v) // v is below 2^exponent
	unit := math.Ldexp(1, max(exponent-11, -24))
	n := math.RoundToEven(math.Abs(v) / unit)
	value = math.Copysign(n*unit, v)
	if v < 0 {
		bits = 0x8000
	}
	if exponent < -13 || n == 0 {
		return bits | uint32(n), value // subnormal
	}
	return bits | uint32(exponent+13)<<10 + uint32(n), value // whose leading 1 adds 1 to the exponent
}

// Halved is values of a token that are known with a tolerance, as to_half.comp rounds them.
func (e Expected) Halved() Expected {
	var h Expected
	most := 0.0
	for _, v := range e.Values {
		most = max(most, math.Abs(v))
	}
	for i, v := range e.Values {
		h.add(v, e.Tolerance[i]+max(0x1p-11*(math.Abs(v)+e.Tolerance[i]), 0x1p-39*most))
	}
	return h
}

func largest(x []float32) (most float64) {
	for _, v := range x {
		most = max(most, math.Abs(float64(v)))
	}
	return most
}
