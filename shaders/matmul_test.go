package shaders

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"sealvk/shaders/reference"
	"sealvk/vk"
	"sealvk/weights"
)

var allTypes = []Type{
	F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2_K, Q3_K, Q4_K, Q5_K, Q6_K,
	MLX(4, 32, F16), MLX(4, 64, F16), MLX(4, 128, F16), MLX(4, 32, BF16), MLX(4, 64, BF16), MLX(4, 128, BF16),
	MLX(8, 32, F16), MLX(8, 64, F16), MLX(8, 128, F16), MLX(8, 32, BF16), MLX(8, 64, BF16), MLX(8, 128, BF16),
}

// typesUnder are the types under test with a tuning: pipelines take time, so that
// MLX's go through all combinations with one of them.
func typesUnder(tuned string) []Type {
	if tuned == "default" {
		return allTypes
	}
	gguf := slices.IndexFunc(allTypes, func(t Type) bool { return t >= MLX(0, 0, F16) })
	return append(slices.Clone(allTypes[:gguf]), MLX(4, 32, F16), MLX(4, 64, BF16), MLX(8, 128, BF16))
}

// name is how test names call a type.
func name(t Type) string { return strings.ReplaceAll(weights.Type(t).String(), " ", "-") }

// randomWeights makes rows × cols values in the file's form, and dequantized.
func randomWeights(t testing.TB, rng *rand.Rand, typ Type, rows, cols int) (file *weights.Tensor, values []float32) {
	t.Helper()
	file = &weights.Tensor{Type: weights.Type(typ), Rows: rows, Cols: cols}
	file.Data, file.Scales, file.Biases = reference.Weights(rng, uint32(typ), rows, cols)
	values = make([]float32, rows*cols)
	if err := file.DequantizeRows(values, 0, rows); err != nil {
		t.Fatal(err)
	}
	return file, values
}

// matrix puts a matrix into guarded buffers, in parts of at most partRows rows.
func (b *bench) matrix(file *weights.Tensor, partRows int) *Matrix {
	m := &Matrix{Type: Type(file.Type), Rows: file.Rows, Cols: file.Cols}
	for first := 0; first < m.Rows; first += partRows {
		n := min(partRows, m.Rows-first)
		m.Parts = append(m.Parts, Part{Data: in(b, fmt.Sprintf("%s from %d", name(m.Type), first), onDevice(file, first, n)), First: first, Rows: n})
	}
	return m
}

func colsFor(typ Type) []int {
	f := formats[typ]
	if f.values < 32 {
		return []int{1, 2, 3, 7, 8, 9, 31, 48, 65, 160, 257}
	}
	return []int{f.values, 2 * f.values, 3 * f.values, 7 * f.values}
}

func TestMatMul(t *testing.T) {
	for tuned, tuning := range tunings() {
		types := typesUnder(tuned)
		for _, typ := range types {
			t.Run(tuned+"/"+name(typ), func(t *testing.T) {
				rng := random(t)
				for _, cols := range colsFor(typ) {
					rows, tokens := 1+rng.IntN(40), 1+rng.IntN(19)
					if rng.IntN(3) == 0 {
						tokens = 1
					}
					file, w := randomWeights(t, rng, typ, rows, cols)
					first := rng.IntN(3)
					x := normal(rng, (first+tokens)*cols, 1)
					b := newBench(t, types, KVF16, tuning)
					m := b.matrix(file, 2+2*rng.IntN(10))
					rx, y, sum := in(b, "x", x), b.out("y", tokens*rows), inout(b, "sum", normal(rng, tokens*rows, 1))
					before := b.floats(sum)
					b.run(func(c *vk.Commands) { b.set.MatMul(c, "matmul", m, rx, y, first, tokens) })
					near(t, fmt.Sprintf("%d×%d, %d tokens", rows, cols, tokens), b.floats(y), reference.MatMul(w, x[first*cols:], rows, cols, tokens))

					b.run(func(c *vk.Commands) { b.set.MatMulAdd(c, "matmul", m, rx, sum, tokens) })
					near(t, "added", b.floats(sum), reference.MatMul(w, x, rows, cols, tokens).Plus(before))
				}
			})
		}
	}
}

// More workgroups than one grid dimension has must be folded.
func TestMatMulFoldsGrid(t *testing.T) {
	rng := random(t)
	const rows, cols = 300, 8
	file, w := randomWeights(t, rng, F32, rows, cols)
	x := normal(rng, cols, 1)
	b := newBench(t, []Type{F32}, KVF16, tunings()["lanes4"])
	groups := b.set.maxGroups
	b.set.maxGroups = 7
	t.Cleanup(func() { b.set.maxGroups = groups })
	m := b.matrix(file, rows)
	rx, y := in(b, "x", x), b.out("y", rows)
	b.run(func(c *vk.Commands) { b.set.MatMul(c, "matmul", m, rx, y, 0, 1) })
	near(t, "y", b.floats(y), reference.MatMul(w, x, rows, cols, 1))
}

// A half of any finite value must come out as it is, subnormals included.
func TestHalfExact(t *testing.T) {
	const cols = 62 // 0x7c00 = 512 × 62
	rows := 2 * 0x7c00 / cols
	file := make([]byte, 2*rows*cols)
	for i := range rows * cols {
		h := uint16(i % 0x7c00)
		if i >= 0x7c00 {
			h |= 0x8000
		}
		binary.LittleEndian.PutUint16(file[2*i:], h)
	}
	want := make([]float32, rows*cols)
	if err := weights.Dequantize(want, weights.F16, file); err != nil {
		t.Fatal(err)
	}
	b := newBench(t, []Type{F16}, KVF16, DefaultTuning(device.Caps()))
	m := b.matrix(&weights.Tensor{Type: weights.F16, Rows: rows, Cols: cols, Data: file}, rows)
	ids := make([]Row, rows)
	for i := range ids {
		ids[i].Token = uint32(i)
		ids[i].Position = uint32(i)
	}
	r, x, history := in(b, "rows", ids), b.out("x", rows*cols), b.out("history", rows)
	b.run(func(c *vk.Commands) { b.set.Embed(c, "embed", m, r, x, history, rows, rows, 1) })
	for i, got := range b.floats(x) {
		if got != want[i] {
			t.Fatalf("half %#x = %v, want %v", binary.LittleEndian.Uint16(file[2*i:]), got, want[i])
		}
	}
}
