package shaders

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"sealvk/shaders/reference"
	"sealvk/vk"
)

var kvTypes = []KVType{KVF16, KVF32, KVQ8}

func kvWords(h Heads, kv KVType, pages int) int { return int(KVBytes(h, kv)) * pages / 4 }

// cached is half of a KV cache as a row's sequence sees it.
func cached(words []uint32, kv KVType, isV bool, h Heads, pages []uint32, maxPages int, row Row) *reference.Cache {
	return &reference.Cache{Words: words, KV: reference.KV(kv), IsV: isV, Heads: h.KVHeads, HeadDim: h.HeadDim, PageTokens: PageTokens, Pages: pages[int(row.Sequence)*maxPages:][:maxPages]}
}

// cachedAt is all heads of c at the row's position.
func cachedAt(c *reference.Cache, row Row) (values []float32) {
	for i := range c.Heads * c.HeadDim {
		values = append(values, float32(c.At(i/c.HeadDim, int(row.Position), i%c.HeadDim)))
	}
	return values
}

// attentionCase is rows over a random cache, of sequences of up to maxPages pages.
type attentionCase struct {
	kv     KVType
	h      Heads
	rows   []Row
	splits Splits
}

const attentionSequences, attentionPages = 2, 10

// inputs are random q, K and V; behind the last position of each sequence lies NaN.
func (a *attentionCase) inputs(rng *rand.Rand, pages []uint32) (q []float32, k, v []uint32) {
	k, v = randomCache(rng, a.kv, kvWords(a.h, a.kv, len(pages))), randomCache(rng, a.kv, kvWords(a.h, a.kv, len(pages)))
	for s := range attentionSequences {
		length := 0
		for _, r := range a.rows {
			if int(r.Sequence) == s {
				length = max(length, int(r.Position)+1)
			}
		}
		for _, c := range a.caches(k, v, pages, Row{Sequence: uint32(s)}) {
			for head := range a.h.KVHeads {
				for p := length; p < attentionPages*PageTokens; p++ {
					for d := range a.h.HeadDim {
						word, shift, scale := c.Word(head, p, d)
						switch a.kv {
						case KVF16:
							c.Words[word] |= 0x7e00 << shift
						case KVF32:
							c.Words[word] = math.Float32bits(float32(math.NaN()))
						case KVQ8:
							c.Words[scale] = math.Float32bits(float32(math.NaN()))
						}
					}
				}
			}
		}
	}
	return normal(rng, len(a.rows)*a.h.Heads*a.h.HeadDim, 1), k, v
}

func (a *attentionCase) caches(k, v, pages []uint32, row Row) [2]*reference.Cache {
	return [2]*reference.Cache{cached(k, a.kv, false, a.h, pages, attentionPages, row), cached(v, a.kv, true, a.h, pages, attentionPages, row)}
}

// randomCache is values below 2.
func randomCache(rng *rand.Rand, kv KVType, words int) []uint32 {
	list := make([]uint32, words)
	for i := range list {
		switch kv {
		case KVF16:
			list[i] = rng.Uint32() & 0xbbffbbff
		case KVF32:
			list[i] = math.Float32bits(float32(rng.NormFloat64()))
		case KVQ8: // as values and as a scale of 2^-7 to 2^-6
			list[i] = rng.Uint32()&0x007fffff | 0x3c000000
		}
	}
	return list
}

// attend runs the rows, several times in one recording, and gives y.
func (a *attentionCase) attend(b *bench, q []float32, cache KVCache, times int) []float32 {
	longest := 0
	for _, r := range a.rows {
		longest = max(longest, int(r.Position)+1)
	}
	grid := b.set.AttentionGrid(a.splits, a.h, longest, len(a.rows))
	rows, rq, rGrid := in(b, "rows", a.rows), in(b, "q", q), in(b, "grid", grid[:])
	scratch := AttentionScratch{b.out("partial", int(a.splits.PartialBytes(a.h, len(a.rows))/4)), inout(b, "done", make([]uint32, len(a.rows)*a.h.Heads))}
	var y []vk.Range
	for range times {
		y = append(y, b.out("y", len(q)))
	}
	b.run(func(c *vk.Commands) {
		for _, r := range y {
			b.set.Attention(c, "attention", Attention{
				Rows: rows, Q: rq, Cache: cache, Scratch: scratch, Y: r, Heads: a.h, Splits: a.splits, Grid: rGrid, Count: len(a.rows),
			})
		}
	})
	if slices.ContainsFunc(b.uints(scratch.Done), func(n uint32) bool { return n != 0 }) {
		b.t.Error("the counts of splits are not 0 again")
	}
	first := b.floats(y[0])
	for _, r := range y[1:] {
		if !sameBits(b.floats(r), first) {
			b.t.Error("the next run gave other numbers")
		}
	}
	return first
}

