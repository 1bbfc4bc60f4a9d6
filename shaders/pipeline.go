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

// Pipeline is a variant of a kernel, built or to be built.
type Pipeline struct {
	Kernel  string // its name, as of its file
	Variant string // what sets it apart from the kernel's others of this Type; "" if there are none
	Type    Type   // of the weights, or NoType
	Lanes   int    // invocations of a workgroup

	build func() error // once; then there is a pipeline
	built atomic.Pointer[vk.Pipeline]
}

// form is what sets a pipeline apart from its kernel's others.
type form struct {
	weights   Type
	name      string // Pipeline.Variant
	variant   string // of the GLSL, or ""
	subgroup  int    // subgroup size that it relies on, or 0
	constants []uint32
}

// pipelineKey tells pipelines apart.
type pipelineKey struct {
	kernel    *Kernel
	variant   string
	subgroup  int
	constants [maxConstants]uint32
}

// maxConstants is the most that a kernel has.
const maxConstants = 16

// pipeline returns a pipeline of a kernel, which may have to be built yet.
func (s *Kernels) pipeline(k *Kernel, f form) *Pipeline {
	key := pipelineKey{kernel: k, variant: f.variant, subgroup: f.subgroup}
	copy(key.constants[:], f.constants)
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.byKey[key]
	if p == nil {
		p = &Pipeline{Kernel: k.Name, Variant: f.name, Type: f.weights, Lanes: int(f.constants[0])}
		p.build = sync.OnceValue(func() error {
			built, err := k.compile(s.d, &s.cfg, &f)
			p.built.Store(built)
			return err
		})
		s.byKey[key] = p
		s.pipelines = append(s.pipelines, p)
	}
	return p
}

// only returns the pipeline of a kernel without weights.
func (s *Kernels) only(k *Kernel) *Pipeline {
	f := form{weights: NoType}
	if k.constants != nil {
		f.constants = k.constants(s)
	} else {
		f.constants = []uint32{uint32(k.Knobs[0].Get(&s.tuning))}
	}
	if k.Cache {
		f.name = s.kv.String() + " cache"
	}
	return s.pipeline(k, f)
}

// Executables tells what the driver made of the pipeline (Config.Statistics, Config.Representations).
func (p *Pipeline) Executables() ([]vk.Executable, error) { return p.built.Load().Executables() }

// Pipelines lists what is built.
func (s *Kernels) Pipelines() []*Pipeline {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.pipelines), func(p *Pipeline) bool { return p.built.Load() == nil })
}

// Missing lists the pipelines that record asks for and that are not built, in this order. It is
// called with nil Commands, so that nothing is recorded.
func (s *Kernels) Missing(record func(c *vk.Commands)) (missing []*Pipeline) {
	observer := s.observer
	defer s.Observe(observer)
	s.Observe(func(d Dispatch) {
		if p := d.Pipeline; p.built.Load() == nil && !slices.Contains(missing, p) {
			missing = append(missing, p)
		}
	})
	record(nil)
	return missing
}

// Build builds pipelines on all cores, the first ones first. progress, unless nil, is called from
// several goroutines with how many are done, at first none. When ctx ends, those that the driver compiles
// already, which nothing can stop, are waited for and no more begun.
func (s *Kernels) Build(ctx context.Context, pipelines []*Pipeline, progress func(done, total int)) error {
	if progress != nil && len(pipelines) > 0 {
		progress(0, len(pipelines))
	}
	var done atomic.Int64
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(runtime.GOMAXPROCS(0))
	for _, p := range pipelines {
		work.Go(func() error {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			err := p.build()
			if n := done.Add(1); err == nil && progress != nil {
				progress(int(n), len(pipelines))
			}
			return err
		})
	}
	return work.Wait()
}

// Variants is the pipelines of a kernel that models may use with weights of a type, which a kernel
// that reads none ignores.
func (s *Kernels) Variants(k *Kernel, t Type) []*Pipeline {
	if k.variants != nil {
		return k.variants(s, k, t)
	}
	return []*Pipeline{s.only(k)}
}
