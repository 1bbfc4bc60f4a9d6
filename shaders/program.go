package shaders

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"sealvk/vk"
)

// NoType is the type of what has no weights.
const NoType = ^Type(0)

// Program is a variant of a kernel, built or to be built.
type Program struct {
	Kernel  string // its name, as of its file
	Variant string // what sets it apart from the kernel's others of this Type; "" if there are none
	Type    Type   // of the weights, or NoType
	Lanes   int    // invocations of a workgroup

	build    func() error // once; then there is a pipeline
	pipeline atomic.Pointer[vk.Pipeline]
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
		p.build = sync.OnceValue(func() error {
			built, err := k.pipeline(s.d, &s.cfg, &f)
			p.pipeline.Store(built)
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
func (p *Program) Executables() ([]vk.Executable, error) { return p.pipeline.Load().Executables() }

// Programs lists what is built.
func (s *Set) Programs() []*Program {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.programs), func(p *Program) bool { return p.pipeline.Load() == nil })
}

// Missing lists the programs that record asks for and that are not built, in this order. It is
// called with nil Commands, so that nothing is recorded.
func (s *Set) Missing(record func(c *vk.Commands)) (missing []*Program) {
	observer := s.observer
	defer s.Observe(observer)
	s.Observe(func(d Dispatch) {
		if p := d.Program; p.pipeline.Load() == nil && !slices.Contains(missing, p) {
			missing = append(missing, p)
		}
	})
	record(nil)
	return missing
}

// Build builds programs on all cores, the first ones first. progress, unless nil, is called from
// several goroutines with how many are done.
func (s *Set) Build(ctx context.Context, programs []*Program, progress func(done, total int)) error {
	var done atomic.Int64
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(runtime.GOMAXPROCS(0))
	for _, p := range programs {
		work.Go(func() error {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			err := p.build()
			if n := done.Add(1); err == nil && progress != nil {
				progress(int(n), len(programs))
			}
			return err
		})
	}
	return work.Wait()
}

// Variants is the programs of a kernel that models may use with weights of a type, which a kernel
// that reads none ignores.
func (s *Set) Variants(k *Kernel, t Type) []*Program {
	if k.Weights {
		return k.variants(s, k, t)
	}
	return []*Program{s.only(k)}
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

// dispatch records a call, whose program it builds unless it is, and tells the observer of it:
// that alone without Commands.
func (s *Set) dispatch(c *vk.Commands, label string, a call) {
	if c != nil {
		if err := a.program.build(); err != nil {
			c.Fail(label, err)
			return
		}
		if p := a.program.pipeline.Load(); a.gridAt != nil {
			c.DispatchIndirect(label, p, a.push, a.bindings, a.indirect)
		} else {
			c.Dispatch(label, p, a.push, a.bindings, a.grid[0], a.grid[1], a.grid[2])
		}
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
