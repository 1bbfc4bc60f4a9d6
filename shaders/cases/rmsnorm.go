package cases

import (
	"sealvk/shaders"
	"sealvk/shaders/reference"
	"sealvk/vk"
)

var _ = register("rmsnorm", kernel{
	plan:   func(b *Bench) { b.norm(false) },
	byHand: []example{{[]int{50, 3}, "", 8, [3]int{3, 1, 1}, shaders.Work{Read: 4 * (150 + 50), Written: 4 * 150, FLOPs: 4 * 150}}},
})

var _ = register("rmsnorm_half", kernel{
	plan: func(b *Bench) { b.norm(true) },
	// 7 units of 8 halves, and the factor.
	byHand: []example{{[]int{50, 3}, "", 8, [3]int{3, 1, 1}, shaders.Work{Read: 4 * (150 + 50), Written: 3 * (7*16 + 4), FLOPs: 5 * 150}}},
})

// norm is the RMSNorm in f32, or in f16.
func (b *Bench) norm(half bool) {
	dim, tokens, first := b.Size("dim"), b.Size("tokens"), b.odd(3)
	octets := half && choose(b, false, true)
	x, weight := input(b, "x", b.normal(choose(b, 1, 0, 1e-4, 1e4)), first+tokens, dim), input(b, "weight", b.normal(1), dim)
	dims := []int{tokens, dim}
	if half {
		dims = []int{halfWords(tokens, dim, octets)}
	}
	y := b.output("y", dims...)
	b.Outputs = product(tokens, dim)
	b.record = func(s *shaders.Kernels, c *vk.Commands, label string) {
		n := shaders.RMSNorm{X: x.Bound(), Weight: weight.Bound(), Y: y.Bound(), First: first, Count: tokens, Dim: dim, Eps: eps, Octets: octets}
		if half {
			s.RMSNormHalf(c, label, n)
		} else {
			s.RMSNorm(c, label, n)
		}
	}
	b.check = func(k *checker) {
		for _, t := range b.sample(tokens, int64(dim)) {
			want := reference.RMSNorm(x.values[(first+t)*dim:][:dim], weight.values, dim, eps)
			if half {
				k.halved(y, want.Halved(), t, tokens, octets)
			} else {
				k.expect(y, want, t)
			}
		}
	}
}

var _ = register("to_half", kernel{
	plan: func(b *Bench) {
		cols, tokens, first, octets := b.Size("cols"), b.Size("tokens"), b.odd(3), choose(b, false, true)
		padded := 8 * ceilDiv(cols, 8)
		x := input(b, "x", b.normal(choose(b, 1, 1e-4, 1e4)), first+tokens, cols)
		half := b.output("half", halfWords(tokens, cols, octets))
		b.Outputs = product(tokens, padded)
		b.record = func(s *shaders.Kernels, c *vk.Commands, label string) {
			s.ToHalf(c, label, shaders.Operand{X: x.Bound(), First: first, Tokens: tokens, Cols: cols, Octets: octets}, half.Bound())
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
