package cases

import (
	"sealvk/shaders"
	"sealvk/shaders/reference"
	"sealvk/vk"
)

var _ = register("sum_norm", kernel{
	plan: func(b *Bench) {
		const halves, floats, folded = 0, 1, 2
		dim, tokens, splits, first := b.Size("dim"), b.Size("tokens"), b.Size("splits")-b.odd(2), b.odd(3)
		form, octets, size := choose(b, halves, floats, folded), choose(b, false, true), choose(b, 1, 0, 1e-4, 1e4)
		x, weight := changed(b, "x", b.normal(size), first+tokens, dim), input(b, "weight", b.normal(1), dim)
		partial := input(b, "partial", b.normal(size), max(1, splits), tokens, dim)
		dims := []int{tokens, dim}
		if form == halves {
			dims = []int{halfWords(tokens, dim, octets)}
		}
		y := b.output("y", dims...)
		squares := y
		if form == folded {
			squares = b.output("squares", tokens, tiles(dim))
		}
		next := shaders.Operand{Tokens: tokens, Cols: 48, Half: true, Octets: octets, Block: 16}
		most := b.output("next", int(next.Bytes()/4))
		b.Outputs = product(tokens, dim) + int64(tokens)
		if splits > 0 {
			b.Outputs += product(tokens, dim)
		}
		b.record = func(s *shaders.Kernels, c *vk.Commands, label string) {
			next.X = most.Bound()
			n := shaders.SumNorm{
				X: x.Bound(), Partial: partial.Bound(), Weight: weight.Bound(), First: first, Count: tokens, Dim: dim, Splits: splits, Eps: eps, Next: &next,
			}
			if form == folded {
				s.SumFold(c, label, n, shaders.Residual{X: x.Bound(), Weighted: shaders.Activations{F32: y.Bound()}, Squares: squares.Bound()})
			} else {
				s.SumNorm(c, label, n, shaders.Operand{X: y.Bound(), Tokens: tokens, Cols: dim, Half: form == halves, Octets: octets})
			}
		}
		b.check = func(k *checker) {
			for _, t := range b.sample(tokens, int64(dim*(1+splits))) {
				k.equal(most, 0, factorAt(t, tokens, next.Cols/2, octets))
				row := reference.Exactly(x.values[(first+t)*dim:][:dim])
				if splits > 0 {
					row = reference.Exactly(make([]float32, dim))
					for s := range splits {
						row = row.Plus(partial.values[partial.offset(s, t):][:dim])
					}
					row = row.Plus(x.values[(first+t)*dim:][:dim])
					k.expect(&x.buffer, row, first+t, 0)
				}
				switch form {
				case halves:
					k.halved(y, row.RMSNorm(weight.values, eps).Halved(), t, tokens, octets)
				case floats:
					k.expect(y, row.RMSNorm(weight.values, eps), t)
				default:
					k.expect(y, row.Times(weight.values), t)
					k.expect(squares, row.Squares(shaders.TileRows), t)
				}
			}
		}
	},
	ragged: [][]int{{9001, 2}, {0, 0}, {0, 0}, {0, 0}, {9008, 1}}, // more than shared memory keeps
	// 7 units of 8 halves, and the factor; and 3 values that become 0.
	byHand: []example{{[]int{50, 3, 2}, "f16, 2 splits of 50 columns", 8, [3]int{3, 1, 1}, shaders.Work{
		Read: 4 * (3*150 + 50), Written: 3*(7*16+4) + 4*150 + 4*3, FLOPs: 6 * 150,
	}}},
})
