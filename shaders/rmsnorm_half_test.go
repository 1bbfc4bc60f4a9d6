package shaders

import (
	"bytes"
	"fmt"
	"math"
	"testing"

	"sealvk/shaders/reference"
	"sealvk/vk"
	"sealvk/weights/format"
)

// The norm within its tolerance and that of f16; and, where drivers don't round the two kernels
// differently, bit for bit what they give one after the other.
func TestRMSNormHalf(t *testing.T) {
	for name, tuning := range tunings() {
		t.Run(name, func(t *testing.T) {
			rng := random(t)
			for _, dim := range []int{1, 2, 7, 8, 48, 65, 192, 1024, 3072} {
				for _, scale := range []float64{0, 1e-4, 1, 1e4} {
					first, count := rng.IntN(3), 1+rng.IntN(5)
					x, w := normal(rng, (first+count)*dim, scale), normal(rng, dim, 1)
					b := newBench(t, nil, KVF16, tuning)
					n := RMSNorm{in(b, "x", x), in(b, "weight", w), b.out("y", count*dim), first, count, dim, 1e-6}
					size := int(HalfBytes(count, dim))
					two, one := b.make("two", size, nil, true), b.make("one", size, nil, true)
					b.run(func(c *vk.Commands) {
						b.set.RMSNorm(c, "norm", n)
						b.set.ToHalf(c, "half", Operand{X: n.Y, Tokens: count, Cols: dim}, two)
						n.Y = one
						b.set.RMSNormHalf(c, "both", n)
					})
					raw := b.bytes(one)
					if device.Caps().Type == vk.CPU && !bytes.Equal(raw, b.bytes(two)) {
						t.Fatalf("dim %d, scale %g: not the bits of rmsnorm and to_half", dim, scale)
					}
					want := reference.RMSNorm(x[first*dim:], w, dim, 1e-6)
					got, row := make([]float32, halfRow(dim)/2), halfRow(dim)
					for i := range count {
						if err := format.Dequantize(got, format.F16, raw[i*row:][:row], nil, nil); err != nil {
							t.Fatal(err)
						}
						factor := asFloats(raw[count*row:])[i]
						for c := range got {
							got[c] *= factor
						}
						e := reference.Expected{Values: want.Values[i*dim:][:dim], Tolerance: want.Tolerance[i*dim:][:dim]}
						near(t, fmt.Sprint("dim ", dim, ", token ", i), got[:dim], e.Halved())
						for c, v := range got[dim:] {
							if v != 0 {
								t.Fatalf("dim %d: %v in padding %d", dim, v, c)
							}
						}
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
	b := newBench(t, nil, KVF16, DefaultTuning(device.Caps()))
	n := RMSNorm{X: in(b, "x", x), Weight: in(b, "weight", normal(random(t), dim, 1)), Y: b.make("half", int(HalfBytes(3, dim)), nil, true), Count: 3, Dim: dim, Eps: 1e-6}
	b.run(func(c *vk.Commands) { b.set.RMSNormHalf(c, "norm", n) })
	factors := asFloats(b.bytes(n.Y)[3*halfRow(dim):])
	for i, f := range factors {
		if math.IsNaN(float64(f)) != (i == 1) {
			t.Errorf("token %d has the factor %v", i, f)
		}
	}
}
