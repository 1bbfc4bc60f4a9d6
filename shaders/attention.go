package shaders

import (
	"fmt"

	"sealvk/vk"
	"sealvk/weights/format"
)

var attentionKernel = register(attentionModule, Kernel{
	Sizes: headSizes, Typical: [][]int{{16, 16, 256, 1}}, Cache: true, Depth: true,
	adapt: func(t *Tuning, c *vk.Caps) error {
		t.Attention = plainAttention(c)
		return nil
	},
	check: func(t *Tuning, kv KVType, c *vk.Caps) error {
		if t.Attention.Subgroup != 0 {
			return fmt.Errorf("subgroup=%d: attention_subgroup is used", t.Attention.Subgroup)
		}
		return checkAttention(t, kv, c)
	},
	Knobs: []Knob{
		{Name: "lanes", number: func(t *Tuning) *int { return &t.Attention.Lanes }, power: true},
		{Name: "positions", number: func(t *Tuning) *int { return &t.Attention.Positions }, most: 32, power: true},
		{Name: "blocks", number: func(t *Tuning) *int { return &t.Attention.Blocks }, most: 8},
		{Name: "flight", number: func(t *Tuning) *int { return &t.Attention.Tokens }, most: PageTokens, power: true},
		{Name: "tile", number: func(t *Tuning) *int { return &t.Attention.Tile }, most: 1024, power: true},
		mergeKnob,
	},
	constants: func(s *Kernels) []uint32 {
		a := &s.tuning.Attention
		return attentionConstants{
			Lanes: uint32(a.Lanes), KV: uint32(s.kv), Positions: uint32(a.Positions), Tile: uint32(a.Tile), Merge: constant(a.Merge),
			Blocks: uint32(a.Blocks), Tokens: uint32(a.Tokens),
		}.words()
	},
})

var mergeKnob = Knob{Name: "merge", flag: func(t *Tuning) *bool { return &t.Attention.Merge }}

func checkAttention(t *Tuning, kv KVType, c *vk.Caps) error { return t.Attention.Check(kv, c) }

// AttentionTuning sizes the workgroups of attention, and their work.
type AttentionTuning struct {
	Lanes     int // of a workgroup; a power of two from 4 on
	Positions int // of the cache that a lane scores together
	Blocks    int // of KVBlock dimensions of K that a lane loads before it uses them
	Tokens    int // of V, the same; divides PageTokens and Lanes × Positions
	Tile      int // positions that are weighed together: a multiple of PageTokens and Lanes × Positions
	Subgroup  int // size of the subgroups that work on their own (attention_subgroup), without Positions and Tile; 0: none do

	PrefillLanes int
	PrefillRows  int // rows of the step that a lane works on, at most
	PrefillTile  int // a multiple of PageTokens

	Matrix AttentionMatrix // of prefill, in place of those three

	Merge bool // the workgroup that finishes a head last merges its splits, else another dispatch
}

// moltenVK is its VkDriverId. Metal has no fence of the device's scope before 3.2, so that
// a workgroup may not see what another one wrote.
const moltenVK = 14

// defaultAttention has subgroups of GPUs work on their own, and by matrices, where they can.
func defaultAttention(c *vk.Caps) AttentionTuning {
	if c.Type == vk.CPU {
		return plainAttention(c)
	}
	a, err := subgroupAttention(c)
	if err != nil {
		a = plainAttention(c)
	}
	a.Matrix = SharedAttention(c)
	return a
}

// plainAttention needs no subgroups. On a CPU a lane takes the positions of a page that lie one
// vector apart, to share the loads of q among them.
func plainAttention(c *vk.Caps) AttentionTuning {
	merge := c.Driver.ID != moltenVK
	if c.Type == vk.CPU {
		lanes := max(4, c.Subgroup.Size)
		return AttentionTuning{Lanes: lanes, Positions: max(1, 32/lanes), Blocks: 1, Tokens: 4, Tile: max(256, lanes),
			PrefillLanes: lanes, PrefillRows: 8, PrefillTile: 64, Merge: merge}
	}
	return AttentionTuning{Lanes: 128, Positions: 1, Blocks: 2, Tokens: 8, Tile: 128,
		PrefillLanes: 128, PrefillRows: 4, PrefillTile: 64, Merge: merge}
}

// Check says what of the tuning a device cannot do with a cache.
func (a *AttentionTuning) Check(kv KVType, c *vk.Caps) error {
	if err := a.checkPrefill(&c.Limits); err != nil {
		return err
	}
	if err := a.Matrix.check(c); err != nil {
		return err
	}
	if a.Subgroup != 0 {
		return a.checkSubgroup(kv, c)
	}
	return a.checkPlain(kv, &c.Limits)
}

