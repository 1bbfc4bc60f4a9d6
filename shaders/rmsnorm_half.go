package shaders

import "sealvk/vk"

var rmsnormHalfKernel = register(rmsnormHalfModule, Kernel{
	Sizes: []string{"dim", "tokens"}, Typical: [][]int{{3072, 64}}, Knobs: []Knob{wideKnob},
})

// NormOperand makes the norm of x ready for MatMulPrefill: for cooperative matrices it records
// [Kernels.RMSNormHalf] into half, of [Kernels.HalfBytes], else [Kernels.RMSNorm].
func (s *Kernels) NormOperand(c *vk.Commands, label string, n RMSNorm, half vk.Range) Operand {
	if s.tuning.Prefill.CoopMat == (CoopMat{}) {
		s.RMSNorm(c, label, n)
		return Operand{X: n.Y, Tokens: n.Count, Cols: n.Dim}
	}
	n.Y = half
	return s.RMSNormHalf(c, label, n)
}

// RMSNormHalf records n and the conversion of its result to f16, whose Y is of
// HalfBytes(Count, Dim) bytes: the bits that RMSNorm and ToHalf give, without what lies between.
func (s *Kernels) RMSNormHalf(c *vk.Commands, label string, n RMSNorm) Operand {
	values := int64(n.Count) * int64(n.Dim)
	s.dispatch(c, label, call{
		pipeline: s.only(rmsnormHalfKernel), shape: []int{n.Dim, n.Count}, grid: [3]int{n.Count, 1, 1},
		arguments: rmsnormHalfBindings{X: n.X, Weight: n.Weight, Half: n.Y}.with(rmsnormHalfPush{
			Dim: uint32(n.Dim), Tokens: uint32(n.Count), First: uint32(n.First), Eps: n.Eps, Octets: constant(n.Octets),
		}),
		work: Work{Read: 4 * (values + int64(n.Dim)), Written: HalfBytes(n.Count, n.Dim), FLOPs: 5 * values},
	})
	return Operand{X: n.Y, Tokens: n.Count, Cols: n.Dim, Half: true, Octets: n.Octets}
}
