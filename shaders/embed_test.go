package shaders

import (
	"slices"
	"testing"

	"sealvk/shaders/reference"
	"sealvk/vk"
	"sealvk/weights/format"
)

// activations are a product's input as it reads it, and the values that it is to find there.
func (b *bench) activations(typ Type, x []float32, cols int) (Activations, []float32) {
	a := Activations{F32: in(b, "x", x)}
	if b.set.quantizes(len(x)/cols) && cols%16 == 0 {
		words, values := reference.Quantize(x, cols)
		a.Quantized = in(b, "x as integers", words)
		if b.set.intDot(typ, a, len(x)/cols) {
			return a, values
		}
	}
	return a, x
}

// written are activations to write.
func (b *bench) written(name string, count, cols int) Activations {
	return Activations{b.out(name, count*cols), b.out(name+" as integers", int(QuantizedBytes(cols)/4))}
}

// residual is buffers of count rows of dim values to write.
func (b *bench) residual(count, dim int) Residual {
	return Residual{b.out("x", count*dim), b.written("weighted", count, dim), b.out("squares", count*tiles(dim))}
}

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
