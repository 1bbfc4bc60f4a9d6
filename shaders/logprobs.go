package shaders

import "sealvk/vk"

var logprobsKernel = register(logprobsModule, Kernel{
	Sizes: logitSizes, Typical: typicalLogits, Knobs: []Knob{sampleKnob},
})

// Logprobs records the log-probabilities of count rows' tokens, and the likeliest ones, of what
// [Kernels.Likeliest] left. A row's bits don't depend on the others.
func (s *Kernels) Logprobs(c *vk.Commands, label string, b *LogprobBuffers, count int) {
	n, shares := int64(count), int64(ceilDiv(b.Vocab, LogprobShare))
	s.dispatch(c, label, call{
		pipeline: s.only(logprobsKernel), shape: []int{b.Vocab, count}, grid: [3]int{count, 1, 1},
		arguments: logprobsBindings{Rows: b.Rows, Logits: b.Logits, Shares: b.Shares, Found: b.Found}.with(logprobsPush{Vocab: uint32(b.Vocab), Slots: uint32(b.Slots)}),
		work:      Work{Read: ShareBytes(b.Vocab, count) + 20*n, Written: n * logprobsBytes, FLOPs: 4 * n * shares}, // a difference, its exp, a multiply-add
	})
}