func sameBits(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) })
}

// positions are rows of one sequence that follow each other.
func positions(first, count int) (rows []Row) {
	for p := range count {
		rows = append(rows, Row{Position: uint32(first + p), Sequence: 1})
	}
	return rows
}

// A row's numbers have the same bits alone and among up to DecodeRows others.
func TestAttentionOfBatch(t *testing.T) {
	for _, kv := range kvTypes {
		t.Run(kv.String(), func(t *testing.T) {
			rng := random(t)
			a := attentionCase{kv: kv, h: Heads{2, 1, 64}, splits: Splits{64, 5}}
			for i := range DecodeRows {
				a.rows = append(a.rows, Row{Position: uint32(rng.IntN(300)), Sequence: uint32(i % 2)})
			}
			pages := make([]uint32, attentionSequences*attentionPages)
			for i, p := range rng.Perm(len(pages)) {
				pages[i] = uint32(p)
			}
			q, k, v := a.inputs(rng, pages)
			b := newBench(t, kv, DefaultTuning(device.Caps()))
			cache := KVCache{K: in(b, "k_cache", k), V: in(b, "v_cache", v), Pages: in(b, "pages", pages), MaxPages: attentionPages}
			all := a.attend(b, q, cache, 1)
			n := a.h.Heads * a.h.HeadDim
			for _, part := range [][2]int{{0, 1}, {5, 6}, {3, 5}, {15, 16}, {7, 16}} {
				some := a
				some.rows = a.rows[part[0]:part[1]]
				if got := some.attend(b, q[part[0]*n:part[1]*n], cache, 1); !sameBits(got, all[part[0]*n:part[1]*n]) {
					t.Errorf("rows %d to %d have other bits than among all", part[0], part[1]-1)
				}
			}
		})
	}
}

// Scores far apart must not overflow the softmax.
func TestAttentionExtremeScores(t *testing.T) {
	for _, rows := range [][]Row{{{Position: 63}}, positions(32, 32)} {
		a := attentionCase{KVF32, Heads{1, 1, 32}, rows, Splits{32, 2}}
		k, v := make([]uint32, kvWords(a.h, a.kv, 2)), make([]uint32, kvWords(a.h, a.kv, 2))
		pages := make([]uint32, attentionSequences*attentionPages)
		pages[attentionPages+1], pages[1] = 1, 1
		for i, c := range a.caches(k, v, pages, Row{}) {
			for p := range 2 * PageTokens {
				word, _, _ := c.Word(0, p, 0)
				c.Words[word] = math.Float32bits([]float32{float32(400*p - 12000), float32(p)}[i])
			}
		}
		b := newBench(t, a.kv, DefaultTuning(device.Caps()))
		cache := KVCache{K: in(b, "k", k), V: in(b, "v", v), Pages: in(b, "pages", pages), MaxPages: attentionPages}
		q := make([]float32, len(rows)*32)
		for i := range rows {
			q[32*i] = 10
		}
		for i, got := range a.attend(b, q, cache, 1) {
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
			for _, kv := range kvTypes {
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
	grid := b.set.AttentionGrid(Splits{256, 4}, Heads{16, 16, 256}, 257, 3)
	if want := [3]uint32{16, 2, 3}; grid != want {
		t.Errorf("%v, want %v", grid, want)
	}
	if binary.Size(grid) != 12 {
		t.Error("a VkDispatchIndirectCommand has 12 bytes")
	}
}
