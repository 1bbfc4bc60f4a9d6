package shaders

import (
	"fmt"

	"sealvk/vk"
)

type tilesPush struct {
	matrixPush
	Row0, Stride, Tokens, First, Factors, Steps, Add uint32
}

var (
	tiledKernel = register(kernel{
		name: "matmul_tiled", push: tilesPush{}, constants: 8,
		access: []vk.Access{vk.ReadOnly, vk.ReadOnly, vk.ReadWrite},
	})
	coopMatKernel = register(kernel{
		name: "matmul_coopmat", push: tilesPush{}, constants: 11,
		access: []vk.Access{vk.ReadOnly, vk.ReadOnly, vk.ReadWrite},
	})
)

type sumPush struct{ Count, Splits, Add uint32 }

var sumKernel = register(kernel{name: "matmul_sum", push: sumPush{}, constants: 1, access: []vk.Access{vk.ReadOnly, vk.ReadWrite}})

// kernel that the tiles are computed by.
func (p *Prefill) kernel() *kernel {
	if p.CoopMat != (CoopMat{}) {
		return coopMatKernel
	}
	return tiledKernel
}

// constants of the kernel.
func (p *Prefill) constants(t Type, tile *Tiling) []uint32 {
	m := p.CoopMat
	c := []int{tile.lanes(m), int(t), tile.Rows, tile.Tokens, tile.Cols, tile.Buffers, tile.PartRows, tile.PartTokens}
	if m != (CoopMat{}) {
		c = append(c, m.M, m.N, m.K)
	}
	words := make([]uint32, len(c))
	for i, n := range c {
		words[i] = uint32(n)
	}
	return words
}

func (t *Tiling) String() string { return fmt.Sprintf("tiles of %d×%d", t.Rows, t.Tokens) }

// tileProgram is the kernel of prefill for weights of a type in a tiling.
func (s *Set) tileProgram(t Type, tile *Tiling) *Program {
	p := &s.tuning.Prefill
	return s.sized(p.CoopMat.Subgroup, p.kernel(), t, tile.String(), p.constants(t, tile)...)
}

// Tiled reports whether a step of so many tokens goes through [Set.MatMulPrefill].
func (s *Set) Tiled(tokens int) bool { return tokens > DecodeRows && s.tuning.Prefill != (Prefill{}) }

// MatMulPrefill records y[t][row0+r] (+)= w · x[t] for all tokens of x. It is made for more of them
// than a vector has, with weights and x read once for many values of y. With
// cooperative matrices weights are rounded to f16, so that none may be beyond 65504.
//
//   - w: rows × cols weights
//   - y: [tokens][stride] f32
//   - partial: any size, may be none; with room for [splits][tokens][rows] f32 matrices that
//     are all of y and whose tiles are too few to fill the device are split by columns
func (s *Set) MatMulPrefill(c *vk.Commands, label string, w *Matrix, x Operand, y vk.Range, row0, stride int, partial vk.Range, add bool) {
	p := &s.tuning.Prefill
	tile := &p.Wide
	if x.tokens <= p.Narrow.Tokens {
		tile = &p.Narrow
	}
	if stride != w.Rows {
		partial.Size = 0
	}
	splits := p.splits(w.Rows, w.Cols, x.tokens, tile, partial.Size)
	steps := ceilDiv(ceilDiv(w.Cols, tile.Cols), splits)
	splits = ceilDiv(ceilDiv(w.Cols, tile.Cols), steps)
	to, adds := y, add
	if splits > 1 {
		to, adds = partial.Buffer.Range(partial.Offset, 4*int64(splits)*int64(x.tokens)*int64(w.Rows)), false
	}
	program := s.tileProgram(w.Type, tile)
	if err := program.build(); err != nil {
		c.Fail(label, err)
		return
	}
	perRow, perToken := 4*int64(x.tokens), 4*int64(w.Cols)
	factors := 0
	if x.half {
		factors, perToken = x.tokens*halfRow(w.Cols)/4, int64(halfRow(w.Cols)+4)
	}
	for i := range w.Parts {
		part := &w.Parts[i]
		push := tilesPush{
			w.push(part), uint32(row0 + part.First), uint32(stride), uint32(x.tokens), uint32(x.first), uint32(factors), uint32(steps), constant(adds),
		}
		gx, gy := s.fold(ceilDiv(part.Rows, tile.Rows) * ceilDiv(x.tokens, tile.Tokens))
		c.Dispatch(label, program.pipeline, pushBytes(&push), program.kernel.bind(part.Data, x.data, to), gx, gy, splits)
		work := Work{
			Read:    part.Data.Size + perToken*int64(x.tokens),
			Written: perRow * int64(part.Rows) * int64(splits),
			FLOPs:   2 * int64(part.Rows) * int64(w.Cols) * int64(x.tokens),
		}
		if adds {
			work.Read += perRow * int64(part.Rows)
			work.FLOPs += int64(part.Rows) * int64(x.tokens)
		}
		s.observe(label, program, [3]int{gx, gy, splits}, work, part.Rows, w.Cols, x.tokens)
	}
	if splits > 1 {
		s.recordSum(c, label+"_sum", to, y, w.Rows*x.tokens, splits, add)
	}
}

// recordSum records y (+)= the sum of the splits, in their order.
func (s *Set) recordSum(c *vk.Commands, label string, partial, y vk.Range, count, splits int, add bool) {
	push := sumPush{uint32(count), uint32(splits), constant(add)}
	gx, gy := s.fold(ceilDiv(count, s.sum.Lanes))
	c.Dispatch(label, s.sum.pipeline, pushBytes(&push), sumKernel.bind(partial, y), gx, gy, 1)
	work := Work{Read: partial.Size, Written: 4 * int64(count), FLOPs: int64(count) * int64(splits-1)}
	if add {
		work.Read += 4 * int64(count)
		work.FLOPs += int64(count)
	}
	s.observe(label, s.sum, [3]int{gx, gy, 1}, work, count, splits)
}
