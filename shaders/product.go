package shaders

import (
	"fmt"

	"sealvk/vk"
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
	most := min(c.Limits.MaxComputeWorkGroupInvocations, c.Limits.MaxComputeWorkGroupSize[0])
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
// a quarter in vain; else what costs is reading the weights, and in prefill building programs.
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

// Built reports whether New built the layers' products of so many tokens; others are built
// when they are recorded.
func (s *Set) Built(tokens int) bool {
	p := &s.tuning.Product
	group, count := p.next(0, tokens)
	return tokens == 1 || s.cfg.Batches || s.tuning.Prefill == (Prefill{}) && !p.IntDot && group == p.Tokens && count == tokens
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

// productProgram is the form of a kernel for weights of a type and shape and workgroups of so many tokens. norm:
// the one of matmul that reads a Normed; dot: the one that reads integers.
func (s *Set) productProgram(k productKernel, t Type, rows, cols, group int, norm, dot bool) *Program {
	p := &s.tuning.Product
	form := k.plain
	variant := fmt.Sprintf("%d tokens", group)
	if group == 1 {
		variant = "1 token"
	}
	switch {
	case dot:
		form = k.dot
		variant += ", integer dot"
	case p.Quads:
		form = k.quad
	}
	lanes := p.lanes(rows, cols)
	if lanes != p.Lanes {
		variant += fmt.Sprintf(", %d lanes", lanes)
	}
	constants := []uint32{
		uint32(lanes), uint32(t), uint32(p.RowLanes), uint32(p.groups(group)), uint32(group), uint32(p.Span), constant(p.InPlace),
	}
	switch k {
	case matmulKernels: // ffn_gate and ffn_up where they are no one matrix
		constants = append(constants, constant(norm))
		if norm {
			variant += ", normed"
		}
	case qkvKernels:
		constants = append(constants, uint32(s.kv))
		variant += ", " + s.kv.String() + " cache"
	}
	return s.program(form, t, variant, constants...)
}

// productPush is what product.glsl is told of a part.
type productPush struct {
	matrixPush
	Row0, Tokens, First, From uint32
}

// productKernel is a kernel of product.glsl: plain, with loads of x shared by four lanes,
// and with integer dot products (nil for matmul).
type productKernel struct{ plain, quad, dot *kernel }

// productKernels lists them.
var productKernels []productKernel

func registerProduct(k kernel) productKernel {
	quad, dot := k, k
	quad.name += "_quad"
	dot.name += "_dot"
	quad.formOf, dot.formOf = k.name, k.name
	p := productKernel{plain: register(k), quad: register(quad)}
	if k.name != "matmul" {
		p.dot = register(dot)
	}
	productKernels = append(productKernels, p)
	return p
}

// product is a product with weights, and what a kernel makes of it.
type product struct {
	kernels       productKernel
	w             *Matrix
	x             Activations
	norm          bool                     // of matmul: x is a Normed's
	base          int                      // row of a whole at which those of w begin
	first, tokens int                      // of x
	push          func(productPush) []byte // the constants of a part, of those that all kernels share
	epilogue      Work                     // beyond the product
	bind          []vk.Range               // behind w and x
}

// product records the dispatches for each part of the weights.
func (s *Set) product(c *vk.Commands, label string, r product) {
	dot := r.kernels.dot != nil && s.intDot(r.w.Type, r.x, r.tokens)
	for from := 0; from < r.tokens; {
		group, count := s.tuning.Product.next(from, r.tokens)
		program := s.productProgram(r.kernels, r.w.Type, r.w.Rows, r.w.Cols, group, r.norm, dot)
		if err := program.build(); err != nil {
			c.Fail(label, err)
			return
		}
		for i := range r.w.Parts {
			s.productPart(c, label, &r, program, &r.w.Parts[i], dot, group, from, count)
		}
		from += count
	}
}

// productPart records the product of a part with count tokens from a token on.
func (s *Set) productPart(c *vk.Commands, label string, r *product, program *Program, p *Part, dot bool, group, from, count int) {
	x := r.x.F32
	if dot {
		x = r.x.Quantized
	}
	push := r.push(productPush{r.w.push(p), uint32(r.base + p.First), uint32(from + count), uint32(r.first), uint32(from)})
	gx, gy := s.fold(ceilDiv(p.Rows, s.tuning.Product.groupRows(group)))
	gz := ceilDiv(count, group)
	c.Dispatch(label, program.pipeline, push, program.kernel.bind(append([]vk.Range{p.Data, x}, r.bind...)...), gx, gy, gz)
	share := func(n int64) int64 { return n * int64(p.Rows) / int64(r.w.Rows) * int64(count) / int64(r.tokens) }
	s.observe(label, program, [3]int{gx, gy, gz}, Work{
		Read:    p.Data.Size + 4*int64(r.w.Cols)*int64(count) + share(r.epilogue.Read),
		Written: share(r.epilogue.Written),
		FLOPs:   2*int64(p.Rows)*int64(r.w.Cols)*int64(count) + share(r.epilogue.FLOPs),
	}, p.Rows, r.w.Cols, count)
}

// intDot tells whether a product of so many tokens reads integers.
func (s *Set) intDot(t Type, x Activations, tokens int) bool {
	return s.quantizes(tokens) && x.Quantized.Buffer != nil && !t.IsFloat()
}

// quantizes tells whether the writer of activations makes integers of them too.
func (s *Set) quantizes(tokens int) bool { return s.tuning.Product.IntDot && tokens <= DecodeRows }

// quantized is where those go; where there are none, what is bound and not written.
func (s *Set) quantized(x Activations, tokens int) vk.Range {
	if s.quantizes(tokens) {
		return x.Quantized
	}
	return x.F32
}
