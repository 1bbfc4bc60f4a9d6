package workshop

import (
	"fmt"

	"sealvk/shaders"
	"sealvk/shaders/reference"
	"sealvk/vk"
)

// theta is that of the model's rotary embedding.
const theta = 10000

// heads is the shape of attention; attention_merge knows no KV heads.
func (c *Case) heads() shaders.Heads {
	h := shaders.Heads{Heads: c.size("heads"), HeadDim: c.size("head_dim"), KVHeads: 1}
	if HasCache(c.Kernel) {
		h.KVHeads = c.size("kv_heads")
	}
	return h
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
	h, bits := c.heads(), 32
	if c.KVF16 {
		bits = 16
	}
	return product(pages, h.KVHeads, shaders.PageTokens, h.HeadDim, bits) / 32
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
func (c *Case) cached(words, pages []uint32) *reference.Cache {
	h := c.heads()
	return &reference.Cache{Words: words, F16: c.KVF16, Heads: h.KVHeads, HeadDim: h.HeadDim, PageTokens: shaders.PageTokens, Pages: pages}
}

func planRoPE(b *bench) {
	h, tokens := b.c.heads(), b.c.size("tokens")
	rows, pages := b.positions(), b.pageTable()
	angles := input(b, "angles", product(b.c.context(), h.HeadDim), func(v []float32) {
		copy(v, shaders.RoPETable(b.c.context(), h.HeadDim, theta))
	})
	nq, nkv := h.Heads*h.HeadDim, h.KVHeads*h.HeadDim
	q := changed(b, "q", product(tokens, h.Heads, h.HeadDim), b.normal(1))
	k := input(b, "k", product(tokens, h.KVHeads, h.HeadDim), b.normal(1))
	v := input(b, "v", product(tokens, h.KVHeads, h.HeadDim), b.normal(1))
	words := b.c.cacheWords(b.c.cachePages())
	kCache, vCache := b.output("k_cache", words), b.output("v_cache", words)
	b.outputs = product(tokens, h.Heads+2*h.KVHeads, h.HeadDim)
	b.record = func(s *shaders.Set, c *vk.Commands, label string) {
		cache := shaders.KVCache{K: kCache.All(), V: vCache.All(), Pages: pages.All(), MaxPages: b.c.cachePages()}
		s.RoPE(c, label, rows.All(), angles.All(), q.All(), k.All(), v.All(), cache, h, tokens)
	}
	b.check = func(kr *checker) {
		gotQ := kr.floats(&q.buffer)
		gotK, gotV := b.c.cached(kr.words(kCache), pages.values), b.c.cached(kr.words(vCache), pages.values)
		const cost = 64 // of sine, cosine and power
		for _, t := range b.sample(tokens, cost*int64(nq+2*nkv)) {
			position := b.c.Depth + t
			at := func(name string) func(i int) string {
				return func(i int) string {
					return fmt.Sprintf("%s[token %d][head %d][%d]", name, t, i/h.HeadDim, i%h.HeadDim)
				}
			}
			kr.expect(reference.RoPE(q.values[t*nq:][:nq], h.HeadDim, position, theta), gotQ[t*nq:][:nq], at("q"))
			kr.expect(reference.RoPE(k.values[t*nkv:][:nkv], h.HeadDim, position, theta).Cached(b.c.KVF16), cachedAt(gotK, position), at("k_cache"))
			kr.expect(reference.Exactly(v.values[t*nkv:][:nkv]).Cached(b.c.KVF16), cachedAt(gotV, position), at("v_cache"))
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

// cacheValues fills v with random numbers below 2, as f16 or f32.
func (b *bench) cacheValues(v []uint32) {
	for i := range v {
		if r := b.rng.Uint32(); b.c.KVF16 {
			v[i] = r & 0xbfffbfff
		} else {
			v[i] = r&0x87ffffff | 0x38000000
		}
	}
}

func planAttention(b *bench) {
	h, tokens, sp := b.c.heads(), b.c.size("tokens"), b.c.splits()
	rows, pages := b.positions(), b.pageTable()
	q := input(b, "q", product(tokens, h.Heads, h.HeadDim), b.normal(1))
	words := b.c.cacheWords(b.c.cachePages())
	k, v := input(b, "k_cache", words, b.cacheValues), input(b, "v_cache", words, b.cacheValues)
	grid := input(b, "grid", 3, func(v []uint32) {
		g := sp.Grid(h, b.lengths.Longest, tokens)
		copy(v, g[:])
	})
	partial := b.output("partial", product(tokens, h.Heads, sp.Max, 2+h.HeadDim))
	b.outputs = int64(h.Heads) * int64(2+h.HeadDim) * b.splitsOfRows(sp)
	b.record = func(s *shaders.Set, c *vk.Commands, label string) {
		cache := shaders.KVCache{K: k.All(), V: v.All(), Pages: pages.All(), MaxPages: b.c.cachePages()}
		s.Attention(c, label, rows.All(), q.All(), cache, partial.All(), h, sp, grid.All(), tokens)
	}
	b.check = func(kr *checker) {
		out := kr.floats(partial)
		kc, vc := b.c.cached(k.values, pages.values), b.c.cached(v.values, pages.values)
		for _, i := range b.sample(tokens*h.Heads, 2*product(b.lengths.Longest, h.HeadDim)) {
			t, head := i/h.Heads, i%h.Heads
			length := b.c.Depth + t + 1
			for s := 0; s*sp.Positions < length; s++ {
				logSum, mean := reference.AttentionSplit(q.values[i*h.HeadDim:][:h.HeadDim], kc, vc, head/(h.Heads/h.KVHeads), s*sp.Positions, min(length, (s+1)*sp.Positions))
				got := out[(i*sp.Max+s)*(2+h.HeadDim):][:2+h.HeadDim]
				kr.checked += int64(len(got))
				if m := reference.AttentionPartial(got, logSum, mean); m != nil {
					what := "maximum and sum"
					if m.Index > 0 {
						what = fmt.Sprintf("mean value [%d]", m.Index-1)
					}
					kr.wrong("partial[token %d][head %d][split %d], %s = %v", t, head, s, what, m)
				}
			}
		}
	}
}

// splitsOfRows is the number of splits that the rows' sequences have, without a loop over
// rows that may be too many.
func (b *bench) splitsOfRows(sp shaders.Splits) int64 {
	below := func(length int64) int64 { // of all sequences up to length
		p := int64(sp.Positions)
		full, rest := length/p, length%p
		return p*full*(full+1)/2 + rest*(full+1)
	}
	return below(int64(b.c.context())) - below(int64(b.c.Depth))
}

func planMerge(b *bench) {
	h, tokens, sp := b.c.heads(), b.c.size("tokens"), b.c.splits()
	rows := b.positions()
	stride := 2 + h.HeadDim
	partial := input(b, "partial", product(tokens, h.Heads, sp.Max, stride), func(v []float32) {
		for ; len(v) > 0; v = v[stride:] {
			b.normal(1)(v[:stride])
			v[1] = 1 + v[1]*v[1] // Σ exp(score - maximum)
		}
	})
	y := b.output("y", product(tokens, h.Heads, h.HeadDim))
	b.outputs = product(tokens, h.Heads, h.HeadDim)
	b.record = func(s *shaders.Set, c *vk.Commands, label string) {
		s.AttentionMerge(c, label, rows.All(), partial.All(), y.All(), h, sp, tokens)
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
