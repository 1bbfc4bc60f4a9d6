package shaders

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"sealvk/shaders/reference"
	"sealvk/vk"
	"sealvk/weights"
	"sealvk/weights/format"
)

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
// ragged, any number.
func colsFor(typ Type) []int {
	if typ.IsFloat() {
		return []int{1, 48, 257, 7, 31, 160}
	}
	n := typ.BlockValues()
	return []int{n, 2 * n, 3 * n, 7 * n}
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
	b := newBench(t, KVF16, DefaultTuning(device.Caps()))
	m := b.matrix(&weights.Tensor{Type: format.F16, Rows: rows, Cols: cols, Data: file}, rows)
	ids := make([]Row, rows)
	for i := range ids {
		ids[i].Token = uint32(i)
		ids[i].Position = uint32(i)
	}
	r, norm, history := in(b, "rows", ids), in(b, "norm", make([]float32, cols)), b.out("history", rows)
	to := Residual{b.out("x", rows*cols), Activations{F32: b.out("weighted", rows*cols)}, b.out("squares", rows*tiles(cols))}
	b.run(func(c *vk.Commands) { b.set.Embed(c, "embed", Embed{m, r, norm, to, history, rows, rows, 1}) })
	for i, got := range b.floats(to.X) {
		if got != want[i] {
			t.Fatalf("half %#x = %v, want %v", binary.LittleEndian.Uint16(file[2*i:]), got, want[i])
		}
	}
}
