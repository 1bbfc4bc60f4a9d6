package shaders

import (
	"encoding/binary"
	"fmt"
	"math"
	"testing"

	"sealvk/shaders/reference"
	"sealvk/vk"
)

// Decode (splits, rows of different lengths and sequences) and prefill (one
// split, consecutive rows) against the reference.
func TestAttention(t *testing.T) {
	prefill := []Row{}
	for p := range 7 {
		prefill = append(prefill, Row{Position: uint32(60 + p)})
	}
	cases := []struct {
		name   string
		rows   []Row
		splits Splits
	}{
		{"first token", []Row{{}}, Splits{256, 1}},
		{"decode", []Row{{Position: 127}}, Splits{32, 4}},
		{"ragged", []Row{{Position: 0}, {Position: 95, Sequence: 1}, {Position: 40}, {Position: 32, Sequence: 1}}, Splits{32, 4}},
		{"prefill", prefill, Splits{128, 1}},
	}
	for name, tuning := range tunings() {
		for _, kvF16 := range []bool{true, false} {
			for _, h := range headShapes {
				for _, tc := range cases {
					t.Run(fmt.Sprintf("%s/%v/%v/%s", name, kvF16, h, tc.name), func(t *testing.T) {
						rng := random(t)
						const sequences, maxPages = 2, 4
						words := kvWords(h, kvF16, sequences*maxPages)
						k, v := make([]uint32, words), make([]uint32, words)
						for i := range words {
							if k[i], v[i] = math.Float32bits(float32(rng.NormFloat64())), math.Float32bits(float32(rng.NormFloat64())); kvF16 {
								k[i], v[i] = rng.Uint32()&0xbbffbbff, rng.Uint32()&0xbbffbbff // |x| < 2
							}
						}
						q := normal(rng, len(tc.rows)*h.Heads*h.HeadDim, 1)
						b := newBench(t, nil, kvF16, tuning)
						cache, pages := b.cacheOf(rng, h, kvF16, sequences, maxPages, k, v)
						longest := uint32(0)
						for _, r := range tc.rows {
							longest = max(longest, r.Position)
						}
						grid := tc.splits.Grid(h, int(longest)+1, len(tc.rows))
						rows, rq, rGrid := in(b, "rows", tc.rows), in(b, "q", q), in(b, "grid", grid[:])
						partial := b.out("partial", int(tc.splits.PartialBytes(h, len(tc.rows))/4))
						y := b.out("y", len(q))
						b.run(func(c *vk.Commands) {
							b.set.Attention(c, "attention", rows, rq, cache, partial, h, tc.splits, rGrid, len(tc.rows))
							b.set.AttentionMerge(c, "merge", rows, partial, y, h, tc.splits, len(tc.rows))
						})
						got := b.floats(y)
						for r, row := range tc.rows {
							kc, vc := cached(k, kvF16, h, pages, maxPages, row), cached(v, kvF16, h, pages, maxPages, row)
							for head := range h.Heads {
								at := (r*h.Heads + head) * h.HeadDim
								want := reference.Attention(q[at:][:h.HeadDim], kc, vc, head/(h.Heads/h.KVHeads), int(row.Position)+1)
								near(t, fmt.Sprintf("row %d head %d", r, head), got[at:][:h.HeadDim], want)
							}
						}
					})
				}
			}
		}
	}
}

// Scores far apart must not overflow the softmax.
func TestAttentionExtremeScores(t *testing.T) {
	h, splits := Heads{1, 1, 2}, Splits{32, 2}
	k, v := make([]uint32, kvWords(h, false, 2)), make([]uint32, kvWords(h, false, 2))
	for p := range 2 * PageTokens {
		k[2*p], v[2*p] = math.Float32bits(float32(100*p-3000)), math.Float32bits(float32(p))
	}
	b := newBench(t, nil, false, DefaultTuning(device.Caps()))
	cache := KVCache{K: in(b, "k", k), V: in(b, "v", v), Pages: in(b, "pages", []uint32{0, 1}), MaxPages: 2}
	grid := splits.Grid(h, 64, 1)
	rows, q, rGrid := in(b, "rows", []Row{{Position: 63}}), in(b, "q", []float32{10, 0}), in(b, "grid", grid[:])
	partial, y := b.out("partial", int(splits.PartialBytes(h, 1)/4)), b.out("y", 2)
	b.run(func(c *vk.Commands) {
		b.set.Attention(c, "attention", rows, q, cache, partial, h, splits, rGrid, 1)
		b.set.AttentionMerge(c, "merge", rows, partial, y, h, splits, 1)
	})
	if got := b.floats(y); got[0] != 63 || got[1] != 0 {
		t.Errorf("%v, want the value of the last position, 63", got)
	}
}

func TestGridLayout(t *testing.T) {
	grid := Splits{256, 4}.Grid(Heads{16, 16, 256}, 257, 3)
	if want := [3]uint32{16, 2, 3}; grid != want {
		t.Errorf("%v, want %v", grid, want)
	}
	if binary.Size(grid) != 12 {
		t.Error("a VkDispatchIndirectCommand has 12 bytes")
	}
}
