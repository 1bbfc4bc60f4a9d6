package cases

import (
	"math"
	"slices"

	"sealvk/shaders"
	"sealvk/shaders/guarded"
	"sealvk/shaders/reference"
	"sealvk/vk"
)

var _ = register("attention", kernel{
	plan: (*Bench).attentionDecode, check: checkHeads, splits: true, grows: true, ragged: raggedHeads,
	byHand: attentionByHand("f16 cache", 4, [3]int{6, 3, 70}),
})

var _ = register("attention_subgroup", kernel{
	plan: (*Bench).attentionDecode, quantizes: true, check: checkHeads, splits: true, grows: true, ragged: raggedHeads,
	byHand: attentionByHand("f16 cache", 64, [3]int{6, 3, 70}),
})

var _ = register("attention_prefill", kernel{
	plan: func(b *Bench) {
		b.attention((*shaders.Kernels).AttentionPrefill, b.Variant.Attention.PrefillGrid)
	},
	check: checkHeads, splits: true, ragged: raggedHeads,
	byHand: attentionByHand("f16 cache, 3 rows a lane", 4, [3]int{6, 3, 24}), // 70 rows in workgroups of 3
})

var _ = register("attention_coopmat", kernel{
	plan: func(b *Bench) {
		b.attention((*shaders.Kernels).AttentionCoopMat, b.Variant.Attention.Matrix.Grid)
	},
	check: checkHeads, splits: true, ragged: [][]int{{1, 1, 32}, {4, 4, 64}, {6, 2, 96}, {8, 1, 256}}, // a CPU's compiler takes seconds for each dimension
})

// attentionByHand is 70 positions in splits of 32: q, and 70 positions of k and v in f16 once.
func attentionByHand(variant string, lanes int, grid [3]int) []example {
	return []example{{[]int{6, 2, 32, 70}, variant, lanes, grid, shaders.Work{
		Read: 70*4*192 + 2*70*2*64, Written: 70 * 4 * 192, FLOPs: 70 * 71 / 2 * 6 * (4*32 + 4),
	}}}
}

// attentionDecode is of the kernel that the tuning says.
func (b *Bench) attentionDecode() {
	b.attention((*shaders.Kernels).AttentionDecode, func(sp shaders.Splits, h shaders.Heads, length, count int) [3]uint32 {
		return sp.Grid(h, length, count)
	})
}

