package shaders

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"sealvk/shaders/reference"
	"sealvk/vk"
	"sealvk/weights"
	"sealvk/weights/format"
)

// typesUnder are the types under test with a tuning: pipelines take time, so that all
// go through one of them, and one of each family through the others.
func typesUnder(tuned string) []Type {
	if tuned == "default" {
		return format.Types()
	}
	return []Type{format.F16, format.Q5_1, format.Q3_K, format.Q4_K, format.Q6_K, format.MLX(4, 64, format.BF16), format.MLX(8, 128, format.F16)}
}

// name is how test names call a type.
func name(t Type) string { return strings.ReplaceAll(t.String(), " ", "-") }

// randomWeights makes rows × cols values in the file's form, and dequantized.
func randomWeights(t testing.TB, rng *rand.Rand, typ Type, rows, cols int) (file *weights.Tensor, values []float32) {
	t.Helper()
	file = &weights.Tensor{Type: typ, Rows: rows, Cols: cols}
	file.Data, file.Scales, file.Biases = reference.Weights(rng, typ, rows, cols)
	values = make([]float32, rows*cols)
	if err := file.DequantizeRows(values, 0, rows); err != nil {
		t.Fatal(err)
	}
	return file, values
}

// matrix puts a matrix into guarded buffers, in parts of at most partRows rows.
func (b *bench) matrix(file *weights.Tensor, partRows int) *Matrix {
	return b.ordered(file.Type, file.Rows, file.Cols, partRows, func(d int) Source { return sourceOf(file, d) })
}

// ordered is a matrix whose row d is row(d).
func (b *bench) ordered(typ Type, rows, cols, partRows int, row func(d int) Source) *Matrix {
	m := &Matrix{Type: typ, Rows: rows, Cols: cols}
	for first := 0; first < rows; first += partRows {
		n := min(partRows, rows-first)
		data := onDevice(typ, cols, n, func(d int) Source { return row(first + d) })
		m.Parts = append(m.Parts, Part{Data: in(b, fmt.Sprintf("%s from %d", name(typ), first), data), First: first, Rows: n})
	}
	return m
}

// colsFor are widths of a type's rows: whole blocks, and of floats, whose last step may be
// ragged, any number. Tests that take but the second and the third get steps before the tail.
func colsFor(typ Type) []int {
	if typ.IsFloat() {
		return []int{1, 48, 257, 7, 31, 160}
	}
	n := typ.BlockValues()
	return []int{n, 2 * n, 3 * n, 7 * n}
}

// parts is a random number of rows of a part: some tiles.
func parts(rng *rand.Rand) int { return TileRows * (1 + rng.IntN(3)) }

// placed checks y[t][row0+r] of rows with a stride, and that nothing else was written.
func placed(t *testing.T, what string, y []float32, rows, row0, stride int, want reference.Expected) {
	t.Helper()
	var got []float32
	for i, v := range y {
		switch at := i % stride; {
		case at >= row0 && at < row0+rows:
			got = append(got, v)
		case math.Float32bits(v) != binary.LittleEndian.Uint32(poison):
			t.Fatalf("%s: value %d was written, which is none of rows %d to %d of %d", what, i, row0, row0+rows-1, stride)
		}
	}
	near(t, what, got, want)
}

// Every type with every tuning: one token of an RMSNorm, and several.
func TestMatMul(t *testing.T) {
	for tuned, tuning := range productTunings() {
		if tuning.Product.IntDot {
			continue // matmul has no such form
		}
		types := typesUnder(tuned)
		for _, typ := range types {
			t.Run(tuned+"/"+name(typ), func(t *testing.T) {
				t.Parallel()
				b, rng := newBench(t, map[string][]Type{"matmul": types}, KVF16, tuning), random(t)
				for _, cols := range colsFor(typ) {
					rows, tokens, first := 1+rng.IntN(100), DecodeRows+1+rng.IntN(4), rng.IntN(3) // in workgroups of many
					file, w := randomWeights(t, rng, typ, rows, cols)
					m, row0, stride := b.matrix(file, parts(rng)), rng.IntN(3), rows+5
					x := normal(rng, (first+tokens)*cols, 1)
					rx, y := in(b, "x", x), b.out("y", tokens*stride)
					b.run(func(c *vk.Commands) { b.set.MatMul(c, "matmul", MatMul{m, plain(rx), y, row0, stride, first, tokens}) })
					placed(t, fmt.Sprintf("%d×%d, %d tokens", rows, cols, tokens), b.floats(y), rows, row0, stride, reference.MatMul(w, x[first*cols:], rows, cols, tokens))

					const eps = 1e-3
					squares := positive(rng, (first+1)*tiles(cols))
					normed, y1 := Normed{Activations{F32: rx}, in(b, "squares", squares), eps}, b.out("y of one", stride)
					b.run(func(c *vk.Commands) { b.set.MatMul(c, "matmul", MatMul{m, normed, y1, row0, stride, first, 1}) })
					want := reference.MatMul(w, x[first*cols:], rows, cols, 1).Scaled(reference.NormScale(squares[first*tiles(cols):], cols, eps))
					placed(t, fmt.Sprintf("%d×%d, normed", rows, cols), b.floats(y1), rows, row0, stride, want)
				}
			})
		}
	}
}

