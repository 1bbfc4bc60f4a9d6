package cases

import (
	"fmt"
	"math"

	"sealvk/shaders"
	"sealvk/shaders/reference"
	"sealvk/weights/format"
)

// theta is that of the model's rotary embedding.
const theta = 10000

// raggedHeads are MHA, GQA and MQA, and dimensions that are no power of two.
var raggedHeads = [][]int{{1, 1, 32}, {4, 4, 64}, {6, 2, 128}, {8, 1, 256}, {3, 3, 96}, {2, 1, 224}}

// heads is the shape of attention; attention_merge knows no KV heads.
func (c *Case) heads() shaders.Heads {
	h := shaders.Heads{Heads: c.Size("heads"), HeadDim: c.Size("head_dim"), KVHeads: 1}
	if c.kernel().Cache {
		h.KVHeads = c.Size("kv_heads")
	}
	return h
}

func checkHeads(c *Case) error {
	switch h := c.heads(); {
	case h.HeadDim%shaders.KVBlock != 0 || h.HeadDim > format.MaxHeadDim:
		return fmt.Errorf("head_dim=%d: want a multiple of %d up to %d", h.HeadDim, shaders.KVBlock, format.MaxHeadDim)
	case h.Heads%h.KVHeads != 0:
		return fmt.Errorf("heads=%d is no multiple of kv_heads=%d", h.Heads, h.KVHeads)
	}
	return nil
}

// sequenceCount is the sequences of a step: one, of odd cases two.
func (b *Bench) sequenceCount() int {
	if b.Odd != 0 || b.rows != nil {
		return 2
	}
	return 1
}

// positions plans the rows of a step: the tokens that follow Depth positions of one
// sequence, one in decode, a chunk of the prompt in prefill. Odd ones are of two sequences, and
// follow each other or not; the last is at the end of the longest.
func (b *Bench) positions() *array[shaders.Row] {
	return input(b, "rows", func(v []shaders.Row) {
		if b.Odd != 0 {
			b.oddRows(v)
		}
		for i := range v {
			if b.Odd == 0 {
				v[i].Position = uint32(b.Depth + i)
			}
			if b.rows != nil {
				v[i] = b.rows[i]
			}
			b.Lengths.Longest = max(b.Lengths.Longest, int(v[i].Position)+1)
			b.Lengths.Sum += int(v[i].Position) + 1
		}
	}, b.Size("tokens"))
}

func (b *Bench) oddRows(v []shaders.Row) {
	last := shaders.Row{Position: uint32(b.context() - 1), Sequence: 1}
	taken := map[shaders.Row]bool{last: true}
	var at shaders.Row
	for i := range len(v) - 1 {
		for i == 0 || b.rng.IntN(4) == 0 || taken[at] || at.Position > last.Position {
			if at = (shaders.Row{Position: b.rng.Uint32N(uint32(b.context())), Sequence: b.rng.Uint32N(2)}); !taken[at] {
				break
			}
		}
		v[i], taken[at] = at, true
		at.Position++
	}
	v[len(v)-1] = last
}

// pages is the pages of a sequence.
func (c *Case) pages() int { return ceilDiv(c.context(), shaders.PageTokens) }

// pageTable plans where the pages of each sequence lie: scattered.
func (b *Bench) pageTable() *array[uint32] {
	return input(b, "pages", func(v []uint32) {
		for i, p := range b.rng.Perm(len(v)) {
			v[i] = uint32(p)
		}
	}, b.sequenceCount(), b.pages())
}

// cacheWords is the size of K, and of V.
func (b *Bench) cacheWords(h shaders.Heads) int {
	block := shaders.KVBytes(shaders.Heads{KVHeads: 1, HeadDim: shaders.KVBlock}, b.KV) / 4
	return int(product(b.sequenceCount(), b.pages(), h.KVHeads, h.HeadDim/shaders.KVBlock, int(block)))
}

// cache is K and V, as the kernel's arguments and as a row's sequence sees them.
type cache struct {
	k, v  *buffer
	pages *array[uint32]
	h     shaders.Heads
	kv    shaders.KVType
}

func (c *cache) cache() shaders.KVCache {
	return shaders.KVCache{K: c.k.Bound(), V: c.v.Bound(), Pages: c.pages.Bound(), MaxPages: c.pages.dims[1]}
}

// of is a half, whose words are given, as a sequence sees it.
func (c *cache) of(words []uint32, isV bool, sequence uint32) *reference.Cache {
	return &reference.Cache{
		Words: words, KV: reference.KV(c.kv), IsV: isV, Heads: c.h.KVHeads, HeadDim: c.h.HeadDim, PageTokens: shaders.PageTokens,
		Pages: c.pages.values[c.pages.offset(int(sequence)):][:c.pages.dims[1]],
	}
}