// attention is decode's or prefill's, with another dispatch where the first does not merge the splits.
func (b *Bench) attention(record func(*shaders.Kernels, *vk.Commands, string, shaders.Attention), gridOf func(sp shaders.Splits, h shaders.Heads, length, count int) [3]uint32) {
	h, tokens, sp := b.heads(), b.Size("tokens"), b.splits()
	rows := b.positions()
	size := choose(b, 1, 1e6, 1e-6) // q beyond f16, and far below it
	q := input(b, "q", b.perToken(h.Heads*h.HeadDim, size), tokens, h.Heads, h.HeadDim)
	from, k, v := b.filledCache(h, rows)
	grid := input(b, "grid", func(v []uint32) {
		g := gridOf(sp, h, b.Lengths.Longest, tokens)
		copy(v, g[:])
	}, 3)
	partial := b.scratch("partial", tokens, h.Heads, sp.Max, 4+h.HeadDim)
	done := input(b, "done", func([]uint32) {}, tokens, h.Heads) // 0 before and after
	y := &written{floats: b.output("y", tokens, h.Heads*h.HeadDim)}
	if t := &b.Variant.Attention; b.Kernel == "attention_subgroup" && (t.Merge || sp.Max == 1) {
		b.integersOf(y)
	}
	leaves := b.Kernel == "attention_coopmat" && (b.Variant.Attention.Merge || sp.Max == 1)
	to := shaders.Operand{Tokens: tokens, Cols: h.Heads * h.HeadDim, Half: true, Block: h.HeadDim, Octets: choose(b, false, true)}
	var halves *array[uint32]
	if leaves && choose(b, false, true) {
		halves = changed(b, "y as f16", func(v []uint32) { // all but what must be 0 is poison
			copy(v, slices.Repeat([]uint32{guarded.Poison}, len(v)))
			clear(v[factorAt(0, tokens, to.Cols/2, to.Octets):][:tokens])
		}, int(to.Bytes()/4))
	}
	scale := float32(choose(b, 1, 0.7) / size / math.Sqrt(float64(h.HeadDim)))
	b.Outputs = product(tokens, h.Heads, h.HeadDim)
	b.record = func(s *shaders.Kernels, c *vk.Commands, label string) {
		a := shaders.Attention{
			Rows: rows.Bound(), Q: q.Bound(), Cache: from.cache(), Scratch: shaders.AttentionScratch{Partial: partial.Bound(), Done: done.Bound()}, Y: y.activations(),
			Heads: h, Splits: sp, Grid: grid.Bound(), Count: tokens, Scale: scale,
		}
		if halves != nil {
			to.X = halves.Bound()
			a.Halves = &to
		}
		if record(s, c, label, a); sp.Max > 1 && !b.Variant.Attention.Merge {
			s.AttentionMerge(c, label+"_merge", a)
		}
	}
	expected := func(t, head int) reference.Expected {
		row, x := rows.values[t], q.values[q.offset(t, head):][:h.HeadDim]
		kc, vc := from.of(k.values, false, row.Sequence), from.of(v.values, true, row.Sequence)
		of := reference.Attention
		if b.Kernel == "attention_coopmat" {
			of = reference.AttentionHalves
		}
		return of(x, float64(scale), kc, vc, head/(h.Heads/h.KVHeads), int(row.Position)+1)
	}
	cost := 2 * product(b.context(), h.HeadDim)
	b.check = func(kr *checker) {
		if halves != nil {
			for _, t := range b.sample(tokens, int64(h.Heads)*cost) {
				var row reference.Expected
				for head := range h.Heads {
					row.Append(expected(t, head))
				}
				kr.blocked(&halves.buffer, row.Halved(), t, tokens, h.HeadDim, to.Octets)
			}
			return
		}
		for _, i := range b.sample(tokens*h.Heads, cost) {
			kr.expect(y.floats, expected(i/h.Heads, i%h.Heads), i/h.Heads, i%h.Heads*h.HeadDim)
		}
		kr.expectIntegers(y)
	}
}

var _ = register("attention_merge", kernel{
	plan: func(b *Bench) {
		h, tokens, sp := b.heads(), b.Size("tokens"), b.splits()
		rows := b.positions()
		stride := 4 + h.HeadDim
		partial := input(b, "partial", func(v []float32) {
			for ; len(v) > 0; v = v[stride:] {
				b.normal(1)(v[:stride])
				v[1] = 1 + v[1]*v[1] // Σ exp(score - maximum)
			}
		}, tokens, h.Heads, sp.Max, stride)
		y := b.output("y", tokens, h.Heads, h.HeadDim)
		b.Outputs = product(tokens, h.Heads, h.HeadDim)
		b.record = func(s *shaders.Kernels, c *vk.Commands, label string) {
			s.AttentionMerge(c, label, shaders.Attention{
				Rows: rows.Bound(), Scratch: shaders.AttentionScratch{Partial: partial.Bound()}, Y: shaders.Activations{F32: y.Bound()}, Heads: h, Splits: sp, Count: tokens,
			})
		}
		b.check = func(k *checker) {
			for _, i := range b.sample(tokens*h.Heads, product(sp.Max, stride)) {
				t, head := i/h.Heads, i%h.Heads
				splits, _ := sp.Of(int(rows.values[t].Position) + 1)
				want := reference.AttentionMerge(partial.values[partial.offset(t, head):][:splits*stride], h.HeadDim)
				k.expect(y, want, t, head)
			}
		}
	},
	check: checkHeads, splits: true, grows: true, ragged: [][]int{{3, 96}, {1, 32}, {8, 256}},
	// 70 positions in splits of 32.
	byHand: []example{{[]int{6, 32, 70}, "", 4, [3]int{6, 1, 70}, shaders.Work{
		Read: 70 * 6 * 3 * 4 * 36, Written: 70 * 4 * 192, FLOPs: 2*(70*6*3*36) + 70*192,
	}}},
})
