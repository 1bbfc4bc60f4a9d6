package shaders

import "sealvk/vk"

type mergePush struct{ Heads, HeadDim, Split, MaxSplits uint32 }

var mergeKernel = register(kernel{
	name: "attention_merge", push: mergePush{}, constants: 1,
	access: []vk.Access{vk.ReadOnly, vk.ReadOnly, vk.WriteOnly},
})

// AttentionMerge records the sum over the splits, where [Set.Attention] does not do it
// itself (AttentionTuning.Merge): y: [count][Heads][HeadDim] f32.
func (s *Set) AttentionMerge(c *vk.Commands, label string, rows, partial, y vk.Range, h Heads, sp Splits, count int) {
	push := mergePush{uint32(h.Heads), uint32(h.HeadDim), uint32(sp.Positions), uint32(sp.Max)}
	c.Dispatch(label, s.merge.pipeline, pushBytes(&push), mergeKernel.bind(rows, partial, y), h.Heads, 1, count)
	if s.observer == nil {
		return
	}
	s.observer(Dispatch{label, s.merge, []int{h.Heads, h.HeadDim, count}, func(l Lengths) ([3]int, Work) {
		read := sp.partials(h, l.Longest, count)
		written := 4 * int64(count) * int64(h.Heads*h.HeadDim)
		// each partial value is scaled and added; the sum divided
		return [3]int{h.Heads, 1, count}, Work{Read: read, Written: written, FLOPs: read/4*2 + written/4}
	}})
}
