package shaders

import (
	"encoding/binary"
	"math"
	"testing"

	"sealvk/shaders/guarded"
	"sealvk/vk"
	"sealvk/weights/format"
)

// The kernel needs no cooperative matrix itself: it runs everywhere.
func TestToHalf(t *testing.T) {
	p := Prefill{CoopMat: CoopMat{8, 8, 8, 8}, Groups: 1, Splits: 1}
	p.Narrow, p.Middle, p.Wide = coopTiles(8)
	b, rng := newBench(t, KVF16, prefillTuning(p)), random(t)
	for _, cols := range []int{1, 7, 8, 30, 96} {
		x := extremes(rng, max(2, cols))[:7*cols]
		for range cols { // whose power of two, 2^127, would get a factor of 0
			x = append(x, 0x1.8p-113)
		}
		nan := append(normal(rng, 2*cols, 1), x[:cols]...)
		nan[0], nan[cols] = float32(math.NaN()), float32(math.Inf(-1))
		x = append(x, nan...)
		first, tokens := 1, len(x)/cols-1
		reader := &Matrix{Cols: cols}
		rx, out := in(b, "x", x), b.half(tokens, reader)
		b.run(func(c *vk.Commands) {
			b.set.Operand(c, "half", Operand{X: rx, First: first, Tokens: tokens, Cols: cols}, out, reader)
		})
		raw := guarded.Bytes(b.uints(out))
		row := halfRow(cols)
		got := make([]float32, row/2)
		for i := range tokens {
			token := x[(first+i)*cols:][:cols]
			factor := float64(math.Float32frombits(binary.LittleEndian.Uint32(raw[tokens*row+4*i:])))
			if v := float64(token[0]); math.IsNaN(v) || math.IsInf(v, 0) {
				if !math.IsNaN(factor) {
					t.Errorf("%d columns, token %d: the factor of %v is %v", cols, i, v, factor)
				}
				continue
			}
			if err := format.Dequantize(got, format.F16, raw[i*row:][:row], nil, nil); err != nil {
				t.Fatal(err)
			}
			var largest float64
			for _, v := range token {
				largest = max(largest, math.Abs(float64(v)))
			}
			for c, h := range got {
				want := 0.0
				if c < cols {
					want = float64(token[c])
				}
				// A driver may take subnormal f32 for zero.
				allowed := max(0x1p-11*math.Abs(want), 0x1p-39*largest)
				if largest < 0x1p-112 {
					allowed = max(allowed, 0x1p-126)
				}
				if off := math.Abs(float64(h)*factor - want); !(off <= allowed) {
					t.Fatalf("%d columns, token %d, column %d: %v × %v, want %v", cols, i, c, h, factor, want)
				}
			}
		}
	}
}
