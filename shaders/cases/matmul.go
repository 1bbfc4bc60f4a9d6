package cases

import (
	"sealvk/shaders"
	"sealvk/vk"
	"sealvk/weights/format"
)

var _ = register("matmul", kernel{
	plan: func(b *Bench) {
		rows, tokens, cols, row0 := b.Size("rows"), b.Size("tokens"), b.Size("cols"), b.odd(3)
		m, checked, each := b.groups(rows, cols, 1)
		x := b.normed(b.odd(3), cols)
		y := b.output("y", tokens, row0+rows+b.odd(3))
		isNormed := b.Odd != 0 && tokens <= shaders.DecodeRows // as models want it
		x.plain = !isNormed
		b.Outputs = product(tokens, rows)
		b.record = func(s *shaders.Kernels, c *vk.Commands, label string) {
			in := shaders.Normed{Weighted: x.activations()}
			if isNormed {
				in = x.normed()
			}
			s.MatMul(c, label, shaders.MatMul{W: &m.Matrix, X: in, Y: y.Bound(), Row0: row0, Stride: y.dims[1], First: x.first, Tokens: tokens})
		}
		times := x.operand.times
		if isNormed {
			times = x.times
		}
		b.check = func(k *checker) {
			for _, t := range *checked {
				for _, r := range *each {
					k.expect(y, times(m.group(r, r+1), t), t, row0+r)
				}
			}
		}
	},
	types: format.Types(),
	// 70 rows of 2 blocks of 144 bytes are 3 tiles; 512 columns. Workgroups of 64 rows, of 32 for
	// two tokens.
	byHand: []example{
		{[]int{70, 512, 1}, "1 token", 8, [3]int{2, 1, 1}, shaders.Work{Read: 96*288 + 4*512, Written: 4 * 70, FLOPs: 2 * 70 * 512}},
		{[]int{70, 512, 5}, "2 tokens", 8, [3]int{3, 1, 3}, shaders.Work{Read: 96*288 + 5*4*512, Written: 5 * 4 * 70, FLOPs: 5 * 2 * 70 * 512}},
	},
})
