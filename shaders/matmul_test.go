package shaders

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"sealvk/vk"
	"sealvk/weights"
)

var allTypes = []Type{F32, F16, BF16, Q8_0, Q4_0, Q4_K, Q6_K}

// refMatMul: y[t][r] = Σ w[r][k] × x[t][k], and Σ |w × x|, the scale of its rounding.
func refMatMul(w, x []float32, rows, cols, tokens int) (y, scale []float64) {
	for t := range tokens {
		for r := range rows {
			var sum, abs float64
			for k := range cols {
				p := float64(w[r*cols+k]) * float64(x[t*cols+k])
				sum += p
				abs += math.Abs(p)
			}
			y, scale = append(y, sum), append(scale, abs)
		}
	}
	return y, scale
}

// randomWeights makes rows × cols values in the file's form, and dequantized.
// Block scales are small enough to be subnormal halves now and then.
func randomWeights(t *testing.T, rng *rand.Rand, typ Type, rows, cols int) (file []byte, values []float32) {
	t.Helper()
	file = make([]byte, typ.FileBytes(rows, cols))
	for i := range file {
		file[i] = byte(rng.Uint32())
	}
	half := func(at int) { // up to 2^-9, often subnormal
		binary.LittleEndian.PutUint16(file[at:], uint16(rng.IntN(0x1800))|uint16(rng.IntN(2))<<15)
	}
	f := formats[typ]
	switch typ {
	case F32:
		for i := range rows * cols {
			binary.LittleEndian.PutUint32(file[4*i:], math.Float32bits(float32(rng.NormFloat64())))
		}
	case BF16:
		for i := range rows * cols {
			binary.LittleEndian.PutUint16(file[2*i:], uint16(math.Float32bits(float32(rng.NormFloat64()))>>16))
		}
	case F16:
		for i := range rows * cols {
			half(2 * i)
		}
	case Q4_K:
		for at := 0; at < len(file); at += f.fileBytes {
			half(at)
			half(at + 2)
		}
	default:
		for at := f.scale; at < len(file); at += f.fileBytes {
			half(at)
		}
	}
	values = make([]float32, rows*cols)
	if err := weights.Dequantize(values, weights.Type(typ), file); err != nil {
		t.Fatal(err)
	}
	return file, values
}

// matrix puts a matrix into guarded buffers, in parts of at most partRows rows.
func (b *bench) matrix(typ Type, file []byte, rows, cols, partRows int) *Matrix {
	m := &Matrix{Type: typ, Rows: rows, Cols: cols}
	for first := 0; first < rows; first += partRows {
		n := min(partRows, rows-first)
		src := file[typ.FileBytes(first, cols):][:typ.FileBytes(n, cols)]
		dst := make([]byte, typ.DeviceBytes(n, cols))
		split := n * typ.rowWords(cols) * 4
		typ.RepackWords(dst[:split], src, n, cols)
		typ.RepackScales(dst[split:], src, n, cols)
		m.Parts = append(m.Parts, Part{Data: in(b, fmt.Sprintf("%d from %d", typ, first), dst), First: first, Rows: n})
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
	for name, tuning := range tunings() {
		for _, typ := range allTypes {
			t.Run(fmt.Sprintf("%s/%d", name, typ), func(t *testing.T) {
				rng := random(t)
				for _, cols := range colsFor(typ) {
					rows, tokens := 1+rng.IntN(40), 1+rng.IntN(19)
					if rng.IntN(3) == 0 {
						tokens = 1
					}
					file, w := randomWeights(t, rng, typ, rows, cols)
					first := rng.IntN(3)
					x := normal(rng, (first+tokens)*cols, 1)
					b := newBench(t, []Type{typ}, true, tuning)
					m := b.matrix(typ, file, rows, cols, 2+2*rng.IntN(10))
					rx, y, sum := in(b, "x", x), b.out("y", tokens*rows), inout(b, "sum", normal(rng, tokens*rows, 1))
					before := b.floats(sum)
					b.run(func(c *vk.Commands) { b.set.MatMul(c, "matmul", m, rx, y, first, tokens) })
					want, scale := refMatMul(w, x[first*cols:], rows, cols, tokens)
					tolerance := func(i int) float64 { return 1e-6*scale[i] + 1e-30 }
					near(t, fmt.Sprintf("%d×%d, %d tokens", rows, cols, tokens), b.floats(y), want, tolerance)

					b.run(func(c *vk.Commands) { b.set.MatMulAdd(c, "matmul", m, rx, sum, tokens) })
					want, scale = refMatMul(w, x, rows, cols, tokens)
					for i := range want {
						want[i] += float64(before[i])
						scale[i] += math.Abs(float64(before[i]))
					}
					near(t, "added", b.floats(sum), want, tolerance)
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
	b := newBench(t, []Type{F32}, true, tunings()["lanes4"])
	groups := b.set.maxGroups
	b.set.maxGroups = 7
	t.Cleanup(func() { b.set.maxGroups = groups })
	m := b.matrix(F32, file, rows, cols, rows)
	rx, y := in(b, "x", x), b.out("y", rows)
	b.run(func(c *vk.Commands) { b.set.MatMul(c, "matmul", m, rx, y, 0, 1) })
	want, scale := refMatMul(w, x, rows, cols, 1)
	near(t, "y", b.floats(y), want, func(i int) float64 { return 1e-6 * scale[i] })
}

func TestRepackReadsNoMoreBytes(t *testing.T) {
	for _, typ := range allTypes {
		for _, cols := range colsFor(typ) {
			file, device := typ.FileBytes(64, cols), typ.DeviceBytes(64, cols)
			padding := int64(0)
			if cols%2 == 1 && (typ == F16 || typ == BF16) {
				padding = 64 * 2
			}
			if device != file+padding {
				t.Errorf("type %d, %d columns: %d bytes on the device, %d in the file", typ, cols, device, file)
			}
		}
	}
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
	b := newBench(t, []Type{F16}, true, DefaultTuning(device.Caps()))
	m := b.matrix(F16, file, rows, cols, rows)
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
