package cases

import (
	"math"

	"sealvk/shaders"
	"sealvk/shaders/guarded"
	"sealvk/shaders/reference"
	"sealvk/vk"
)

var _ = register("output", kernel{
	plan: func(b *Bench) {
		vocab, cols, tokens, picks := b.Size("rows"), b.Size("cols"), b.Size("tokens"), choose(b, true, true, false)
		m, checked, groups := b.groups(vocab, cols, shaders.TileRows)
		x := b.normed(b.odd(3), cols)
		seqs := b.sequences(shaders.Sampling{Temperature: 0.8, TopP: 1, RepeatPenalty: 1}, false)
		logits, best := b.output("logits", tokens, vocab), b.output("best", tokens, tiles(vocab), 2)
		b.Outputs = product(tokens, vocab) + product(tokens, tiles(vocab))
		b.record = func(s *shaders.Kernels, c *vk.Commands, label string) {
			to := &shaders.SampleBuffers{Rows: seqs.rows.Bound(), Params: seqs.params.Bound(), Logits: logits.Bound(), Best: best.Bound(), Vocab: vocab}
			s.Output(c, label, shaders.Output{W: &m.Matrix, X: x.normed(), To: to, First: x.first, Count: tokens, Pick: picks})
		}
		b.check = func(k *checker) {
			for _, t := range *checked {
				row := guarded.Floats(k.words(logits)[t*vocab:][:vocab])
				keys := seqs.keys(t, row, float32(math.Inf(-1)))
				if seqs.of(t).Choice() != shaders.ByTiles { // the logits themselves
					keys = reference.PickKeys(row, float32(math.Inf(-1)), 0, 0, [2]uint32{})
				}
				for _, g := range *groups {
					first, last := g*shaders.TileRows, min((g+1)*shaders.TileRows, vocab)
					k.expect(logits, x.times(m.group(first, last), t), t, first)
					if picks {
						k.expectPick(best, keys[first:last], first, t, g)
					}
				}
			}
		}
	},
	// A key and an id of each workgroup's rows.
	byHand: []example{{[]int{70, 512, 5}, "2 tokens", 8, [3]int{3, 1, 3}, shaders.Work{
		Read: 96*288 + 5*4*512, Written: 5 * (4*70 + 3*8), FLOPs: 5 * (2*70*512 + 70),
	}}},
})
