package shaders

import (
	"slices"
	"testing"

	"sealvk/vk"
	"sealvk/weights/format"
)

// A token that no part holds, such as NoToken, changes nothing.
func TestEmbedOutsideTheTable(t *testing.T) {
	const dim = 8
	file, _ := randomWeights(t, random(t), format.F32, 4, dim)
	b := newBench(t, KVF16, DefaultTuning(device.Caps()))
	m := b.matrix(file, 4)
	r, norm := in(b, "rows", []Row{{Token: NoToken}, {Token: 4}}), in(b, "norm", make([]float32, dim))
	to := Residual{inout(b, "x", make([]float32, 2*dim)), Activations{F32: inout(b, "weighted", make([]float32, 2*dim))}, inout(b, "squares", make([]float32, 2))}
	h := inout(b, "history", make([]uint32, 4))
	b.run(func(c *vk.Commands) { b.set.Embed(c, "embed", Embed{m, r, norm, to, h, 2, 4, 1}) })
	for i, v := range slices.Concat(b.uints(to.X), b.uints(to.Weighted.F32), b.uints(to.Squares), b.uints(h)) {
		if v != 0 {
			t.Fatalf("word %d was written", i)
		}
	}
}