// positive is sums of squares.
func positive(rng *rand.Rand, n int) []float32 {
	v := normal(rng, n, 4)
	for i := range v {
		v[i] *= v[i]
	}
	return v
}

// Any number of tokens, in workgroups of 1 and on.
func TestMatMulTokens(t *testing.T) {
	const rows, cols, eps = 45, 512, 1e-6
	for tuned, tuning := range productTunings() {
		t.Run(tuned, func(t *testing.T) {
			rng := random(t)
			file, w := randomWeights(t, rng, format.Q4_K, rows, cols)
			for tokens := 1; tokens <= 17; tokens++ {
				b := newBench(t, nil, KVF16, tuning)
				m, x, squares := b.matrix(file, rows), normal(rng, tokens*cols, 1), positive(rng, tokens*tiles(cols))
				normed, y := Normed{Activations{F32: in(b, "x", x)}, in(b, "squares", squares), eps}, b.out("y", tokens*rows)
				b.run(func(c *vk.Commands) { b.set.MatMul(c, "matmul", MatMul{m, normed, y, 0, rows, 0, tokens}) })
				var want reference.Expected
				for i := range tokens {
					scale := reference.NormScale(squares[i*tiles(cols):][:tiles(cols)], cols, eps)
					want.Append(reference.MatMul(w, x[i*cols:], rows, cols, 1).Scaled(scale))
				}
				near(t, fmt.Sprint(tokens, " tokens"), b.floats(y), want)
			}
		})
	}
}

// More workgroups than one grid dimension has must be folded.
func TestMatMulFoldsGrid(t *testing.T) {
	rng := random(t)
	const rows, cols = 900, 8
	file, w := randomWeights(t, rng, format.F32, rows, cols)
	x := normal(rng, cols, 1)
	b := newBench(t, nil, KVF16, Tuning{Lanes: 64, WideLanes: 64, SampleLanes: 64, Product: gpuProduct(), Attention: defaultAttention(device.Caps())})
	groups := b.set.maxGroups
	b.set.maxGroups = 7
	t.Cleanup(func() { b.set.maxGroups = groups })
	m := b.matrix(file, 928)
	rx, y := in(b, "x", x), b.out("y", rows)
	b.run(func(c *vk.Commands) { b.set.MatMul(c, "matmul", MatMul{m, plain(rx), y, 0, rows, 0, 1}) })
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
	if err := format.Dequantize(want, format.F16, file, nil, nil); err != nil {
		t.Fatal(err)
	}
	b := newBench(t, nil, KVF16, DefaultTuning(device.Caps()))
	m := b.matrix(&weights.Tensor{Type: format.F16, Rows: rows, Cols: cols, Data: file}, rows)
	ids := make([]Row, rows)
	for i := range ids {
		ids[i].Token = uint32(i)
		ids[i].Position = uint32(i)
	}
	r, norm, to, history := in(b, "rows", ids), in(b, "norm", make([]float32, cols)), b.residual(rows, cols), b.out("history", rows)
	b.run(func(c *vk.Commands) { b.set.Embed(c, "embed", Embed{m, r, norm, to, history, rows, rows, 1}) })
	for i, got := range b.floats(to.X) {
		if got != want[i] {
			t.Fatalf("half %#x = %v, want %v", binary.LittleEndian.Uint16(file[2*i:]), got, want[i])
		}
	}
}
