package shaders

import (
	"fmt"
	"testing"

	"sealvk/shaders/reference"
	"sealvk/vk"
)

func TestGeGLU(t *testing.T) {
	const count, extra = 3, 5 // behind a token's values
	for name, tuning := range tunings() {
		for _, paired := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/paired %v", name, paired), func(t *testing.T) {
				rng := random(t)
				for _, n := range []int{1, 3, 4, 5, 16, 17, 63, 64, 65, 1000} {
					for _, scale := range []float64{1e-3, 1, 30, 1e4} {
						stride := 2*n + extra
						if paired {
							stride = TileRows*ceilDiv(n, pairRows) + extra
						}
						both, gate, up := normal(rng, count*stride, scale), make([]float32, count*n), make([]float32, count*n)
						for i := range count * n {
							g, u := i%n, n+i%n
							if paired {
								g = i%n/16*32 + i%n%16
								u = g + 16
							}
							gate[i], up[i] = both[i/n*stride+g], both[i/n*stride+u]
						}
						b := newBench(t, nil, KVF16, tuning)
						r, y := in(b, "gate and up", both), b.out("y", count*n)
						b.run(func(c *vk.Commands) {
							b.set.GeGLU(c, "geglu", GeGLU{GateUp: r, Y: y, FFNDim: n, Stride: stride, Paired: paired, Count: count})
						})
						near(t, fmt.Sprintf("%d of scale %v", n, scale), b.floats(y), reference.GeGLU(gate, up))
					}
				}
			})
		}
	}
}
