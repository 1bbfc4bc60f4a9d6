package kernelbench

import (
	"fmt"

	"sealvk/shaders"
	"sealvk/shaders/reference"
	"sealvk/vk"
	"sealvk/weights/format"
)

// theta is that of the model's rotary embedding.
const theta = 10000

// heads is the shape of attention; attention_merge knows no KV heads.
func (c *Case) heads() shaders.Heads {
	if c.Kernel == "attn_qkv" {
		return c.qkvHeads()
	}
	h := shaders.Heads{Heads: c.size("heads"), HeadDim: c.size("head_dim"), KVHeads: 1}
	if HasCache(c.Kernel) {
		h.KVHeads = c.size("kv_heads")
	}
	return h
}

func checkHeads(c *Case) error {
	if dim := c.size("head_dim"); dim%shaders.KVBlock != 0 || dim > format.MaxHeadDim {
		return fmt.Errorf("head_dim=%d: want a multiple of %d up to %d", dim, shaders.KVBlock, format.MaxHeadDim)
	}
	if HasCache(c.Kernel) {
		if heads, kv := c.size("heads"), c.size("kv_heads"); heads%kv != 0 {
			return fmt.Errorf("heads=%d is no multiple of kv_heads=%d", heads, kv)
		}
	}
	return nil
}

// positions plans the rows of a step: the tokens that follow Depth positions of one
// sequence, one in decode, a chunk of the prompt in prefill.
func (b *bench) positions() *array[shaders.Row] {
	depth, tokens := b.c.Depth, b.c.size("tokens")
	b.lengths = shaders.Lengths{Longest: depth + tokens, Sum: depth*tokens + tokens*(tokens+1)/2}
	return input(b, "rows", int64(tokens), func(v []shaders.Row) {
		for i := range v {
			v[i].Position = uint32(depth + i)
		}
	})
}

// cacheWords is the size of K, and of V.
func (c *Case) cacheWords(pages int) int64 {
	if h := c.heads(); product(pages, h.KVHeads, shaders.PageTokens, h.HeadDim) < much {
		return int64(pages) * shaders.KVBytes(h, c.KV) / 4
	}
	return much
}

func (c *Case) cachePages() int {
	return (c.context() + shaders.PageTokens - 1) / shaders.PageTokens
}

func (b *bench) pageTable() *array[uint32] {
	pages := b.c.cachePages()
	return input(b, "pages", int64(pages), func(v []uint32) {
		for i, p := range b.rng.Perm(pages) {
			v[i] = uint32(p)
		}
	})
}

// cached is words as the reference sees them.
func (c *Case) cached(words, pages []uint32, isV bool) *reference.Cache {
	h := c.heads()
	return &reference.Cache{Words: words, KV: reference.KV(c.KV), IsV: isV, Heads: h.KVHeads, HeadDim: h.HeadDim, PageTokens: shaders.PageTokens, Pages: pages}
}

func planRoPE(b *bench) {
	h, tokens := b.c.heads(), b.c.size("tokens")
	rows, pages := b.positions(), b.pageTable()
	angles := input(b, "angles", product(b.c.context(), h.HeadDim), func(v []float32) {
		copy(v, shaders.RoPETable(b.c.context(), h.HeadDim, theta))
	})
	nq, nkv := h.Heads*h.HeadDim, h.KVHeads*h.HeadDim
	q := b.output("q", product(tokens, h.Heads, h.HeadDim))
	qkv := input(b, "qkv", product(tokens, h.Heads+2*h.KVHeads, h.HeadDim), b.normal(1))
	words := b.c.cacheWords(b.c.cachePages())
	kCache, vCache := b.output("k_cache", words), b.output("v_cache", words)
	b.outputs = product(tokens, h.Heads+2*h.KVHeads, h.HeadDim)
	b.record = func(s *shaders.Set, c *vk.Commands, label string) {
		cache := shaders.KVCache{K: kCache.All(), V: vCache.All(), Pages: pages.All(), MaxPages: b.c.cachePages()}
		s.RoPE(c, label, shaders.RoPE{Rows: rows.All(), Angles: angles.All(), QKV: qkv.All(), Q: q.All(), Cache: cache, Heads: h, Count: tokens})
	}
	b.check = func(kr *checker) {
		gotQ := kr.floats(q)
		gotK, gotV := b.c.cached(kr.words(kCache), pages.values, false), b.c.cached(kr.words(vCache), pages.values, true)
		const cost = 64 // of sine, cosine and power
		for _, t := range b.sample(tokens, cost*int64(nq+2*nkv)) {
			position := b.c.Depth + t
			at := func(name string) func(i int) string {
				return func(i int) string {
					return fmt.Sprintf("%s[token %d][head %d][%d]", name, t, i/h.HeadDim, i%h.HeadDim)
				}
			}
			ordered := func(from, n int) []float32 { // in the order of the dimensions
				values := make([]float32, n)
				for d := range values {
					values[shaders.RoPERow(d, h.HeadDim)] = qkv.values[t*h.Rows()+from+d]
				}
				return values
			}
			byDevice := func(e reference.Expected) reference.Expected {
				return e.Reordered(func(d int) int { return shaders.RoPERow(d, h.HeadDim) })
			}
			kr.expect(byDevice(reference.RoPE(ordered(0, nq), h.HeadDim, position, theta)), gotQ[t*nq:][:nq], at("q"))
			kr.expect(byDevice(reference.RoPE(ordered(nq, nkv), h.HeadDim, position, theta)).Cached(reference.KV(b.c.KV)), cachedAt(gotK, position), at("k_cache"))
			kr.expect(reference.Exactly(qkv.values[t*h.Rows()+nq+nkv:][:nkv]).Cached(reference.KV(b.c.KV)), cachedAt(gotV, position), at("v_cache"))
		}
	}
}

