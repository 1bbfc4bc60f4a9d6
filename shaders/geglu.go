package shaders

import "sealvk/vk"

type gegluPush struct{ Count uint32 }

var gegluKernel = register(kernel{
	name: "geglu", push: gegluPush{}, constants: 1,
	access: []vk.Access{vk.ReadWrite, vk.ReadOnly},
})

// GeGLU records gate[i] = gelu(gate[i]) × up[i] for count values, f32, with the
// tanh approximation of GELU.
func (s *Set) GeGLU(c *vk.Commands, label string, gate, up vk.Range, count int) {
	push := gegluPush{uint32(count)}
	x, y := s.fold(ceilDiv(count, s.tuning.Lanes))
	c.Dispatch(label, s.geglu.pipeline, pushBytes(&push), gegluKernel.bind(gate, up), x, y, 1)
	n := int64(count)
	s.observe(label, s.geglu, [3]int{x, y, 1}, Work{Read: 8 * n, Written: 4 * n, FLOPs: 9 * n}, count)
}