// checkPlain is Check for attention.comp.
func (a *AttentionTuning) checkPlain(kv KVType, l *vk.Limits) error {
	together := a.Lanes * a.Positions
	shared := 4 * (max(a.Lanes*kv.unit(), format.MaxHeadDim) + a.Tile + a.Lanes + a.Tile/PageTokens + 1)
	switch {
	case a.Tile%PageTokens != 0 || a.Tile%together != 0:
		return fmt.Errorf("a tile of %d positions: want a multiple of %d and of %d lanes × %d positions", a.Tile, PageTokens, a.Lanes, a.Positions)
	case PageTokens%a.Tokens != 0 || together%a.Tokens != 0:
		return fmt.Errorf("%d tokens at once: want a divisor of %d and of %d lanes × %d positions", a.Tokens, PageTokens, a.Lanes, a.Positions)
	case shared > l.MaxComputeSharedMemorySize:
		return fmt.Errorf("attention takes %d bytes of shared memory, the device has %d", shared, l.MaxComputeSharedMemorySize)
	}
	return nil
}

// checkPrefill is Check for attention_prefill.comp.
func (a *AttentionTuning) checkPrefill(l *vk.Limits) error {
	line := min(a.PrefillLanes, PageTokens)
	rows := a.PrefillRows * a.prefillGroups()
	shared := 4 * (rows*(a.PrefillTile+line+2) + 4)
	if a.PrefillLanes < format.MaxHeadDim/8 {
		shared += 4 * rows * format.MaxHeadDim
	}
	switch {
	case a.PrefillTile%PageTokens != 0:
		return fmt.Errorf("a tile of %d positions: want a multiple of %d", a.PrefillTile, PageTokens)
	case shared > l.MaxComputeSharedMemorySize:
		return fmt.Errorf("attention takes %d bytes of shared memory in prefill, the device has %d", shared, l.MaxComputeSharedMemorySize)
	}
	return nil
}

// prefillGroups is the lines of lanes that share a workgroup of prefill, each of which has a page's positions.
func (a *AttentionTuning) prefillGroups() int { return max(1, a.PrefillLanes/PageTokens) }

// prefillRows is the rows of a lane in prefill of count rows: fewer where those would be in vain. A row's
// numbers do not depend on it.
func (a *AttentionTuning) prefillRows(count int) int {
	rows := 1
	for rows*a.prefillGroups() < count && rows < a.PrefillRows {
		rows *= 2
	}
	return min(rows, a.PrefillRows)
}

// Splits says how a sequence's positions are shared among workgroups.
type Splits struct {
	Positions int // a split, a multiple of PageTokens; doubled in decode for a sequence that would have more than Max
	Max       int // splits of a sequence at most
}

// SplitsOf shares sequences of up to length positions in splits of so many, rounded up to pages.
func SplitsOf(positions, length int) Splits {
	positions = PageTokens * ceilDiv(positions, PageTokens)
	return Splits{positions, ceilDiv(length, positions)}
}

// DecodeSplits shares sequences of up to length positions in splits of so many, or, beyond as
// many as fill a GPU with one sequence, in longer ones: each split costs a part of the merge. On an H100 9 to 17
// splits of 16 heads, two workgroups a core, were the fastest at 1024 to 32768 positions (docs/performance.md).
func DecodeSplits(c *vk.Caps, h Heads, positions, length int) Splits {
	p := SplitsOf(positions, length)
	if c.Type != vk.CPU {
		p.Max = min(p.Max, max(8, ceilDiv(2*fillingGroups(c), h.Heads)))
	}
	return p
}

// Of is the splits of a sequence of length positions in decode, and the positions of each
// (splits.glsl).
func (p Splits) Of(length int) (splits, positions int) {
	positions = p.Positions
	for positions*p.Max < length {
		positions *= 2
	}
	return ceilDiv(length, positions), positions
}

// PartialBytes is the size of the partial results of count rows.
func (p Splits) PartialBytes(h Heads, count int) int64 {
	return 4 * int64(count) * int64(h.Heads) * int64(p.Max) * int64(4+h.HeadDim)
}

// Grid is the workgroups of decode's attention over count rows whose longest sequence has
// length positions: the same numbers that advance.comp writes for the next step. A shorter
// sequence may have more splits than the longest one, whose splits are longer.
func (p Splits) Grid(h Heads, length, count int) [3]uint32 {
	return [3]uint32{uint32(h.Heads), uint32(min(ceilDiv(length, p.Positions), p.Max)), uint32(count)}
}

// DecodeRows is the most rows of a decode step.
const DecodeRows = 32

// AttentionGrid is the grid that [Kernels.Attention] finds in memory.
func (s *Kernels) AttentionGrid(p Splits, h Heads, length, count int, prefill bool) [3]uint32 {
	switch {
	case prefill && s.attentionTakesMatrices():
		return s.tuning.Attention.Matrix.Grid(p, h, length, count)
	case prefill:
		return s.tuning.Attention.PrefillGrid(p, h, length, count)
	}
	return p.Grid(h, length, count)
}

// AttentionScratch is what attention's workgroups leave each other.
type AttentionScratch struct {
	Partial vk.Range // [Splits.PartialBytes]
	Done    vk.Range // [count][Heads] u32, 0 before the first step and after each
}

