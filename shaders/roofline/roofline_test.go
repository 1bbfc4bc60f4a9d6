package roofline

import (
	"slices"
	"testing"

	"sealvk/shaders/internal/spv"
	"sealvk/vk"
)

func TestSPIRVIsUpToDate(t *testing.T) {
	stale, err := spv.Stale(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range stale {
		t.Errorf("%s: run go generate ./shaders", line)
	}
}

// Every kernel, as it is declared in Go, agrees with its SPIR-V.
func TestKernelsAgreeWithGo(t *testing.T) {
	files, err := spv.Kernels(".")
	if err != nil {
		t.Fatal(err)
	}
	kernels := map[string]*Kernel{}
	for _, k := range []*Kernel{Fill, Read, Copy, Verify, FMAF32, FMAF16, DotInt8, CoopMatF32, CoopMatF16, Step} {
		kernels[k.Name] = k
	}
	if len(kernels) != len(files) {
		t.Errorf("%d kernels in Go, in *.comp: %v", len(kernels), files)
	}
	for _, name := range files {
		k := kernels[name]
		if k == nil {
			t.Errorf("%s is not in Go", name)
			continue
		}
		code, err := k.SPIRV()
		if err != nil {
			t.Fatal(err)
		}
		m, err := spv.Parse(code)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(m.Push)*4 != k.PushSize {
			t.Errorf("%s: %d bytes of push constants, the kernel has %v", name, k.PushSize, m.Push)
		}
		var access []vk.Access
		for i, b := range m.Bindings {
			if b.Number != i {
				t.Errorf("%s: binding %d is not used", name, i)
			}
			var a vk.Access
			if b.Readable {
				a |= vk.ReadOnly
			}
			if b.Writable {
				a |= vk.WriteOnly
			}
			access = append(access, a)
		}
		if !slices.Equal(access, k.Access) {
			t.Errorf("%s: bindings %v, the kernel has %v", name, k.Access, access)
		}
		if n := len(m.Constants); n != k.Constants || n > 0 && m.Constants[n-1].Number != n-1 {
			t.Errorf("%s: %d specialization constants, the kernel has %v", name, k.Constants, m.Constants)
		}
	}
}
