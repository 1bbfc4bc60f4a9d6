package cases

import (
	"sealvk/shaders"
	"sealvk/shaders/reference"
	"sealvk/vk"
)

var _ = register("pick", kernel{
	plan: func(b *Bench) {
		vocab, tokens, each := b.Size("vocab"), b.Size("tokens"), shaders.PickChunk(&b.Variant.Tuning)
		seqs := b.sequences()
		var threshold float32 // of every row
		logits := input(b, "logits", func(v []float32) {
			first := v[:vocab]
			b.normal(spread)(first)
			for t := 1; t < tokens; t++ { // the same numbers in another order
				turn := t * 7919 % vocab
				copy(v[t*vocab:], first[turn:])
				copy(v[(t+1)*vocab-turn:], first[:turn])
			}
			least, _ := reference.Threshold(first, seqs.filters(0))
			threshold = float32(least)
		}, tokens, vocab)
		thresholds := input(b, "thresholds", func(v []float32) {
			for i := range v {
				v[i] = threshold
			}
		}, tokens)
		chunks := ceilDiv(vocab, each)
		best := b.output("best", tokens, chunks, 2)
		b.Outputs = product(tokens, chunks)
		b.record = func(s *shaders.Set, c *vk.Commands, label string) {
			s.Pick(c, label, &shaders.SampleBuffers{
				Rows: seqs.rows.Range, Params: seqs.params.Range, Thresholds: thresholds.Range, Logits: logits.Range, Best: best.Range, Vocab: vocab,
			}, tokens)
		}
		b.check = func(k *checker) {
			for _, t := range b.sample(tokens, 8*int64(vocab)) {
				keys := seqs.keys(t, logits.values[t*vocab:][:vocab], threshold)
				for i := range chunks {
					k.expectPick(best, keys[i*each:min(vocab, (i+1)*each)], i*each, t, i)
				}
			}
		}
	},
	// 1000 logits in 4 lanes × 4 runs × 4.
	byHand: []example{{[]int{1000, 3}, "", 4, [3]int{16, 1, 3}, shaders.Work{Read: 3 * (48 + 4*1000), Written: 3 * 8 * 16, FLOPs: 3 * 1000}}},
})
