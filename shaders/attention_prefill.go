package shaders

import "sealvk/vk"

var attentionPrefillKernel = register(kernel{
	name: "attention_prefill", push: attentionPush{}, constants: 5, access: attentionKernel.access,
})

// PrefillGrid is the workgroups of prefill's attention.
func (a *AttentionTuning) PrefillGrid(p Splits, h Heads, length, count int) [3]uint32 {
	return [3]uint32{uint32(h.Heads), uint32(ceilDiv(length, p.Positions)), uint32(ceilDiv(count, a.prefillRows()))}
}

// AttentionPrefill is the first dispatch of [Set.Attention] for many rows, several of which
// share their loads of K and V where they follow each other in one sequence; the grid is
// [AttentionTuning.PrefillGrid].
func (s *Set) AttentionPrefill(c *vk.Commands, label string, rows, q vk.Range, cache KVCache, scratch AttentionScratch, y vk.Range, h Heads, sp Splits, grid vk.Range, count int) {
	push := newAttentionPush(h, cache, sp, count)
	c.DispatchIndirect(label, s.attentionPrefill.pipeline, pushBytes(&push), attentionPrefillKernel.bind(rows, cache.Pages, q, cache.K, cache.V, scratch.Partial, scratch.Done, y), grid)
	if s.observer != nil {
		s.observer(Dispatch{label, s.attentionPrefill, []int{h.Heads, h.KVHeads, h.HeadDim, count}, func(l Lengths) ([3]int, Work) {
			return ints(s.tuning.Attention.PrefillGrid(sp, h, l.Longest, count)), s.attentionWork(h, sp, l, count)
		}})
	}
}
