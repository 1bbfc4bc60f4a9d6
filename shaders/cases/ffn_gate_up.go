package cases

import (
	"fmt"

	"sealvk/shaders"
	"sealvk/vk"
)

var _ = register("ffn_gate_up", kernel{
	plan: func(b *Bench) {
		const pairs = shaders.TileRows / 2
		rows, cols, tokens := b.Size("rows"), b.Size("cols"), b.Size("tokens")
		ffnDim := rows/2 - b.odd(pairs)
		m, checked, groups := b.groups(rows, cols, shaders.TileRows)
		x, y := b.normed(0, cols), b.activations("y", ffnDim)
		b.Outputs = product(tokens, ffnDim)
		b.record = func(s *shaders.Kernels, c *vk.Commands, label string) {
			s.GateUp(c, label, shaders.GateUp{W: &m.Matrix, X: x.normed(), Y: y.activations(), FFNDim: ffnDim, Tokens: tokens})
		}
		b.check = func(k *checker) {
			for _, t := range *checked {
				for _, g := range *groups {
					both, n := x.times(m.group(g*shaders.TileRows, (g+1)*shaders.TileRows), t), min(pairs, ffnDim-g*pairs)
					k.expect(y.floats, both.Part(0, n).GeGLU(both.Part(pairs, n)), t, g*pairs)
				}
			}
			k.expectIntegers(y)
		}
	},
	check: func(c *Case) error {
		if rows := c.Size("rows"); rows%shaders.TileRows != 0 {
			return fmt.Errorf("rows=%d: want a multiple of %d, half of them of gate and half of up", rows, shaders.TileRows)
		}
		return nil
	},
	ragged: [][]int{{32}, {64}, {96}, {192}},
	// 48 values of gate and up in tiles of 16 each.
	byHand: []example{{[]int{96, 512, 1}, "1 token", 8, [3]int{2, 1, 1}, shaders.Work{Read: 96*288 + 4*512, Written: 4 * 48, FLOPs: 2*96*512 + 9*48}}},
})
