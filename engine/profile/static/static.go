package static

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"sealvk/engine/profile"
	"sealvk/shaders"
	"sealvk/vk"
	"sealvk/weights/format"
)

// Report is compilations as their JSON file holds them.
type Report struct {
	Format       string         `json:"format"`
	Version      int            `json:"version"`
	Compilations []*Compilation `json:"profiles"`
}

// NewReport heads compilations for their file. Its version grows when a field changes its
// meaning or goes; readers ignore fields that they do not know.
func NewReport(list []*Compilation) *Report {
	return &Report{Format: "sealvk-static", Version: 1, Compilations: list}
}

// Compilation is the kernels on one chip.
type Compilation struct {
	Family       string         `json:"family"`
	Architecture string         `json:"architecture"`
	MaxWaves     int            `json:"max_waves_per_simd"`
	Device       profile.Device `json:"device"`
	Pipelines    []Pipeline     `json:"programs"`
}

// Pipeline adds to a profile's what its statistics mean, and the chip's instructions.
type Pipeline struct {
	profile.Pipeline
	Figures
	ISA string `json:"isa,omitempty"`
}

// String names the pipeline in a table: "matmul Q4_K, 8 tokens, adds".
func (p *Pipeline) String() string {
	name := p.Kernel
	if p.Type != "" {
		name += " " + p.Type
	}
	if p.Variant != "" {
		name += ", " + p.Variant
	}
	return name
}

// Kernels lists the kernels' names, sorted.
func Kernels() (names []string) {
	for _, k := range shaders.All() {
		names = append(names, k.Name)
	}
	return names
}

// DefaultTypes are those of most files.
const DefaultTypes = "Q4_K,Q6_K,Q8_0,BF16"

// ParseTypes reads names separated by commas, in either case, or "all".
func ParseTypes(list string) ([]format.Type, error) {
	all := format.Types()
	if list == "all" {
		return all, nil
	}
	var found []format.Type
	for name := range strings.SplitSeq(list, ",") {
		name = strings.TrimSpace(name)
		i := slices.IndexFunc(all, func(t format.Type) bool { return strings.EqualFold(t.String(), name) })
		if i < 0 {
			var names []string
			for _, t := range all {
				names = append(names, t.String())
			}
			return nil, fmt.Errorf("static: no kernel for weights of type %q; want all or some of %s", name, strings.Join(names, ", "))
		}
		if !slices.Contains(found, all[i]) {
			found = append(found, all[i])
		}
	}
	return found, nil
}

// CheckKernels fails for a name that no kernel has.
func CheckKernels(names []string) error {
	for _, name := range names {
		if !slices.Contains(Kernels(), name) {
			return fmt.Errorf("static: no kernel %q; the kernels are %s", name, strings.Join(Kernels(), ", "))
		}
	}
	return nil
}

// ErrNoStatistics means a device that gives no statistics of its pipelines.
var ErrNoStatistics = errors.New("has no pipeline statistics (VK_KHR_pipeline_executable_properties)")

// Compile builds the kernels of those names, or all if there are none, for weights of the
// types and caches of every type on d, and asks the driver what became of them: with isa, the
// instructions too. Family, Architecture and MaxWaves are left to the caller.
func Compile(d *vk.Device, kernels []string, types []format.Type, isa bool) (*Compilation, error) {
	caps := d.Caps()
	if !caps.Features.PipelineExecutableProperties {
		return nil, fmt.Errorf("static: %s %w", caps.Name, ErrNoStatistics)
	}
	if err := CheckKernels(kernels); err != nil {
		return nil, err
	}
	p := &Compilation{Device: profile.Device{
		Name: caps.Name, Driver: caps.Driver.Name, DriverInfo: caps.Driver.Info, APIVersion: caps.APIVersion,
	}}
	groups, err := groupsOf(caps, kernels)
	if err != nil {
		return nil, err
	}
	for _, g := range groups {
		for _, kv := range []shaders.KVType{shaders.KVF16, shaders.KVF32, shaders.KVQ8} {
			kernels, of := g.kernels, types
			if kv != shaders.KVF16 { // what another cache changes is the same for all weights
				kernels = slices.DeleteFunc(slices.Clone(kernels), func(k *shaders.Kernel) bool { return !k.Cache })
				of = types[:1]
			}
			cfg := shaders.Config{Tuning: g.tuning, KV: kv, Statistics: true, Representations: isa}
			if err := p.add(d, cfg, kernels, of); err != nil {
				return nil, err
			}
		}
	}
	slices.SortStableFunc(p.Pipelines, func(a, b Pipeline) int { return strings.Compare(a.Kernel, b.Kernel) })
	return p, nil
}

// group is kernels that are used with one tuning.
type group struct {
	tuning  shaders.Tuning
	kernels []*shaders.Kernel
}

// groupsOf are the kernels of the given names, or all that the device can run.
func groupsOf(caps *vk.Caps, names []string) (groups []group, err error) {
	for _, k := range shaders.All() {
		if len(names) > 0 && !slices.Contains(names, k.Name) {
			continue
		}
		tuning, err := k.Tuning(caps)
		switch {
		case err != nil && len(names) == 0:
			continue
		case err != nil:
			return nil, fmt.Errorf("static: %s: %w", k.Name, err)
		}
		i := slices.IndexFunc(groups, func(g group) bool { return g.tuning == tuning })
		if i < 0 {
			i, groups = len(groups), append(groups, group{tuning: tuning})
		}
		groups[i].kernels = append(groups[i].kernels, k)
	}
	return groups, nil
}

// add appends the pipelines of kernels that p does not have yet.
func (p *Compilation) add(d *vk.Device, cfg shaders.Config, kernels []*shaders.Kernel, types []format.Type) error {
	set, err := shaders.New(d, cfg)
	if err != nil {
		return err
	}
	defer set.Free()
	var variants []*shaders.Pipeline
	for _, k := range kernels {
		for _, t := range types {
			variants = append(variants, set.Variants(k, t)...)
		}
	}
	if err := set.Build(context.Background(), variants, nil); err != nil {
		return err
	}
	for _, built := range variants {
		x := Pipeline{Pipeline: profile.Pipeline{Kernel: built.Kernel, Variant: built.Variant, Lanes: built.Lanes}}
		if built.Type != shaders.NoType {
			x.Type = built.Type.String()
		}
		if slices.ContainsFunc(p.Pipelines, func(y Pipeline) bool { return y.String() == x.String() }) {
			continue
		}
		list, err := built.Executables()
		if err != nil {
			return err
		}
		if len(list) != 1 {
			return fmt.Errorf("static: %s: the driver made %d programs of it, want 1", &x, len(list))
		}
		x.read(&list[0], d.Caps())
		p.Pipelines = append(p.Pipelines, x)
	}
	return nil
}

func (p *Pipeline) read(e *vk.Executable, caps *vk.Caps) {
	p.SubgroupSize, p.Statistics, p.Figures = e.SubgroupSize, e.Statistics, figuresOf(e.Statistics)
	// RADV counts a wave of 64 twice on RDNA, whose SIMDs are 32 wide.
	if w := p.Waves; w != nil && caps.Driver.ID == vk.DriverRADV && caps.Subgroup.MinSize == 32 {
		*w = *w * 32 / e.SubgroupSize
	}
	p.ISA = isa(e.Representations)
}

// isa is the last text: compilers list what they went through in order.
func isa(forms []vk.Representation) string {
	for _, f := range slices.Backward(forms) {
		if f.IsText {
			return string(f.Data)
		}
	}
	return ""
}
