package shaders

import "sealvk/vk"

type gateUpPush struct {
	productPush
	FFNDim   uint32
	Eps      float32
	Quantize uint32
}

var gateUpKernels = registerProduct(kernel{
	name: "ffn_gate_up", push: gateUpPush{}, constants: 7,
	access: []vk.Access{vk.ReadOnly, vk.ReadOnly, vk.ReadOnly, vk.WriteOnly, vk.WriteOnly},
})

// GateUp records y[t] = gelu(gate · x[t]) × (up · x[t]) of an RMSNorm.
//
//   - w: ffn_gate and ffn_up in the order of [GateUpRow]
//   - y: [tokens][ffnDim]
func (s *Set) GateUp(c *vk.Commands, label string, w *Matrix, x Normed, y Activations, ffnDim, tokens int) {
	push := func(p productPush) []byte {
		return pushBytes(&gateUpPush{p, uint32(ffnDim), x.Eps, constant(s.quantizes(tokens))})
	}
	n := int64(tokens) * int64(ffnDim)
	s.product(c, label, product{
		kernels: gateUpKernels, w: w, x: x.Weighted, tokens: tokens, push: push, epilogue: Work{Written: 4 * n, FLOPs: 9 * n},
		bind: []vk.Range{x.Squares, y.F32, s.quantized(y, tokens)},
	})
}
