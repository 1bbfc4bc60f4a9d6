package shaders

import (
	"math/bits"
	"sync"

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
	LoneGain    bool            // the products of one row gain over 5 % where their bits need not be those among others
}

// DefaultTuning is plain and safe on every device: on a CPU one SIMD vector is a
// workgroup, since its barriers cost switches between invocations; on a GPU 64 lanes fill
// one wave of AMD and two of NVIDIA. A row of logits is one workgroup's alone, which takes all
// lanes that there are; on a CPU 64, since Mesa's llvmpipe ends all loops of an invocation
// after 65535 iterations in sum (LP_MAX_TGSI_LOOP_ITERATIONS), and threshold.comp goes
// through a row several times.
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

// Config is what all kernels of Kernels have in common.
type Config struct {
	KV     KVType // of the KV cache
	Tuning Tuning
	// Statistics makes Pipeline.Executables tell registers, spills and the like,
	// Representations what the driver's compiler made of the kernel: where the device has
	// Features.PipelineExecutableProperties.
	Statistics, Representations bool
}

// Kernels is the kernels of one device, in one configuration. Its methods record one dispatch
// each, and build what is not built yet; errors stay in the Commands until End. With nil Commands
// they record nothing: [Kernels.Missing] finds so what to build in time.
type Kernels struct {
	d         *vk.Device
	cfg       Config
	tuning    Tuning
	kv        KVType
	maxGroups int // of one grid dimension
	observer  func(Dispatch)

	mu        sync.Mutex
	pipelines []*Pipeline // in the order in which they were asked for
	byKey     map[pipelineKey]*Pipeline
}

// New makes Kernels in which nothing is built yet. Free gives back what will be.
func New(d *vk.Device, cfg Config) (*Kernels, error) {
	if cfg.Tuning.Attention == (AttentionTuning{}) {
		cfg.Tuning.Attention = defaultAttention(d.Caps())
	}
	if cfg.Tuning.Prefill != (Prefill{}) {
		if err := cfg.Tuning.Prefill.Check(d.Caps()); err != nil {
			return nil, err
		}
	}
	count := d.Caps().Limits.MaxComputeWorkGroupCount
	return &Kernels{
		d: d, cfg: cfg, tuning: cfg.Tuning, kv: cfg.KV, maxGroups: min(count[0], count[1]), byKey: map[pipelineKey]*Pipeline{},
	}, nil
}

// Free gives the pipelines back. The device must not be running them.
func (s *Kernels) Free() {
	for _, p := range s.pipelines {
		if built := p.built.Load(); built != nil {
			built.Free()
		}
	}
	s.pipelines, s.byKey = nil, nil
}

// fold spreads n workgroups over x and y, whose product may exceed n.
func (s *Kernels) fold(n int) (x, y int) {
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
