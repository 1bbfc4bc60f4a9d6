package shaders

import "sealvk/vk"

type gegluPush struct{ FFNDim, Stride, Paired uint32 }

var gegluKernel = register(kernel{
	name: "geglu", push: gegluPush{}, constants: 1,
	access: []vk.Access{vk.ReadOnly, vk.WriteOnly},
})

// GeGLU records y[t][i] = gelu(gate[t][i]) × up[t][i], with the tanh approximation of GELU.
//
//   - gateUp: [count][stride] f32, paired: the products of a matrix in the order of
//     [GateUpRow]; else gate [ffnDim] and behind it up
//   - y: [count][ffnDim] f32
func (s *Set) GeGLU(c *vk.Commands, label string, gateUp, y vk.Range, ffnDim, stride int, paired bool, count int) {
	push := gegluPush{uint32(ffnDim), uint32(stride), constant(paired)}
	gx, gy := s.fold(ceilDiv(ffnDim, s.tuning.Lanes))
	c.Dispatch(label, s.geglu.pipeline, pushBytes(&push), gegluKernel.bind(gateUp, y), gx, gy, count)
	n := int64(count) * int64(ffnDim)
	s.observe(label, s.geglu, [3]int{gx, gy, count}, Work{Read: 8 * n, Written: 4 * n, FLOPs: 9 * n}, ffnDim, count)
}
