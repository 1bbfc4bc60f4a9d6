package cases

import (
	"sealvk/shaders"
	"sealvk/shaders/reference"
	"sealvk/vk"
)

var _ = register("rope", kernel{
	plan: func(b *Bench) {
		h, tokens, splits := b.heads(), b.Size("tokens"), choose(b, 1, 3)
		heads := h.Heads + 2*h.KVHeads
		rows, angles := b.positions(), b.angles(h)
		scale := choose(b, 1, 1, 1e5) // beyond f16, whose cache saturates
		q, qkv, to := b.output("q", tokens, h.Heads, h.HeadDim), input(b, "qkv", b.perToken(h.Rows(), scale), splits, tokens, heads, h.HeadDim), b.writtenCache(h)
		b.Outputs = product(tokens, heads, h.HeadDim)
		b.record = func(s *shaders.Kernels, c *vk.Commands, label string) {
			s.RoPE(c, label, shaders.RoPE{Rows: rows.Bound(), Angles: angles.Bound(), QKV: qkv.Bound(), Q: q.Bound(), Cache: to.cache(), Heads: h, Count: tokens, Splits: splits})
		}
		b.check = func(k *checker) {
			const cost = 64 // of sine, cosine and power
			for _, t := range b.sample(tokens, cost*int64(h.Rows())) {
				for head := range heads {
					sum := reference.Exactly(qkv.values[qkv.offset(0, t, head):][:h.HeadDim])
					for s := 1; s < splits; s++ {
						sum = sum.Plus(qkv.values[qkv.offset(s, t, head):][:h.HeadDim])
					}
					k.expectQKV(q, to, sum, t, head, rows.values[t])
				}
			}
		}
	},
	check: checkHeads, ragged: raggedHeads,
	// 20 eights of pairs, and 4 rows in each workgroup.
	byHand: []example{{[]int{6, 2, 32, 3}, "f16 cache", 4, [3]int{20, 1, 1}, shaders.Work{Read: 3 * 4 * (320 + 32), Written: 3 * (4*192 + 2*2*64), FLOPs: 3 * 3 * 256}}},
})
