package shaders

import (
	"encoding/binary"
	"math"
	"testing"

	"sealvk/shaders/reference"
	"sealvk/vk"
)

// Scores far apart must not overflow the softmax.
func TestAttentionExtremeScores(t *testing.T) {
	const pages = 70 // and splits: more than are merged at a time
	h, splits, length := Heads{1, 1, 32}, Splits{32, pages}, pages*PageTokens
	var table []uint32
	for i := range uint32(pages) {
		table = append(table, i)
	}
	extreme := func(count int, tuning Tuning) {
		half := [2][]uint32{}
		for i := range half {
			half[i] = make([]uint32, pages*KVBytes(h, KVF32)/4)
			c := reference.Cache{Words: half[i], KV: reference.KVF32, IsV: i == 1, Heads: 1, HeadDim: 32, PageTokens: PageTokens, Pages: table}
			for p := range length {
				word, _, _ := c.Word(0, p, 0)
				c.Words[word] = math.Float32bits([]float32{float32(70*p - 2100), float32(p)}[i])
			}
		}
		rows, q := make([]Row, count), make([]float32, 32*count)
		for i := range rows {
			rows[i].Position, q[32*i] = uint32(length-count+i), 10
		}
		b := newBench(t, KVF32, tuning)
		prefill := count > 1
		grid := b.set.AttentionGrid(splits, h, length, count, prefill)
		a := Attention{
			Rows: in(b, "rows", rows), Q: in(b, "q", q), Y: Activations{F32: b.out("y", len(q))}, Heads: h, Splits: splits, Grid: in(b, "grid", grid[:]), Count: count, Scale: 1, Prefill: prefill,
			Cache:   KVCache{K: in(b, "k", half[0]), V: in(b, "v", half[1]), Pages: in(b, "pages", table), MaxPages: pages},
			Scratch: AttentionScratch{b.out("partial", int(splits.PartialBytes(h, count)/4)), in(b, "done", make([]uint32, count))},
		}
		b.run(func(c *vk.Commands) { b.set.Attention(c, "attention", a) })
		for i, got := range b.floats(a.Y.F32) {
			if want := []float32{float32(rows[i/32].Position), 0}[min(1, i%32)]; got != want {
				t.Fatalf("%d rows, %+v: row %d dimension %d: %v, want %v, the value of the last position", count, tuning.Attention, i/32, i%32, got, want)
			}
		}
	}
	extreme(1, DefaultTuning(device.Caps()))
	extreme(2*DecodeRows, DefaultTuning(device.Caps()))
	if subgroups, err := attentionSubgroupKernel.Tuning(device.Caps()); err == nil {
		extreme(1, subgroups)
		subgroups.Attention.Merge = false
		extreme(1, subgroups)
	}
}

// A sequence's splits are as many as its own length wants, up to the most, and all of its positions.
func TestSplits(t *testing.T) {
	p := Splits{Positions: 64, Max: 5}
	for length, want := range map[int][2]int{1: {1, 64}, 64: {1, 64}, 65: {2, 64}, 320: {5, 64}, 321: {3, 128}, 640: {5, 128}, 641: {3, 256}} {
		if splits, positions := p.Of(length); [2]int{splits, positions} != want {
			t.Errorf("%d positions: %d splits of %d, want %v", length, splits, positions, want)
		}
		if grid := p.Grid(Heads{2, 1, 32}, length, 3); grid != [3]uint32{2, uint32(min(5, (length+63)/64)), 3} {
			t.Errorf("%d positions: a grid of %v", length, grid)
		}
	}
	for heads, want := range map[int]int{1: 256, 16: 16, 64: 8} { // two workgroups for each of 128 cores, or 8 splits
		if got := DecodeSplits(&vk.Caps{Type: vk.Discrete}, Heads{heads, 1, 32}, 128, 1<<20); got != (Splits{128, want}) {
			t.Errorf("%d heads: %+v, want %d splits", heads, got, want)
		}
	}
	if got := DecodeSplits(&vk.Caps{Type: vk.CPU}, Heads{16, 1, 32}, 128, 8192); got != (Splits{128, 64}) {
		t.Errorf("a CPU device: %+v", got)
	}
}

