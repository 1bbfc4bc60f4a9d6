package shaders

import (
	"testing"

	"sealvk/shaders/reference"
	"sealvk/vk"
)

func TestGeGLU(t *testing.T) {
	for name, tuning := range tunings() {
		t.Run(name, func(t *testing.T) {
			rng := random(t)
			for _, n := range []int{1, 3, 4, 5, 63, 64, 65, 1000} {
				for _, scale := range []float64{1e-3, 1, 30, 1e4} {
					gate, up := normal(rng, n, scale), normal(rng, n, 1)
					b := newBench(t, nil, KVF16, tuning)
					g, u := inout(b, "gate", gate), in(b, "up", up)
					b.run(func(c *vk.Commands) { b.set.GeGLU(c, "geglu", g, u, n) })
					near(t, "gelu", b.floats(g), reference.GeGLU(gate, up))
				}
			}
		})
	}
}
