package shaders

import (
	"math"

	"sealvk/vk"
)

type attentionPush struct {
	Heads, KVHeads, HeadDim, MaxPages, Split, MaxSplits uint32
	Scale                                               float32
	Rows                                                uint32
}

var attentionKernel = register(kernel{
	name: "attention", push: attentionPush{}, constants: 5,
	access: []vk.Access{vk.ReadOnly, vk.ReadOnly, vk.ReadOnly, vk.ReadOnly, vk.ReadOnly, vk.ReadWrite, vk.ReadWrite, vk.WriteOnly},
})

// AttentionTuning sizes the workgroups of attention, and their work.
type AttentionTuning struct {
	Lanes     int // of a workgroup; a power of two from 4 on
	Positions int // of the cache that a lane scores together
	Tile      int // positions that are weighed together: a multiple of PageTokens and Lanes × Positions

	PrefillLanes int
	PrefillRows  int // rows of the step that a lane works on
	PrefillTile  int // a multiple of PageTokens

	Merge bool // the workgroup that finishes a head last merges its splits, else another dispatch
}

// moltenVK is its VkDriverId. Metal has no fence of the device's scope before 3.2, so that
// a workgroup may not see what another one wrote.
const moltenVK = 14

// defaultAttention: on a CPU a lane takes the positions of a page that lie one vector apart,
// to share the loads of q among them.
func defaultAttention(c *vk.Caps) AttentionTuning {
	merge := c.Driver.ID != moltenVK
	if c.Type == vk.CPU {
		lanes := max(4, c.Subgroup.Size)
		return AttentionTuning{Lanes: lanes, Positions: max(1, 32/lanes), Tile: max(128, lanes),
			PrefillLanes: lanes, PrefillRows: 8, PrefillTile: 64, Merge: merge}
	}
	return AttentionTuning{Lanes: 64, Positions: 2, Tile: 128, PrefillLanes: 128, PrefillRows: 4, PrefillTile: 64, Merge: merge}
}

// Splits says how a sequence's positions are shared among workgroups.
type Splits struct {
	Positions int // a split, a multiple of PageTokens
	Max       int // splits that the partial buffer has room for
}

// SplitsOf shares sequences of up to length positions in splits of so many, rounded up to pages.
func SplitsOf(positions, length int) Splits {
	positions = PageTokens * ceilDiv(positions, PageTokens)
	return Splits{positions, ceilDiv(length, positions)}
}

// PartialBytes is the size of the partial results of count rows.
func (p Splits) PartialBytes(h Heads, count int) int64 {
	return 4 * int64(count) * int64(h.Heads) * int64(p.Max) * int64(4+h.HeadDim)
}

// Grid is the workgroups of decode's attention over count rows whose longest sequence has
// length positions: the same numbers that advance.comp writes for the next step.
func (p Splits) Grid(h Heads, length, count int) [3]uint32 {
	return [3]uint32{uint32(h.Heads), uint32(ceilDiv(length, p.Positions)), uint32(count)}
}

// DecodeRows is the most rows of a step to which decode's attention is applied, which gives a row
// the same bits whatever the others; beyond it rows share their loads of K and V.
const DecodeRows = 16

// AttentionGrid is the grid that [Set.Attention] finds in memory.
func (s *Set) AttentionGrid(p Splits, h Heads, length, count int) [3]uint32 {
	if count > DecodeRows {
		return s.tuning.Attention.PrefillGrid(p, h, length, count)
	}
	return p.Grid(h, length, count)
}

// AttentionScratch is what attention's workgroups leave each other.
type AttentionScratch struct {
	Partial vk.Range // [Splits.PartialBytes]
	Done    vk.Range // [count][Heads] u32, 0 before the first step and after each
}

// Attention records causal attention of each row's heads over its sequence up to
// its own position, in splits; the grid comes from a VkDispatchIndirectCommand
// in device memory, since it grows with the sequence. It is one dispatch, or two where
// the first does not merge the splits (AttentionTuning.Merge).
//
//   - rows: [count]Row
//   - q, y: [count][Heads][HeadDim] f32, q rotated
func (s *Set) Attention(c *vk.Commands, label string, rows, q vk.Range, cache KVCache, scratch AttentionScratch, y vk.Range, h Heads, sp Splits, grid vk.Range, count int) {
	record := s.AttentionDecode
	if count > DecodeRows {
		record = s.AttentionPrefill
	}
	record(c, label, rows, q, cache, scratch, y, h, sp, grid, count)
	if sp.Max > 1 && !s.tuning.Attention.Merge {
		s.AttentionMerge(c, label+"_merge", rows, scratch.Partial, y, h, sp, count)
	}
}

// AttentionDecode is the first dispatch of [Set.Attention] for few rows; the grid is [Splits.Grid].
func (s *Set) AttentionDecode(c *vk.Commands, label string, rows, q vk.Range, cache KVCache, scratch AttentionScratch, y vk.Range, h Heads, sp Splits, grid vk.Range, count int) {
	push := newAttentionPush(h, cache, sp, count)
	c.DispatchIndirect(label, s.attention.pipeline, pushBytes(&push), attentionKernel.bind(rows, cache.Pages, q, cache.K, cache.V, scratch.Partial, scratch.Done, y), grid)
	if s.observer != nil {
		s.observer(Dispatch{label, s.attention, []int{h.Heads, h.KVHeads, h.HeadDim, count}, func(l Lengths) ([3]int, Work) {
			return ints(sp.Grid(h, l.Longest, count)), s.attentionWork(h, sp, l, count)
		}})
	}
}

func newAttentionPush(h Heads, cache KVCache, sp Splits, count int) attentionPush {
	return attentionPush{
		uint32(h.Heads), uint32(h.KVHeads), uint32(h.HeadDim), uint32(cache.MaxPages),
		uint32(sp.Positions), uint32(sp.Max), float32(1 / math.Sqrt(float64(h.HeadDim))), uint32(count),
	}
}

func ints(v [3]uint32) [3]int { return [3]int{int(v[0]), int(v[1]), int(v[2])} }

// attentionWork is that of count rows of one sequence.
func (s *Set) attentionWork(h Heads, sp Splits, l Lengths, count int) Work {
	q := 4 * int64(count) * int64(h.Heads*h.HeadDim)
	written := q
	if sp.Max > 1 && !s.tuning.Attention.Merge {
		written = sp.partials(h, l.Longest, count)
	}
	return Work{
		Read:    q + 2*int64(l.Longest)*KVBytes(h, s.kv)/PageTokens,
		Written: written,
		// q·k and the weighted sum of v; scale, maximum, exp and sum of the softmax
		FLOPs: int64(l.Sum) * int64(h.Heads) * int64(4*h.HeadDim+4),
	}
}

// partials is the bytes of the partial results of count rows, the longest of them length positions.
func (p Splits) partials(h Heads, length, count int) int64 {
	return 4 * int64(count) * int64(h.Heads) * int64(ceilDiv(length, p.Positions)) * int64(4+h.HeadDim)
}
