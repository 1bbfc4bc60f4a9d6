package shaders

import (
	"fmt"

	"sealvk/vk"
)

var attentionPrefillKernel = register(attentionPrefillModule, Kernel{
	Sizes: headSizes, Typical: [][]int{{16, 16, 256, 64}}, Cache: true, Depth: true, check: checkAttention,
	Knobs: []Knob{
		{Name: "lanes", number: func(t *Tuning) *int { return &t.Attention.PrefillLanes }, power: true},
		{Name: "rows", number: func(t *Tuning) *int { return &t.Attention.PrefillRows }, most: 16},
		{Name: "tile", number: func(t *Tuning) *int { return &t.Attention.PrefillTile }, most: 1024, power: true},
		mergeKnob,
	},
	variants: func(s *Kernels, k *Kernel, _ Type) []*Pipeline {
		return []*Pipeline{s.attentionPrefill(k, s.tuning.Attention.PrefillRows)}
	},
})

// PrefillGrid is the workgroups of prefill's attention.
func (a *AttentionTuning) PrefillGrid(p Splits, h Heads, length, count int) [3]uint32 {
	return [3]uint32{uint32(h.Heads), uint32(ceilDiv(length, p.Positions)), uint32(ceilDiv(count, a.prefillRows(count)*a.prefillGroups()))}
}

// attentionPrefill is k with so many rows a lane.
func (s *Kernels) attentionPrefill(k *Kernel, rows int) *Pipeline {
	a := &s.tuning.Attention
	return s.pipeline(k, form{weights: NoType, name: fmt.Sprintf("%v cache, %d rows a lane", s.kv, rows), constants: attentionPrefillConstants{
		Lanes: uint32(a.PrefillLanes), KV: uint32(s.kv), Rows: uint32(rows), Tile: uint32(a.PrefillTile), Merge: constant(a.Merge),
	}.words()})
}

// AttentionPrefill is the first dispatch of [Kernels.Attention] for a prompt's rows, several of which
// share their loads of K and V where they follow each other in one sequence; the grid is
// [AttentionTuning.PrefillGrid]. A.Splits have room for the longest sequence.
func (s *Kernels) AttentionPrefill(c *vk.Commands, label string, a Attention) {
	args := attentionPrefillBindings(a.bindings()).with(attentionPrefillPush(a.push()))
	s.attention(c, label, s.attentionPrefill(attentionPrefillKernel, s.tuning.Attention.prefillRows(a.Count)), args, a, func(l Lengths) [3]uint32 {
		return s.tuning.Attention.PrefillGrid(a.Splits, a.Heads, l.Longest, a.Count)
	})
}
