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

// tilingKnobs are those of all tilings.
var tilingKnobs = slices.Concat(
	knobsOf("narrow_", func(t *Tuning) *Tiling { return &t.Prefill.Narrow }),
	knobsOf("middle_", func(t *Tuning) *Tiling { return &t.Prefill.Middle }),
	knobsOf("wide_", func(t *Tuning) *Tiling { return &t.Prefill.Wide }))

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

// tileForm is what a kernel of prefill does besides the product.
type tileForm struct {
	geglu bool
	block int // of x, in blocked halves
}

// tilePipeline is the kernel of prefill, k, for weights of a type in a tiling.
func (s *Kernels) tilePipeline(k *Kernel, t Type, tile *Tiling, f tileForm) *Pipeline {
	m := s.tuning.Prefill.CoopMat
	constants := tilesConstants{
		Lanes: uint32(tile.lanes(m)), Type: uint32(t), Rows: uint32(tile.Rows), Tokens: uint32(tile.Tokens), Cols: uint32(tile.Cols),
		Buffers: uint32(tile.Buffers), PartRows: uint32(tile.PartRows), PartTokens: uint32(tile.PartTokens), Geglu: constant(f.geglu),
	}
	words := matmulTiledConstants{constants}.words()
	if m != (CoopMat{}) {
		words = matmulCoopmatConstants{constants, uint32(m.M), uint32(m.N), uint32(m.K), uint32(f.block)}.words()
	}
	name := tile.String()
	if f.geglu {
		name += ", GeGLU"
	}
	if f.block > 0 {
		name += fmt.Sprintf(", x in blocks of %d", f.block)
	}
	return s.pipeline(k, form{weights: t, name: name, subgroup: m.Subgroup, constants: words})
}

// tilePipelines is all tilings, of all products of a layer.
func (s *Kernels) tilePipelines(k *Kernel, t Type) (pipelines []*Pipeline) {
	forms := []tileForm{{}, {geglu: true}}
	if s.tuning.Prefill.CoopMat != (CoopMat{}) {
		forms = append(forms, tileForm{block: GeGLUBlock})
	}
	for _, tile := range s.tuning.Prefill.tilings() {
		for _, f := range forms {
			if p := s.tilePipeline(k, t, tile, f); !slices.Contains(pipelines, p) {
				pipelines = append(pipelines, p)
			}
		}
	}
	return pipelines
}

// MatMulPrefill is y[t][Row0+r] (+)= w · x[t] for all tokens of x. It is made for more of them
// than a vector has, with weights and x read once for many values of y. With
// cooperative matrices weights are rounded to f16, so that none may be beyond 65504, of those
// in blocks 1023: of them, of x and of a block's scale and offset at most 2^-11 is lost each, of bf16
// nothing but below 2^-14, where f16 has steps of 2^-24.
type MatMulPrefill struct {
	W *Matrix  // rows × cols weights
	X Operand  // as [Kernels.Operand] gives it
	Y vk.Range // [tokens][Stride] f32

	Row0, Stride int
	Add          bool
	// GeGLU takes the place of Y, Row0, Stride and Add: gelu(gate · x[t]) × (up · x[t]), the rows of w being
	// in the order of [GateUpRow], as [Kernels.GeGLUOperand] has it for the product that reads it.
	GeGLU Operand
	// Partial takes the place of Y, Row0, Stride and Add: the columns are split, and each split's sums go to
	// [Kernels.PrefillSplits][tokens][rows] f32, for who reads them to add in their order.
	Partial vk.Range
}

// PrefillSplits is by how many workgroups the columns of w are shared in [MatMulPrefill].Partial.
func (s *Kernels) PrefillSplits(w *Matrix) int { return s.tuning.Prefill.SplitsOf(w.Rows, w.Cols) }

// GeGLUBlock is the columns of [MatMulPrefill].GeGLU that share a factor.
const GeGLUBlock = pairRows

// GeGLUOperand is what [MatMulPrefill].GeGLU writes to y for the product with w, if that of gate and up reads
// f16 where w's does: f32, or blocked halves, whose largest values are 0 before.
func (s *Kernels) GeGLUOperand(y vk.Range, tokens int, w *Matrix) Operand {
	o := s.PrefillOperand(y, tokens, w)
	if o.Half {
		o.Block = GeGLUBlock
	}
	return o
}

// MatMulPrefill records m.
func (s *Kernels) MatMulPrefill(c *vk.Commands, label string, m MatMulPrefill) {
	p, w, x, tokens := &s.tuning.Prefill, m.W, m.X, int64(m.X.Tokens)
	to, row0, stride, add, geglu := m.Y, m.Row0, m.Stride, m.Add, m.GeGLU.Cols > 0
	splits, part := 1, w.Cols
	switch {
	case geglu:
		to, row0, stride, add = m.GeGLU.X, 0, m.GeGLU.Cols, false
	case m.Partial.Buffer != nil:
		splits, part = p.share(w.Rows, w.Cols)
		to, row0, stride, add = m.Partial.Part(0, 4*int64(splits)*tokens*int64(w.Rows)), 0, w.Rows, false
	}
	var tile *Tiling
	var pipeline *Pipeline
	if form := (tileForm{geglu, x.Block}); x.Octets {
		tile = p.Registers.tile(w.Rows, splits, x.Tokens, p.Groups)
		pipeline = s.registerPipeline(matmulRegistersKernel, w.Type, tile, form)
	} else {
		tile = p.tiling(w.Rows, splits, x.Tokens)
		pipeline = s.tilePipeline(p.kernel(), w.Type, tile, form)
	}
	read, factors := 4*tokens*int64(w.Cols), 0
	if x.Half {
		read, factors = x.Bytes(), x.factors()
	}
	for i := range w.Parts {
		p := &w.Parts[i]
		values := tokens * int64(p.Rows)
		work := Work{Read: p.Data.Size + read, Written: 4 * values * int64(splits), FLOPs: 2 * values * int64(w.Cols)}
		switch {
		case geglu && m.GeGLU.Half:
			work.Written = m.GeGLU.Bytes() * int64(p.Rows) / int64(w.Rows)
			work.FLOPs += 9 * values / 2
		case geglu:
			work.Written = 4 * values / 2
			work.FLOPs += 9 * values / 2
		case add:
			work.Read += 4 * values
			work.FLOPs += values
		}
		b := matmulTiledBindings{Weights: p.Data, X: x.X, Y: to}
		push := matmulTiledPush{tilesPush{
			matrixPush: w.push(p), Row0: uint32(row0 + p.First), Stride: uint32(stride), Tokens: uint32(x.Tokens), First: uint32(x.First),
			Factors: uint32(factors), Steps: uint32(ceilDiv(part, tile.Cols)), Add: constant(add), Octets: constant(m.GeGLU.Octets),
		}}
		args := b.with(push)
		switch {
		case x.Octets:
			args = matmulRegistersBindings(b).with(matmulRegistersPush(push.tilesPush))
		case x.Half:
			args = matmulCoopmatBindings(b).with(matmulCoopmatPush(push))
		}
		gx, gy := s.fold(ceilDiv(p.Rows, tile.Rows) * ceilDiv(x.Tokens, tile.Tokens))
		s.dispatch(c, label, call{pipeline: pipeline, arguments: args, shape: []int{p.Rows, w.Cols, x.Tokens}, grid: [3]int{gx, gy, splits}, work: work})
	}
}
