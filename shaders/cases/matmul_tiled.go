package cases

import (
	"bytes"
	"math"

	"sealvk/shaders"
	"sealvk/shaders/guarded"
	"sealvk/shaders/reference"
	"sealvk/vk"
	"sealvk/weights/format"
)

var _ = register("matmul_tiled", kernel{
	plan: func(b *Bench) {
		first := b.odd(3)
		x := input(b, "x", b.perToken(b.Size("cols"), 1), first+b.Size("tokens"), b.Size("cols"))
		b.manyTokens(&x.buffer, first, func(w []float32, t int) reference.Expected {
			cols := x.dims[1]
			return reference.MatMul(w, x.values[(first+t)*cols:], len(w)/cols, cols, 1)
		})
	},
	types: families, ragged: raggedTokens,
	// 3 tiles of 32 rows and 2 of 32 tokens; 2 of 64 rows and 1 of 16 tokens.
	byHand: []example{
		{[]int{70, 512, 40}, "tiles of 32×32", 64, [3]int{6, 1, 1}, shaders.Work{Read: 96*288 + 40*4*512, Written: 40 * 4 * 70, FLOPs: 40 * 2 * 70 * 512}},
		{[]int{70, 512, 5}, "tiles of 64×16", 64, [3]int{2, 1, 1}, shaders.Work{Read: 96*288 + 5*4*512, Written: 5 * 4 * 70, FLOPs: 5 * 2 * 70 * 512}},
	},
})

var _ = register("matmul_coopmat", kernel{
	plan: func(b *Bench) {
		tokens, cols := b.Size("tokens"), b.Size("cols")
		x := input(b, "x", func(v []uint32) {
			stride := len(v)/tokens - 1 // words of a token, without its factor
			for t := range tokens {
				for i := range ceilDiv(cols, 2) {
					v[t*stride+i] = b.rng.Uint32()&0x8fff8fff | 0x30003000 // of sizes from 1/8 to 2
				}
				if cols%2 != 0 {
					v[t*stride+cols/2] &= 0xffff
				}
				v[tokens*stride+t] = math.Float32bits(1)
			}
		}, halfWords(tokens, cols, false))
		b.manyTokens(&x.buffer, 0, func(w []float32, t int) reference.Expected {
			values, _ := halves(x.values, t, tokens, len(x.values)/tokens-1, false)
			return reference.MatMulHalf(w, values[:cols], len(w)/cols, cols, 1)
		})
	},
	types: format.Types(), ragged: raggedTokens,
})

// raggedTokens go through narrow tiles and wide ones.
var raggedTokens = [][]int{{0, 0, 9}, {0, 0, 33}, {0, 0, 1}, {0, 0, 40}}

// manyTokens is the product of many tokens, in f32 or, by cooperative matrices, of f16.
func (b *Bench) manyTokens(x *buffer, first int, want func(w []float32, t int) reference.Expected) {
	rows, cols, tokens := b.Size("rows"), b.Size("cols"), b.Size("tokens")
	half, add, row0 := b.Kernel == "matmul_coopmat", choose(b, false, true), b.odd(3)
	m, checked, each := b.groups(rows, cols, 1)
	stride := row0 + rows + b.odd(3)
	y := changed(b, "y", func(v []float32) {
		if b.normal(1)(v); !add {
			copy(guarded.Bytes(v), bytes.Repeat(guarded.Bytes([]uint32{guarded.Poison}), len(v)))
		}
	}, tokens, stride)
	b.Outputs = product(tokens, rows)
	b.record = func(s *shaders.Kernels, c *vk.Commands, label string) {
		operand := shaders.Operand{X: x.Bound(), First: first, Tokens: tokens, Cols: cols, Half: half}
		s.MatMulPrefill(c, label, shaders.MatMulPrefill{W: &m.Matrix, X: operand, Y: y.Bound(), Row0: row0, Stride: stride, Add: add})
	}
	b.check = func(k *checker) {
		for _, t := range *checked {
			for _, r := range *each {
				e := want(m.group(r, r+1), t)
				if add {
					e = e.Plus(y.values[y.offset(t, row0+r):][:1])
				}
				k.expect(&y.buffer, e, t, row0+r)
			}
		}
	}
}

var _ = register("matmul_sum", kernel{
	plan: func(b *Bench) {
		count, splits, add := b.Size("count"), b.Size("splits"), choose(b, true, false)
		partial := input(b, "partial", b.normal(1), splits, count)
		y := changed(b, "y", b.normal(1), count)
		b.Outputs = int64(count)
		b.record = func(s *shaders.Kernels, c *vk.Commands, label string) {
			s.MatMulSum(c, label, partial.Bound(), y.Bound(), count, splits, add)
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
