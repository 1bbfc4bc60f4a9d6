package shaders

import "sealvk/vk"

type outputPush struct {
	productPush
	Vocab                uint32
	Eps                  float32
	Pick, Chunk0, Chunks uint32
}

var outputKernels = registerProduct(kernel{
	name: "output", push: outputPush{}, constants: 7,
	access: []vk.Access{vk.ReadOnly, vk.ReadOnly, vk.ReadOnly, vk.ReadOnly, vk.ReadOnly, vk.WriteOnly, vk.WriteOnly},
})

// outputChunks is the runs of tokens of which [Set.Output] picks the best, for so many rows.
func (s *Set) outputChunks(w *Matrix, count int) int {
	t, n := &s.tuning.Product, 0
	for _, p := range w.Parts {
		n += ceilDiv(p.Rows, t.groupRows(t.groupTokens(count)))
	}
	return n
}

// Output records the logits of count rows of an RMSNorm from row first on into b.Logits and,
// if pick is set, the best token of each chunk of the vocabulary into b.Best for
// [Set.Advance]: greedily, or a draw at the temperature, of all logits.
//
//   - w: vocabulary × dim weights
func (s *Set) Output(c *vk.Commands, label string, w *Matrix, x Normed, b *SampleBuffers, first, count int, pick bool) {
	group := s.tuning.Product.groupRows(s.tuning.Product.groupTokens(count))
	push := func(p productPush) []byte {
		chunk := 0
		for _, part := range w.Parts {
			if uint32(part.First) == p.Row0 {
				break
			}
			chunk += ceilDiv(part.Rows, group)
		}
		return pushBytes(&outputPush{p, uint32(b.Vocab), x.Eps, constant(pick), uint32(chunk), uint32(s.outputChunks(w, count))})
	}
	n := int64(count) * int64(w.Rows)
	epilogue := Work{Written: 4 * n}
	if pick {
		epilogue.Written += 8 * int64(count*s.outputChunks(w, count))
		epilogue.FLOPs = n // comparisons
	}
	s.product(c, label, product{
		kernels: outputKernels, w: w, x: x.Weighted, first: first, tokens: count, push: push, epilogue: epilogue,
		bind: []vk.Range{x.Squares, b.Rows, b.Params, b.Logits, b.Best},
	})
}