// The defaults fit a device of the least that Vulkan allows, whose limits others exceed.
func TestAttentionTuningCheck(t *testing.T) {
	least := vk.Caps{Limits: vk.Limits{MaxComputeSharedMemorySize: 16384}}
	fits := func(c *vk.Caps) {
		a := defaultAttention(c)
		if c.Type == vk.CPU && a.Subgroup != 0 {
			t.Errorf("a CPU device gets subgroups of %d", a.Subgroup)
		}
		for _, kv := range []KVType{KVF16, KVF32, KVQ8} {
			if err := a.Check(kv, c); err != nil {
				t.Errorf("%v, subgroups of %d, %v: %v", c.Type, c.Subgroup.Size, kv, err)
			}
		}
	}
	for _, size := range []int{4, 8, 16, 32, 64, 128} {
		for _, typ := range []vk.DeviceType{vk.CPU, vk.Discrete} {
			c := least
			c.Type, c.Subgroup = typ, vk.Subgroup{Size: size, MinSize: size, MaxSize: size}
			fits(&c)
			c.Subgroup.Operations, c.Subgroup.Compute = []string{"basic", "arithmetic"}, true
			fits(&c)
		}
	}
	for name, change := range map[string]func(a *AttentionTuning){
		"pages": func(a *AttentionTuning) { a.Tile = 48 }, "lanes": func(a *AttentionTuning) { a.Positions = 3 },
		"tokens": func(a *AttentionTuning) { a.Tokens = 6 }, "prefill": func(a *AttentionTuning) { a.PrefillTile = 40 },
		"shared": func(a *AttentionTuning) { a.PrefillRows = 64 },
	} {
		a := plainAttention(&vk.Caps{Type: vk.Discrete})
		if change(&a); a.Check(KVF16, &least) == nil {
			t.Errorf("%s: %+v passes", name, a)
		}
	}
	reduces := vk.Caps{Type: vk.Discrete, Limits: least.Limits, Subgroup: vk.Subgroup{
		Size: 32, MinSize: 16, MaxSize: 64, Operations: []string{"arithmetic"}, Compute: true, SizeControl: true, MaxPerWorkGroup: 8,
	}}
	for name, change := range map[string]func(a *AttentionTuning){
		"size": func(a *AttentionTuning) { a.Subgroup = 8 }, "few lanes": func(a *AttentionTuning) { a.Lanes = 32 },
		"subgroups": func(a *AttentionTuning) { a.Lanes, a.Subgroup = 256, 16 }, "V": func(a *AttentionTuning) { a.Tokens = 6 },
		"shared memory": func(a *AttentionTuning) { a.Lanes = 512 }, "part": func(a *AttentionTuning) { a.Lanes, a.Subgroup = 96, 64 },
	} {
		a := defaultAttention(&reduces)
		if a.Subgroup != 32 || a.Check(KVQ8, &reduces) != nil {
			t.Fatalf("%+v is not the default", a)
		}
		if change(&a); a.Check(KVQ8, &reduces) == nil {
			t.Errorf("%s: %+v passes", name, a)
		}
	}
	for vendor, want := range map[uint32]AttentionTuning{vendorNVIDIA: {Subgroup: 32, Blocks: 4, Tokens: 16}, vendorIntel: {Subgroup: 16, Blocks: 2, Tokens: 8}} {
		reduces.VendorID = vendor
		if a := defaultAttention(&reduces); a.Subgroup != want.Subgroup || a.Blocks != want.Blocks || a.Tokens != want.Tokens {
			t.Errorf("vendor %#x: %+v", vendor, a)
		}
	}
	if a := defaultAttention(&vk.Caps{Driver: vk.Driver{ID: moltenVK}}); a.Merge {
		t.Error("MoltenVK merges within a dispatch")
	}
}

