package shaders

import (
	"fmt"
	"math"
	"slices"

	"sealvk/vk"
)

// productSizes are the sizes of kernels that read a matrix.
var productSizes = []string{"rows", "cols", "tokens"}

// productForm is the constants of a kernel of product.glsl, and what Pipeline.Variant tells of
// those that are its own.
type productForm func(s *Kernels, p productConstants) (constants []uint32, name string)

// registerProduct registers a kernel of product.glsl: plain, with loads of x shared by four lanes,
// and but for matmul with integer dot products. form is that of the kernel, or of the one of
// several that models use.
func registerProduct(m module, k Kernel, form productForm) *Kernel {
	k.Sizes, k.Knobs, k.Weights, k.form = productSizes, productKnobs, true, form
	if slices.Contains(m.variants, "dot") {
		k.Knobs = append(slices.Clip(k.Knobs), intDotKnob)
	}
	k.variants = (*Kernels).productPipelines
	k.check = func(t *Tuning, _ KVType, c *vk.Caps) error { return t.Product.Check(&c.Limits) }
	return register(m, k)
}

var (
	productKnobs = []Knob{
		{Name: "lanes", number: func(t *Tuning) *int { return &t.Product.Lanes }, power: true},
		{Name: "max_lanes", number: func(t *Tuning) *int { return &t.Product.MaxLanes }, power: true},
		{Name: "row_lanes", number: func(t *Tuning) *int { return &t.Product.RowLanes }, power: true, most: math.MaxInt},
		{Name: "groups", number: func(t *Tuning) *int { return &t.Product.Groups }, power: true, most: 64},
		{Name: "outputs", number: func(t *Tuning) *int { return &t.Product.Outputs }, power: true, most: 64},
		{Name: "span", number: func(t *Tuning) *int { return &t.Product.Span }, power: true, most: 8},
		{Name: "tokens", number: func(t *Tuning) *int { return &t.Product.Tokens }, power: true, most: 16},
		{Name: "in_place", flag: func(t *Tuning) *bool { return &t.Product.InPlace }},
		{Name: "exact", flag: func(t *Tuning) *bool { return &t.Product.Exact }},
		{Name: "quads", flag: func(t *Tuning) *bool { return &t.Product.Quads }, can: func(c *vk.Caps) bool { return c.Subgroup.Has("quad") }},
		{Name: "matrices", flag: func(t *Tuning) *bool { return &t.Product.Matrix.On }},
	}
	intDotKnob = Knob{Name: "int_dot", flag: func(t *Tuning) *bool { return &t.Product.IntDot }, can: func(c *vk.Caps) bool { return c.Features.IntegerDotProduct }}
)

// ProductTuning sizes the workgroups of product.glsl.
type ProductTuning struct {
	Lanes    int  // invocations of a workgroup, at least; a power of two
	MaxLanes int  // of a workgroup of a matrix with few rows; a power of two
	RowLanes int  // of those, side by side over rows: the rest shares the columns; a power of two
	Groups   int  // rows of a lane, at most; RowLanes × Groups is a multiple of TileRows
	Outputs  int  // sums that a lane keeps in registers, at most: fewer rows where there are more tokens
	Span     int  // steps of 32 columns that a lane takes together, a power of two up to 8
	Tokens   int  // of a workgroup, at most; a power of two
	InPlace  bool // bytes become floats where they lie in their word
	Quads    bool // four lanes share loads of x: needs subgroup operations of quads
	IntDot   bool // activations become 8-bit integers and products integer dot products: needs Features.IntegerDotProduct
	Matrix   MatrixTuning
	Exact    bool // tokens that do not fill a workgroup take smaller ones, which read the weights once more
}

// defaultProduct: on a CPU loads are dear, since they go lane by lane, and a workgroup is a
// SIMD vector of lanes that take many rows; a GPU wants enough invocations in flight.
func defaultProduct(c *vk.Caps) ProductTuning {
	if c.Type == vk.CPU {
		lanes := max(4, c.Subgroup.Size)
		return ProductTuning{
			Lanes: lanes, MaxLanes: lanes, RowLanes: lanes, Groups: max(1, 64/lanes), Outputs: 64, Span: 8, Tokens: 8,
			InPlace: true, Exact: true, Quads: c.Subgroup.Has("quad"),
		}
	}
	const maxLanes = 512 // 1024 would get 64 registers each on AMD's GCN and NVIDIA's chips, and spill
	rowLanes := TileRows // one subgroup's lanes read the same of x
	if c.Subgroup.Size >= 64 {
		rowLanes = 64
	}
	most := mostInvocations(c)
	return ProductTuning{Lanes: min(256, most), MaxLanes: min(maxLanes, most), RowLanes: rowLanes, Groups: 1, Outputs: 16, Span: 2, Tokens: 16}
}

