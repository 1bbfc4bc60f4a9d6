package shaders

import (
	"math"
	"slices"
	"testing"

	"sealvk/vk"
)

// Where drivers don't round the two kernels differently, it is bit for bit what they give one after
// the other.
func TestRMSNormHalf(t *testing.T) {
	if device.Caps().Type != vk.CPU {
		t.Skip("a GPU's compiler may round them differently: shaders/cases compares the values")
	}
	for name, tuning := range tunings() {
		t.Run(name, func(t *testing.T) {
			rng := random(t)
			for _, dim := range []int{1, 2, 7, 8, 48, 65, 192, 1024, 3072} {
				for _, scale := range []float64{0, 1e-4, 1, 1e4} {
					first, count := rng.IntN(3), 1+rng.IntN(5)
					b := newBench(t, KVF16, tuning)
					x, w := in(b, "x", normal(rng, (first+count)*dim, scale)), in(b, "weight", normal(rng, dim, 1))
					n := RMSNorm{X: x, Weight: w, Y: b.out("y", count*dim), First: first, Count: count, Dim: dim, Eps: 1e-6}
					two, one := b.outBytes("two", HalfBytes(count, dim)), b.outBytes("one", HalfBytes(count, dim))
					b.run(func(c *vk.Commands) {
						b.set.RMSNorm(c, "norm", n)
						b.set.ToHalf(c, "half", Operand{X: n.Y, Tokens: count, Cols: dim}, two)
						n.Y = one
						b.set.RMSNormHalf(c, "both", n)
					})
					if !slices.Equal(b.uints(one), b.uints(two)) {
						t.Errorf("dim %d, scale %g: not the bits of rmsnorm and to_half", dim, scale)
					}
				}
			}
		})
	}
}

// A token whose norm is no number says so by its factor, and leaves its neighbours alone.
func TestRMSNormHalfNaN(t *testing.T) {
	const dim = 48
	x := normal(random(t), 3*dim, 1)
	x[dim+5] = float32(math.NaN())
	b := newBench(t, KVF16, DefaultTuning(device.Caps()))
	n := RMSNorm{X: in(b, "x", x), Weight: in(b, "weight", normal(random(t), dim, 1)), Y: b.outBytes("half", HalfBytes(3, dim)), Count: 3, Dim: dim, Eps: 1e-6}
	b.run(func(c *vk.Commands) { b.set.RMSNormHalf(c, "norm", n) })
	factors := b.floats(n.Y)[3*halfRow(dim)/4:]
	for i, f := range factors {
		if math.IsNaN(float64(f)) != (i == 1) {
			t.Errorf("token %d has the factor %v", i, f)
		}
	}
}
