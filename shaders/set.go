package shaders

import (
	"cmp"
	"fmt"
	"math/bits"
	"reflect"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"sealvk/vk"
)

// Tuning sizes the workgroups.
type Tuning struct {
	Lanes       int             // invocations of a workgroup that shares one reduction; a power of two
	WideLanes   int             // the same where one workgroup works on a whole row of activations
	SampleLanes int             // the same on a whole row of logits, of which there are few
	Product     ProductTuning   // of the products with few tokens
	Prefill     Prefill         // of the products with many tokens; zero: Product's are taken
	Attention   AttentionTuning // zero: the device's default
}

// DefaultTuning is plain and safe on every device: on a CPU one SIMD vector is a
// workgroup, since its barriers cost switches between invocations; on a GPU 64 lanes fill
// one wave of AMD and two of NVIDIA. A row of logits is one workgroup's alone, which takes all
// lanes that there are; on a CPU 64, since Mesa's llvmpipe ends all loops of an invocation
// after 65535 iterations in sum (LP_MAX_TGSI_LOOP_ITERATIONS), and threshold.comp goes
// through a row up to ten times.
func DefaultTuning(c *vk.Caps) Tuning {
	t := Tuning{Lanes: 64, Product: defaultProduct(c), Attention: defaultAttention(c)}
	most := min(c.Limits.MaxComputeWorkGroupInvocations, c.Limits.MaxComputeWorkGroupSize[0])
	t.WideLanes = powerOfTwo(min(256, most))
	t.SampleLanes = powerOfTwo(min(1024, most))
	if c.Type != vk.CPU {
		t.Prefill = DefaultPrefill(c)
	} else {
		t.Lanes = max(4, c.Subgroup.Size)
		t.WideLanes = max(64, t.Lanes)
		t.SampleLanes = t.WideLanes
	}
	return t
}

// powerOfTwo is the greatest one up to n.
func powerOfTwo(n int) int { return 1 << (bits.Len(uint(n)) - 1) }

// Config says which variants of the kernels a Set builds.
type Config struct {
	// Weights that the kernels read. Variants for others are built when they are first recorded,
	// which takes its time then.
	Weights []Weights
	// Batches builds also what steps of several tokens take, up to DecodeRows.
	Batches bool
	KV      KVType // of the KV cache
	Tuning  Tuning
	// Kernels are the names of those to build; nil: all. Those without weights must be
	// among them to be recorded.
	Kernels []string
	// Every builds also what only batches and matrices of few rows take, with and without
	// integer dot products.
	Every bool
	// Statistics makes Program.Executables tell registers, spills and the like,
	// Representations what the driver's compiler made of the kernel: where the device has
	// Features.PipelineExecutableProperties.
	Statistics, Representations bool
}

// Weights are a matrix that a kernel reads, Rows × Cols.
type Weights struct {
	Kernel     string // matmul stands for its variant that reads a Normed
	Type       Type
	Rows, Cols int
	Quantized  bool // what it is multiplied with is there as 8-bit integers too
}

// EveryKernel is Config.Weights of kernels that all read the given types, large matrices.
func EveryKernel(types []Type) (all []Weights) {
	for _, name := range []string{"embed", "matmul", "output", "matmul_add", "attn_qkv", "ffn_gate_up", "matmul_tiled", "matmul_coopmat"} {
		for _, t := range types {
			all = append(all, Weights{Kernel: name, Type: t, Rows: manyInvocations, Quantized: true})
		}
	}
	return all
}

// Set is the kernels of one device, built for one configuration. Its methods
// record one dispatch each; errors stay in the Commands until End.
type Set struct {
	d         *vk.Device
	cfg       Config
	tuning    Tuning
	kv        KVType
	maxGroups int // of one grid dimension
	observer  func(Dispatch)

	mu       sync.Mutex
	programs []*Program // in the order in which they were asked for
	byKey    map[programKey]*Program

	rmsnorm          *Program
	rope             *Program
	attention        *Program
	attentionPrefill *Program
	merge            *Program
	sum              *Program
	toHalf           *Program
	geglu            *Program
	penalize         *Program
	threshold        *Program
	pick             *Program
	advance          *Program
}

// New builds the kernels, on all cores. Free gives them back.
func New(d *vk.Device, cfg Config) (*Set, error) {
	if cfg.Tuning.Attention == (AttentionTuning{}) {
		cfg.Tuning.Attention = defaultAttention(d.Caps())
	}
	s := &Set{d: d, cfg: cfg, tuning: cfg.Tuning, kv: cfg.KV, byKey: map[programKey]*Program{}}
	count := d.Caps().Limits.MaxComputeWorkGroupCount
	s.maxGroups = min(count[0], count[1])
	if err := s.build(); err != nil {
		s.Free()
		return nil, err
	}
	return s, nil
}

