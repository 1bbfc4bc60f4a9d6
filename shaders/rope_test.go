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

// modelOrder is values of heads in the order of RoPERow as the model has them.
func modelOrder(device []float32, headDim int) []float32 {
	values := make([]float32, len(device))
	for d, v := range device {
		values[RoPERow(d, headDim)] = v
	}
	return values
}

// deviceOrder is e in the order of RoPERow.
func deviceOrder(e reference.Expected, headDim int) reference.Expected {
	return e.Reordered(func(d int) int { return RoPERow(d, headDim) })
}

// qkvCase is rows of two sequences, whose positions are where pages begin and end.
type qkvCase struct {
	h                   Heads
	kv                  KVType
	rows                []Row
	cache               KVCache
	pages               []uint32
	rRows, angles, q    vk.Range
	sequences, maxPages int
}

const ropeTheta = 10000

func newQKVCase(b *bench, rng *rand.Rand, h Heads, kv KVType, count int) *qkvCase {
	c := &qkvCase{h: h, kv: kv, sequences: 2, maxPages: 4, rows: []Row{{Position: 0}, {Position: 31, Sequence: 1}, {Position: 32, Sequence: 1}, {Position: 127}}}
	for i := len(c.rows); i < count; i++ {
		c.rows = append(c.rows, Row{Position: uint32(33 + i), Sequence: uint32(i % 2)})
	}
	c.rows = c.rows[:count]
	empty := make([]uint32, kvWords(h, kv, c.sequences*c.maxPages))
	c.cache, c.pages = b.cacheOf(rng, h, kv, c.sequences, c.maxPages, empty, empty)
	c.rRows, c.angles = in(b, "rows", c.rows), in(b, "angles", RoPETable(c.maxPages*PageTokens, h.HeadDim, ropeTheta))
	c.q = b.out("q", count*h.Heads*h.HeadDim)
	return c
}

// check compares q and the cache with the products in the order of the model, [row][Heads.Rows].
func (c *qkvCase) check(b *bench, products reference.Expected) {
	b.t.Helper()
	h, kv := c.h, reference.KV(c.kv)
	gotQ, gotK, gotV := b.floats(c.q), b.uints(c.cache.K), b.uints(c.cache.V)
	nq, nkv := h.Heads*h.HeadDim, h.KVHeads*h.HeadDim
	for r, row := range c.rows {
		of, position := products.Part(r*h.Rows(), h.Rows()), int(row.Position)
		near(b.t, fmt.Sprintf("q of row %d", r), gotQ[r*nq:][:nq], deviceOrder(of.Part(0, nq).RoPE(h.HeadDim, position, ropeTheta), h.HeadDim))
		wantK := deviceOrder(of.Part(nq, nkv).RoPE(h.HeadDim, position, ropeTheta), h.HeadDim).Cached(kv)
		near(b.t, fmt.Sprintf("k of row %d", r), cachedAt(cached(gotK, c.kv, false, h, c.pages, c.maxPages, row), row), wantK)
		near(b.t, fmt.Sprintf("v of row %d", r), cachedAt(cached(gotV, c.kv, true, h, c.pages, c.maxPages, row), row), of.Part(nq+nkv, nkv).Cached(kv))
	}
	for _, words := range [][]uint32{gotK, gotV} {
		written := 0
		for i, w := range words {
			if w != 0 {
				written++
			}
			const infinite = 0x7c00
			if c.kv == KVF16 && (w&infinite == infinite || w>>16&infinite == infinite) {
				b.t.Errorf("word %d of the cache, %#x, has an infinity: f16 saturates", i, w)
			}
		}
		if most := kvWords(h, c.kv, 1) / PageTokens * len(c.rows); written > most {
			b.t.Errorf("%d words of the cache were written, at most %d belong to the rows", written, most)
		}
	}
}

func TestRoPE(t *testing.T) {
	for name, tuning := range tunings() {
		for _, kv := range kvTypes {
			for _, h := range headShapes {
				t.Run(fmt.Sprintf("%s/%v/%v", name, kv, h), func(t *testing.T) {
					rng := random(t)
					b := newBench(t, nil, kv, tuning)
					x := newQKVCase(b, rng, h, kv, 4)
					var products reference.Expected
					qkv := normal(rng, len(x.rows)*h.Rows(), 1)
					if kv == KVF16 { // more than it holds, in v
						qkv[h.Rows()-1], qkv[h.Rows()-2], qkv[h.Rows()-32] = 65520, -1e6, 1e30
					}
					for r := range x.rows {
						row := qkv[r*h.Rows():][:h.Rows()]
						rotated := (h.Heads + h.KVHeads) * h.HeadDim
						products.Append(reference.Exactly(modelOrder(row[:rotated], h.HeadDim)))
						products.Append(reference.Exactly(row[rotated:]))
					}
					r := in(b, "qkv", qkv)
					b.run(func(c *vk.Commands) {
						b.set.RoPE(c, "rope", RoPE{x.rRows, x.angles, r, x.q, x.cache, h, len(x.rows)})
					})
					x.check(b, products)
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
