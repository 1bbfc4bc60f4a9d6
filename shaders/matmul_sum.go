package shaders

import "sealvk/vk"

var matmulSumKernel = register(matmulSumModule, Kernel{
	Sizes: []string{"count", "splits"}, Typical: [][]int{{64 * 3072, 8}}, Knobs: []Knob{lanesKnob},
})

// MatMulSum records y (+)= the sum of the splits of [Kernels.MatMulPrefill], in their order.
//
//   - partial: [splits][count] f32
//   - y: [count] f32
func (s *Kernels) MatMulSum(c *vk.Commands, label string, partial, y vk.Range, count, splits int, add bool) {
	n := int64(count)
	work := Work{Read: 4 * n * int64(splits), Written: 4 * n, FLOPs: n * int64(splits-1)}
	if add {
		work.Read += 4 * n
		work.FLOPs += n
	}
	gx, gy := s.fold(ceilDiv(count, s.tuning.Lanes))
	s.dispatch(c, label, call{
		pipeline: s.only(matmulSumKernel), shape: []int{count, splits}, grid: [3]int{gx, gy, 1}, work: work,
		arguments: matmulSumBindings{Partial: partial, Y: y}.with(matmulSumPush{Count: uint32(count), Splits: uint32(splits), Add: constant(add)}),
	})
}
