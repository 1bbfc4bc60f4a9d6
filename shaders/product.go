package shaders

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"sealvk/vk"
	"sealvk/weights/format"
)

// productSizes are the sizes of kernels that read a matrix.
var productSizes = []string{"rows", "cols", "tokens"}

// productForm is the constants of a kernel of product.glsl, and what Pipeline.Variant tells of
// those that are its own. t: the tuning for the matrix.
type productForm func(s *Kernels, p productConstants, t *ProductTuning) (constants []uint32, name string)

// registerProduct registers a kernel of product.glsl: plain, with loads of x shared by four lanes,
// and but for matmul with integer dot products. form is that of the kernel, or of the one of
// several that models use.
func registerProduct(m module, k Kernel, form productForm) *Kernel {
	k.Sizes, k.Knobs, k.Weights, k.form = productSizes, productKnobs, true, form
	if k.splits {
		k.Knobs = slices.Insert(slices.Clone(k.Knobs), slices.IndexFunc(k.Knobs, func(n Knob) bool { return n.IsSwitch() }), gridSplitsKnob)
	}
	if slices.Contains(m.variants, "dot") {
		k.Knobs = append(slices.Clip(k.Knobs), intDotKnob)
	}
	k.variants = (*Kernels).productPipelines
	k.check = func(t *Tuning, _ KVType, c *vk.Caps) error {
		if m := &t.Product.Matrix; m.On && m.Form == NoMatrices {
			return errors.New("the device has no cooperative matrices of f16 with sums of f32 that products take")
		}
		return t.Product.Check(&c.Limits)
	}
	return register(m, k)
}

var (
	productKnobs = []Knob{
		{Name: "lanes", number: func(t *Tuning) *int { return &t.Product.Lanes }, byShape: true},
		{Name: "max_lanes", number: func(t *Tuning) *int { return &t.Product.MaxLanes }},
		{Name: "row_lanes", number: func(t *Tuning) *int { return &t.Product.RowLanes }, power: true, most: math.MaxInt},
		{Name: "groups", number: func(t *Tuning) *int { return &t.Product.Groups }, power: true, most: 64},
		{Name: "outputs", number: func(t *Tuning) *int { return &t.Product.Outputs }, power: true, most: 64},
		{Name: "span", number: func(t *Tuning) *int { return &t.Product.Span }, power: true, most: mostSpan, byShape: true},
		{Name: "tokens", number: func(t *Tuning) *int { return &t.Product.Tokens }, power: true, most: 16},
		{Name: "in_place", flag: func(t *Tuning) *bool { return &t.Product.InPlace }},
		{Name: "ahead", flag: func(t *Tuning) *bool { return &t.Product.Ahead }},
		{Name: "exact", flag: func(t *Tuning) *bool { return &t.Product.Exact }},
		{Name: "quads", flag: func(t *Tuning) *bool { return &t.Product.Quads }, can: func(c *vk.Caps) bool { return c.Subgroup.Has("quad") }},
		{Name: "matrices", flag: func(t *Tuning) *bool { return &t.Product.Matrix.On }, off: func(t *Tuning) { t.Product.Matrix = MatrixTuning{} }},
	}
	gridSplitsKnob = Knob{Name: "grid_splits", number: func(t *Tuning) *int { return &t.Product.GridSplits }, most: 64, byShape: true}
	intDotKnob     = Knob{Name: "int_dot", flag: func(t *Tuning) *bool { return &t.Product.IntDot }, can: func(c *vk.Caps) bool { return c.Features.IntegerDotProduct }}
)

// mostSpan is the steps of the largest blocks.
const mostSpan = 8

// ProductTuning sizes the workgroups of product.glsl. Lanes, Span and GridSplits that are 0 follow
// from the matrix's shape, by Table.
type ProductTuning struct {
	Table      ProductTable
	Lanes      int          // invocations of a workgroup, a multiple of RowLanes
	MaxLanes   int          // of those that Table gives, at most
	RowLanes   int          // of those, side by side over rows: the rest shares the columns; a power of two
	Groups     int          // rows of a lane, at most; RowLanes × Groups is a multiple of TileRows
	Outputs    int          // sums that a lane keeps in registers, at most: fewer rows where there are more tokens
	Span       int          // steps of 32 columns that a lane takes together, a power of two up to 8
	GridSplits int          // workgroups that share the columns, in kernels that merge their products
	Tokens     int          // of a workgroup, at most; a power of two
	InPlace    bool         // bytes become floats where they lie in their word
	Ahead      bool         // loads of a span's steps, of all where tokens are few, come before their first use
	Quads      bool         // four lanes share loads of x: needs subgroup operations of quads
	IntDot     bool         // activations become 16-bit integers and products integer dot products: needs Features.IntegerDotProduct
	Matrix     MatrixTuning // of products whose x is f16
	Exact      bool         // tokens that do not fill a workgroup take smaller ones, which read the weights once more
}

