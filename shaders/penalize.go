package shaders

import "sealvk/vk"

var penalizeKernel = register(penalizeModule, Kernel{
	Sizes: logitSizes, Typical: typicalLogits, Knobs: []Knob{lanesKnob},
})

// Penalize records the repeat penalty on the logits of count rows.
func (s *Kernels) Penalize(c *vk.Commands, label string, b *SampleBuffers, count int) {
	s.dispatch(c, label, call{
		pipeline: s.only(penalizeKernel), shape: []int{b.Vocab, count}, grid: [3]int{count, 1, 1}, work: parameterWork(count),
		arguments: penalizeBindings{Rows: b.Rows, Params: b.Params, History: b.History, Logits: b.Logits}.with(penalizePush{Vocab: uint32(b.Vocab), Context: uint32(b.Context)}),
	})
}