// Matrices of attention fit the devices that have them, or there are none.
func TestAttentionMatrixFits(t *testing.T) {
	of := func(m, n, k, subgroup, shared int) *vk.Caps {
		c := &vk.Caps{Type: vk.Discrete, Subgroup: vk.Subgroup{Size: subgroup, MinSize: subgroup, MaxSize: subgroup, Operations: []string{"shuffle"}, Compute: true}}
		c.Features.CooperativeMatrix, c.Features.VulkanMemoryModel, c.Features.ShaderFloat16 = true, true, true
		c.Limits.MaxComputeSharedMemorySize, c.Limits.MaxComputeWorkGroupInvocations, c.Limits.MaxComputeWorkGroupSize = shared, 1024, [3]int{1024, 1024, 64}
		c.CooperativeMatrices = []vk.CooperativeMatrix{{M: m, N: n, K: k, A: "f16", B: "f16", C: "f32", Result: "f32", Scope: "subgroup"}}
		return c
	}
	for name, want := range map[string]struct {
		caps          *vk.Caps
		groups, parts int // 0: none
	}{
		"NVIDIA": {of(16, 16, 16, 32, 49152), 4, 2}, "AMD, 32 lanes": {of(16, 16, 16, 32, 65536), 4, 2}, "64 lanes": {of(16, 16, 16, 64, 65536), 4, 2},
		"Intel": {of(8, 16, 16, 16, 65536), 4, 2}, "32 KiB": {of(16, 16, 16, 32, 32768), 2, 2}, "lavapipe": {of(8, 8, 8, 8, 32768), 4, 4},
		"16 KiB": {of(16, 16, 16, 32, 16384), 0, 0}, "rows of more than a subgroup": {of(16, 16, 16, 4, 65536), 0, 0},
	} {
		m := SharedAttention(want.caps)
		if m.Groups != want.groups || m.Parts != want.parts {
			t.Errorf("%s: %+v", name, m)
		}
		a := defaultAttention(want.caps)
		if a.Matrix != m || m.check(want.caps) != nil {
			t.Errorf("%s: %+v is not the default", name, m)
		}
	}
	nvidia := of(16, 8, 16, 32, 49152)
	places := MatrixPlaces{A: 1, Sum: 2}
	m := LanesAttention(nvidia, MatrixTuning{On: true, Form: MatrixLanes, Places: places})
	if m.rows() != 128 || m.lanes() != 256 || m.Places != places || m.shared(256, 2) > 49152 {
		t.Errorf("in registers: %+v of %d bytes", m, m.shared(256, 2))
	}
	if m := LanesAttention(nvidia, SharedMatrices(nvidia)); m != (AttentionMatrix{}) {
		t.Errorf("without places: %+v", m)
	}
	for name, change := range map[string]func(m *AttentionMatrix){
		"shape": func(m *AttentionMatrix) { m.K = 8 }, "subgroup": func(m *AttentionMatrix) { m.Subgroup = 16 }, "parts": func(m *AttentionMatrix) { m.Parts = 2 },
		"groups": func(m *AttentionMatrix) { m.Groups = 64 }, "buffers": func(m *AttentionMatrix) { m.Buffers = 3 },
	} {
		wrong := m
		if change(&wrong); wrong.check(nvidia) == nil {
			t.Errorf("%s: %+v passes", name, wrong)
		}
	}
}

func TestGridLayout(t *testing.T) {
	b := newBench(t, KVF16, DefaultTuning(device.Caps()))
	grid := b.set.AttentionGrid(Splits{256, 4}, Heads{16, 16, 256}, 257, 3, false)
	if want := [3]uint32{16, 2, 3}; grid != want {
		t.Errorf("%v, want %v", grid, want)
	}
	if binary.Size(grid) != 12 {
		t.Error("a VkDispatchIndirectCommand has 12 bytes")
	}
}
