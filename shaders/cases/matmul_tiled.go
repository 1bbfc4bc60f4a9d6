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
		b.manyTokens(&manyTokens{x: &x.buffer, first: first, times: func(w []float32, t int) reference.Expected {
			cols := x.dims[1]
			return reference.MatMul(w, x.values[(first+t)*cols:], len(w)/cols, cols, 1)
		}})
	},
	types: families, ragged: raggedTokens,
	// 3 tiles of 32 rows and 2 of 32 tokens; 1 of 64 rows and 1 of 16 tokens.
	byHand: []example{
		{[]int{70, 512, 30}, "tiles of 32×32", 64, [3]int{3, 1, 1}, shaders.Work{Read: 96*288 + 30*4*512, Written: 30 * 4 * 70, FLOPs: 30 * 2 * 70 * 512}},
		{[]int{60, 512, 5}, "tiles of 64×16", 64, [3]int{1, 1, 1}, shaders.Work{Read: 64*288 + 5*4*512, Written: 5 * 4 * 60, FLOPs: 5 * 2 * 60 * 512}},
	},
})

var _ = register("matmul_coopmat", kernel{
	plan: func(b *Bench) {
		tokens, cols, block := b.Size("tokens"), b.Size("cols"), 0
		if cols%8 == 0 {
			block = choose(b, 0, shaders.GeGLUBlock)
		}
		values, size := []float32(nil), choose[float64](b, 1, 1, 1e4)
		operand := shaders.Operand{Tokens: tokens, Cols: cols, Half: true, Block: block}
		x := input(b, "x", func(v []uint32) {
			if block > 0 {
				floats := make([]float32, tokens*cols)
				for i := range floats { // blocks of different sizes
					floats[i] = float32(math.Ldexp(size*b.rng.NormFloat64(), -(i / block % 7)))
				}
				var words []uint32
				words, values = reference.BlockedHalves(floats, cols, block, false)
				copy(v, words)
				return
			}
			stride := len(v)/tokens - 1 // words of a token, without its factor
			for t := range tokens {
				for i := range ceilDiv(cols, 2) {
					v[t*stride+i] = b.rng.Uint32()&0x8fff8fff | 0x30003000 // of sizes from 1/8 to 2
				}
				if cols%2 != 0 {
					v[t*stride+cols/2] &= 0xffff
				}
				v[tokens*stride+t] = math.Float32bits(float32(math.Ldexp(1, t%3-1)))
			}
			for t := range tokens {
				row, factor := halves(v, t, tokens, stride, false)
				for _, v := range row[:cols] {
					values = append(values, v*factor)
				}
			}
		}, int(operand.Bytes()/4))
		b.manyTokens(&manyTokens{x: &x.buffer, halves: true, block: block, times: func(w []float32, t int) reference.Expected {
			if b.Type.IsFloat() {
				return reference.MatMulHalf(w, values[t*cols:], len(w)/cols, cols, 1)
			}
			return reference.MatMulMatrices(w, values[t*cols:], len(w)/cols, cols, 1)
		}})
	},
	types: format.Types(), ragged: raggedTokens,
})

// raggedTokens go through all tilings.
var raggedTokens = [][]int{{0, 0, 9}, {0, 0, 33}, {0, 0, 1}, {0, 0, 40}, {0, 0, 70}}

// manyTokens is a product of many tokens, in f32 or, by cooperative matrices, of f16.
type manyTokens struct {
	x      *buffer
	first  int // token
	halves bool
	octets bool
	block  int // of blocked halves
	times  func(w []float32, t int) reference.Expected
}

func (b *Bench) manyTokens(p *manyTokens) {
	if choose(b, false, true) {
		b.manyGeGLU(p)
		return
	}
	rows, cols, tokens, add, row0 := b.Size("rows"), b.Size("cols"), b.Size("tokens"), choose(b, false, true), b.odd(3)
	m, checked, each := b.groups(rows, cols, 1)
	stride := row0 + rows + b.odd(3)
	y := changed(b, "y", func(v []float32) {
		if b.normal(1)(v); !add {
			copy(guarded.Bytes(v), bytes.Repeat(guarded.Bytes([]uint32{guarded.Poison}), len(v)))
		}
	}, tokens, stride)
	b.Outputs = product(tokens, rows)
	b.record = func(s *shaders.Kernels, c *vk.Commands, label string) {
		s.MatMulPrefill(c, label, shaders.MatMulPrefill{W: &m.Matrix, X: p.operand(tokens, cols), Y: y.Bound(), Row0: row0, Stride: stride, Add: add})
	}
	b.check = func(k *checker) {
		for _, t := range *checked {
			for _, r := range *each {
				e := p.times(m.group(r, r+1), t)
				if add {
					e = e.Plus(y.values[y.offset(t, row0+r):][:1])
				}
				k.expect(&y.buffer, e, t, row0+r)
			}
		}
	}
}

func (p *manyTokens) operand(tokens, cols int) shaders.Operand {
	return shaders.Operand{X: p.x.Bound(), First: p.first, Tokens: tokens, Cols: cols, Half: p.halves, Octets: p.octets, Block: p.block}
}

// manyGeGLU has gate and up for a matrix.
func (b *Bench) manyGeGLU(p *manyTokens) {
	const pairs = shaders.TileRows / 2
	rows, cols, tokens := shaders.TileRows*tiles(b.Size("rows")), b.Size("cols"), b.Size("tokens")
	dim := rows/2 - b.odd(pairs)
	to := shaders.Operand{Tokens: tokens, Cols: dim, Half: p.halves, Block: shaders.GeGLUBlock, Octets: p.halves && choose(b, false, true)}
	m, checked, groups := b.groups(rows, cols, shaders.TileRows)
	var y *buffer
	if p.halves {
		y = &changed(b, "y", func(v []uint32) {
			for i := range v {
				v[i] = guarded.Poison
			}
			clear(v[factorAt(0, tokens, 4*ceilDiv(dim, 8), to.Octets):][:tokens])
		}, int(to.Bytes()/4)).buffer
	} else {
		y = b.output("y", tokens, dim)
	}
	b.Outputs = product(tokens, dim)
	b.record = func(s *shaders.Kernels, c *vk.Commands, label string) {
		geglu := to
		geglu.X = y.Bound()
		s.MatMulPrefill(c, label, shaders.MatMulPrefill{W: &m.Matrix, X: p.operand(tokens, cols), GeGLU: geglu})
	}
	b.check = func(k *checker) {
		for _, t := range *checked {
			all := reference.Exactly(make([]float32, dim)) // what isn't sampled may be anything
			for i := range all.Tolerance {
				all.Tolerance[i] = math.Inf(1)
			}
			for _, g := range *groups {
				both, n := p.times(m.group(g*shaders.TileRows, (g+1)*shaders.TileRows), t), min(pairs, dim-g*pairs)
				e := both.Part(0, n).GeGLU(both.Part(pairs, n))
				if !p.halves {
					k.expect(y, e, t, g*pairs)
					continue
				}
				e = e.Halved()
				copy(all.Values[g*pairs:], e.Values)
				copy(all.Tolerance[g*pairs:], e.Tolerance)
			}
			if p.halves {
				k.blocked(y, all, t, tokens, shaders.GeGLUBlock, to.Octets)
			}
		}
	}
}
