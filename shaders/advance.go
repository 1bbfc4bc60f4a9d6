package shaders

import "sealvk/vk"

var advanceKernel = register(advanceModule, Kernel{
	Sizes: []string{"chunks", "tokens"}, Typical: [][]int{{8000, 1}}, Knobs: []Knob{sampleKnob}, // 256000 tokens in tiles of Output
})

// Advance records the end of a step in which every row's choice is [ByTiles]: the best token of
// those that [Kernels.Output] left goes into the ring and into the row, which moves on to the next
// position, as the grid does.
func (s *Kernels) Advance(c *vk.Commands, label string, b *SampleBuffers, h Heads, sp Splits, count int) {
	chunks, n := tiles(b.Vocab), int64(count)
	s.dispatch(c, label, call{
		pipeline: s.only(advanceKernel), shape: []int{chunks, count}, grid: [3]int{count, 1, 1},
		arguments: advanceBindings{Best: b.Best, Rows: b.Rows, Ring: b.Ring, Grid: b.Grid}.with(advancePush{
			Rows: uint32(count), Chunks: uint32(chunks), Slots: uint32(b.Slots), Heads: uint32(h.Heads), Split: uint32(sp.Positions), MaxSplits: uint32(sp.Max),
		}),
		work: Work{Read: 8*n*int64(chunks) + 16*n + 4, Written: 20*n + 12, FLOPs: n * int64(chunks)},
	})
}
