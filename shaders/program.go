package shaders

import (
	"maps"
	"slices"

	"sealvk/vk"
)

// NoType is the type of what has no weights.
const NoType = ^Type(0)

// Program is a variant of a kernel, built.
type Program struct {
	Kernel  string // its name, as of its file
	Variant string // what sets it apart from the kernel's others of this Type; "" if there are none
	Type    Type   // of the weights, or NoType
	Lanes   int    // invocations of a workgroup

	kernel   *kernel
	build    func() error // once; then there is a pipeline
	pipeline *vk.Pipeline
}

// Executables tells what the driver made of the program (Config.Statistics, Config.Representations).
func (p *Program) Executables() ([]vk.Executable, error) { return p.pipeline.Executables() }

// Names lists the kernels, sorted.
func Names() []string {
	return slices.Sorted(maps.Keys(shapes))
}

// Programs lists what was asked for so far.
func (s *Set) Programs() []*Program {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.programs)
}

// Lengths are those of the sequences of a step's rows, each up to and with its own
// position: what attention works through.
type Lengths struct {
	Longest int
	Sum     int // over all rows
}

// Work is the least that a dispatch has to do: every byte that it needs counted once,
// however often the kernel loads it, and the arithmetic of the operation's definition,
// without address arithmetic and dequantization. A multiply-add counts 2, exp or tanh 1.
type Work struct {
	Read, Written int64 // bytes
	FLOPs         int64
}

// Dispatch is a dispatch that was recorded.
type Dispatch struct {
	Label   string // as in debug utils: blk.3.attn_q
	Program *Program
	// Shape is the sizes that the kernel's Set method names in its documentation, in the
	// order of the description that [ShapeOf] gives.
	Shape []int
	// At tells grid and work, which depend on the lengths for attention.
	At func(Lengths) ([3]int, Work)
}

// Observe calls f with each dispatch that is recorded from now on; nil: no more.
func (s *Set) Observe(f func(Dispatch)) { s.observer = f }

// observe tells the observer of a dispatch whose grid and work are always the same.
func (s *Set) observe(label string, p *Program, grid [3]int, w Work, shape ...int) {
	if s.observer != nil {
		s.observer(Dispatch{label, p, shape, func(Lengths) ([3]int, Work) { return grid, w }})
	}
}

// shapes names the sizes in Dispatch.Shape.
var shapes = map[string][]string{
	"embed":             {"rows", "cols", "tokens"},
	"matmul":            {"rows", "cols", "tokens"},
	"matmul_add":        {"rows", "cols", "tokens"},
	"output":            {"rows", "cols", "tokens"},
	"attn_qkv":          {"rows", "cols", "tokens"},
	"ffn_gate_up":       {"rows", "cols", "tokens"},
	"matmul_tiled":      {"rows", "cols", "tokens"},
	"matmul_coopmat":    {"rows", "cols", "tokens"},
	"matmul_sum":        {"count", "splits"},
	"to_half":           {"cols", "tokens"},
	"rmsnorm":           {"dim", "tokens"},
	"rope":              {"heads", "kv_heads", "head_dim", "tokens"},
	"attention":         {"heads", "kv_heads", "head_dim", "tokens"},
	"attention_prefill": {"heads", "kv_heads", "head_dim", "tokens"},
	"attention_merge":   {"heads", "head_dim", "tokens"},
	"geglu":             {"ffn_dim", "tokens"},
	"penalize":          {"vocab", "tokens"},
	"threshold":         {"vocab", "tokens"},
	"pick":              {"vocab", "tokens"},
	"advance":           {"chunks", "tokens"},
}

// ShapeOf names the sizes of a kernel's shape, nil for a name that no kernel has.
func ShapeOf(kernel string) []string { return shapes[kernel] }
