package shaders

import "sealvk/vk"

type matmulAddPush struct {
	productPush
	Dim, Quantize uint32
}

var matmulAddKernels = registerProduct(kernel{
	name: "matmul_add", push: matmulAddPush{}, constants: 7,
	access: []vk.Access{vk.ReadOnly, vk.ReadOnly, vk.ReadOnly, vk.ReadWrite, vk.WriteOnly, vk.WriteOnly, vk.WriteOnly},
})

// MatMulAdd records to.X[t] += w · x[t], with what the RMSNorm of to.X needs.
//
//   - x: [tokens][cols]
//   - norm: [rows] f32, the weight of that norm
func (s *Set) MatMulAdd(c *vk.Commands, label string, w *Matrix, x Activations, norm vk.Range, to Residual, tokens int) {
	push := func(p productPush) []byte {
		return pushBytes(&matmulAddPush{p, uint32(w.Rows), constant(s.quantizes(tokens))})
	}
	n := int64(tokens) * int64(w.Rows)
	epilogue := Work{Read: 4 * (n + int64(w.Rows)), Written: 8*n + 4*int64(tokens*tiles(w.Rows)), FLOPs: 4 * n}
	s.product(c, label, product{
		kernels: matmulAddKernels, w: w, x: x, tokens: tokens, push: push, epilogue: epilogue,
		bind: []vk.Range{norm, to.X, to.Weighted.F32, to.Squares, s.quantized(to.Weighted, tokens)},
	})
}
