package roofs

import (
	"embed"
	"fmt"
	"unsafe"

	"sealvk/vk"
)

//go:embed spv/*.spv
var binaries embed.FS

// kernel is what Go knows of one .comp file; a test compares it with the SPIR-V.
type kernel struct {
	name      string
	push      int         // bytes of push constants
	access    []vk.Access // of bindings 0, 1, …
	constants int         // specialization constants 0, 1, …
}

var (
	fillKernel   = kernel{"fill", 12, []vk.Access{vk.WriteOnly}, 1}
	readKernel   = kernel{"read", 4, []vk.Access{vk.ReadOnly, vk.WriteOnly}, 3}
	copyKernel   = kernel{"copy", 0, []vk.Access{vk.ReadOnly, vk.WriteOnly}, 3}
	verifyKernel = kernel{"verify", 12, []vk.Access{vk.ReadOnly, vk.WriteOnly}, 2}
	f32Kernel    = kernel{"fma_f32", 16, []vk.Access{vk.WriteOnly}, 2}
	f16Kernel    = kernel{"fma_f16", 16, []vk.Access{vk.WriteOnly}, 2}
	int8Kernel   = kernel{"dot_int8", 16, []vk.Access{vk.WriteOnly}, 2}
	coopF32      = kernel{"coopmat_f32", 12, []vk.Access{vk.ReadOnly, vk.WriteOnly}, 5}
	coopF16      = kernel{"coopmat_f16", 12, []vk.Access{vk.ReadOnly, vk.WriteOnly}, 5}
	stepKernel   = kernel{"step", 4, []vk.Access{vk.ReadWrite}, 0}
)

// pipeline builds the kernel; size is the subgroup size that it relies on, or 0.
func (b *bench) pipeline(k *kernel, size int, constants ...uint32) (*vk.Pipeline, error) {
	if len(constants) != k.constants {
		return nil, fmt.Errorf("kernel %s takes %d constants, not %d", k.name, k.constants, len(constants))
	}
	code, err := binaries.ReadFile("spv/" + k.name + ".spv")
	if err != nil {
		return nil, err
	}
	p, err := b.d.NewPipeline(vk.PipelineInfo{
		Name: fmt.Sprint("roofs ", k.name, constants), SPIRV: code, SubgroupSize: size,
		Bindings: len(k.access), PushSize: k.push, Constants: constants,
	})
	if err == nil {
		b.made = append(b.made, p)
	}
	return p, err
}

// bind pairs the ranges with the kernel's accesses.
func (k *kernel) bind(ranges ...vk.Range) []vk.Binding {
	bindings := make([]vk.Binding, len(ranges))
	for i, r := range ranges {
		bindings[i] = vk.Binding{Range: r, Access: k.access[i]}
	}
	return bindings
}

// words views push constants, 32 bits each, as bytes.
func words[T uint32 | int32 | float32](v ...T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(&v[0])), 4*len(v))
}

// read gives the 32-bit words of r.
func read[T uint32 | int32 | float32](b *bench, r vk.Range) ([]T, error) {
	v := make([]T, r.Size/4)
	return v, b.d.Read(words(v...), r)
}

// lanes lists workgroup sizes to try, as far as the device has them.
func lanes(c *vk.Caps, sizes ...int) []int {
	limit := min(c.Limits.MaxComputeWorkGroupInvocations, c.Limits.MaxComputeWorkGroupSize[0])
	var list []int
	for _, n := range sizes {
		if n <= limit {
			list = append(list, n)
		}
	}
	return list
}
