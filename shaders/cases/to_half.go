package cases

import (
	"sealvk/shaders"
	"sealvk/shaders/reference"
	"sealvk/vk"
)

var _ = register("to_half", kernel{
	plan: func(b *Bench) {
		cols, tokens, first, octets := b.Size("cols"), b.Size("tokens"), b.odd(3), choose(b, false, true)
		padded := 8 * ceilDiv(cols, 8)
		x := input(b, "x", b.normal(choose(b, 1, 1e-4, 1e4)), first+tokens, cols)
		half := b.output("half", halfWords(tokens, cols, octets))
		b.Outputs = product(tokens, padded)
		b.record = func(s *shaders.Kernels, c *vk.Commands, label string) {
			from := shaders.Operand{X: x.Bound(), First: first, Tokens: tokens, Cols: cols}
			s.ToHalf(c, label, from, shaders.Operand{X: half.Bound(), Tokens: tokens, Cols: cols, Half: true, Octets: octets})
		}
		b.check = func(k *checker) {
			for _, t := range b.sample(tokens, int64(cols)) {
				row := make([]float32, padded)
				copy(row, x.values[(first+t)*cols:][:cols])
				k.halved(half, reference.Exactly(row).Halved(), t, tokens, octets)
			}
		}
	},
	// 7 units of 8 halves, and the factor.
	byHand: []example{{[]int{50, 3}, "", 8, [3]int{3, 1, 1}, shaders.Work{Read: 3 * 4 * 50, Written: 3 * (7*16 + 4), FLOPs: 3 * 50}}},
})

// halfWords is the size of tokens in f16, of octets whole groups.
func halfWords(tokens, cols int, octets bool) int {
	if octets {
		tokens = 8 * ceilDiv(tokens, 8)
	}
	return int(product(tokens, int(shaders.HalfBytes(1, cols)/4)))
}
