package shaders

import "sealvk/vk"

var gegluKernel = register(gegluModule, Kernel{
	Sizes: []string{"ffn_dim", "tokens"}, Typical: [][]int{{24576, 1}}, Knobs: []Knob{lanesKnob},
})

// GeGLU is y[t][i] = gelu(gate[t][i]) × up[t][i], with the tanh approximation of GELU.
type GeGLU struct {
	// GateUp is [Count][Stride] f32; Paired: the products of a matrix in the order of
	// [GateUpRow]; else gate [FFNDim] and behind it up.
	GateUp vk.Range
	Y      vk.Range // [Count][FFNDim] f32

	FFNDim, Stride, Count int
	Paired                bool
}

// GeGLU records g.
func (s *Kernels) GeGLU(c *vk.Commands, label string, g GeGLU) {
	n := int64(g.Count) * int64(g.FFNDim)
	x, y := s.fold(ceilDiv(g.FFNDim, s.tuning.Lanes))
	s.dispatch(c, label, call{
		pipeline: s.only(gegluKernel), shape: []int{g.FFNDim, g.Count}, grid: [3]int{x, y, g.Count},
		arguments: gegluBindings{GateUp: g.GateUp, Y: g.Y}.with(gegluPush{FFNDim: uint32(g.FFNDim), Stride: uint32(g.Stride), Paired: constant(g.Paired)}),
		work:      Work{Read: 8 * n, Written: 4 * n, FLOPs: 9 * n},
	})
}
