package shaders

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"sealvk/vk"
)

// shapes of attention: MHA, GQA, MQA, and head dimensions whose halves are odd.
var headShapes = []Heads{{1, 1, 2}, {4, 4, 64}, {6, 2, 128}, {8, 1, 256}, {3, 3, 6}, {2, 1, 10}, {5, 5, 34}}

// cacheOf makes a KV cache for sequences of up to maxPages pages, whose pages
// lie scattered in the pool. words are 32 bits; both halves of the cache hold content.
func (b *bench) cacheOf(rng *rand.Rand, h Heads, kvF16 bool, sequences, maxPages int, k, v []uint32) (KVCache, []uint32) {
	pages := make([]uint32, sequences*maxPages)
	for i, p := range rng.Perm(len(pages)) {
		pages[i] = uint32(p)
	}
	return KVCache{K: inout(b, "k_cache", k), V: inout(b, "v_cache", v), Pages: in(b, "pages", pages), MaxPages: maxPages}, pages
}

func kvWords(h Heads, kvF16 bool, pages int) int { return int(KVBytes(h, kvF16)) * pages / 4 }

// kvValue reads dimension d of a cached head.
func kvValue(words []uint32, page uint32, h Heads, head, position, d int, kvF16 bool) float64 {
	at := ((int(page)*h.KVHeads+head)*PageTokens+position%PageTokens)*h.HeadDim + d
	if !kvF16 {
		return float64(math.Float32frombits(words[at]))
	}
	return halfValue(uint16(words[at/2] >> (16 * (at % 2))))
}

func halfValue(h uint16) float64 {
	e, m := int(h>>10&31), float64(h&1023)
	v := math.Ldexp(m+1024, e-25)
	if e == 0 {
		v = math.Ldexp(m, -24)
	}
	if h&0x8000 != 0 {
		v = -v
	}
	return v
}

// refRoPE rotates the pairs (i, i + dim/2) of each head of x.
func refRoPE(x []float32, dim, position int, theta float64) []float64 {
	y := make([]float64, len(x))
	for head := 0; head < len(x); head += dim {
		for i := range dim / 2 {
			sin, cos := math.Sincos(float64(position) * math.Pow(theta, -2*float64(i)/float64(dim)))
			lo, hi := float64(x[head+i]), float64(x[head+i+dim/2])
			y[head+i], y[head+i+dim/2] = lo*cos-hi*sin, hi*cos+lo*sin
		}
	}
	return y
}

func TestRoPE(t *testing.T) {
	for name, tuning := range tunings() {
		for _, kvF16 := range []bool{true, false} {
			for _, h := range headShapes {
				t.Run(fmt.Sprintf("%s/%v/%v", name, kvF16, h), func(t *testing.T) {
					rng := random(t)
					const sequences, maxPages, theta = 2, 4, 10000
					rows := []Row{{Position: 0}, {Position: 31, Sequence: 1}, {Position: 32, Sequence: 1}, {Position: 127}}
					q := normal(rng, len(rows)*h.Heads*h.HeadDim, 1)
					k, v := normal(rng, len(rows)*h.KVHeads*h.HeadDim, 1), normal(rng, len(rows)*h.KVHeads*h.HeadDim, 1)
					b := newBench(t, nil, kvF16, tuning)
					empty := make([]uint32, kvWords(h, kvF16, sequences*maxPages))
					cache, pages := b.cacheOf(rng, h, kvF16, sequences, maxPages, empty, empty)
					rRows, angles := in(b, "rows", rows), in(b, "angles", RoPETable(maxPages*PageTokens, h.HeadDim, theta))
					rq, rk, rv := inout(b, "q", q), in(b, "k", k), in(b, "v", v)
					b.run(func(c *vk.Commands) { b.set.RoPE(c, "rope", rRows, angles, rq, rk, rv, cache, h, len(rows)) })

					gotQ, gotK, gotV := b.floats(rq), b.uints(cache.K), b.uints(cache.V)
					written := 0
					for r, row := range rows {
						nq, nkv := h.Heads*h.HeadDim, h.KVHeads*h.HeadDim
						want := refRoPE(q[r*nq:][:nq], h.HeadDim, int(row.Position), theta)
						near(t, "q", gotQ[r*nq:][:nq], want, func(int) float64 { return 3e-5 }) // angles in f32, up to 127
						wantK := refRoPE(k[r*nkv:][:nkv], h.HeadDim, int(row.Position), theta)
						page := pages[int(row.Sequence)*maxPages+int(row.Position)/PageTokens]
						for i := range nkv {
							tolerance := func(want float64) float64 {
								if kvF16 { // half a unit of 11 bits, or a whole one where the driver truncates
									return 3e-5 + math.Abs(want)/1024
								}
								return 3e-5
							}
							head, d := i/h.HeadDim, i%h.HeadDim
							if got := kvValue(gotK, page, h, head, int(row.Position), d, kvF16); !(math.Abs(got-wantK[i]) <= tolerance(wantK[i])) {
								t.Fatalf("k of row %d head %d dim %d = %v, want %v", r, head, d, got, wantK[i])
							}
							if got, want := kvValue(gotV, page, h, head, int(row.Position), d, kvF16), float64(v[r*nkv+i]); !(math.Abs(got-want) <= tolerance(want)) {
								t.Fatalf("v of row %d head %d dim %d = %v, want %v", r, head, d, got, want)
							}
						}
					}
					for i := range gotK {
						if gotK[i] != 0 || gotV[i] != 0 {
							written++
						}
					}
					if most := kvWords(h, kvF16, 1) / PageTokens * len(rows); written > most {
						t.Errorf("%d words of the cache were written, at most %d belong to the rows", written, most)
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
