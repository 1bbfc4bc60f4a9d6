package cases

import (
	"sealvk/shaders"
	"sealvk/shaders/reference"
	"sealvk/vk"
)

var _ = register("penalize", kernel{
	plan: func(b *Bench) {
		vocab, tokens := b.Size("vocab"), b.Size("tokens")
		seqs := b.sequences()
		history := input(b, "history", func(v []uint32) {
			for i := range v {
				v[i] = b.rng.Uint32N(uint32(vocab))
			}
		}, tokens, historySize)
		logits := changed(b, "logits", b.normal(spread), tokens, vocab)
		b.Outputs = product(tokens, vocab)
		b.record = func(s *shaders.Set, c *vk.Commands, label string) {
			s.Penalize(c, label, &shaders.SampleBuffers{
				Rows: seqs.rows.Range, Params: seqs.params.Range, History: history.Range, Logits: logits.Range, Vocab: vocab, Context: historySize,
			}, tokens)
		}
		b.check = func(k *checker) {
			for _, t := range b.sample(tokens, 8*int64(vocab)) {
				row, p := seqs.rows.values[t], seqs.of(t)
				end := history.offset(int(row.Sequence), int(row.Position)) + 1
				recent := history.values[end-min(int(p.RepeatLastN), int(row.Position)+1) : end]
				k.expect(&logits.buffer, reference.Penalize(logits.values[t*vocab:][:vocab], recent, p.RepeatPenalty), t)
			}
		}
	},
	// The rows' 16 bytes, the parameters' 32.
	byHand: []example{{[]int{1000, 3}, "", 4, [3]int{3, 1, 1}, shaders.Work{Read: 3 * 48}}},
})
