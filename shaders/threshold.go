package shaders

import "sealvk/vk"

var thresholdKernel = register(thresholdModule, Kernel{
	Sizes: logitSizes, Typical: typicalLogits, Knobs: []Knob{sampleKnob},
})

// Threshold records the smallest logit that top-k, top-p and min-p keep.
func (s *Kernels) Threshold(c *vk.Commands, label string, b *SampleBuffers, count int) {
	s.dispatch(c, label, call{
		pipeline: s.only(thresholdKernel), shape: []int{b.Vocab, count}, grid: [3]int{count, 1, 1}, work: parameterWork(count),
		arguments: thresholdBindings{Rows: b.Rows, Params: b.Params, Logits: b.Logits, Thresholds: b.Thresholds}.with(thresholdPush{Vocab: uint32(b.Vocab)}),
	})
}
