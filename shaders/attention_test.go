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
	const pages = 2
	h, splits, length := Heads{1, 1, 32}, Splits{32, pages}, pages*PageTokens
	for _, count := range []int{1, 32} {
		half := [2][]uint32{}
		for i := range half {
			half[i] = make([]uint32, pages*KVBytes(h, KVF32)/4)
			c := reference.Cache{Words: half[i], KV: reference.KVF32, IsV: i == 1, Heads: 1, HeadDim: 32, PageTokens: PageTokens, Pages: []uint32{0, 1}}
			for p := range length {
				word, _, _ := c.Word(0, p, 0)
				c.Words[word] = math.Float32bits([]float32{float32(70*p - 2100), float32(p)}[i])
			}
		}
		rows, q := make([]Row, count), make([]float32, 32*count)
		for i := range rows {
			rows[i].Position, q[32*i] = uint32(length-count+i), 10
		}
		b := newBench(t, KVF32, DefaultTuning(device.Caps()))
		prefill := count > 1
		grid := b.set.AttentionGrid(splits, h, length, count, prefill)
		a := Attention{
			Rows: in(b, "rows", rows), Q: in(b, "q", q), Y: b.out("y", len(q)), Heads: h, Splits: splits, Grid: in(b, "grid", grid[:]), Count: count, Scale: 1, Prefill: prefill,
			Cache:   KVCache{K: in(b, "k", half[0]), V: in(b, "v", half[1]), Pages: in(b, "pages", []uint32{0, 1}), MaxPages: pages},
			Scratch: AttentionScratch{b.out("partial", int(splits.PartialBytes(h, count)/4)), in(b, "done", make([]uint32, count))},
		}
		b.run(func(c *vk.Commands) { b.set.Attention(c, "attention", a) })
		for i, got := range b.floats(a.Y) {
			if want := []float32{float32(rows[i/32].Position), 0}[min(1, i%32)]; got != want {
				t.Fatalf("row %d dimension %d: %v, want %v, the value of the last position", i/32, i%32, got, want)
			}
		}
	}
}

// The defaults fit a device of the least that Vulkan allows, whose limits others exceed.
func TestAttentionTuningCheck(t *testing.T) {
	least := vk.Limits{MaxComputeSharedMemorySize: 16384}
	for _, typ := range []vk.DeviceType{vk.CPU, vk.Discrete} {
		for _, size := range []int{4, 8, 16, 32, 64, 128} {
			a := defaultAttention(&vk.Caps{Type: typ, Subgroup: vk.Subgroup{Size: size}})
			for _, kv := range []KVType{KVF16, KVF32, KVQ8} {
				if err := a.Check(kv, &least); err != nil {
					t.Errorf("%v, subgroups of %d, %v: %v", typ, size, kv, err)
				}
			}
		}
	}
	for name, change := range map[string]func(a *AttentionTuning){
		"pages": func(a *AttentionTuning) { a.Tile = 48 }, "lanes": func(a *AttentionTuning) { a.Positions = 3 },
		"tokens": func(a *AttentionTuning) { a.Tokens = 6 }, "prefill": func(a *AttentionTuning) { a.PrefillTile = 40 },
		"shared": func(a *AttentionTuning) { a.PrefillRows = 64 },
	} {
		a := defaultAttention(&vk.Caps{Type: vk.Discrete})
		if change(&a); a.Check(KVF16, &least) == nil {
			t.Errorf("%s: %+v passes", name, a)
		}
	}
	if a := defaultAttention(&vk.Caps{Driver: vk.Driver{ID: moltenVK}}); a.Merge {
		t.Error("MoltenVK merges within a dispatch")
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
