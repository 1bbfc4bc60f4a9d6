package shaders

import "sealvk/vk"

type rmsnormPush struct {
	Dim, First uint32
	Eps        float32
}

var rmsnormKernel = register(kernel{
	name: "rmsnorm", push: rmsnormPush{}, constants: 1,
	access: []vk.Access{vk.ReadOnly, vk.ReadOnly, vk.WriteOnly},
})

// RMSNorm records y[r] = x[first+r] / √(mean(x[first+r]²) + eps) × weight for each of count rows.
//
//   - x: [first+count][dim] f32
//   - weight: [dim] f32
//   - y: [count][dim] f32
func (s *Set) RMSNorm(c *vk.Commands, label string, x, weight, y vk.Range, first, count, dim int, eps float32) {
	push := rmsnormPush{uint32(dim), uint32(first), eps}
	c.Dispatch(label, s.rmsnorm.pipeline, pushBytes(&push), rmsnormKernel.bind(x, weight, y), count, 1, 1)
	n := int64(count) * int64(dim)
	s.observe(label, s.rmsnorm, [3]int{count, 1, 1}, Work{Read: 4 * (n + int64(dim)), Written: 4 * n, FLOPs: 4 * n}, dim, count)
}
