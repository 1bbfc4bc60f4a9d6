package shaders

import "sealvk/vk"

var pickKernel = register(pickModule, Kernel{
	Sizes: logitSizes, Typical: typicalLogits, Knobs: []Knob{lanesKnob},
	constants: func(s *Kernels) []uint32 {
		return pickConstants{Lanes: uint32(s.tuning.Lanes), Quads: pickQuads}.words()
	},
})

// pickQuads is the runs of 4 tokens that a lane of pick.comp looks at.
const pickQuads = 4

// PickChunk is the tokens of the vocabulary among which a workgroup of [Kernels.Pick] chooses.
func PickChunk(t *Tuning) int { return 4 * pickQuads * t.Lanes }

func (s *Kernels) pickChunks(vocab int) int { return ceilDiv(vocab, PickChunk(&s.tuning)) }

// Pick records the choice of a token in each chunk of the vocabulary, of the logits that
// reach the threshold, for those of count rows whose choice is [ByMass]: the greatest, or a draw
// by temperature and seed.
func (s *Kernels) Pick(c *vk.Commands, label string, b *SampleBuffers, count int) {
	chunks, n := s.pickChunks(b.Vocab), int64(count)
	work := tileWork(b.Vocab, count)
	work.Read += n * (4 + 4*int64(b.Vocab))
	work.Written = 8 * n * int64(chunks)
	work.FLOPs = n * int64(b.Vocab) // comparisons
	s.dispatch(c, label, call{
		pipeline: s.only(pickKernel), shape: []int{b.Vocab, count}, grid: [3]int{chunks, 1, count}, work: work,
		arguments: pickBindings{Rows: b.Rows, Params: b.Params, Thresholds: b.Thresholds, Logits: b.Logits, Best: b.Best, Picked: b.Picked}.with(pickPush{Vocab: uint32(b.Vocab)}),
	})
}