// defaultProduct: on a CPU loads are dear, since they go lane by lane, and a workgroup is a
// SIMD vector of lanes that take many rows; a GPU wants enough invocations and loads in flight.
func defaultProduct(c *vk.Caps) ProductTuning {
	if c.Type == vk.CPU {
		lanes := max(4, c.Subgroup.Size)
		return ProductTuning{
			Lanes: lanes, MaxLanes: lanes, RowLanes: lanes, Groups: max(1, 64/lanes), Outputs: 64, Span: mostSpan, GridSplits: 1, Tokens: 8,
			InPlace: true, Exact: true, Quads: c.Subgroup.Has("quad"),
		}
	}
	const maxLanes = 512 // 1024 would get 64 registers each on AMD's GCN and NVIDIA's chips, and spill
	rowLanes := TileRows // one subgroup's lanes read the same of x
	if c.Subgroup.Size >= 64 {
		rowLanes = 64
	}
	p := ProductTuning{
		Table: productTable(c), MaxLanes: min(maxLanes, mostInvocations(c)), RowLanes: rowLanes, Groups: 1, Outputs: 16, Tokens: 16, Ahead: true,
		IntDot: c.Features.IntegerDotProduct && c.DotProduct.Accelerated4x8PackedSigned, Matrix: sharedAtHand(c),
	}
	for p.MaxLanes > p.RowLanes && p.Check(&c.Limits) != nil { // 512 lanes of 64 rows and 16 tokens want more than 16 KiB
		p.MaxLanes /= 2
	}
	return p
}

// Check refuses sizes that no workgroup of the device can have.
func (p *ProductTuning) Check(l *vk.Limits) error {
	for _, s := range p.shapes() {
		t := p.of(format.Q4_K, s.rows, s.cols)
		if err := t.check(l); err != nil {
			return err
		}
	}
	return nil
}

func (p *ProductTuning) check(l *vk.Limits) error {
	splits := p.Lanes / max(1, p.RowLanes)
	outputs := p.groupRows(1)
	for n := 1; n <= p.Tokens; n *= 2 {
		outputs = max(outputs, n*p.groupRows(n))
	}
	const others = 2           // bytes an output, of output.comp, which has most beside result
	const norms = 4 * (32 + 1) // a token, of norm.glsl
	shared := (4+others)*outputs + norms*p.Tokens
	if splits > 1 {
		together := min(4, p.Tokens)
		if splits > 8 {
			together = 1
		}
		shared += 4 * splits * together * p.groupRows(1)
	}
	const mostSums = 64 // of a lane: compilers take minutes for more
	switch {
	case splits < 1:
		return fmt.Errorf("%d lanes over rows in a workgroup of %d", p.RowLanes, p.Lanes)
	case p.Lanes%p.RowLanes != 0:
		return fmt.Errorf("%d lanes are no multiple of the %d over rows", p.Lanes, p.RowLanes)
	case outputs/p.RowLanes > mostSums:
		return fmt.Errorf("%d sums in a lane, want at most %d", outputs/p.RowLanes, mostSums)
	case shared > l.MaxComputeSharedMemorySize:
		return fmt.Errorf("%d lanes, %d of them over rows, and %d tokens take %d bytes of shared memory, the device has %d", p.Lanes, p.RowLanes, p.Tokens, shared, l.MaxComputeSharedMemorySize)
	}
	return nil
}

// exactTokens is the most tokens of which ProductTuning.Exact saves the surplus: of more it is a small part.
const exactTokens = 16

// next is the tokens of a workgroup, and how many tokens it is that such workgroups take,
// from a token on. Where products are bound by arithmetic, a small batch computes no more than
// a quarter in vain; else what costs is reading the weights, and in prefill building pipelines.
func (p *ProductTuning) next(from, tokens int) (group, count int) {
	n := tokens - from
	group = 1
	for group < n && group < p.Tokens {
		group *= 2
	}
	switch {
	case !p.Exact || tokens > exactTokens || 4*n > 3*group && n <= group:
		return group, n
	case n >= group:
		return group, n / group * group
	}
	return group / 2, group / 2
}

// groups is the rows of a lane of a workgroup of so many tokens.
func (p *ProductTuning) groups(tokens int) int {
	least := max(1, TileRows/p.RowLanes)
	n := p.Groups
	for n > least && n*tokens > p.Outputs {
		n /= 2
	}
	return max(n, least)
}

// groupRows is the rows of a workgroup of so many tokens.
func (p *ProductTuning) groupRows(tokens int) int { return p.RowLanes * p.groups(tokens) }

// ahead is the steps of a workgroup of so many tokens whose loads come before their use: fewer where
// what is done with each is more, since code beyond the instruction cache costs more than it hides.
func (p *ProductTuning) ahead(tokens int) int {
	const most = 16 // steps × tokens
	if !p.Ahead {
		return 0
	}
	return min(p.Span, max(1, most/tokens))
}

