package cases

import (
	"sealvk/shaders"
	"sealvk/shaders/reference"
	"sealvk/vk"
)

var _ = register("rmsnorm", kernel{
	plan: func(b *Bench) {
		n, want := b.norm()
		y := b.output("y", n.Count, n.Dim)
		b.record = func(s *shaders.Set, c *vk.Commands, label string) { s.RMSNorm(c, label, n.to(y)) }
		b.check = func(k *checker) {
			for _, t := range b.sample(n.Count, int64(n.Dim)) {
				k.expect(y, want(t), t)
			}
		}
	},
	byHand: []example{{[]int{50, 3}, "", 8, [3]int{3, 1, 1}, shaders.Work{Read: 4 * (150 + 50), Written: 4 * 150, FLOPs: 4 * 150}}},
})

// norm is the inputs of an RMSNorm.
type norm struct {
	shaders.RMSNorm
	x, weight *array[float32]
}

// to is the arguments with buffers.
func (n *norm) to(y *buffer) shaders.RMSNorm {
	r := n.RMSNorm
	r.X, r.Weight, r.Y = n.x.Range, n.weight.Range, y.Range
	return r
}

// norm plans the inputs, and gives what is expected of a token.
func (b *Bench) norm() (*norm, func(t int) reference.Expected) {
	n := &norm{RMSNorm: shaders.RMSNorm{First: b.odd(3), Count: b.Size("tokens"), Dim: b.Size("dim"), Eps: eps}}
	n.x = input(b, "x", b.normal(choose(b, 1, 0, 1e-4, 1e4)), n.First+n.Count, n.Dim)
	n.weight = input(b, "weight", b.normal(1), n.Dim)
	b.Outputs = product(n.Count, n.Dim)
	return n, func(t int) reference.Expected {
		return reference.RMSNorm(n.x.values[(n.First+t)*n.Dim:][:n.Dim], n.weight.values, n.Dim, eps)
	}
}
