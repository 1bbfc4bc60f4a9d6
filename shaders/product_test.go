package shaders

import (
	"fmt"
	"testing"

	"sealvk/vk"
	"sealvk/weights/format"
)

// What a GPU's matrices get, of a device with 132 shader cores, with a few, and with large subgroups:
// lanes that share a row, steps ahead, and workgroups that share a row.
func TestProductTables(t *testing.T) {
	device := func(subgroup, cores int) *vk.Caps {
		c := &vk.Caps{Type: vk.Discrete, ShaderCores: cores, Subgroup: vk.Subgroup{Size: subgroup}}
		c.Limits.MaxComputeWorkGroupInvocations, c.Limits.MaxComputeWorkGroupSize[0] = 1024, 1024
		c.Limits.MaxComputeSharedMemorySize = 16 << 10
		return c
	}
	tight, wide := device(64, 96), device(64, 96)
	wide.Limits.MaxComputeSharedMemorySize = 32 << 10
	small := device(32, 0)
	small.Limits.MaxComputeWorkGroupInvocations = 128
	for _, c := range []struct {
		caps             *vk.Caps
		typ              Type
		rows, cols       int
		lanes, span, one int
	}{
		{device(32, 132), format.Q4_K, 49152, 3072, 256, 4, 1},
		{device(32, 132), format.Q8_0, 49152, 3072, 256, 4, 1},
		{device(32, 132), format.BF16, 49152, 3072, 256, 2, 1},
		{device(32, 132), format.F32, 49152, 3072, 256, 1, 1},
		{device(32, 132), format.Q4_K, 12288, 3072, 32 * 12, 8, 1},
		{device(32, 132), format.Q8_0, 12288, 3072, 32 * 12, 4, 1},
		{device(32, 132), format.Q4_K, 3072, 4096, 32 * 16, 8, 1},
		{device(32, 132), format.Q6_K, 3072, 24576, 32 * 12, 8, 4},
		{device(32, 132), format.Q4_K, 64, 256, 32, 8, 1},
		{device(32, 28), format.Q4_K, 49152, 3072, 256, 2, 1},
		{device(32, 28), format.Q4_K, 3072, 24576, 512, 2, 1},
		{wide, format.Q4_K, 49152, 3072, 512, 2, 1},
		{wide, format.Q4_K, 256000, 3072, 256, 2, 1},
		{tight, format.Q4_K, 49152, 3072, 256, 2, 1},
		{small, format.Q4_K, 3072, 24576, 128, 2, 1},
	} {
		p := defaultProduct(c.caps)
		got := p.of(c.typ, c.rows, c.cols)
		if got.Lanes != c.lanes || got.Span != c.span || got.GridSplits != c.one {
			t.Errorf("%d cores, %v %d × %d: %+v, want %d lanes, span %d, %d splits", c.caps.ShaderCores, c.typ, c.rows, c.cols, got, c.lanes, c.span, c.one)
		}
		if err := p.Check(&c.caps.Limits); err != nil {
			t.Errorf("%d cores: %v", c.caps.ShaderCores, err)
		}
		p.Lanes, p.Span, p.GridSplits = 64, 1, 2 // which somebody has set
		if got := p.of(c.typ, c.rows, c.cols); got.Lanes != 64 || got.Span != 1 || got.GridSplits != 2 {
			t.Errorf("set, and then %+v", got)
		}
	}
}

// Besides the products themselves kernels keep norms and what sampling begins with in shared memory:
// 64 × 4 rows of 16 tokens leave 16 KiB no room for them.
func TestProductsLeaveRoomInSharedMemory(t *testing.T) {
	p := ProductTuning{Lanes: 64, RowLanes: 64, Groups: 4, Outputs: 64, Span: 1, GridSplits: 1, Tokens: 16}
	for _, c := range []struct {
		bytes int
		fits  bool
	}{{16 << 10, false}, {26<<10 + 64 - 1, false}, {26<<10 + 64, true}, {32 << 10, true}} {
		if err := p.Check(&vk.Limits{MaxComputeSharedMemorySize: c.bytes}); err == nil != c.fits {
			t.Errorf("%d bytes: %v", c.bytes, err)
		}
	}
}

// Integer dot products are what GPUs take that have instructions for them.
func TestIntDotIsTheDefaultWhereItIsFast(t *testing.T) {
	for _, c := range []struct {
		typ             vk.DeviceType
		has, fast, want bool
	}{{vk.Discrete, true, true, true}, {vk.Integrated, true, false, false}, {vk.Discrete, false, true, false}, {vk.CPU, true, true, false}} {
		caps := &vk.Caps{Type: c.typ, Subgroup: vk.Subgroup{Size: 32}}
		caps.Features.IntegerDotProduct, caps.DotProduct.Accelerated4x8PackedSigned = c.has, c.fast
		if got := defaultProduct(caps).IntDot; got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

// Scratch has room for what each count of tokens leaves, and a matrix that is not split needs none.
func TestSplitBytes(t *testing.T) {
	p := ProductTuning{Lanes: 64, RowLanes: 32, Groups: 4, Outputs: 8, Span: 8, GridSplits: 3, Tokens: 8}
	partial, done := p.SplitBytes(100, 4096)
	for n := 1; n <= p.Tokens; n *= 2 {
		tiles := ceilDiv(100, p.groupRows(n)) * ceilDiv(DecodeRows, n)
		if sums := int64(4 * tiles * p.groupRows(n) * n * 3); sums > partial || int64(4*tiles) > done {
			t.Errorf("groups of %d tokens: %d and %d bytes of %d and %d", n, sums, 4*tiles, partial, done)
		}
	}
	p.GridSplits = 0
	if partial, done := p.SplitBytes(100, 4096); partial != 0 || done != 0 {
		t.Error(fmt.Sprint("for nothing: ", partial, done))
	}
}