// productPipeline is a kernel for weights of a type and workgroups of so many tokens, of a tuning for
// the matrix; dot: that which reads integers.
func (s *Kernels) productPipeline(k *Kernel, of productForm, t Type, p *ProductTuning, group int, dot bool) *Pipeline {
	f := form{weights: t, name: fmt.Sprintf("%d tokens", group)}
	if group == 1 {
		f.name = "1 token"
	}
	switch {
	case dot:
		f.variant = "dot"
		f.name += ", integer dot"
	case p.Quads:
		f.variant = "quad"
	}
	if p.Table != ByHand {
		f.name += fmt.Sprintf(", %d lanes", p.Lanes)
	}
	if k.splits && p.GridSplits > 1 {
		f.name += fmt.Sprintf(", %d splits", p.GridSplits)
	}
	var own string
	f.constants, own = of(s, productConstants{
		Lanes: uint32(p.Lanes), Type: uint32(t), RowLanes: uint32(p.RowLanes), Groups: uint32(p.groups(group)), Tokens: uint32(group),
		Span: uint32(p.Span), InPlace: constant(p.InPlace), Ahead: uint32(p.ahead(group)),
	}, p)
	f.name += own
	return s.pipeline(k, f)
}

// productPipelines is those of one token and of a whole workgroup's, of each kind of shape, without
// integer dot products and, where the device has them, with.
func (s *Kernels) productPipelines(k *Kernel, t Type) (pipelines []*Pipeline) {
	canDot := slices.Contains(k.module.variants, "dot") && !t.IsFloat() && s.d.Caps().Features.IntegerDotProduct
	for _, group := range []int{1, s.tuning.Product.Tokens} {
		for _, dot := range []bool{false, canDot} {
			for _, shape := range s.tuning.Product.shapes() {
				p := s.tuning.Product.of(t, shape.rows, shape.cols)
				pipelines = append(pipelines, s.productPipeline(k, k.form, t, &p, group, dot))
			}
		}
	}
	if s.tuning.Product.Matrix.Form != NoMatrices {
		pipelines = append(pipelines, s.matrixPipelines(k, t)...)
	}
	return pipelines
}

// product is a product with weights, and what a kernel makes of it.
type product struct {
	kernel        *Kernel
	form          productForm // nil: the kernel's
	w             *Matrix
	x             Activations
	base          int                                                // row of a whole at which those of w begin
	first, tokens int                                                // of x
	with          func(p productPush, weights, x vk.Range) arguments // of a part
	epilogue      Work                                               // beyond the product
	whole         bool                                               // one workgroup has all columns, whatever the tuning
}

// product records the dispatches for each part of the weights.
func (s *Kernels) product(c *vk.Commands, label string, r product) {
	if r.form == nil {
		r.form = r.kernel.form
	}
	if r.x.Half.Buffer != nil && s.TakesHalves(r.w, r.tokens) {
		s.matrixProduct(c, label, r)
		return
	}
	x, dot := r.x.F32, slices.Contains(r.kernel.module.variants, "dot") && s.intDot(r.w.Type, r.x, r.tokens)
	if dot {
		x = r.x.Quantized
	}
	p := s.tuning.Product.of(r.w.Type, r.w.Rows, r.w.Cols)
	if !r.kernel.splits || r.whole {
		p.GridSplits = 1
	}
	for from := 0; from < r.tokens; {
		group, count := p.next(from, r.tokens)
		if p.GridSplits > 1 {
			count = min(count, DecodeRows) // what SplitScratch has room for
		}
		pipeline := s.productPipeline(r.kernel, r.form, r.w.Type, &p, group, dot)
		for i := range r.w.Parts {
			part := &r.w.Parts[i]
			gx, gy := s.fold(ceilDiv(part.Rows, p.groupRows(group)))
			share := func(n int64) int64 { return n * int64(part.Rows) / int64(r.w.Rows) * int64(count) / int64(r.tokens) }
			push := productPush{
				matrixPush: r.w.push(part), Row0: uint32(r.base + part.First), Tokens: uint32(from + count), First: uint32(r.first), From: uint32(from),
			}
			s.dispatch(c, label, call{
				pipeline: pipeline, arguments: r.with(push, part.Data, x), shape: []int{part.Rows, r.w.Cols, count}, grid: [3]int{gx, gy, ceilDiv(count, group) * p.GridSplits},
				work: Work{
					Read:    part.Data.Size + 4*int64(r.w.Cols)*int64(count) + share(r.epilogue.Read),
					Written: share(r.epilogue.Written),
					FLOPs:   2*int64(part.Rows)*int64(r.w.Cols)*int64(count) + share(r.epilogue.FLOPs),
				},
			})
		}
		from += count
	}
}

// intDot tells whether a product of so many tokens reads integers.
func (s *Kernels) intDot(t Type, x Activations, tokens int) bool {
	return s.quantizes(x, tokens) && !t.IsFloat()
}

// quantizes tells whether the writer of activations makes integers of them too: who reads f16 gives
// no room for them.
func (s *Kernels) quantizes(x Activations, tokens int) bool {
	return s.tuning.Product.IntDot && tokens <= DecodeRows && x.Quantized.Buffer != nil
}

// quantized is where those go; where there are none, what is bound and not written.
func (s *Kernels) quantized(x Activations, tokens int) vk.Range {
	if s.quantizes(x, tokens) {
		return x.Quantized
	}
	return x.F32
}
