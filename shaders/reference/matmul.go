package reference

import "math"

// rounding is how far a sum of f32 products may be off, as a share of the sum of their sizes.
const rounding = 1e-6

// MatMul is y[t][r] = Σ w[r][k] × x[t][k], of w [rows][cols] and x [tokens][cols]. The
// tolerance goes by Σ |w × x|, whatever the order of summation.
func MatMul(w, x []float32, rows, cols, tokens int) Expected {
	var e Expected
	for t := range tokens {
		xt := x[t*cols:][:cols]
		for r := range rows {
			var sum, size float64
			for k, v := range w[r*cols:][:cols] {
				p := float64(v) * float64(xt[k])
				sum += p
				size += math.Abs(p)
			}
			e.add(sum, rounding*size+1e-30)
		}
	}
	return e
}

// NormScale is 1 / √(Σ squares / dim + eps): of an RMSNorm, from sums of squares.
func NormScale(squares []float32, dim int, eps float32) float64 {
	var sum float64
	for _, v := range squares {
		sum += float64(v)
	}
	return 1 / math.Sqrt(sum/float64(dim)+float64(eps))
}

// Squares is the sums of the squares of each tile of a row of e.
func (e Expected) Squares(tile int) Expected {
	var sums Expected
	for first := 0; first < len(e.Values); first += tile {
		var sum, off float64
		for i := first; i < min(first+tile, len(e.Values)); i++ {
			v, t := math.Abs(e.Values[i]), e.Tolerance[i]
			sum, off = sum+v*v, off+(2*v+t)*t
		}
		sums.add(sum, off+rounding*sum+1e-30)
	}
	return sums
}

// Embed is scale × row, a row of the table of embeddings.
func Embed(row []float32, scale float32) Expected {
	var e Expected
	for _, v := range row {
		e.relative(float64(v)*float64(scale), 1e-6)
	}
	return e
}

// RMSNorm is y = x / √(mean(x²) + eps) × weight for each row of dim values
// (https://arxiv.org/abs/1910.07467, eq. 4, with the eps of its implementations).
func RMSNorm(x, weight []float32, dim int, eps float32) Expected {
	var e Expected
	for ; len(x) > 0; x = x[dim:] {
		e.Append(Exactly(x[:dim]).RMSNorm(weight, eps))
	}
	return e
}

// RMSNorm is that of a row which is known with a tolerance.
func (e Expected) RMSNorm(weight []float32, eps float32) Expected {
	var n Expected
	var sum, off float64
	for i, v := range e.Values {
		sum += v * v
		off += e.Tolerance[i] * math.Abs(v)
	}
	mean := sum/float64(len(e.Values)) + float64(eps)
	wrong := off / float64(len(e.Values)) / mean // of the scale
	for i, v := range e.Values {
		w := float64(weight[i]) / math.Sqrt(mean)
		n.add(v*w, 2e-6*(1e-3+math.Abs(v*w))+(e.Tolerance[i]+wrong*math.Abs(v))*math.Abs(w))
	}
	return n
}

// GELU is the tanh approximation of https://arxiv.org/abs/1606.08415, section 2.
func GELU(x float64) float64 {
	return 0.5 * x * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
}

// GeGLU is GELU(gate) × up (https://arxiv.org/abs/2002.05202, eq. 6). The tail of negative
// gates, where GELU is tiny, is held to the size of the gate.
func GeGLU(gate, up []float32) Expected { return Exactly(gate).GeGLU(Exactly(up)) }

// GeGLU is that of values which are known with a tolerance.
func (e Expected) GeGLU(up Expected) Expected {
	const slope = 1.13 // of GELU, at most
	var y Expected
	for i, g := range e.Values {
		u, du, dg := up.Values[i], up.Tolerance[i], e.Tolerance[i]
		v := GELU(g) * u
		off := slope*dg*(math.Abs(u)+du) + math.Abs(GELU(g))*du
		y.add(v, off+1e-6*math.Abs(v)+3e-7*math.Min(1, math.Abs(g))*math.Abs(u))
	}
	return y
}
