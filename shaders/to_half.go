package shaders

import "sealvk/vk"

var toHalfKernel = register(toHalfModule, Kernel{
	Sizes: []string{"cols", "tokens"}, Typical: [][]int{{3072, 64}, {24576, 64}}, Knobs: []Knob{wideKnob},
})

// Operand makes x, in f32, ready for MatMulPrefill with w: for cooperative matrices it records
// its conversion into half, of [Operand.Bytes], else nothing.
func (s *Kernels) Operand(c *vk.Commands, label string, x Operand, half vk.Range, w *Matrix) Operand {
	to := s.PrefillOperand(half, x.Tokens, w)
	if !to.Half {
		return x
	}
	s.ToHalf(c, label, x, to)
	return to
}

// ToHalf records the conversion of x, in f32, to f16 as to says.
func (s *Kernels) ToHalf(c *vk.Commands, label string, x, to Operand) {
	values := int64(x.Tokens) * int64(x.Cols)
	s.dispatch(c, label, call{
		pipeline: s.only(toHalfKernel), shape: []int{x.Cols, x.Tokens}, grid: [3]int{x.Tokens, 1, 1},
		arguments: toHalfBindings{X: x.X, Half: to.X}.with(toHalfPush{Cols: uint32(x.Cols), Tokens: uint32(x.Tokens), First: uint32(x.First), Octets: constant(to.Octets)}),
		work:      Work{Read: 4 * values, Written: HalfBytes(x.Tokens, x.Cols), FLOPs: values},
	})
}
