package shaders

import "sealvk/vk"

var ffnGateUpKernel = registerProduct(ffnGateUpModule, Kernel{
	Typical: [][]int{{2 * 24576, 3072, 1}},
}, func(_ *Kernels, p productConstants, _ *ProductTuning) ([]uint32, string) {
	return ffnGateUpConstants{p}.words(), ""
})

// GateUp is y[t] = gelu(gate · x[t]) × (up · x[t]) of an RMSNorm.
type GateUp struct {
	W *Matrix // ffn_gate and ffn_up in the order of [GateUpRow]
	X Normed
	Y Activations // [Tokens][FFNDim]

	FFNDim, Tokens int
}

// GateUp records g.
func (s *Kernels) GateUp(c *vk.Commands, label string, g GateUp) {
	n := int64(g.Tokens) * int64(g.FFNDim)
	s.product(c, label, product{
		kernel: ffnGateUpKernel, w: g.W, x: g.X.Weighted, tokens: g.Tokens, epilogue: Work{Written: 4 * n, FLOPs: 9 * n},
		with: func(p productPush, w, x vk.Range) arguments {
			return ffnGateUpBindings{
				Weights: w, X: x, Squares: g.X.Squares, Y: g.Y.F32, Quantized: s.quantized(g.Y, g.Tokens),
			}.with(ffnGateUpPush{productPush: p, FFNDim: uint32(g.FFNDim), Eps: g.X.Eps, Quantize: constant(s.quantizes(g.Y, g.Tokens))})
		},
	})
}
