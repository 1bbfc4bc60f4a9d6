package cases

import (
	"sealvk/shaders"
	"sealvk/shaders/guarded"
	"sealvk/shaders/reference"
	"sealvk/vk"
)

var _ = register("threshold", kernel{
	plan: func(b *Bench) {
		vocab, tokens := b.Size("vocab"), b.Size("tokens")
		seqs := b.sequences()
		logits := input(b, "logits", b.normal(choose(b, 1.0, 2)*spread), tokens, vocab)
		thresholds := b.output("thresholds", tokens)
		b.Outputs = int64(tokens)
		b.record = func(s *shaders.Set, c *vk.Commands, label string) {
			s.Threshold(c, label, &shaders.SampleBuffers{
				Rows: seqs.rows.Range, Params: seqs.params.Range, Logits: logits.Range, Thresholds: thresholds.Range, Vocab: vocab,
			}, tokens)
		}
		b.check = func(k *checker) {
			const cost = 64 // of sorting, for each logit
			for _, t := range b.sample(tokens, cost*int64(vocab)) {
				row, got := logits.values[t*vocab:][:vocab], guarded.Floats(k.see(thresholds, t, 1))[0]
				want, slack := reference.Threshold(row, seqs.filters(t))
				k.checked++
				if i := reference.WrongSide(row, got, want, slack); i >= 0 {
					k.wrong("thresholds[%d] = %v, the reference has %v: they differ about logit %d, which is %v", t, got, want, i, row[i])
				}
			}
		}
	},
	// The rows' 16 bytes, the parameters' 32.
	byHand: []example{{[]int{1000, 3}, "", 8, [3]int{3, 1, 1}, shaders.Work{Read: 3 * 48}}},
})
