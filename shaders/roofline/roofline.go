// Package roofline holds the kernels by which engine/profile/roofline measures a device, with
// what Go needs to know of each.
package roofline

import (
	"embed"

	"sealvk/vk"
)

//go:embed spv/*.spv
var binaries embed.FS

// Kernel is one .comp file as Go builds and dispatches it; a test compares it with the SPIR-V.
type Kernel struct {
	Name      string
	PushSize  int         // bytes of push constants
	Access    []vk.Access // of bindings 0, 1, …
	Constants int         // number of specialization constants 0, 1, …
}

var (
	Fill       = &Kernel{"fill", 12, []vk.Access{vk.WriteOnly}, 1}
	Read       = &Kernel{"read", 4, []vk.Access{vk.ReadOnly, vk.WriteOnly}, 3}
	Copy       = &Kernel{"copy", 0, []vk.Access{vk.ReadOnly, vk.WriteOnly}, 3}
	Verify     = &Kernel{"verify", 12, []vk.Access{vk.ReadOnly, vk.WriteOnly}, 2}
	FMAF32     = &Kernel{"fma_f32", 16, []vk.Access{vk.WriteOnly}, 2}
	FMAF16     = &Kernel{"fma_f16", 16, []vk.Access{vk.WriteOnly}, 2}
	DotInt8    = &Kernel{"dot_int8", 16, []vk.Access{vk.WriteOnly}, 2}
	CoopMatF32 = &Kernel{"coopmat_f32", 12, []vk.Access{vk.ReadOnly, vk.WriteOnly}, 5}
	CoopMatF16 = &Kernel{"coopmat_f16", 12, []vk.Access{vk.ReadOnly, vk.WriteOnly}, 5}
	Step       = &Kernel{"step", 4, []vk.Access{vk.ReadWrite}, 0}
)

// SPIRV is the compiled kernel.
func (k *Kernel) SPIRV() ([]byte, error) { return binaries.ReadFile("spv/" + k.Name + ".spv") }

// Bind pairs the ranges of bindings 0, 1, … with the kernel's accesses.
func (k *Kernel) Bind(ranges ...vk.Range) []vk.Binding {
	bindings := make([]vk.Binding, len(ranges))
	for i, r := range ranges {
		bindings[i] = vk.Binding{Range: r, Access: k.Access[i]}
	}
	return bindings
}
