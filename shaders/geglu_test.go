package shaders

import (
	"math"
	"testing"

	"sealvk/vk"
)

// refGELU is the tanh approximation as the paper writes it.
func refGELU(x float64) float64 {
	return 0.5 * x * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
}

func TestGeGLU(t *testing.T) {
	for name, tuning := range tunings() {
		t.Run(name, func(t *testing.T) {
			rng := random(t)
			for _, n := range []int{1, 3, 4, 5, 63, 64, 65, 1000} {
				for _, scale := range []float64{1e-3, 1, 30, 1e4} {
					gate, up := normal(rng, n, scale), normal(rng, n, 1)
					b := newBench(t, nil, true, tuning)
					g, u := inout(b, "gate", gate), in(b, "up", up)
					b.run(func(c *vk.Commands) { b.set.GeGLU(c, "geglu", g, u, n) })
					want := make([]float64, n)
					for i := range want {
						want[i] = refGELU(float64(gate[i])) * float64(up[i])
					}
					// The tail of negative x, where GELU is tiny, is held to the size of x.
					near(t, "gelu", b.floats(g), want, func(i int) float64 {
						return 1e-6*math.Abs(want[i]) + 3e-7*math.Min(1, math.Abs(float64(gate[i])))*math.Abs(float64(up[i]))
					})
				}
			}
		})
	}
}
