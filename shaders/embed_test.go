package shaders

import (
	"testing"

	"sealvk/shaders/reference"
	"sealvk/vk"
)

func TestEmbed(t *testing.T) {
	for tuned, tuning := range tunings() {
		types := typesUnder(tuned)
		for _, typ := range types {
			t.Run(tuned+"/"+name(typ), func(t *testing.T) {
				rng := random(t)
				for _, cols := range colsFor(typ) {
					const vocab, sequences, context, scale = 23, 2, 9, 1.5
					file, w := randomWeights(t, rng, typ, vocab, cols)
					b := newBench(t, types, KVF16, tuning)
					m := b.matrix(file, 8)
					rows := []Row{{Token: 22}, {Token: 0, Position: 8}, {Token: 7, Position: 1, Sequence: 1}, {Token: 8, Position: 5}}
					history := make([]uint32, sequences*context)
					r, x, h := in(b, "rows", rows), b.out("x", len(rows)*cols), inout(b, "history", history)
					b.run(func(c *vk.Commands) { b.set.Embed(c, "embed", m, r, x, h, len(rows), context, scale) })
					var want reference.Expected
					for _, row := range rows {
						want.Append(reference.Embed(w[int(row.Token)*cols:][:cols], scale))
						history[int(row.Sequence)*context+int(row.Position)] = row.Token
					}
					near(t, "x", b.floats(x), want)
					for i, got := range b.uints(h) {
						if got != history[i] {
							t.Fatalf("history %v, want %v", b.uints(h), history)
						}
					}
				}
			})
		}
	}
}

// A token that no part holds, such as NoToken, changes nothing.
func TestEmbedOutsideTheTable(t *testing.T) {
	rng := random(t)
	file, _ := randomWeights(t, rng, F32, 4, 8)
	b := newBench(t, []Type{F32}, KVF16, DefaultTuning(device.Caps()))
	m := b.matrix(file, 4)
	r, x, h := in(b, "rows", []Row{{Token: NoToken}, {Token: 4}}), inout(b, "x", make([]float32, 16)), inout(b, "history", make([]uint32, 4))
	b.run(func(c *vk.Commands) { b.set.Embed(c, "embed", m, r, x, h, 2, 4, 1) })
	for i, v := range append(b.uints(x), b.uints(h)...) {
		if v != 0 {
			t.Fatalf("word %d was written", i)
		}
	}
}
