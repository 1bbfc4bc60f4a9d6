package shaders

import (
	"fmt"
	"reflect"
	"slices"

	"sealvk/vk"
)

// Tuning sizes the workgroups.
type Tuning struct {
	Lanes         int // invocations of a workgroup that shares one reduction; a power of two
	WideLanes     int // the same where one workgroup works on a whole row of logits
	MatRows       int // weight rows of a matmul workgroup
	MatSpan       int // pairs of columns that a lane of it takes together; a power of two up to 8
	PrefillTokens int // tokens of a matmul workgroup in prefill
}

// DefaultTuning is plain and safe on every device: on a CPU one SIMD vector is a
// workgroup, since its barriers cost switches between invocations, and wide tiles
// save loads (lavapipe of Mesa 22.3, Q4_K, against 4 rows and 1 pair: mat-vec
// 5 times, 8 tokens 8 times as fast); on a GPU 64 lanes fill one wave of AMD and
// two of NVIDIA. Rows of logits take more lanes: Mesa's llvmpipe ends all loops of an
// invocation after 65535 iterations in sum (LP_MAX_TGSI_LOOP_ITERATIONS), and threshold.comp
// goes through a row nine times.
func DefaultTuning(c *vk.Caps) Tuning {
	if c.Type == vk.CPU {
		lanes := max(4, c.Subgroup.Size)
		return Tuning{Lanes: lanes, WideLanes: max(64, lanes), MatRows: 8, MatSpan: 8, PrefillTokens: 8}
	}
	wide := min(256, c.Limits.MaxComputeWorkGroupInvocations, c.Limits.MaxComputeWorkGroupSize[0])
	return Tuning{Lanes: 64, WideLanes: wide, MatRows: 4, MatSpan: 1, PrefillTokens: 8}
}

// Config says which variants of the kernels a Set builds.
type Config struct {
	Types  []Type // of the weights
	KVF16  bool   // the KV cache holds f16, else f32
	Tuning Tuning
	// Kernels are the names of those to build; nil: all. Recording another one panics.
	Kernels []string
	// Statistics makes Program.Executables tell registers, spills and the like,
	// Representations what the driver's compiler made of the kernel: where the device has
	// Features.PipelineExecutableProperties.
	Statistics, Representations bool
}

// PageTokens is the number of positions in a page of the KV cache.
const PageTokens = 32

// Set is the kernels of one device, built for one configuration. Its methods
// record one dispatch each; errors stay in the Commands until End.
type Set struct {
	tuning    Tuning
	kvF16     bool
	maxGroups int // of one grid dimension
	programs  []*Program
	observer  func(Dispatch)

	embed     map[Type]*Program
	matmul    map[matmulVariant]*Program
	rmsnorm   *Program
	rope      *Program
	attention *Program
	merge     *Program
	geglu     *Program
	penalize  *Program
	threshold *Program
	pick      *Program
	advance   *Program
}

// New builds the kernels. Free gives them back.
func New(d *vk.Device, cfg Config) (*Set, error) {
	s := &Set{tuning: cfg.Tuning, kvF16: cfg.KVF16, embed: map[Type]*Program{}, matmul: map[matmulVariant]*Program{}}
	count := d.Caps().Limits.MaxComputeWorkGroupCount
	s.maxGroups = min(count[0], count[1])
	if err := s.build(d, cfg); err != nil {
		s.Free()
		return nil, err
	}
	return s, nil
}

func (s *Set) build(d *vk.Device, cfg Config) (err error) {
	one := func(k *kernel, variant string, constants ...uint32) *Program {
		if err != nil || cfg.Kernels != nil && !slices.Contains(cfg.Kernels, k.name) {
			return nil
		}
		var p *Program
		if p, err = k.program(d, &cfg, variant, constants...); err == nil {
			s.programs = append(s.programs, p)
		}
		return p
	}
	kv := "f32 cache"
	if cfg.KVF16 {
		kv = "f16 cache"
	}
	lanes, wide, kvF16 := uint32(cfg.Tuning.Lanes), uint32(cfg.Tuning.WideLanes), constant(cfg.KVF16)
	for _, t := range cfg.Types {
		if !t.Known() {
			return fmt.Errorf("shaders: no kernel for weights of type %d", t)
		}
		s.embed[t] = one(embedKernel, "", lanes, uint32(t)).of(t)
		for _, v := range []matmulVariant{{t, 1, false}, {t, 1, true}, {t, cfg.Tuning.PrefillTokens, false}, {t, cfg.Tuning.PrefillTokens, true}} {
			s.matmul[v] = one(matmulKernel, v.String(), lanes, uint32(t), uint32(cfg.Tuning.MatRows), uint32(v.tokens), constant(v.add),
				uint32(cfg.Tuning.MatSpan)).of(t)
		}
	}
	s.rmsnorm = one(rmsnormKernel, "", wide)
	s.rope = one(ropeKernel, kv, lanes, kvF16, PageTokens)
	s.attention = one(attentionKernel, kv, lanes, kvF16, PageTokens)
	s.merge = one(mergeKernel, "", lanes)
	s.geglu = one(gegluKernel, "", lanes)
	s.penalize = one(penalizeKernel, "", lanes)
	s.threshold = one(thresholdKernel, "", wide)
	s.pick = one(pickKernel, "", lanes, pickQuads)
	s.advance = one(advanceKernel, "", lanes)
	return err
}

// Free gives the pipelines back. The device must not be running them.
func (s *Set) Free() {
	for _, p := range s.programs {
		p.pipeline.Free()
	}
	s.programs = nil
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
