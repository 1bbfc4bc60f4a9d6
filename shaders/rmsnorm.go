package shaders

import "sealvk/vk"

var rmsnormKernel = register(rmsnormModule, Kernel{
	Sizes: []string{"dim", "tokens"}, Typical: [][]int{{3072, 1}}, Knobs: []Knob{wideKnob},
})

// RMSNorm is y[r] = x[First+r] / √(mean(x[First+r]²) + Eps) × weight for each of Count rows.
type RMSNorm struct {
	X, Weight, Y      vk.Range // [First+Count][Dim], [Dim], [Count][Dim] f32
	First, Count, Dim int
	Eps               float32
	Octets            bool // in RMSNormHalf: Y is to be in that order (half_rows.glsl)
}

// RMSNorm records n.
func (s *Kernels) RMSNorm(c *vk.Commands, label string, n RMSNorm) {
	push := rmsnormPush{Dim: uint32(n.Dim), First: uint32(n.First), Eps: n.Eps}
	s.recordNorm(c, label, rmsnormBindings{X: n.X, Weight: n.Weight, Y: n.Y, Squares: n.Y}, push, n.Count)
}

// FoldNorm records what a reader of count rows of x needs to apply an RMSNorm itself
// ([Normed]): that which the writers of x leave, but [Kernels.MatMulPrefill].
//
//   - weight: [dim] f32
func (s *Kernels) FoldNorm(c *vk.Commands, label string, x Residual, weight vk.Range, count, dim int) {
	b := rmsnormBindings{X: x.X, Weight: weight, Y: x.Weighted.F32, Squares: x.Squares}
	s.recordNorm(c, label, b, rmsnormPush{Dim: uint32(dim), Folded: 1}, count)
}

func (s *Kernels) recordNorm(c *vk.Commands, label string, b rmsnormBindings, push rmsnormPush, count int) {
	dim := int64(push.Dim)
	n := int64(count) * dim
	s.dispatch(c, label, call{
		pipeline: s.only(rmsnormKernel), arguments: b.with(push), shape: []int{int(dim), count}, grid: [3]int{count, 1, 1},
		work: Work{Read: 4 * (n + dim), Written: 4 * n, FLOPs: 4 * n},
	})
}
