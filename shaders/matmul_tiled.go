package shaders

import (
	"fmt"
	"slices"

	"sealvk/vk"
)

var matmulTiledKernel = register(matmulTiledModule, Kernel{
	Sizes: productSizes, Typical: typicalPrefill, Knobs: tilingKnobs, Weights: true, variants: (*Kernels).tilePipelines, check: checkPrefill,
	adapt: func(t *Tuning, c *vk.Caps) error {
		t.Prefill = plainPrefill(c)
		return nil
	},
})

// typicalPrefill is the products of a layer for 64 tokens.
var typicalPrefill = [][]int{{3 * 4096, 3072, 64}, {3072, 4096, 64}, {2 * 24576, 3072, 64}, {3072, 24576, 64}}

// tilingKnobs are those of both tilings.
var tilingKnobs = slices.Concat(
	knobsOf("wide_", func(t *Tuning) *Tiling { return &t.Prefill.Wide }),
	knobsOf("narrow_", func(t *Tuning) *Tiling { return &t.Prefill.Narrow }))

func knobsOf(prefix string, of func(*Tuning) *Tiling) []Knob {
	return []Knob{
		{Name: prefix + "rows", number: func(t *Tuning) *int { return &of(t).Rows }, most: 1024, power: true},
		{Name: prefix + "tokens", number: func(t *Tuning) *int { return &of(t).Tokens }, most: 1024, power: true},
		{Name: prefix + "cols", number: func(t *Tuning) *int { return &of(t).Cols }, most: 256, power: true},
		{Name: prefix + "part_rows", number: func(t *Tuning) *int { return &of(t).PartRows }, most: 256, power: true},
		{Name: prefix + "part_tokens", number: func(t *Tuning) *int { return &of(t).PartTokens }, most: 256, power: true},
		{Name: prefix + "buffers", number: func(t *Tuning) *int { return &of(t).Buffers }, most: 2},
	}
}

func checkPrefill(t *Tuning, _ KVType, c *vk.Caps) error { return t.Prefill.Check(c) }

// kernel that the tiles are computed by.
func (p *Prefill) kernel() *Kernel {
	if p.CoopMat != (CoopMat{}) {
		return matmulCoopmatKernel
	}
	return matmulTiledKernel
}

func (t *Tiling) String() string { return fmt.Sprintf("tiles of %d×%d", t.Rows, t.Tokens) }

// tilePipeline is the kernel of prefill, k, for weights of a type in a tiling.
func (s *Kernels) tilePipeline(k *Kernel, t Type, tile *Tiling) *Pipeline {
	m := s.tuning.Prefill.CoopMat
	constants := tilesConstants{
		Lanes: uint32(tile.lanes(m)), Type: uint32(t), Rows: uint32(tile.Rows), Tokens: uint32(tile.Tokens), Cols: uint32(tile.Cols),
		Buffers: uint32(tile.Buffers), PartRows: uint32(tile.PartRows), PartTokens: uint32(tile.PartTokens),
	}
	words := matmulTiledConstants{constants}.words()
	if m != (CoopMat{}) {
		words = matmulCoopmatConstants{constants, uint32(m.M), uint32(m.N), uint32(m.K)}.words()
	}
	return s.pipeline(k, form{weights: t, name: tile.String(), subgroup: m.Subgroup, constants: words})
}

// tilePipelines is both tilings.
func (s *Kernels) tilePipelines(k *Kernel, t Type) []*Pipeline {
	p := &s.tuning.Prefill
	return []*Pipeline{s.tilePipeline(k, t, &p.Wide), s.tilePipeline(k, t, &p.Narrow)}
}

// MatMulPrefill is y[t][Row0+r] (+)= w · x[t] for all tokens of x. It is made for more of them
// than a vector has, with weights and x read once for many values of y. With
// cooperative matrices weights are rounded to f16, so that none may be beyond 65504.
type MatMulPrefill struct {
	W *Matrix  // rows × cols weights
	X Operand  // as [Kernels.Operand] gives it
	Y vk.Range // [tokens][Stride] f32

	Row0, Stride int
	Add          bool
	// GeGLU takes the place of Y, Row0, Stride and Add: gelu(gate · x[t]) × (up · x[t]), the rows of w being
	// in the order of [GateUpRow], as blocked halves, whose largest values are 0 before.
	GeGLU Operand
	// Partial is [Prefill.SplitsOf][tokens][rows] f32, or more, or none: without it, or where
	// the matrix is not all of y, its columns are not split.
	Partial vk.Range
}

// GeGLUBlock is the columns of [MatMulPrefill].GeGLU that share a factor.
const GeGLUBlock = pairRows

// MatMulPrefill records m.
func (s *Kernels) MatMulPrefill(c *vk.Commands, label string, m MatMulPrefill) {
	if m.X.Octets {
		s.matMulRegisters(c, label, m)
		return
	}
	p, w, x := &s.tuning.Prefill, m.W, m.X
	kernel, tile := p.kernel(), &p.Wide
	if x.Tokens <= p.Narrow.Tokens {
		tile = &p.Narrow
	}
	splits, part := 1, ceilDiv(w.Cols, tile.Cols)*tile.Cols
	if m.Partial.Buffer != nil && m.Stride == w.Rows {
		splits, part = p.share(w.Rows, w.Cols)
	}
	to, add := m.Y, m.Add
	if splits > 1 {
		to, add = m.Partial.Part(0, 4*int64(splits)*int64(x.Tokens)*int64(w.Rows)), false
	}
	perRow, perToken := 4*int64(x.Tokens), 4*int64(w.Cols)
	factors := 0
	if x.Half {
		factors, perToken = x.Tokens*halfRow(w.Cols)/4, int64(halfRow(w.Cols)+4)
	}
	for i := range w.Parts {
		p := &w.Parts[i]
		b := matmulTiledBindings{Weights: p.Data, X: x.X, Y: to}
		push := matmulTiledPush{tilesPush{
			matrixPush: w.push(p), Row0: uint32(m.Row0 + p.First), Stride: uint32(m.Stride), Tokens: uint32(x.Tokens), First: uint32(x.First),
			Factors: uint32(factors), Steps: uint32(part / tile.Cols), Add: constant(add),
		}}
		args := b.with(push)
		if x.Half {
			args = matmulCoopmatBindings(b).with(matmulCoopmatPush(push))
		}
		work := Work{
			Read:    p.Data.Size + perToken*int64(x.Tokens),
			Written: perRow * int64(p.Rows) * int64(splits),
			FLOPs:   2 * int64(p.Rows) * int64(w.Cols) * int64(x.Tokens),
		}
		if add {
			work.Read += perRow * int64(p.Rows)
			work.FLOPs += int64(p.Rows) * int64(x.Tokens)
		}
		gx, gy := s.fold(ceilDiv(p.Rows, tile.Rows) * ceilDiv(x.Tokens, tile.Tokens))
		s.dispatch(c, label, call{
			pipeline: s.tilePipeline(kernel, w.Type, tile), arguments: args, shape: []int{p.Rows, w.Cols, x.Tokens},
			grid: [3]int{gx, gy, splits}, work: work,
		})
	}
	if splits > 1 {
		s.MatMulSum(c, label+"_sum", to, m.Y, w.Rows*x.Tokens, splits, m.Add)
	}
}
