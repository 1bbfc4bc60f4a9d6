package shaders

import "sealvk/vk"

type mergePush struct{ Heads, HeadDim, Split, MaxSplits uint32 }

var mergeKernel = register(kernel{
	name: "attention_merge", push: mergePush{}, constants: 1,
	access: []vk.Access{vk.ReadOnly, vk.ReadOnly, vk.WriteOnly},
})

// AttentionMerge records the sum over the splits of [Set.Attention]:
// y: [count][Heads][HeadDim] f32.
func (s *Set) AttentionMerge(c *vk.Commands, label string, rows, partial, y vk.Range, h Heads, sp Splits, count int) {
	push := mergePush{uint32(h.Heads), uint32(h.HeadDim), uint32(sp.Positions), uint32(sp.Max)}
	c.Dispatch(label, s.merge, pushBytes(&push), mergeKernel.bind(rows, partial, y), h.Heads, 1, count)
}
