package cases

import (
	"sealvk/shaders"
	"sealvk/shaders/reference"
	"sealvk/vk"
)

var _ = register("geglu", kernel{
	plan: func(b *Bench) {
		const pairs = shaders.TileRows / 2
		dim, tokens, paired := b.Size("ffn_dim"), b.Size("tokens"), choose(b, false, true)
		width := 2 * dim
		if paired {
			width = shaders.TileRows * ceilDiv(dim, pairs)
		}
		stride := width + b.odd(6)
		both := input(b, "gate_up", b.normal(choose(b, 1, 1e-3, 30, 1e4)), tokens, stride)
		y := b.output("y", tokens, dim)
		b.Outputs = product(tokens, dim)
		b.record = func(s *shaders.Kernels, c *vk.Commands, label string) {
			s.GeGLU(c, label, shaders.GeGLU{GateUp: both.Bound(), Y: y.Bound(), FFNDim: dim, Stride: stride, Paired: paired, Count: tokens})
		}
		b.check = func(k *checker) {
			const cost = 8 // of a tanh
			for _, at := range b.sample(dim*tokens, cost) {
				t, d := at/dim, at%dim
				gate, up := d, dim+d
				if paired {
					gate = d/pairs*shaders.TileRows + d%pairs
					up = gate + pairs
				}
				row := both.values[t*stride:]
				k.expect(y, reference.GeGLU(row[gate:][:1], row[up:][:1]), t, d)
			}
		}
	},
	byHand: []example{{[]int{50, 3}, "", 4, [3]int{13, 1, 3}, shaders.Work{Read: 3 * 2 * 4 * 50, Written: 3 * 4 * 50, FLOPs: 3 * 9 * 50}}},
})
