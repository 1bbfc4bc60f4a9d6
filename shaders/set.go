package shaders

import (
	"fmt"
	"math/bits"
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
	most := mostInvocations(c)
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
	// Kernels are the names of those to build; nil: all. Others are built when they are recorded.
	Kernels []string
	// Every is types for which all kernels that read weights are built, also as only batches
	// and matrices of few rows take them, with and without integer dot products.
	Every []Type
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

// Set is the kernels of one device, built for one configuration. Its methods
// record one dispatch each, and build what is not built yet; errors stay in the Commands
// until End.
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
}

// New builds the kernels, on all cores. Free gives them back.
func New(d *vk.Device, cfg Config) (*Set, error) {
	if cfg.Tuning.Attention == (AttentionTuning{}) {
		cfg.Tuning.Attention = defaultAttention(d.Caps())
	}
	if cfg.Tuning.Prefill != (Prefill{}) {
		if err := cfg.Tuning.Prefill.Check(d.Caps()); err != nil {
			return nil, err
		}
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

// wanted tells whether a kernel is among those to build.
func (s *Set) wanted(name string) bool {
	return s.cfg.Kernels == nil || slices.Contains(s.cfg.Kernels, name)
}

func (s *Set) build() error {
	var programs []*Program
	weights := slices.Clone(s.cfg.Weights)
	for _, k := range Kernels() {
		if !k.Weights && s.wanted(k.Name) {
			programs = append(programs, s.only(k))
		}
		for _, t := range s.cfg.Every {
			weights = append(weights, Weights{Kernel: k.Name, Type: t})
		}
	}
	for i := range weights {
		w := &weights[i]
		if !w.Type.Known() {
			return fmt.Errorf("shaders: no kernel for weights of type %d", w.Type)
		}
		if k := FindKernel(w.Kernel); k != nil && k.Weights && s.wanted(k.Name) {
			programs = append(programs, k.programs(s, k, w)...)
		}
	}
	var work errgroup.Group
	work.SetLimit(runtime.GOMAXPROCS(0))
	for _, p := range programs {
		work.Go(p.build)
	}
	return work.Wait()
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