func (s *Set) build() error {
	t, a := &s.tuning, s.tuning.Attention
	lanes, wide, sample, kvType, kv := uint32(t.Lanes), uint32(t.WideLanes), uint32(t.SampleLanes), uint32(s.kv), s.kv.String()+" cache"
	var wanted []*Program
	one := func(to **Program, k *kernel, variant string, constants ...uint32) {
		if s.cfg.Kernels == nil || slices.Contains(s.cfg.Kernels, k.name) {
			*to = s.program(k, NoType, variant, constants...)
			wanted = append(wanted, *to)
		}
	}
	one(&s.rmsnorm, rmsnormKernel, "", wide)
	one(&s.rope, ropeKernel, kv, lanes, kvType)
	one(&s.attention, attentionKernel, kv, uint32(a.Lanes), kvType, uint32(a.Positions), uint32(a.Tile), constant(a.Merge), uint32(a.Blocks), uint32(a.Tokens))
	one(&s.attentionPrefill, attentionPrefillKernel, kv, uint32(a.PrefillLanes), kvType, uint32(a.PrefillRows), uint32(a.PrefillTile), constant(a.Merge))
	one(&s.merge, mergeKernel, "", uint32(a.Lanes))
	one(&s.geglu, gegluKernel, "", lanes)
	one(&s.sum, sumKernel, "", lanes)
	one(&s.toHalf, halfKernel, "", wide)
	one(&s.penalize, penalizeKernel, "", lanes)
	one(&s.threshold, thresholdKernel, "", sample)
	one(&s.pick, pickKernel, "", lanes, pickQuads)
	one(&s.advance, advanceKernel, "", sample)
	for i := range s.cfg.Weights {
		w := &s.cfg.Weights[i]
		if s.cfg.Kernels != nil && !slices.Contains(s.cfg.Kernels, w.Kernel) {
			continue
		}
		if !w.Type.Known() {
			return fmt.Errorf("shaders: no kernel for weights of type %d", w.Type)
		}
		wanted = append(wanted, s.weighted(w)...)
	}
	if t.Prefill != (Prefill{}) {
		if err := t.Prefill.Check(s.d.Caps()); err != nil {
			return err
		}
	}
	var work errgroup.Group
	work.SetLimit(runtime.GOMAXPROCS(0))
	for _, p := range wanted {
		work.Go(p.build)
	}
	return work.Wait()
}

// weighted is the programs that read weights in a step or a prompt.
func (s *Set) weighted(w *Weights) []*Program {
	if w.Kernel == "embed" {
		return []*Program{s.embedProgram(w.Type)}
	}
	p := &s.tuning.Prefill
	tiles := func() []*Program {
		return []*Program{s.tileProgram(w.Type, &p.Wide), s.tileProgram(w.Type, &p.Narrow)}
	}
	if *p != (Prefill{}) && p.kernel().name == w.Kernel {
		return tiles()
	}
	i := slices.IndexFunc(productKernels, func(k productKernel) bool { return k.plain.name == w.Kernel })
	if i < 0 {
		return nil // of the other way of prefill
	}
	k, most := productKernels[i], s.tuning.Product.Tokens
	canDot := k.dot != nil && !w.Type.IsFloat()
	var programs []*Program
	add := func(rows, cols, group int, dot bool) {
		programs = append(programs, s.productProgram(k, w.Type, rows, cols, group, k == matmulKernels, dot))
	}
	if s.cfg.Every {
		for _, group := range []int{1, most} {
			for _, dot := range []bool{false, canDot && s.d.Caps().Features.IntegerDotProduct} {
				add(manyInvocations, 0, group, dot)
				add(1, manyInvocations, group, dot)
			}
		}
		return programs
	}
	dot := canDot && w.Quantized && s.tuning.Product.IntDot
	add(w.Rows, w.Cols, 1, dot)
	for group := 2; s.cfg.Batches && group <= most; group *= 2 {
		add(w.Rows, w.Cols, group, dot)
	}
	switch {
	case k == outputKernels: // of a prompt's last token alone
	case *p != (Prefill{}):
		programs = append(programs, tiles()...)
	default:
		add(w.Rows, w.Cols, most, false)
	}
	return programs
}

// programKey tells programs apart.
type programKey struct {
	kernel    *kernel
	subgroup  int
	constants [maxConstants]uint32
}

// program returns a program, which may have to be built yet.
func (s *Set) program(k *kernel, t Type, variant string, constants ...uint32) *Program {
	return s.sized(0, k, t, variant, constants...)
}

// sized is program for a kernel that relies on a subgroup size.
func (s *Set) sized(subgroup int, k *kernel, t Type, variant string, constants ...uint32) *Program {
	key := programKey{kernel: k, subgroup: subgroup}
	copy(key.constants[:], constants)
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.byKey[key]
	if p == nil {
		p = &Program{Kernel: cmp.Or(k.formOf, k.name), Variant: variant, Type: t, Lanes: int(constants[0]), kernel: k}
		p.build = sync.OnceValue(func() (err error) {
			p.pipeline, err = k.pipeline(s.d, &s.cfg, subgroup, constants)
			return err
		})
		s.byKey[key] = p
		s.programs = append(s.programs, p)
	}
	return p
}

// Free gives the pipelines back. The device must not be running them.
func (s *Set) Free() {
	for _, p := range s.programs {
		if p.pipeline != nil {
			p.pipeline.Free()
		}
	}
	s.programs, s.byKey = nil, nil
}

// fold spreads n workgroups over x and y, whose product may exceed n.
func (s *Set) fold(n int) (x, y int) {
	x = min(n, s.maxGroups)
	return x, ceilDiv(n, x)
}

// constant is a bool as a specialization constant.
func constant(b bool) uint32 {
	if b {
		return 1
	}
	return 0
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }

// pushSize is the size in bytes of a struct of push constants.
func pushSize(push any) int { return int(reflect.TypeOf(push).Size()) }
