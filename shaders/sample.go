package shaders

import "sealvk/vk"

var sampleKernel = register(sampleModule, Kernel{
	Sizes: logitSizes, Typical: typicalLogits, Knobs: []Knob{sampleKnob},
})

// Sample records the choice of a token for each of count rows, and the end of the step as
// [Kernels.Advance] does. Penalties, biases, mask and filters of rows whose choice is [ByRank] are
// its own; of rows [ByMass] it takes the best of [Kernels.Pick].
func (s *Kernels) Sample(c *vk.Commands, label string, b *SampleBuffers, h Heads, sp Splits, count int) {
	n, work := int64(count), tileWork(b.Vocab, count)
	work.Read += 4
	work.Written = 20*n + 12
	work.FLOPs = n * int64(tiles(b.Vocab)) // comparisons
	s.dispatch(c, label, call{
		pipeline: s.only(sampleKernel), shape: []int{b.Vocab, count}, grid: [3]int{count, 1, 1}, work: work,
		arguments: sampleBindings{
			Rows: b.Rows, Params: b.Params, History: b.History, Biases: b.Biases, Mask: b.Mask, Counts: b.Counts,
			Logits: b.Logits, Best: b.Best, Picked: b.Picked, Ring: b.Ring, Grid: b.Grid,
		}.with(samplePush{
			Vocab: uint32(b.Vocab), Context: uint32(b.Context), Rows: uint32(count), Chunks: uint32(s.pickChunks(b.Vocab)),
			Slots: uint32(b.Slots), Heads: uint32(h.Heads), Split: uint32(sp.Positions), MaxSplits: uint32(sp.Max),
		}),
	})
}
