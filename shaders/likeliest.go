package shaders

import "sealvk/vk"

var likeliestKernel = register(likeliestModule, Kernel{
	Sizes: logitSizes, Typical: typicalLogits, Knobs: []Knob{lanesKnob},
})

// LogprobBuffers is what log-probabilities are made of, for count rows.
type LogprobBuffers struct {
	Rows   vk.Range // [count]Row: Token is what is asked about, Step-1 selects the slot; nothing is done for idle rows
	Logits vk.Range // [count][Vocab] f32
	Shares vk.Range // [count][share of the vocabulary], ShareBytes in all
	Found  vk.Range // [count][Slots]Logprobs

	Vocab int
	Slots int
}

// Logprobs is the log-probability of a token and those of the likeliest, natural logarithms.
type Logprobs struct {
	ID        uint32
	Value     float32
	Greedy    uint32  // 1: no token is likelier
	Greatest  float32 // logit; below every finite one, and so are all values, where none is a number
	Likeliest [MaxLikeliest]Likely
}

// Likely is one of the likeliest tokens; those behind the last have the id NoToken.
type Likely struct {
	Value float32
	ID    uint32
}

// ShareBytes is the size of LogprobBuffers.Shares.
func ShareBytes(vocab, count int) int64 {
	return int64(count) * int64(ceilDiv(vocab, LogprobShare)) * shareBytes
}

// Of a share, and of a row's Logprobs.
const shareBytes, logprobsBytes = 8 + 8*MaxLikeliest, 16 + 8*MaxLikeliest

// Likeliest records, of each share of the vocabulary, what [Kernels.Logprobs] needs of count rows'
// logits.
func (s *Kernels) Likeliest(c *vk.Commands, label string, b *LogprobBuffers, count int) {
	n, vocab := int64(count), int64(b.Vocab)
	s.dispatch(c, label, call{
		pipeline: s.only(likeliestKernel), shape: []int{b.Vocab, count}, grid: [3]int{ceilDiv(b.Vocab, LogprobShare), 1, count},
		arguments: likeliestBindings{Rows: b.Rows, Logits: b.Logits, Shares: b.Shares}.with(likeliestPush{Vocab: uint32(b.Vocab)}),
		work:      Work{Read: n * (16 + 4*vocab), Written: ShareBytes(b.Vocab, count), FLOPs: 3 * n * vocab}, // a difference, its exp, their sum
	})
}