// Attention is causal attention of each row's heads over its sequence up to its own position,
// in splits.
type Attention struct {
	Rows    vk.Range // [Count]Row
	Q       vk.Range // [Count][Heads][HeadDim] f32, rotated
	Cache   KVCache
	Scratch AttentionScratch
	Y       Activations // [Count][Heads][HeadDim]
	Heads   Heads
	Splits  Splits
	Grid    vk.Range // VkDispatchIndirectCommand: it grows with the sequence
	Count   int
	Scale   float32 // of q·k
	Prefill bool    // rows share their loads of K and V, where they follow each other in a sequence

	// Halves is where Y is written instead, if the kernel leaves such ([Kernels.AttentionLeavesHalves]): blocked
	// halves of Count tokens, a head a block, whose largest values are 0 before. nil: nowhere.
	Halves *Operand
}

// Attention records a, and tells what of Y it writes. It is one dispatch, or two where the first does
// not merge the splits (AttentionTuning.Merge).
func (s *Kernels) Attention(c *vk.Commands, label string, a Attention) Activations {
	if a.Prefill {
		a.Y.Quantized = vk.Range{}
	}
	switch {
	case a.Prefill && s.attentionTakesMatrices():
		s.AttentionCoopMat(c, label, a)
	case a.Prefill:
		s.AttentionPrefill(c, label, a)
	default:
		s.AttentionDecode(c, label, a)
	}
	if a.Splits.Max > 1 && !s.tuning.Attention.Merge {
		s.AttentionMerge(c, label+"_merge", a)
	}
	if !s.attentionQuantizes(&a) {
		a.Y.Quantized = vk.Range{}
	}
	return a.Y
}

// attentionQuantizes tells whether decode's attention makes integers of Y.
func (s *Kernels) attentionQuantizes(a *Attention) bool {
	t := &s.tuning.Attention
	return t.Subgroup != 0 && (t.Merge || a.Splits.Max == 1) && s.quantizes(a.Y, a.Count)
}

// AttentionDecode is the first dispatch of [Kernels.Attention] for rows of any sequences; the grid is [Splits.Grid].
func (s *Kernels) AttentionDecode(c *vk.Commands, label string, a Attention) {
	pipeline, args := s.only(attentionKernel), a.bindings().with(a.push())
	if s.tuning.Attention.Subgroup != 0 {
		pipeline = s.attentionSubgroup(attentionSubgroupKernel, a.Heads.HeadDim)
		b, p, quantized, quantizes := a.bindings(), a.push(), a.Y.F32, s.attentionQuantizes(&a)
		if quantizes {
			quantized = a.Y.Quantized
		}
		args = attentionSubgroupBindings{
			Rows: b.Rows, Pages: b.Pages, Q: b.Q, KCache: b.KCache, VCache: b.VCache, Partial: b.Partial, Done: b.Done, Y: b.Y, Quantized: quantized,
		}.with(attentionSubgroupPush{
			Heads: p.Heads, KVHeads: p.KVHeads, HeadDim: p.HeadDim, MaxPages: p.MaxPages, Split: p.Split, MaxSplits: p.MaxSplits, Scale: p.Scale, Rows: p.Rows,
			Quantize: constant(quantizes),
		})
	}
	s.attention(c, label, pipeline, args, a, func(l Lengths) [3]uint32 { return a.Splits.Grid(a.Heads, l.Longest, a.Count) })
}

// attention records a by one of its kernels.
func (s *Kernels) attention(c *vk.Commands, label string, p *Pipeline, args arguments, a Attention, grid func(Lengths) [3]uint32) {
	s.dispatch(c, label, call{
		pipeline: p, arguments: args, shape: []int{a.Heads.Heads, a.Heads.KVHeads, a.Heads.HeadDim, a.Count},
		indirect: a.Grid, gridAt: func(l Lengths) [3]int { return ints(grid(l)) }, workAt: func(l Lengths) Work { return s.attentionWork(&a, l) },
	})
}

func (a *Attention) bindings() attentionBindings {
	return attentionBindings{
		Rows: a.Rows, Pages: a.Cache.Pages, Q: a.Q, KCache: a.Cache.K, VCache: a.Cache.V, Partial: a.Scratch.Partial, Done: a.Scratch.Done, Y: a.Y.F32,
	}
}

func (a *Attention) push() attentionPush {
	h := a.Heads
	return attentionPush{
		Heads: uint32(h.Heads), KVHeads: uint32(h.KVHeads), HeadDim: uint32(h.HeadDim), MaxPages: uint32(a.Cache.MaxPages),
		Split: uint32(a.Splits.Positions), MaxSplits: uint32(a.Splits.Max), Scale: a.Scale, Rows: uint32(a.Count),
	}
}

func ints(v [3]uint32) [3]int { return [3]int{int(v[0]), int(v[1]), int(v[2])} }

// attentionWork is that of rows of one sequence.
func (s *Kernels) attentionWork(a *Attention, l Lengths) Work {
	h := a.Heads
	q := 4 * int64(a.Count) * int64(h.Heads*h.HeadDim)
	written := q
	if a.Splits.Max > 1 && !s.tuning.Attention.Merge {
		written = a.Splits.partials(h, l.Longest, a.Count)
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
	splits, _ := p.Of(length)
	return 4 * int64(count) * int64(h.Heads) * int64(splits) * int64(4+h.HeadDim)
}
