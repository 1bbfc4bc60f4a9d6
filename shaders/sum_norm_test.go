package shaders

import (
	"math"
	"slices"
	"testing"

	"sealvk/vk"
)

// The norm in f16 is that in f32 rounded, and that of sums is that of x to which they were added: where
// drivers don't round kernels differently, bit for bit. So is the folded one's x.
func TestSumNorm(t *testing.T) {
	if device.Caps().Type != vk.CPU {
		t.Skip("a GPU's compiler may round them differently: shaders/cases compares the values")
	}
	const splits, count, first = 3, 2, 1
	for name, tuning := range tunings() {
		t.Run(name, func(t *testing.T) {
			rng := random(t)
			for _, dim := range []int{1, 7, 8, 65, 192} {
				b := newBench(t, KVF16, tuning)
				values, parts := normal(rng, (first+count)*dim, 1), normal(rng, splits*count*dim, 1)
				sums := slices.Clone(values)
				for i := range count * dim {
					sum := parts[i]
					for s := 1; s < splits; s++ {
						sum += parts[s*count*dim+i]
					}
					sums[first*dim+i] += sum
				}
				partial, w := in(b, "partial", parts), in(b, "weight", normal(rng, dim, 1))
				x, folded, summed := inout(b, "x", values), inout(b, "folded", values), inout(b, "summed", sums)
				y, two, one := b.out("y", count*dim), b.outBytes("two", HalfBytes(count, dim)), b.outBytes("one", HalfBytes(count, dim))
				weighted, squares := b.out("weighted", count*dim), b.out("squares", count*tiles(dim))
				added := SumNorm{X: x, Partial: partial, Weight: w, First: first, Count: count, Dim: dim, Splits: splits, Eps: 1e-6}
				plain := SumNorm{X: summed, Weight: w, First: first, Count: count, Dim: dim, Eps: 1e-6}
				half := Operand{Tokens: count, Cols: dim, Half: true}
				b.run(func(c *vk.Commands) {
					half.X = one
					b.set.SumNorm(c, "added", added, half)
					b.set.SumFold(c, "folded", added, Residual{X: folded, Weighted: Activations{F32: weighted}, Squares: squares})
					b.set.SumNorm(c, "plain", plain, Operand{X: y, Tokens: count, Cols: dim})
					half.X = two
					b.set.ToHalf(c, "half", Operand{X: y, Tokens: count, Cols: dim}, half)
				})
				if !slices.Equal(b.uints(one), b.uints(two)) {
					t.Errorf("dim %d: not the bits of the norm of sums, rounded", dim)
				}
				for what, x := range map[string]vk.Range{"x": x, "x of the folded norm": folded, "x without splits": summed} {
					if !slices.Equal(b.floats(x), sums) {
						t.Errorf("dim %d: %s is not the sum", dim, what)
					}
				}
			}
		})
	}
}

// A token whose norm is no number says so by its factor, and leaves its neighbours alone.
func TestSumNormOfNaN(t *testing.T) {
	const dim = 48
	x := normal(random(t), 3*dim, 1)
	x[dim+5] = float32(math.NaN())
	b := newBench(t, KVF16, DefaultTuning(device.Caps()))
	n := SumNorm{X: inout(b, "x", x), Weight: in(b, "weight", normal(random(t), dim, 1)), Count: 3, Dim: dim, Eps: 1e-6}
	to := Operand{X: b.outBytes("half", HalfBytes(3, dim)), Tokens: 3, Cols: dim, Half: true}
	b.run(func(c *vk.Commands) { b.set.SumNorm(c, "norm", n, to) })
	for i, f := range b.floats(to.X)[to.factors():] {
		if math.IsNaN(float64(f)) != (i == 1) {
			t.Errorf("token %d has the factor %v", i, f)
		}
	}
}
