package shaders

import "sealvk/vk"

var matmulKernel = registerProduct(matmulModule, Kernel{
	// attn_q, attn_k, attn_v; attn_output; ffn_gate, ffn_up; ffn_down; output
	Typical: [][]int{{4096, 3072, 1}, {3072, 4096, 1}, {24576, 3072, 1}, {3072, 24576, 1}, {256000, 3072, 1}},
}, matmulNormed)

func matmulPlain(_ *Kernels, p productConstants, _ *ProductTuning) ([]uint32, string) {
	return matmulConstants{p, 0}.words(), ""
}

func matmulNormed(_ *Kernels, p productConstants, _ *ProductTuning) ([]uint32, string) {
	return matmulConstants{p, 1}.words(), ", normed"
}

// MatMul is y[t][Row0+r] = w · x[First+t] for each of Tokens tokens.
type MatMul struct {
	W *Matrix  // rows × cols weights
	X Normed   // [First+Tokens][cols]; without Squares it is not normed
	Y vk.Range // [Tokens][Stride] f32

	Row0, Stride, First, Tokens int
}

// MatMul records m.
func (s *Kernels) MatMul(c *vk.Commands, label string, m MatMul) {
	form := matmulNormed
	if m.X.Squares.Buffer == nil {
		form, m.X.Squares = matmulPlain, m.X.Weighted.F32 // which is bound and not read
	}
	s.product(c, label, product{
		kernel: matmulKernel, form: form, w: m.W, x: m.X.Weighted, base: m.Row0, first: m.First, tokens: m.Tokens,
		epilogue: Work{Written: 4 * int64(m.Tokens) * int64(m.W.Rows)},
		with: func(p productPush, w, x vk.Range) arguments {
			return matmulBindings{Weights: w, X: x, Squares: m.X.Squares, Y: m.Y}.with(matmulPush{productPush: p, Stride: uint32(m.Stride), Eps: m.X.Eps})
		},
	})
}
