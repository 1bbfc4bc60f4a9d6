package shaders

import "sealvk/vk"

type rmsnormPush struct {
	Dim, First uint32
	Eps        float32
	Folded     uint32
}

var rmsnormKernel = register(kernel{
	name: "rmsnorm", push: rmsnormPush{}, constants: 1,
	access: []vk.Access{vk.ReadOnly, vk.ReadOnly, vk.WriteOnly, vk.WriteOnly},
})

// RMSNorm records y[r] = x[first+r] / √(mean(x[first+r]²) + eps) × weight for each of count rows.
//
//   - x: [first+count][dim] f32
//   - weight: [dim] f32
//   - y: [count][dim] f32
func (s *Set) RMSNorm(c *vk.Commands, label string, x, weight, y vk.Range, first, count, dim int, eps float32) {
	s.recordNorm(c, label, rmsnormPush{uint32(dim), uint32(first), eps, 0}, x, weight, y, y, count)
}

// FoldNorm records what a reader of count rows of x needs to apply an RMSNorm itself
// ([Normed]): that which the writers of x leave, but [Set.MatMulPrefill].
//
//   - weight: [dim] f32
func (s *Set) FoldNorm(c *vk.Commands, label string, x Residual, weight vk.Range, count, dim int) {
	s.recordNorm(c, label, rmsnormPush{uint32(dim), 0, 0, 1}, x.X, weight, x.Weighted.F32, x.Squares, count)
}

func (s *Set) recordNorm(c *vk.Commands, label string, push rmsnormPush, x, weight, y, squares vk.Range, count int) {
	c.Dispatch(label, s.rmsnorm.pipeline, pushBytes(&push), rmsnormKernel.bind(x, weight, y, squares), count, 1, 1)
	dim := int64(push.Dim)
	n := int64(count) * dim
	s.observe(label, s.rmsnorm, [3]int{count, 1, 1}, Work{Read: 4 * (n + dim), Written: 4 * n, FLOPs: 4 * n}, int(dim), count)
}
