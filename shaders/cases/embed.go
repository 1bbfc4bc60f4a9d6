package cases

import (
	"math"
	"slices"

	"sealvk/shaders"
	"sealvk/shaders/reference"
	"sealvk/vk"
	"sealvk/weights/format"
)

var _ = register("embed", kernel{
	plan: func(b *Bench) {
		vocab, cols, tokens := b.Size("rows"), b.Size("cols"), b.Size("tokens")
		scale := float32(choose(b, math.Sqrt(float64(cols)), 1.5))
		seqs := b.sequenceCount()
		rows := input(b, "rows", func(v []shaders.Row) {
			for i := range v {
				v[i] = shaders.Row{Token: uint32(b.rng.IntN(vocab)), Position: uint32(i), Sequence: uint32(b.odd(seqs))}
			}
			v[0].Token, v[len(v)-1].Token = 0, uint32(vocab-1)
		}, tokens)
		var checked []int
		table := b.matrix(vocab, cols, func() (ids []int) {
			checked = b.sample(tokens, int64(cols))
			for _, t := range checked {
				ids = append(ids, int(rows.values[t].Token))
			}
			slices.Sort(ids)
			return slices.Compact(ids)
		})
		x, history := b.output("x", tokens, cols), b.output("history", seqs, tokens)
		to := b.residual(x, cols)
		b.Outputs = product(2, tokens, cols) + product(tokens, tiles(cols)) + int64(tokens)
		b.record = func(s *shaders.Kernels, c *vk.Commands, label string) {
			s.Embed(c, label, shaders.Embed{
				Table: &table.Matrix, Rows: rows.Bound(), Norm: to.norm.Bound(), To: to.residual(), History: history.Bound(), Count: tokens, Context: tokens, Scale: scale,
			})
		}
		b.check = func(k *checker) {
			for _, t := range checked {
				id := int(rows.values[t].Token)
				want := reference.Embed(table.group(id, id+1), scale)
				for g := range tiles(cols) {
					first := g * shaders.TileRows
					k.expectResidual(to, want.Part(first, min(shaders.TileRows, cols-first)), t, g)
				}
			}
			for _, r := range rows.values {
				k.equal(history, r.Token, int(r.Sequence), int(r.Position))
			}
			k.expectIntegers(to.weighted)
		}
	},
	types: format.Types(), quantizes: true,
	byHand: []example{{[]int{64, 512, 3}, "", 4, [3]int{1, 1, 3}, shaders.Work{
		Read: 3 * (16 + 288 + 4*512), Written: 3 * 4 * (1 + 2*512 + 16), FLOPs: 3 * 4 * 512,
	}}},
})
