package cases

import (
	"sealvk/shaders"
	"sealvk/shaders/reference"
	"sealvk/vk"
)

var _ = register("matmul_sum", kernel{
	plan: func(b *Bench) {
		count, splits, add := b.Size("count"), b.Size("splits"), choose(b, true, false)
		partial := input(b, "partial", b.normal(1), splits, count)
		y := changed(b, "y", b.normal(1), count)
		b.Outputs = int64(count)
		b.record = func(s *shaders.Set, c *vk.Commands, label string) {
			s.MatMulSum(c, label, partial.Range, y.Range, count, splits, add)
		}
		b.check = func(k *checker) {
			ones, parts := make([]float32, splits), make([]float32, splits)
			for _, at := range b.sample(count, int64(splits)) {
				for s := range splits {
					ones[s], parts[s] = 1, partial.values[s*count+at]
				}
				want := reference.MatMul(ones, parts, 1, splits, 1)
				if add {
					want = want.Plus(y.values[at:][:1])
				}
				k.expect(&y.buffer, want, at)
			}
		}
	},
	byHand: []example{{[]int{50, 3}, "", 4, [3]int{13, 1, 1}, shaders.Work{Read: 4 * (150 + 50), Written: 4 * 50, FLOPs: 100 + 50}}},
})
