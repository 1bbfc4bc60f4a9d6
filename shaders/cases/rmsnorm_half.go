package cases

import (
	"sealvk/shaders"
	"sealvk/vk"
)

var _ = register("rmsnorm_half", kernel{
	plan: func(b *Bench) {
		n, want := b.norm()
		half := b.output("half", halfWords(n.Count, n.Dim))
		b.record = func(s *shaders.Set, c *vk.Commands, label string) { s.RMSNormHalf(c, label, n.to(half)) }
		b.check = func(k *checker) {
			for _, t := range b.sample(n.Count, int64(n.Dim)) {
				k.halved(half, want(t).Halved(), t, n.Count)
			}
		}
	},
	// 7 units of 8 halves, and the factor.
	byHand: []example{{[]int{50, 3}, "", 8, [3]int{3, 1, 1}, shaders.Work{Read: 4 * (150 + 50), Written: 3 * (7*16 + 4), FLOPs: 5 * 150}}},
})