// writtenCache plans a cache that the kernel writes.
func (b *Bench) writtenCache(h shaders.Heads) *cache {
	return &cache{b.output("k_cache", b.cacheWords(h)), b.output("v_cache", b.cacheWords(h)), b.pageTable(), h, b.KV}
}

// expectCached compares a head of K or V at the position of a row.
func (k *checker) expectCached(c *cache, isV bool, want reference.Expected, row shaders.Row, head int) {
	o := c.k
	if isV {
		o = c.v
	}
	of, got := c.of(k.words(o), isV, row.Sequence), make([]float32, c.h.HeadDim)
	for d := range got {
		word, _, scale := of.Word(head, int(row.Position), d)
		if k.see(o, word, 1); c.kv == shaders.KVQ8 {
			k.see(o, scale, 1)
		}
		got[d] = float32(of.At(head, int(row.Position), d))
	}
	k.compare(want.Cached(of.KV), got, func(d int) string {
		return fmt.Sprintf("%s[sequence %d][position %d][head %d][%d]", o.name, row.Sequence, row.Position, head, d)
	})
}

// rotated is a head in the order of RoPERow: what is expected of it, which is in that order too,
// turned by a position.
func rotated(e reference.Expected, position uint32) reference.Expected {
	dim := len(e.Values)
	device := make([]int, dim) // of a dimension
	for d := range device {
		device[shaders.RoPERow(d, dim)] = d
	}
	e = e.Reordered(func(i int) int { return device[i] }).RoPE(dim, int(position), theta)
	return e.Reordered(func(d int) int { return shaders.RoPERow(d, dim) })
}

// angles plans the table of RoPE.
func (b *Bench) angles(h shaders.Heads) *array[float32] {
	return input(b, "angles", func(v []float32) { copy(v, shaders.RoPETable(0, b.context(), h.HeadDim, theta)) }, b.context(), h.HeadDim)
}

// expectQKV compares a head of a row: of q, then of k, then of v, which the product is expected of.
func (k *checker) expectQKV(q *buffer, c *cache, product reference.Expected, t, head int, row shaders.Row) {
	switch h := c.h; {
	case head < h.Heads:
		k.expect(q, rotated(product, row.Position), t, head)
	case head < h.Heads+h.KVHeads:
		k.expectCached(c, false, rotated(product, row.Position), row, head-h.Heads)
	default:
		k.expectCached(c, true, product, row, head-h.Heads-h.KVHeads)
	}
}

// filledCache plans a cache of numbers up to 2, and of NaN behind the last position of each
// sequence.
func (b *Bench) filledCache(h shaders.Heads, rows *array[shaders.Row]) (c *cache, k, v *array[uint32]) {
	c = &cache{pages: b.pageTable(), h: h, kv: b.KV}
	half := func(name string, isV bool) *array[uint32] {
		return input(b, name, func(words []uint32) {
			for i := range words {
				switch r := b.rng.Uint32(); b.KV {
				case shaders.KVF16:
					words[i] = r & 0xbfffbfff
				case shaders.KVF32:
					words[i] = r&0x87ffffff | 0x38000000
				default: // as values and as scales of 2^-7 to 2^-6
					words[i] = r&0x007fffff | 0x3c000000
				}
			}
			length := make([]int, b.sequenceCount())
			for _, r := range rows.values {
				length[r.Sequence] = max(length[r.Sequence], int(r.Position)+1)
			}
			for s := range length {
				poisonFrom(c.of(words, isV, uint32(s)), length[s])
			}
		}, b.cacheWords(h))
	}
	k, v = half("k_cache", false), half("v_cache", true)
	c.k, c.v = &k.buffer, &v.buffer
	return c, k, v
}

// poisonFrom makes NaN of what lies from a position on.
func poisonFrom(c *reference.Cache, position int) {
	for ; position < len(c.Pages)*c.PageTokens; position++ {
		for i := range c.Heads * c.HeadDim {
			switch word, shift, scale := c.Word(i/c.HeadDim, position, i%c.HeadDim); c.KV {
			case reference.KVF16:
				c.Words[word] |= 0x7e00 << shift
			case reference.KVF32:
				c.Words[word] = math.Float32bits(float32(math.NaN()))
			default:
				c.Words[scale] = math.Float32bits(float32(math.NaN()))
			}
		}
	}
}
