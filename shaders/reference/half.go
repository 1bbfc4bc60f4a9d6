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
