package shaders

import "sealvk/vk"

type halfPush struct{ Cols, Tokens, First uint32 }

var halfKernel = register(kernel{name: "to_half", push: halfPush{}, constants: 1, access: []vk.Access{vk.ReadOnly, vk.WriteOnly}})

// Operand is x as the matmul of many tokens reads it.
type Operand struct {
	data         vk.Range
	first        int // token
	tokens, cols int
	half         bool
}

// HalfBytes is the size of the buffer in which Operand keeps x; 0: it needs none.
func (s *Set) HalfBytes(tokens, cols int) int64 {
	if s.tuning.Prefill.CoopMat == (CoopMat{}) {
		return 0
	}
	return int64(tokens) * int64(halfRow(cols)+4)
}

// halfRow is the bytes of a row of f16: whole 8 values.
func halfRow(cols int) int { return ceilDiv(cols, 8) * 16 }

// Operand makes tokens tokens of x, from token first on, ready for MatMulPrefill: for
// cooperative matrices it records their conversion, else nothing.
//
//   - x: [first+tokens][cols] f32
//   - half: HalfBytes(tokens, cols) bytes
func (s *Set) Operand(c *vk.Commands, label string, x, half vk.Range, first, tokens, cols int) Operand {
	if s.tuning.Prefill.CoopMat == (CoopMat{}) {
		return Operand{x, first, tokens, cols, false}
	}
	o := Operand{half, 0, tokens, cols, true}
	push := halfPush{uint32(cols), uint32(tokens), uint32(first)}
	c.Dispatch(label, s.toHalf.pipeline, pushBytes(&push), halfKernel.bind(x, half), tokens, 1, 1)
	values := int64(tokens) * int64(cols)
	s.observe(label, s.toHalf, [3]int{tokens, 1, 1}, Work{Read: 4 * values, Written: s.HalfBytes(tokens, cols), FLOPs: values}, cols, tokens)
	return o
}
