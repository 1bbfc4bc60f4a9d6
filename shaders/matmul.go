package shaders

import "sealvk/vk"

type matmulPush struct {
	productPush
	Stride uint32
	Eps    float32
}

var matmulKernels = registerProduct(kernel{
	name: "matmul", push: matmulPush{}, constants: 8,
	access: []vk.Access{vk.ReadOnly, vk.ReadOnly, vk.ReadOnly, vk.WriteOnly},
})

// MatMul records y[t][row0+r] = w · x[first+t] for each of tokens tokens.
//
//   - w: rows × cols weights
//   - x: [first+tokens][cols] f32
//   - y: [tokens][stride] f32
func (s *Set) MatMul(c *vk.Commands, label string, w *Matrix, x, y vk.Range, row0, stride, first, tokens int) {
	push := func(p productPush) []byte { return pushBytes(&matmulPush{p, uint32(stride), 0}) }
	s.product(c, label, product{
		kernels: matmulKernels, w: w, x: Activations{F32: x}, base: row0, first: first, tokens: tokens, push: push,
		epilogue: Work{Written: 4 * int64(tokens) * int64(w.Rows)}, bind: []vk.Range{x, y},
	})
}

// MatMulNorm is [Set.MatMul] of an RMSNorm.
func (s *Set) MatMulNorm(c *vk.Commands, label string, w *Matrix, x Normed, y vk.Range, row0, stride, first, tokens int) {
	push := func(p productPush) []byte { return pushBytes(&matmulPush{p, uint32(stride), x.Eps}) }
	s.product(c, label, product{
		kernels: matmulKernels, w: w, x: x.Weighted, norm: true, base: row0, first: first, tokens: tokens, push: push,
		epilogue: Work{Written: 4 * int64(tokens) * int64(w.Rows)}, bind: []vk.Range{x.Squares, y},
	})
}
