package shaders

import "sealvk/vk"

var matmulAddKernel = registerProduct(matmulAddModule, Kernel{
	Typical: [][]int{{3072, 4096, 1}, {3072, 24576, 1}}, // attn_output; ffn_down
	splits:  true,
}, func(_ *Kernels, p productConstants, t *ProductTuning) ([]uint32, string) {
	return matmulAddConstants{p, uint32(t.GridSplits)}.words(), ""
})

// MatMulAdd is To.X[t] += w · x[t], with what the RMSNorm of To.X needs.
type MatMulAdd struct {
	W       *Matrix
	X       Activations // [Tokens][cols]
	Norm    vk.Range    // [rows] f32, the weight of that norm
	To      Residual
	Scratch SplitScratch // missing: one workgroup has all columns of a row
	Tokens  int
}

// MatMulAdd records m.
func (s *Kernels) MatMulAdd(c *vk.Commands, label string, m MatMulAdd) {
	n := int64(m.Tokens) * int64(m.W.Rows)
	whole := m.Scratch.Partial.Buffer == nil
	if whole {
		m.Scratch = SplitScratch{m.To.X, m.To.X} // which is bound, and not for that
	}
	s.product(c, label, product{
		kernel: matmulAddKernel, w: m.W, x: m.X, tokens: m.Tokens, whole: whole,
		epilogue: Work{Read: 4 * (n + int64(m.W.Rows)), Written: 8*n + 4*int64(m.Tokens*tiles(m.W.Rows)), FLOPs: 4 * n},
		with: func(p productPush, w, x vk.Range) arguments {
			return matmulAddBindings{
				Weights: w, X: x, Norm: m.Norm, Residual: m.To.X, Weighted: m.To.Weighted.F32, Squares: m.To.Squares,
				Quantized: s.quantized(m.To.Weighted, m.Tokens), Partial: m.Scratch.Partial, Done: m.Scratch.Done,
			}.with(matmulAddPush{productPush: p, Dim: uint32(m.W.Rows), Quantize: constant(s.quantizes(m.To.Weighted, m.Tokens))})
		},
	})
}
