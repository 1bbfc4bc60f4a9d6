package static

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"sealvk/shaders"
	"sealvk/vk"
	"sealvk/weights"
)

// Format and Version head every file. Version grows when a field changes its meaning or
// goes; readers ignore fields that they do not know.
const (
	Format  = "sealvk-static"
	Version = 1
)

// Report is static profiles as their JSON file holds them.
type Report struct {
	Format   string     `json:"format"`
	Version  int        `json:"version"`
	Profiles []*Profile `json:"profiles"`
}

// Profile is the kernels on one chip.
type Profile struct {
	Family       string    `json:"family"`
	Architecture string    `json:"architecture"`
	MaxWaves     int       `json:"max_waves_per_simd"`
	Device       Device    `json:"device"`
	Programs     []Program `json:"programs"`
}

// Device is what the driver says of itself.
type Device struct {
	Name       string `json:"name"`
	Driver     string `json:"driver"`
	DriverInfo string `json:"driver_info"`
	APIVersion string `json:"api_version"`
}

// Program is a variant of a kernel as the driver built it.
type Program struct {
	Kernel       string `json:"kernel"`
	Variant      string `json:"variant,omitempty"`
	Type         string `json:"type,omitempty"` // of the weights
	Lanes        int    `json:"lanes"`          // invocations of a workgroup
	SubgroupSize int    `json:"subgroup_size"`
	Figures
	Statistics []Statistic `json:"statistics"` // by the driver's own names
	ISA        string      `json:"isa,omitempty"`
}

// Statistic is a figure of VK_KHR_pipeline_executable_properties.
type Statistic struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// String names the program in a table: "matmul Q4_K, 8 tokens, adds".
func (p *Program) String() string {
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
func Kernels() []string { return shaders.Names() }

// Types lists the weights' types that kernels exist for.
func Types() []weights.Type {
	var types []weights.Type
	for t := weights.Type(0); t < 64; t++ {
		if shaders.Type(t).Known() {
			types = append(types, t)
		}
	}
	for _, scale := range []weights.Type{weights.F16, weights.BF16} {
		for _, bits := range []int{4, 8} {
			for _, group := range []int{32, 64, 128} {
				types = append(types, weights.MLX(bits, group, scale))
			}
		}
	}
	return types
}

// DefaultTypes are those of most files.
const DefaultTypes = "Q4_K,Q6_K,Q8_0,BF16"

// ParseTypes reads names separated by commas, in either case, or "all".
func ParseTypes(list string) ([]weights.Type, error) {
	all := Types()
	if list == "all" {
		return all, nil
	}
	var found []weights.Type
	for name := range strings.SplitSeq(list, ",") {
		name = strings.TrimSpace(name)
		i := slices.IndexFunc(all, func(t weights.Type) bool { return strings.EqualFold(t.String(), name) })
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

// Options say what is built.
type Options struct {
	Types   []weights.Type
	Kernels []string // none: all
	ISA     bool     // Program.ISA too
}

// ErrNoStatistics means a device that tells nothing of its pipelines.
var ErrNoStatistics = errors.New("has no pipeline statistics (VK_KHR_pipeline_executable_properties)")

// Of builds the kernels on d, with caches of all types, and asks the driver what became of
// them. Family, Architecture and MaxWaves are left to the caller.
func Of(d *vk.Device, o Options) (*Profile, error) {
	caps := d.Caps()
	if !caps.Features.PipelineExecutableProperties {
		return nil, fmt.Errorf("static: %s %w", caps.Name, ErrNoStatistics)
	}
	if err := CheckKernels(o.Kernels); err != nil {
		return nil, err
	}
	p := &Profile{Device: Device{caps.Name, caps.Driver.Name, caps.Driver.Info, caps.APIVersion}}
	cfg := shaders.Config{Tuning: shaders.DefaultTuning(caps), Kernels: o.Kernels, Every: true, Statistics: true, Representations: o.ISA}
	if len(o.Kernels) == 0 {
		cfg.Kernels = nil
	}
	var types []shaders.Type
	for _, t := range o.Types {
		types = append(types, shaders.Type(t))
	}
	cfg.Weights = shaders.EveryKernel(types)
	if err := p.add(d, cfg); err != nil {
		return nil, err
	}
	cfg.Weights = []shaders.Weights{{Kernel: "attn_qkv", Type: types[0]}}
	for _, cfg.KV = range []shaders.KVType{shaders.KVF32, shaders.KVQ8} {
		if err := p.add(d, cfg); err != nil {
			return nil, err
		}
	}
	order := map[string]int{}
	for _, x := range p.Programs {
		if _, ok := order[x.Kernel]; !ok {
			order[x.Kernel] = len(order)
		}
	}
	slices.SortStableFunc(p.Programs, func(a, b Program) int { return order[a.Kernel] - order[b.Kernel] })
	return p, nil
}

// add appends the programs of a set that p does not have yet.
func (p *Profile) add(d *vk.Device, cfg shaders.Config) error {
	set, err := shaders.New(d, cfg)
	if err != nil {
		return err
	}
	defer set.Free()
	for _, built := range set.Programs() {
		x := Program{Kernel: built.Kernel, Variant: built.Variant, Lanes: built.Lanes}
		if built.Type != shaders.NoType {
			x.Type = weights.Type(built.Type).String()
		}
		if slices.ContainsFunc(p.Programs, func(y Program) bool { return y.String() == x.String() }) {
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
		p.Programs = append(p.Programs, x)
	}
	return nil
}

// driverRADV is VK_DRIVER_ID_MESA_RADV.
const driverRADV = 3

func (p *Program) read(e *vk.Executable, caps *vk.Caps) {
	p.SubgroupSize, p.Figures = e.SubgroupSize, figuresOf(e.Statistics)
	// RADV counts a wave of 64 twice on RDNA, whose SIMDs are 32 wide.
	if w := p.Waves; w != nil && caps.Driver.ID == driverRADV && caps.Subgroup.MinSize == 32 {
		*w = *w * 32 / e.SubgroupSize
	}
	for _, s := range e.Statistics {
		p.Statistics = append(p.Statistics, Statistic{s.Name, s.Value})
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
