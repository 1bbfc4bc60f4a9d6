package cases

import (
	"sealvk/shaders"
	"sealvk/vk"
)

var _ = register("matmul_add", kernel{
	plan: func(b *Bench) {
		rows, cols, tokens := b.Size("rows"), b.Size("cols"), b.Size("tokens")
		m, checked, groups := b.groups(rows, cols, shaders.TileRows)
		in := b.operand(0, cols)
		x := changed(b, "x", b.perToken(rows, 1), tokens, rows)
		to := b.residual(&x.buffer, rows)
		scratch := b.splitScratch(rows, cols)
		b.Outputs = 2*product(tokens, rows) + product(tokens, tiles(rows))
		b.record = func(s *shaders.Kernels, c *vk.Commands, label string) {
			s.MatMulAdd(c, label, shaders.MatMulAdd{W: &m.Matrix, X: in.activations(), Norm: to.norm.Bound(), To: to.residual(), Scratch: scratch(), Tokens: tokens})
		}
		b.check = func(k *checker) {
			for _, t := range *checked {
				for _, g := range *groups {
					first, last := g*shaders.TileRows, min((g+1)*shaders.TileRows, rows)
					want := in.times(m.group(first, last), t).Plus(x.values[x.offset(t, first):][:last-first])
					k.expectResidual(to, want, t, g)
				}
			}
			k.expectIntegers(to.weighted)
		}
	},
	// Read and written: the residual; read: the norm; written: weighted, and squares of 3 tiles.
	byHand: []example{{[]int{70, 512, 5}, "2 tokens", 8, [3]int{3, 1, 3}, shaders.Work{
		Read: 96*288 + 5*4*512 + 5*4*70 + 4*70, Written: 5 * 4 * (70 + 70 + 3), FLOPs: 5 * (2*70*512 + 4*70),
	}}},
})

// splitScratch is what workgroups leave each other, if several share the columns.
func (b *Bench) splitScratch(rows, cols int) func() shaders.SplitScratch {
	partial, done := b.Variant.Product.SplitBytes(rows, cols)
	if partial == 0 {
		return func() shaders.SplitScratch { return shaders.SplitScratch{} }
	}
	sums, counts := b.scratch("partial", int(partial/4)), input(b, "done", func([]uint32) {}, int(done/4)) // 0 before and after
	return func() shaders.SplitScratch {
		return shaders.SplitScratch{Partial: sums.Bound(), Done: counts.Bound()}
	}
}
