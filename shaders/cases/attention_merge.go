package cases

import (
	"sealvk/shaders"
	"sealvk/shaders/reference"
	"sealvk/vk"
)

var _ = register("attention_merge", kernel{
	plan: func(b *Bench) {
		h, tokens, sp := b.heads(), b.Size("tokens"), b.splits()
		rows := b.positions()
		stride := 4 + h.HeadDim
		partial := input(b, "partial", func(v []float32) {
			for ; len(v) > 0; v = v[stride:] {
				b.normal(1)(v[:stride])
				v[1] = 1 + v[1]*v[1] // Σ exp(score - maximum)
			}
		}, tokens, h.Heads, sp.Max, stride)
		y := b.output("y", tokens, h.Heads, h.HeadDim)
		b.Outputs = product(tokens, h.Heads, h.HeadDim)
		b.record = func(s *shaders.Set, c *vk.Commands, label string) {
			s.AttentionMerge(c, label, shaders.Attention{
				Rows: rows.Range, Scratch: shaders.AttentionScratch{Partial: partial.Range}, Y: y.Range, Heads: h, Splits: sp, Count: tokens,
			})
		}
		b.check = func(k *checker) {
			for _, i := range b.sample(tokens*h.Heads, product(sp.Max, stride)) {
				t, head := i/h.Heads, i%h.Heads
				splits := int(rows.values[t].Position)/sp.Positions + 1
				want := reference.AttentionMerge(partial.values[partial.offset(t, head):][:splits*stride], h.HeadDim)
				k.expect(y, want, t, head)
			}
		}
	},
	check: checkHeads, splits: true, ragged: [][]int{{3, 96}, {1, 32}, {8, 256}},
	// 70 positions in splits of 32.
	byHand: []example{{[]int{6, 32, 70}, "", 4, [3]int{6, 1, 70}, shaders.Work{
		Read: 70 * 6 * 3 * 4 * 36, Written: 70 * 4 * 192, FLOPs: 2*(70*6*3*36) + 70*192,
	}}},
})
