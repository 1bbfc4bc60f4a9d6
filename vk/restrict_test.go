package vk

import (
	"strings"
	"testing"
)

func TestRestrict(t *testing.T) {
	full := func() Caps {
		return Caps{
			Type: CPU, Limits: Limits{MaxStorageBufferRange: 1 << 30, MaxComputeSharedMemorySize: 32 << 10},
			Subgroup:            Subgroup{Size: 8, Operations: []string{"basic", "quad"}, Compute: true},
			Features:            Features{ShaderFloat16: true, ShaderInt8: true, StorageBuffer16BitAccess: true, StorageBuffer8BitAccess: true, IntegerDotProduct: true, CooperativeMatrix: true},
			DotProduct:          DotProduct{Accelerated4x8PackedSigned: true},
			CooperativeMatrices: []CooperativeMatrix{{M: 16, N: 16, K: 16}},
		}
	}
	c := full()
	if err := c.Restrict("no-subgroups, no-float16,no-int8,no-storage16,no-int-dot,no-coopmat,range=128M,shared=16K,subgroup=64,as=gpu"); err != nil {
		t.Fatal(err)
	}
	if c.Subgroup.Has("quad") || c.Features != (Features{}) || c.DotProduct != (DotProduct{}) || c.CooperativeMatrices != nil ||
		c.Limits.MaxStorageBufferRange != 128<<20 || c.Limits.MaxComputeSharedMemorySize != 16<<10 || c.Subgroup.Size != 64 || c.Type != Discrete {
		t.Errorf("%+v", c)
	}
	for list, want := range map[string]string{
		"":             "unknown restriction",
		"no-colours":   "there are as=gpu, no-coopmat",
		"no-float16=1": "unknown restriction",
		"range=2G":     "up to the device's 1073741824 bytes",
		"shared=0":     "want a size",
		"shared=16Q":   "want a size",
		"subgroup=12":  "power of two",
		"as=tpu":       "unknown restriction",
	} {
		c := full()
		if err := c.Restrict(list); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Restrict(%q): %v, want %q", list, err, want)
		}
	}
}
