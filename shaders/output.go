package shaders

import "sealvk/vk"

type outputPush struct {
	productPush
	Vocab uint32
	Eps   float32
	Pick  uint32
}

var outputKernels = registerProduct(kernel{
	name: "output", push: outputPush{}, constants: 7,
	access: []vk.Access{vk.ReadOnly, vk.ReadOnly, vk.ReadOnly, vk.ReadOnly, vk.ReadOnly, vk.WriteOnly, vk.WriteOnly},
})

// Output records the logits of count rows of an RMSNorm from row first on into b.Logits and,
// if pick is set, the best token of each tile of the vocabulary into b.Best for
// [Set.Advance]: greedily, or a draw at the temperature, of all logits.
//
//   - w: vocabulary × dim weights
func (s *Set) Output(c *vk.Commands, label string, w *Matrix, x Normed, b *SampleBuffers, first, count int, pick bool) {
	push := func(p productPush) []byte {
		return pushBytes(&outputPush{p, uint32(b.Vocab), x.Eps, constant(pick)})
	}
	n := int64(count) * int64(w.Rows)
	epilogue := Work{Written: 4 * n}
	if pick {
		epilogue.Written += 8 * int64(count*tiles(w.Rows))
		epilogue.FLOPs = n // comparisons
	}
	s.product(c, label, product{
		kernels: outputKernels, w: w, x: x.Weighted, first: first, tokens: count, push: push, epilogue: epilogue,
		bind: []vk.Range{x.Squares, b.Rows, b.Params, b.Logits, b.Best},
	})
}
