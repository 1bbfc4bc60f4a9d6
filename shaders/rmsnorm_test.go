package shaders

import (
	"fmt"
	"testing"

	"sealvk/shaders/reference"
	"sealvk/vk"
)

func TestRMSNorm(t *testing.T) {
	for name, tuning := range tunings() {
		t.Run(name, func(t *testing.T) {
			rng := random(t)
			for _, dim := range []int{1, 2, 3, 7, 48, 64, 65, 127, 192, 1024, 3072} {
				for _, scale := range []float64{0, 1e-4, 1, 1e4} {
					first, count := rng.IntN(3), 1+rng.IntN(5)
					x, w := normal(rng, (first+count)*dim, scale), normal(rng, dim, 1)
					b := newBench(t, nil, KVF16, tuning)
					rx, rw, y := in(b, "x", x), in(b, "weight", w), b.out("y", count*dim)
					b.run(func(c *vk.Commands) { b.set.RMSNorm(c, "norm", RMSNorm{rx, rw, y, first, count, dim, 1e-6}) })
					near(t, fmt.Sprint("dim ", dim), b.floats(y), reference.RMSNorm(x[first*dim:], w, dim, 1e-6))
				}
			}
		})
	}
}
