package shaders

import (
	"fmt"

	"sealvk/vk"
)

// ProductTuning sizes the workgroups of product.glsl.
type ProductTuning struct {
	Lanes    int  // invocations of a workgroup; a power of two
	RowLanes int  // of those, side by side over rows: the rest shares the columns; a power of two
	Groups   int  // rows of a lane, at most; RowLanes × Groups is a multiple of TileRows
	Outputs  int  // sums that a lane keeps in registers, at most: fewer rows where there are more tokens
	Span     int  // steps of 32 columns that a lane takes together, a power of two up to 8
	Tokens   int  // of a workgroup, at most; a power of two
	InPlace  bool // bytes become floats where they lie in their word
	Quads    bool // four lanes share loads of x: needs subgroup operations of quads
	IntDot   bool // activations become 8-bit integers and products integer dot products: needs Features.IntegerDotProduct
	Prefill  bool // prompts go through these kernels too
}

// defaultProduct: on a CPU loads are dear, since they go lane by lane, and a workgroup is a
// SIMD vector of lanes that take many rows; a GPU wants enough invocations in flight.
func defaultProduct(c *vk.Caps) ProductTuning {
	if c.Type == vk.CPU {
		lanes := max(4, c.Subgroup.Size)
		return ProductTuning{
			Lanes: lanes, RowLanes: lanes, Groups: max(1, 64/lanes), Outputs: 64, Span: 8, Tokens: 8,
			InPlace: true, Quads: c.Subgroup.Has("quad"), Prefill: true,
		}
	}
	rowLanes := TileRows // one subgroup's lanes read the same of x
	if c.Subgroup.Size >= 64 {
		rowLanes = 64
	}
	lanes := min(256, c.Limits.MaxComputeWorkGroupInvocations, c.Limits.MaxComputeWorkGroupSize[0])
	return ProductTuning{Lanes: lanes, RowLanes: rowLanes, Groups: 1, Outputs: 16, Span: 2, Tokens: 16, Prefill: true}
}

// Check refuses sizes that no workgroup of the device can have.
func (p *ProductTuning) Check(l *vk.Limits) error {
	splits := p.Lanes / max(1, p.RowLanes)
	outputs := p.groupRows(1)
	for n := 1; n <= p.Tokens; n *= 2 {
		outputs = max(outputs, n*p.groupRows(n))
	}
	shared := 4 * outputs
	if splits > 1 {
		shared += 4 * splits * min(4, p.Tokens) * p.groupRows(1)
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

// groupTokens is the tokens of a workgroup where there are so many in all.
func (p *ProductTuning) groupTokens(tokens int) int {
	n := 1
	for n < tokens && n < p.Tokens {
		n *= 2
	}
	return n
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

// productProgram is the form of a kernel for weights of a type and so many tokens. norm:
// the one of matmul that reads a Normed; dot: the one that reads integers.
func (s *Set) productProgram(k productKernel, t Type, tokens int, norm, dot bool) *Program {
	p := &s.tuning.Product
	group := p.groupTokens(tokens)
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
	constants := []uint32{
		uint32(p.Lanes), uint32(t), uint32(p.RowLanes), uint32(p.groups(group)), uint32(group), uint32(p.Span), constant(p.InPlace),
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
	program := s.program(form, t, variant, constants...)
	program.Kernel = k.plain.name
	return program
}
