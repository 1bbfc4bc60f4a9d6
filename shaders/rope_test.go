package shaders

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"sealvk/shaders/reference"
	"sealvk/vk"
)

// shapes of attention: MHA, GQA, MQA, and head dimensions that are no power of two.
var headShapes = []Heads{{1, 1, 32}, {4, 4, 64}, {6, 2, 128}, {8, 1, 256}, {3, 3, 96}, {2, 1, 224}}

var kvTypes = []KVType{KVF16, KVF32, KVQ8}

// cacheOf makes a KV cache for sequences of up to maxPages pages, whose pages
// lie scattered in the pool. words are 32 bits; both halves of the cache hold content.
func (b *bench) cacheOf(rng *rand.Rand, h Heads, kv KVType, sequences, maxPages int, k, v []uint32) (KVCache, []uint32) {
	pages := make([]uint32, sequences*maxPages)
	for i, p := range rng.Perm(len(pages)) {
		pages[i] = uint32(p)
	}
	return KVCache{K: inout(b, "k_cache", k), V: inout(b, "v_cache", v), Pages: in(b, "pages", pages), MaxPages: maxPages}, pages
}

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

func TestRoPE(t *testing.T) {
	for name, tuning := range tunings() {
		for _, kv := range kvTypes {
			for _, h := range headShapes {
				t.Run(fmt.Sprintf("%s/%v/%v", name, kv, h), func(t *testing.T) {
					rng := random(t)
					const sequences, maxPages, theta = 2, 4, 10000
					rows := []Row{{Position: 0}, {Position: 31, Sequence: 1}, {Position: 32, Sequence: 1}, {Position: 127}}
					q := normal(rng, len(rows)*h.Heads*h.HeadDim, 1)
					k, v := normal(rng, len(rows)*h.KVHeads*h.HeadDim, 1), normal(rng, len(rows)*h.KVHeads*h.HeadDim, 1)
					b := newBench(t, nil, kv, tuning)
					empty := make([]uint32, kvWords(h, kv, sequences*maxPages))
					cache, pages := b.cacheOf(rng, h, kv, sequences, maxPages, empty, empty)
					rRows, angles := in(b, "rows", rows), in(b, "angles", RoPETable(maxPages*PageTokens, h.HeadDim, theta))
					rq, rk, rv := inout(b, "q", q), in(b, "k", k), in(b, "v", v)
					b.run(func(c *vk.Commands) { b.set.RoPE(c, "rope", rRows, angles, rq, rk, rv, cache, h, len(rows)) })

					gotQ, gotK, gotV := b.floats(rq), b.uints(cache.K), b.uints(cache.V)
					for r, row := range rows {
						nq, nkv := h.Heads*h.HeadDim, h.KVHeads*h.HeadDim
						near(t, "q", gotQ[r*nq:][:nq], reference.RoPE(q[r*nq:][:nq], h.HeadDim, int(row.Position), theta))
						wantK := reference.RoPE(k[r*nkv:][:nkv], h.HeadDim, int(row.Position), theta).Cached(reference.KV(kv))
						wantV := reference.Exactly(v[r*nkv:][:nkv]).Cached(reference.KV(kv))
						near(t, fmt.Sprintf("k of row %d", r), cachedAt(cached(gotK, kv, false, h, pages, maxPages, row), row), wantK)
						near(t, fmt.Sprintf("v of row %d", r), cachedAt(cached(gotV, kv, true, h, pages, maxPages, row), row), wantV)
					}
					for _, words := range [][]uint32{gotK, gotV} {
						written := 0
						for _, w := range words {
							if w != 0 {
								written++
							}
						}
						if most := kvWords(h, kv, 1) / PageTokens * len(rows); written > most {
							t.Errorf("%d words of the cache were written, at most %d belong to the rows", written, most)
						}
					}
				})
			}
		}
	}
}

// The table follows the reference's rounding, and stays exact at large positions.
func TestRoPETable(t *testing.T) {
	const context, dim, theta = 8192, 256, 10000
	table := RoPETable(context, dim, theta)
	for _, position := range []int{0, 1, 600, 8191} {
		for i := range dim / 2 {
			sin, cos := math.Sincos(float64(position) * math.Pow(theta, -2*float64(i)/dim))
			at := 2 * (position*dim/2 + i)
			if math.Abs(float64(table[at])-cos) > 2e-7*float64(position+1) || math.Abs(float64(table[at+1])-sin) > 2e-7*float64(position+1) {
				t.Fatalf("position %d pair %d: (%v, %v), want (%v, %v)", position, i, table[at], table[at+1], cos, sin)
			}
		}
	}
}
