package roofline

import (
	"fmt"
	"slices"
	"unsafe"

	kernels "sealvk/shaders/roofline"
	"sealvk/vk"
)

// pipeline builds the kernel; size is the subgroup size that it relies on, or 0.
func (b *bench) pipeline(k *kernels.Kernel, size int, constants ...uint32) (*vk.Pipeline, error) {
	if len(constants) != k.Constants {
		return nil, fmt.Errorf("kernel %s takes %d constants, not %d", k.Name, k.Constants, len(constants))
	}
	code, err := k.SPIRV()
	if err != nil {
		return nil, err
	}
	p, err := b.d.NewPipeline(vk.PipelineInfo{
		Name: fmt.Sprint("roofline ", k.Name, constants), SPIRV: code, SubgroupSize: size,
		Bindings: len(k.Access), PushSize: k.PushSize, Constants: constants,
	})
	if err == nil {
		b.made = append(b.made, p)
	}
	return p, err
}

// number is what push constants and results are.
type number interface {
	uint16 | uint32 | int32 | float32
}

// words views numbers as bytes.
func words[T number](v ...T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(&v[0])), len(v)*int(unsafe.Sizeof(v[0])))
}

// read gives the numbers of r.
func read[T number](b *bench, r vk.Range) ([]T, error) {
	v := make([]T, r.Size/int64(unsafe.Sizeof(*new(T))))
	return v, b.d.Read(words(v...), r)
}

// lanes lists workgroup sizes to try, as far as the device has them.
func lanes(c *vk.Caps, sizes ...int) []int {
	limit := min(c.Limits.MaxComputeWorkGroupInvocations, c.Limits.MaxComputeWorkGroupSize[0])
	return slices.DeleteFunc(sizes, func(n int) bool { return n > limit })
}
