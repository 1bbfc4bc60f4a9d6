package shaders

import "sealvk/vk"

var outputKernel = registerProduct(outputModule, Kernel{
	Typical: [][]int{{256000, 3072, 1}},
}, func(_ *Kernels, p productConstants, _ *ProductTuning) ([]uint32, string) {
	return outputConstants{p}.words(), ""
})

// Output is the logits of Count rows of an RMSNorm from row First on, into To.Logits, and,
// if Pick is set, the best token of each tile of the vocabulary, into To.Best for
// [Kernels.Advance]: greedily, or a draw at the temperature, of all logits.
type Output struct {
	W  *Matrix // vocabulary × dim weights
	X  Normed
	To *SampleBuffers

	First, Count int
	Pick         bool
}

// Output records o.
func (s *Kernels) Output(c *vk.Commands, label string, o Output) {
	n := int64(o.Count) * int64(o.W.Rows)
	epilogue := Work{Written: 4 * n}
	if o.Pick {
		epilogue.Written += 8 * int64(o.Count*tiles(o.W.Rows))
		epilogue.FLOPs = n // comparisons
	}
	b := o.To
	s.product(c, label, product{
		kernel: outputKernel, w: o.W, x: o.X.Weighted, first: o.First, tokens: o.Count, epilogue: epilogue,
		with: func(p productPush, w, x vk.Range) arguments {
			return outputBindings{
				Weights: w, X: x, Squares: o.X.Squares, Rows: b.Rows, Params: b.Params, Logits: b.Logits, Best: b.Best,
			}.with(outputPush{productPush: p, Vocab: uint32(b.Vocab), Eps: o.X.Eps, Pick: constant(o.Pick)})
		},
	})
}
