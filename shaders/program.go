package shaders

import (
	"slices"
	"sync"

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

	build    func() error // once; then there is a pipeline
	pipeline *vk.Pipeline
}

// form is what sets a program apart from its kernel's others.
type form struct {
	weights   Type
	name      string // Program.Variant
	variant   string // of the GLSL, or ""
	subgroup  int    // subgroup size that it relies on, or 0
	constants []uint32
}

// programKey tells programs apart.
type programKey struct {
	kernel    *Kernel
	variant   string
	subgroup  int
	constants [maxConstants]uint32
}

// maxConstants is the most that a kernel has.
const maxConstants = 12

// program returns a program of a kernel, which may have to be built yet.
func (s *Set) program(k *Kernel, f form) *Program {
	key := programKey{kernel: k, variant: f.variant, subgroup: f.subgroup}
	copy(key.constants[:], f.constants)
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.byKey[key]
	if p == nil {
		p = &Program{Kernel: k.Name, Variant: f.name, Type: f.weights, Lanes: int(f.constants[0])}
		p.build = sync.OnceValue(func() (err error) {
			p.pipeline, err = k.pipeline(s.d, &s.cfg, &f)
			return err
		})
		s.byKey[key] = p
		s.programs = append(s.programs, p)
	}
	return p
}

// only returns the program of a kernel without weights.
func (s *Set) only(k *Kernel) *Program {
	f := form{weights: NoType}
	if k.constants != nil {
		f.constants = k.constants(s)
	} else {
		f.constants = []uint32{uint32(k.Knobs[0].Get(&s.tuning))}
	}
	if k.Cache {
		f.name = s.kv.String() + " cache"
	}
	return s.program(k, f)
}

// Executables tells what the driver made of the program (Config.Statistics, Config.Representations).
func (p *Program) Executables() ([]vk.Executable, error) { return p.pipeline.Executables() }

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
	Shape   []int // the sizes that Kernel.Sizes names
	// At tells grid and work, which depend on the lengths for attention.
	At func(Lengths) ([3]int, Work)
}

// Observe calls f with each dispatch that is recorded from now on; nil: no more.
func (s *Set) Observe(f func(Dispatch)) { s.observer = f }

// call is a dispatch to be recorded.
type call struct {
	program *Program
	arguments
	shape []int
	grid  [3]int
	work  Work

	// Where they depend on the lengths of the sequences: the grid, which the device then
	// finds in memory, and the work.
	indirect vk.Range
	gridAt   func(Lengths) [3]int
	workAt   func(Lengths) Work
}

// dispatch records a call, whose program it builds unless it is, and tells the observer of it.
func (s *Set) dispatch(c *vk.Commands, label string, a call) {
	if err := a.program.build(); err != nil {
		c.Fail(label, err)
		return
	}
	if a.gridAt != nil {
		c.DispatchIndirect(label, a.program.pipeline, a.push, a.bindings, a.indirect)
	} else {
		c.Dispatch(label, a.program.pipeline, a.push, a.bindings, a.grid[0], a.grid[1], a.grid[2])
	}
	if s.observer == nil {
		return
	}
	s.observer(Dispatch{label, a.program, a.shape, func(l Lengths) ([3]int, Work) {
		grid, work := a.grid, a.work
		if a.gridAt != nil {
			grid = a.gridAt(l)
		}
		if a.workAt != nil {
			work = a.workAt(l)
		}
		return grid, work
	}})
}
