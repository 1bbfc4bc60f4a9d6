package shaders

import (
	"encoding/binary"
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

// activationsNear checks what a kernel wrote.
func (b *bench) activationsNear(what string, got Activations, cols int, want reference.Expected) {
	b.t.Helper()
	near(b.t, what, b.floats(got.F32), want)
	words, rows := b.uints(got.Quantized), len(want.Values)/cols
	if !b.set.quantizes(rows) || cols%16 != 0 {
		rows = 0 // none is written
	} else if problem := reference.CheckQuantized(words, want, cols); problem != "" {
		b.t.Fatalf("%s as integers: %s", what, problem)
	}
	scales := len(words) / 6 * 4
	for i, w := range words {
		mine := i < rows*cols/4 || i >= scales && i < scales+rows*cols/8
		if !mine && w != binary.LittleEndian.Uint32(poison) {
			b.t.Fatalf("%s as integers: word %d was written, which is of no row", what, i)
		}
	}
}

// residual is buffers of count rows of dim values to write.
func (b *bench) residual(count, dim int) Residual {
	return Residual{b.out("x", count*dim), b.written("weighted", count, dim), b.out("squares", count*tiles(dim))}
}

// residualNear checks x, and what the next norm needs of it.
func (b *bench) residualNear(got Residual, x reference.Expected, norm []float32) {
	b.t.Helper()
	var weighted, squares reference.Expected
	for first := 0; first < len(x.Values); first += len(norm) {
		row := x.Part(first, len(norm))
		weighted.Append(row.Times(norm))
		squares.Append(row.Squares(TileRows))
	}
	near(b.t, "x", b.floats(got.X), x)
	near(b.t, "squares", b.floats(got.Squares), squares)
	b.activationsNear("weighted", got.Weighted, len(norm), weighted)
}

// embedTunings are the tunings, and one that makes integers.
func embedTunings() map[string]Tuning {
	list := tunings()
	if t, ok := productTunings()["integers"]; ok {
		list["integers"] = t
	}
	return list
}

func TestEmbed(t *testing.T) {
	for tuned, tuning := range embedTunings() {
		types := typesUnder(tuned)
		for _, typ := range types {
			t.Run(tuned+"/"+name(typ), func(t *testing.T) {
				b, rng := newBench(t, map[string][]Type{"embed": types}, KVF16, tuning), random(t)
				for _, cols := range colsFor(typ) {
					const vocab, sequences, context, scale = 43, 2, 9, 1.5
					file, w := randomWeights(t, rng, typ, vocab, cols)
					m, norm := b.matrix(file, TileRows), normal(rng, cols, 1)
					rows := []Row{{Token: 42}, {Token: 0, Position: 8}, {Token: 31, Position: 1, Sequence: 1}, {Token: 32, Position: 5}}
					history := make([]uint32, sequences*context)
					r, rNorm, to, h := in(b, "rows", rows), in(b, "norm", norm), b.residual(len(rows), cols), inout(b, "history", history)
					b.run(func(c *vk.Commands) { b.set.Embed(c, "embed", Embed{m, r, rNorm, to, h, len(rows), context, scale}) })
					var want reference.Expected
					for _, row := range rows {
						want.Append(reference.Embed(w[int(row.Token)*cols:][:cols], scale))
						history[int(row.Sequence)*context+int(row.Position)] = row.Token
					}
					b.residualNear(to, want, norm)
					if got := b.uints(h); !slices.Equal(got, history) {
						t.Fatalf("history %v, want %v", got, history)
					}
				}
			})
		}
	}
}

// The widest embedding has room in shared memory.
func TestEmbedOfMaxDim(t *testing.T) {
	rng := random(t)
	file, w := randomWeights(t, rng, format.Q8_0, 1, MaxDim)
	b, norm := newBench(t, nil, KVF16, DefaultTuning(device.Caps())), normal(rng, MaxDim, 1)
	m := b.matrix(file, 1)
	r, rNorm, to, h := in(b, "rows", make([]Row, 1)), in(b, "norm", norm), b.residual(1, MaxDim), b.out("history", 1)
	b.run(func(c *vk.Commands) { b.set.Embed(c, "embed", Embed{m, r, rNorm, to, h, 1, 1, 2}) })
	b.residualNear(to, reference.Embed(w, 2), norm)
}

// A token that no part holds, such as NoToken, changes nothing.
func TestEmbedOutsideTheTable(t *testing.T) {
	const dim = 8
	file, _ := randomWeights(t, random(t), format.F32, 4, dim)
	b := newBench(t, nil, KVF16, DefaultTuning(device.Caps()))
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
