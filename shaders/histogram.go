package shaders

import "sealvk/vk"

var histogramKernel = register(histogramModule, Kernel{
	Sizes: logitSizes, Typical: typicalLogits, Knobs: []Knob{wideKnob},
})

// Histogram records the counts, for top-k, and the probability mass, for top-p, of logits by
// their distance from the greatest, of those of count rows whose choice is [ByMass].
func (s *Kernels) Histogram(c *vk.Commands, label string, b *SampleBuffers, count int) {
	n, vocab := int64(count), int64(b.Vocab)
	work := parameterWork(count)
	work.Read += n * (4 + 4*vocab)
	work.Written = BinBytes(count)
	work.FLOPs = 3 * n * vocab // a difference, its exp, their product
	s.dispatch(c, label, call{
		pipeline: s.only(histogramKernel), shape: []int{b.Vocab, count}, grid: [3]int{ceilDiv(b.Vocab, HistogramShare), 1, count}, work: work,
		arguments: histogramBindings{Rows: b.Rows, Params: b.Params, Logits: b.Logits, Thresholds: b.Thresholds, Bins: b.Bins}.with(histogramPush{Vocab: uint32(b.Vocab)}),
	})
}