// Check refuses sizes that no workgroup of the device can have.
func (p *ProductTuning) Check(l *vk.Limits) error {
	splits := max(p.Lanes, p.MaxLanes) / max(1, p.RowLanes)
	outputs := p.groupRows(1)
	for n := 1; n <= p.Tokens; n *= 2 {
		outputs = max(outputs, n*p.groupRows(n))
	}
	shared := 4 * outputs
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
	case outputs/p.RowLanes > mostSums:
		return fmt.Errorf("%d sums in a lane, want at most %d", outputs/p.RowLanes, mostSums)
	case shared > l.MaxComputeSharedMemorySize:
		return fmt.Errorf("%d lanes, %d of them over rows, and %d tokens take %d bytes of shared memory, the device has %d", p.Lanes, p.RowLanes, p.Tokens, shared, l.MaxComputeSharedMemorySize)
	}
	return nil
}

// manyInvocations fill a large GPU; matrices with fewer rows get more lanes a workgroup.
const manyInvocations = 1 << 18

// lanes is the invocations of a workgroup of a matrix: they depend on its shape alone, so
// that the order of summation does.
func (p *ProductTuning) lanes(rows, cols int) int {
	n := p.Lanes
	for 2*n <= p.MaxLanes && ceilDiv(rows, p.groupRows(1))*n < manyInvocations && 2*n/p.RowLanes <= ceilDiv(cols, TileRows*p.Span) {
		n *= 2
	}
	return n
}

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
	case !p.Exact || tokens > DecodeRows || 4*n > 3*group && n <= group:
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

// productPipeline is a kernel for weights of a type and shape and workgroups of so many tokens;
// dot: that which reads integers.
func (s *Kernels) productPipeline(k *Kernel, of productForm, t Type, rows, cols, group int, dot bool) *Pipeline {
	p := &s.tuning.Product
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
	lanes := p.lanes(rows, cols)
	if lanes != p.Lanes {
		f.name += fmt.Sprintf(", %d lanes", lanes)
	}
	var own string
	f.constants, own = of(s, productConstants{
		Lanes: uint32(lanes), Type: uint32(t), RowLanes: uint32(p.RowLanes), Groups: uint32(p.groups(group)), Tokens: uint32(group),
		Span: uint32(p.Span), InPlace: constant(p.InPlace),
	})
	f.name += own
	return s.pipeline(k, f)
}

// productPipelines is those of one token and of a whole workgroup's, of matrices with many rows and
// with few, without integer dot products and, where the device has them, with.
func (s *Kernels) productPipelines(k *Kernel, t Type) (pipelines []*Pipeline) {
	canDot := slices.Contains(k.module.variants, "dot") && !t.IsFloat() && s.d.Caps().Features.IntegerDotProduct
	for _, group := range []int{1, s.tuning.Product.Tokens} {
		for _, dot := range []bool{false, canDot} {
			pipelines = append(pipelines, s.productPipeline(k, k.form, t, manyInvocations, 0, group, dot), s.productPipeline(k, k.form, t, 1, manyInvocations, group, dot))
		}
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
	for from := 0; from < r.tokens; {
		group, count := s.tuning.Product.next(from, r.tokens)
		pipeline := s.productPipeline(r.kernel, r.form, r.w.Type, r.w.Rows, r.w.Cols, group, dot)
		for i := range r.w.Parts {
			p := &r.w.Parts[i]
			gx, gy := s.fold(ceilDiv(p.Rows, s.tuning.Product.groupRows(group)))
			share := func(n int64) int64 { return n * int64(p.Rows) / int64(r.w.Rows) * int64(count) / int64(r.tokens) }
			push := productPush{
				matrixPush: r.w.push(p), Row0: uint32(r.base + p.First), Tokens: uint32(from + count), First: uint32(r.first), From: uint32(from),
			}
			s.dispatch(c, label, call{
				pipeline: pipeline, arguments: r.with(push, p.Data, x), shape: []int{p.Rows, r.w.Cols, count}, grid: [3]int{gx, gy, ceilDiv(count, group)},
				work: Work{
					Read:    p.Data.Size + 4*int64(r.w.Cols)*int64(count) + share(r.epilogue.Read),
					Written: share(r.epilogue.Written),
					FLOPs:   2*int64(p.Rows)*int64(r.w.Cols)*int64(count) + share(r.epilogue.FLOPs),
				},
			})
		}
		from += count
	}
}

// intDot tells whether a product of so many tokens reads integers.
func (s *Kernels) intDot(t Type, x Activations, tokens int) bool {
	return s.quantizes(tokens) && x.Quantized.Buffer != nil && !t.IsFloat()
}

// quantizes tells whether the writer of activations makes integers of them too.
func (s *Kernels) quantizes(tokens int) bool { return s.tuning.Product.IntDot && tokens <= DecodeRows }

// quantized is where those go; where there are none, what is bound and not written.
func (s *Kernels) quantized(x Activations, tokens int) vk.Range {
	if s.quantizes(tokens) {
		return x.Quantized
	}
	return x.F32
}
