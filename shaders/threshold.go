package shaders

import "sealvk/vk"

var thresholdKernel = register(thresholdModule, Kernel{
	Sizes: logitSizes, Typical: typicalLogits, Knobs: []Knob{sampleKnob},
})

// Threshold records the search for the smallest logit that top-k, top-p and min-p keep, of those
// of count rows whose choice is [ByMass].
func (s *Kernels) Threshold(c *vk.Commands, label string, b *SampleBuffers, count int) {
	work := parameterWork(count)
	work.Read += BinBytes(count) + 4*int64(count)
	work.Written = 4 * int64(count)
	s.dispatch(c, label, call{
		pipeline: s.only(thresholdKernel), shape: []int{b.Vocab, count}, grid: [3]int{count, 1, 1}, work: work,
		arguments: thresholdBindings{Rows: b.Rows, Params: b.Params, Logits: b.Logits, Best: b.Best, Bins: b.Bins, Thresholds: b.Thresholds}.with(thresholdPush{Vocab: uint32(b.Vocab)}),
	})
}
