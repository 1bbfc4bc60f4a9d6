package shaders

import (
	"testing"

	"sealvk/vk"
	"sealvk/weights/format"
)

func matricesOf(sizes ...[3]int) (list []vk.CooperativeMatrix) {
	for _, s := range sizes {
		list = append(list, vk.CooperativeMatrix{M: s[0], N: s[1], K: s[2], A: "f16", B: "f16", C: "f32", Result: "f32", Scope: "subgroup"})
	}
	return list
}

// gpuWith is a device with matrices, subgroups of some sizes and 32 KiB of shared memory.
func gpuWith(least, most int, sizes ...[3]int) *vk.Caps {
	c := &vk.Caps{Type: vk.Discrete, CooperativeMatrices: matricesOf(sizes...)}
	c.Features.CooperativeMatrix, c.Features.VulkanMemoryModel, c.Features.ShaderFloat16 = true, true, true
	c.Subgroup.Size, c.Subgroup.MinSize, c.Subgroup.MaxSize, c.Subgroup.SizeControl = most, least, most, true
	c.Limits.MaxComputeSharedMemorySize, c.Limits.MaxComputeWorkGroupInvocations = 32<<10, 1024
	return c
}

// The matrices that are taken are those for the fewest tokens, where they fit.
func TestMatricesOfDevices(t *testing.T) {
	nvidia := gpuWith(32, 32, [3]int{16, 16, 16}, [3]int{16, 8, 8}, [3]int{16, 8, 16})
	amd := gpuWith(32, 64, [3]int{16, 16, 16})
	intel := gpuWith(8, 32, [3]int{8, 8, 16}, [3]int{8, 16, 16})
	small := gpuWith(32, 32, [3]int{16, 16, 16})
	small.Limits.MaxComputeSharedMemorySize = 16 << 10
	integers := gpuWith(32, 32, [3]int{16, 8, 32})
	integers.CooperativeMatrices[0].A = "s8"
	for _, c := range []struct {
		caps          *vk.Caps
		lanes         bool
		m, n, k, size int
		subgroups     int
	}{
		{nvidia, true, 16, 8, 16, 32, 4},
		{amd, false, 16, 16, 16, 32, 4},
		{intel, false, 8, 8, 16, 8, 4},
		{small, false, 16, 16, 16, 32, 1},
		{integers, false, 0, 0, 0, 0, 0},
		{&vk.Caps{}, false, 0, 0, 0, 0, 0},
	} {
		got := SharedMatrices(c.caps)
		if HasLanes(c.caps) != c.lanes || got.On != (c.m > 0) || [3]int{got.M, got.N, got.K} != [3]int{c.m, c.n, c.k} || got.Subgroup != c.size || got.MaxSubgroups != c.subgroups {
			t.Errorf("%+v: %v, %+v", c.caps.CooperativeMatrices, HasLanes(c.caps), got)
		}
		if got.On && got.shared(got.MaxSubgroups, MatrixTokens) > c.caps.Limits.MaxComputeSharedMemorySize {
			t.Errorf("%+v: more shared memory than there is", got)
		}
		if DefaultTuning(withLimits(c.caps)).Product.Matrix.On {
			t.Error("a default that nobody asked for")
		}
	}
}

// withLimits has what DefaultTuning counts on besides.
func withLimits(c *vk.Caps) *vk.Caps {
	some := *c
	some.Limits.MaxComputeWorkGroupInvocations, some.Limits.MaxComputeWorkGroupSize = 1024, [3]int{1024, 1024, 64}
	return &some
}

// Subgroups that share the columns of a 7B model's matrices, and which columns matrices take.
func TestMatrixSubgroups(t *testing.T) {
	m, l := lanesMatrices(MatrixLanes, MatrixPlaces{}), &vk.Limits{MaxComputeSharedMemorySize: 48 << 10, MaxComputeWorkGroupInvocations: 1024}
	for _, c := range []struct{ rows, cols, want int }{{49152, 3072, 4}, {12288, 3072, 4}, {256000, 3072, 4}, {3072, 4096, 16}, {3072, 24576, 16}, {3072, 256, 4}} {
		if got := m.subgroups(l, format.Q4_K, c.rows, c.cols); got != c.want {
			t.Errorf("%d × %d: %d subgroups, want %d", c.rows, c.cols, got, c.want)
		}
	}
	l.MaxComputeSharedMemorySize = 16 << 10
	if got := m.subgroups(l, format.Q4_K, 3072, 24576); got != 8 {
		t.Errorf("in 16 KiB of shared memory: %d subgroups, want 8", got)
	}
	shared := SharedMatrices(gpuWith(32, 32, [3]int{16, 16, 16}))
	for _, c := range []struct {
		m            *MatrixTuning
		typ          Type
		cols, tokens int
		want         bool
	}{
		{&m, format.Q4_K, 768, 1, true}, {&m, format.Q4_0, 384, 1, false}, {&m, format.Q8_0, 384, 1, true}, {&m, format.BF16, 128, 1, true}, {&m, format.BF16, 130, 1, false},
		{&m, format.Q4_K, 768, 32, true}, {&m, format.Q4_K, 768, 33, false}, {&shared, format.Q4_0, 96, 1, true}, {&shared, format.F32, 100, 1, false}, {&MatrixTuning{}, format.Q4_K, 768, 1, false},
	} {
		if got := c.m.Takes(c.typ, c.cols, c.tokens); got != c.want {
			t.Errorf("%v, %d columns, %d tokens: %v", c.typ, c.cols, c.tokens, got)
		}
	}
}
