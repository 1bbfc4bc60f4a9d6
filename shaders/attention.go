package shaders

import (
	"math"

	"sealvk/vk"
)

type attentionPush struct {
	Heads, KVHeads, HeadDim, MaxPages, Split, MaxSplits uint32
	Scale                                               float32
}

var attentionKernel = register(kernel{
	name: "attention", push: attentionPush{}, constants: 3,
	access: []vk.Access{vk.ReadOnly, vk.ReadOnly, vk.ReadOnly, vk.ReadOnly, vk.ReadOnly, vk.WriteOnly},
})

// Splits says how a sequence's positions are shared among workgroups.
type Splits struct {
	Positions int // a split
	Max       int // splits that the partial buffer has room for
}

// PartialBytes is the size of the partial results of count rows.
func (p Splits) PartialBytes(h Heads, count int) int64 {
	return 4 * int64(count) * int64(h.Heads) * int64(p.Max) * int64(2+h.HeadDim)
}

// Grid is the workgroups of attention over rows whose longest sequence has
// length positions: the same numbers that advance.comp writes for the next step.
func (p Splits) Grid(h Heads, length, count int) [3]uint32 {
	return [3]uint32{uint32(h.Heads), uint32(ceilDiv(length, p.Positions)), uint32(count)}
}

// Attention records causal attention of each row's heads over its sequence up to
// its own position, in splits; the grid comes from a VkDispatchIndirectCommand
// in device memory, since it grows with the sequence.
//
//   - rows: [count]Row
//   - q: [count][Heads][HeadDim] f32, rotated
//   - partial: [Splits.PartialBytes], for [Set.AttentionMerge]
func (s *Set) Attention(c *vk.Commands, label string, rows, q vk.Range, cache KVCache, partial vk.Range, h Heads, sp Splits, grid vk.Range, count int) {
	push := attentionPush{
		uint32(h.Heads), uint32(h.KVHeads), uint32(h.HeadDim), uint32(cache.MaxPages),
		uint32(sp.Positions), uint32(sp.Max), float32(1 / math.Sqrt(float64(h.HeadDim))),
	}
	c.DispatchIndirect(label, s.attention.pipeline, pushBytes(&push), attentionKernel.bind(rows, cache.Pages, q, cache.K, cache.V, partial), grid)
	if s.observer == nil {
		return
	}
	s.observer(Dispatch{label, s.attention, []int{h.Heads, h.KVHeads, h.HeadDim, count}, func(l Lengths) ([3]int, Work) {
		g := sp.Grid(h, l.Longest, count)
		q := 4 * int64(count) * int64(h.Heads*h.HeadDim)
		return [3]int{int(g[0]), int(g[1]), int(g[2])}, Work{
			Read:    q + 2*int64(l.Longest)*KVBytes(h, s.kvF16)/PageTokens,
			Written: sp.partials(h, l.Longest, count),
			// q·k and the weighted sum of v; scale, maximum, exp and sum of the softmax
			FLOPs: int64(l.Sum) * int64(h.Heads) * int64(4*h.HeadDim+4),
		}
	}})
}

// partials is the bytes of the partial results of count rows, the longest of them length positions.
func (p Splits) partials(h Heads, length, count int) int64 {
	return 4 * int64(count) * int64(h.Heads) * int64(ceilDiv(length, p.Positions)) * int64(2+h.HeadDim)
}
