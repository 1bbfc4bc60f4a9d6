package shaders

import "sealvk/vk"

var attentionMergeKernel = register(attentionMergeModule, Kernel{
	Sizes: []string{"heads", "head_dim", "tokens"}, Typical: [][]int{{16, 256, 1}}, Knobs: attentionKernel.Knobs[:1], Depth: true, check: checkAttention,
})

// AttentionMerge records the sum over the splits of a, where [Kernels.Attention] does not do it
// itself (AttentionTuning.Merge).
func (s *Kernels) AttentionMerge(c *vk.Commands, label string, a Attention) {
	h, sp := a.Heads, a.Splits
	s.dispatch(c, label, call{
		pipeline: s.only(attentionMergeKernel), shape: []int{h.Heads, h.HeadDim, a.Count}, grid: [3]int{h.Heads, 1, a.Count},
		arguments: attentionMergeBindings{Rows: a.Rows, Partial: a.Scratch.Partial, Y: a.Y.F32}.with(attentionMergePush{
			Heads: uint32(h.Heads), HeadDim: uint32(h.HeadDim), Split: uint32(sp.Positions), MaxSplits: uint32(sp.Max),
		}),
		workAt: func(l Lengths) Work {
			read := sp.partials(h, l.Longest, a.Count)
			written := 4 * int64(a.Count) * int64(h.Heads*h.HeadDim)
			// each partial value is scaled and added; the sum divided
			return Work{Read: read, Written: written, FLOPs: read/4*2 + written/4}
		},
	})
}
