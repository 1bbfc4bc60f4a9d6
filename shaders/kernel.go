package shaders

import (
	"fmt"
	"unsafe"

	"sealvk/vk"
)

// kernel is what Go knows of one .comp file; a test compares it with the SPIR-V.
type kernel struct {
	name      string
	formOf    string      // the kernel that this is another form of, whose name programs bear; may be ""
	push      any         // zero value of its push constants
	access    []vk.Access // of bindings 0, 1, …
	constants int         // specialization constants 0, 1, …
}

// kernels lists every kernel, for the test.
var kernels []*kernel

func register(k kernel) *kernel {
	kernels = append(kernels, &k)
	return &k
}

// maxConstants is the most that a kernel has.
const maxConstants = 12

// pipeline builds the kernel with the given specialization constants, of which the first
// is the lanes of a workgroup; subgroup is the subgroup size that it relies on, or 0.
func (k *kernel) pipeline(d *vk.Device, cfg *Config, subgroup int, constants []uint32) (*vk.Pipeline, error) {
	if len(constants) != k.constants {
		return nil, fmt.Errorf("shaders: %s takes %d constants, not %d", k.name, k.constants, len(constants))
	}
	told := d.Caps().Features.PipelineExecutableProperties
	p, err := d.NewPipeline(vk.PipelineInfo{
		Name: fmt.Sprint(k.name, constants), SPIRV: spirv(k.name),
		Bindings: len(k.access), PushSize: pushSize(k.push), Constants: constants, SubgroupSize: subgroup,
		Statistics: cfg.Statistics && told, Representations: cfg.Representations && told,
	})
	if err != nil {
		return nil, fmt.Errorf("shaders: %s: %w", k.name, err)
	}
	return p, nil
}

// bind pairs the ranges with the kernel's accesses.
func (k *kernel) bind(ranges ...vk.Range) []vk.Binding {
	bindings := make([]vk.Binding, len(ranges))
	for i, r := range ranges {
		bindings[i] = vk.Binding{Range: r, Access: k.access[i]}
	}
	return bindings
}

// pushBytes views push constants, a struct of 32-bit fields, as bytes.
func pushBytes[T any](p *T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(p)), unsafe.Sizeof(*p))
}