// cachedAt is all heads at a position.
func cachedAt(c *reference.Cache, position int) []float32 {
	values := make([]float32, c.Heads*c.HeadDim)
	for i := range values {
		values[i] = float32(c.At(i/c.HeadDim, position, i%c.HeadDim))
	}
	return values
}

// cacheValues fills v with random numbers up to 2.
func (b *bench) cacheValues(v []uint32) {
	for i := range v {
		switch r := b.rng.Uint32(); b.c.KV {
		case shaders.KVF16:
			v[i] = r & 0xbfffbfff
		case shaders.KVF32:
			v[i] = r&0x87ffffff | 0x38000000
		default: // as values and as scales of 2^-7 to 2^-6
			v[i] = r&0x007fffff | 0x3c000000
		}
	}
}

func planAttention(b *bench) {
	prefill := b.c.Kernel == "attention_prefill"
	h, tokens, sp := b.c.heads(), b.c.size("tokens"), b.c.splits()
	rows, pages := b.positions(), b.pageTable()
	q := input(b, "q", product(tokens, h.Heads, h.HeadDim), b.normal(1))
	words := b.c.cacheWords(b.c.cachePages())
	k, v := input(b, "k_cache", words, b.cacheValues), input(b, "v_cache", words, b.cacheValues)
	grid := input(b, "grid", 3, func(v []uint32) {
		g := sp.Grid(h, b.lengths.Longest, tokens)
		if prefill {
			g = b.c.Variant.Attention.PrefillGrid(sp, h, b.lengths.Longest, tokens)
		}
		copy(v, g[:])
	})
	partial := input(b, "partial", product(tokens, h.Heads, sp.Max, 4+h.HeadDim), func([]float32) {})
	done := input(b, "done", product(tokens, h.Heads), func([]uint32) {}) // 0 before and after
	y := b.output("y", product(tokens, h.Heads, h.HeadDim))
	b.outputs = product(tokens, h.Heads, h.HeadDim)
	b.record = func(s *shaders.Set, c *vk.Commands, label string) {
		record := s.AttentionDecode
		if prefill {
			record = s.AttentionPrefill
		}
		record(c, label, shaders.Attention{
			Rows: rows.All(), Q: q.All(), Cache: shaders.KVCache{K: k.All(), V: v.All(), Pages: pages.All(), MaxPages: b.c.cachePages()},
			Scratch: shaders.AttentionScratch{Partial: partial.All(), Done: done.All()}, Y: y.All(), Heads: h, Splits: sp, Grid: grid.All(), Count: tokens,
		})
	}
	b.check = func(kr *checker) {
		out := kr.floats(y)
		kc, vc := b.c.cached(k.values, pages.values, false), b.c.cached(v.values, pages.values, true)
		for _, i := range b.sample(tokens*h.Heads, 2*product(b.lengths.Longest, h.HeadDim)) {
			t, head := i/h.Heads, i%h.Heads
			want := reference.Attention(q.values[i*h.HeadDim:][:h.HeadDim], kc, vc, head/(h.Heads/h.KVHeads), b.c.Depth+t+1)
			kr.expect(want, out[i*h.HeadDim:][:h.HeadDim], func(d int) string { return fmt.Sprintf("y[token %d][head %d][%d]", t, head, d) })
		}
	}
}

func planMerge(b *bench) {
	h, tokens, sp := b.c.heads(), b.c.size("tokens"), b.c.splits()
	rows := b.positions()
	stride := 4 + h.HeadDim
	partial := input(b, "partial", product(tokens, h.Heads, sp.Max, stride), func(v []float32) {
		for ; len(v) > 0; v = v[stride:] {
			b.normal(1)(v[:stride])
			v[1] = 1 + v[1]*v[1] // Σ exp(score - maximum)
		}
	})
	y := b.output("y", product(tokens, h.Heads, h.HeadDim))
	b.outputs = product(tokens, h.Heads, h.HeadDim)
	b.record = func(s *shaders.Set, c *vk.Commands, label string) {
		s.AttentionMerge(c, label, shaders.Attention{
			Rows: rows.All(), Scratch: shaders.AttentionScratch{Partial: partial.All()}, Y: y.All(), Heads: h, Splits: sp, Count: tokens,
		})
	}
	b.check = func(k *checker) {
		out := k.floats(y)
		for _, i := range b.sample(tokens*h.Heads, product(sp.Max, stride)) {
			t := i / h.Heads
			splits := (b.c.Depth + t + sp.Positions) / sp.Positions
			want := reference.AttentionMerge(partial.values[i*sp.Max*stride:][:splits*stride], h.HeadDim)
			k.expect(want, out[i*h.HeadDim:][:h.HeadDim], func(d int) string { return fmt.Sprintf("y[token %d][head %d][%d]", t, i%h.Heads, d) })
		}
	}
}
