package shaders

import "sealvk/vk"

var advanceKernel = register(advanceModule, Kernel{
	Sizes: []string{"chunks", "tokens"}, Typical: [][]int{{8000, 1}}, Knobs: []Knob{sampleKnob}, // 256000 tokens in tiles of Output
})

// Advance records the choice among the chunks, the write of the ids into the
// ring, and the step of rows and grid to the next position. The chunks are those of
// [Kernels.Pick], or where nothing is filtered those of [Kernels.Output].
func (s *Kernels) Advance(c *vk.Commands, label string, b *SampleBuffers, filtered bool, h Heads, sp Splits, count int) {
	chunks, n := tiles(b.Vocab), int64(count)
	if filtered {
		chunks = s.pickChunks(b.Vocab)
	}
	s.dispatch(c, label, call{
		pipeline: s.only(advanceKernel), shape: []int{chunks, count}, grid: [3]int{count, 1, 1},
		arguments: advanceBindings{Best: b.Best, Rows: b.Rows, Ring: b.Ring, Grid: b.Grid}.with(advancePush{
			Rows: uint32(count), Chunks: uint32(chunks), Slots: uint32(b.Slots), Heads: uint32(h.Heads), Split: uint32(sp.Positions), MaxSplits: uint32(sp.Max),
		}),
		work: Work{Read: 8*n*int64(chunks) + 16*n + 4, Written: 20*n + 12, FLOPs: n * int64(chunks)},
	})
}
