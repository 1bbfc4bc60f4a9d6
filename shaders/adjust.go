package shaders

import "sealvk/vk"

var adjustKernel = register(adjustModule, Kernel{
	Sizes: logitSizes, Typical: typicalLogits, Knobs: []Knob{sampleKnob},
})

// Adjust records mask, biases and penalties of those of count rows whose choice is [ByMass], and
// what [Kernels.Histogram] begins with.
func (s *Kernels) Adjust(c *vk.Commands, label string, b *SampleBuffers, count int) {
	work := tileWork(b.Vocab, count)
	work.Written = BinBytes(count) + 4*int64(count)
	work.FLOPs = int64(count) * int64(tiles(b.Vocab)) // comparisons
	s.dispatch(c, label, call{
		pipeline: s.only(adjustKernel), shape: []int{b.Vocab, count}, grid: [3]int{count, 1, 1}, work: work,
		arguments: adjustBindings{
			Rows: b.Rows, Params: b.Params, History: b.History, Biases: b.Biases, Mask: b.Mask, Counts: b.Counts,
			Logits: b.Logits, Best: b.Best, Thresholds: b.Thresholds, Bins: b.Bins,
		}.with(adjustPush{Vocab: uint32(b.Vocab), Context: uint32(b.Context)}),
	})
}
