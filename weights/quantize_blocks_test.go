package weights

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"sealvk/weights/format"
)

var blockTypes = slices.DeleteFunc(format.Types(), func(t format.Type) bool { return quantizers[t] == nil || t.IsFloat() })

// testdata/weights/quantize has rows of a trained matrix, and what llama-quantize makes of them.
func TestQuantizedBlocksEqualTheReference(t *testing.T) {
	read := func(typ format.Type) []byte {
		data, err := os.ReadFile(fmt.Sprintf("../testdata/weights/quantize/%s.bin", typ))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	source := read(format.BF16)
	values := make([]float32, len(source)/2)
	if err := format.Dequantize(values, format.BF16, source, nil, nil); err != nil {
		t.Fatal(err)
	}
	for _, typ := range append([]format.Type{format.BF16, format.F16}, blockTypes...) {
		want := read(typ)
		got := make([]byte, len(values)/typ.BlockValues()*typ.BlockBytes())
		quantizers[typ](got, values)
		if !bytes.Equal(got, want) {
			t.Errorf("%v: the bytes differ", typ)
		}
	}
}

// The reference's search in its plain form: every candidate's loss is computed, every
// number is clamped.
func plainFit(x *[32]float32, top, from float32, steps int) (scale, least float32) {
	var w [32]float32
	square, sumW, sumX, low, high := float32(0), float32(0), float32(0), float32(0), x[0]
	for _, v := range x {
		square += float32(v * v)
		low, high = min(low, v), max(high, v)
	}
	for i, v := range x {
		w[i] = float32(math.Sqrt(float64(square/32))) + abs(v)
		sumW += w[i]
		sumX += float32(w[i] * v)
	}
	if high == low {
		return 0, low
	}
	number := func(v, least, inverse float32) float32 {
		return float32(max(0, min(math.RoundToEven(float64(float32(inverse*(v-least)))), float64(top))))
	}
	loss := func(grid, inverse, scale, least float32) (sum float32) {
		for i, v := range x {
			d := float32(scale*number(v, grid, inverse)) + least - v
			sum += float32(w[i] * float32(d*d))
		}
		return sum
	}
	inverse := top / (high - low)
	scale, least = 1/inverse, low
	best := loss(low, inverse, scale, least)
	for i := range steps + 1 {
		inverse := (from + float32(0.1*float32(i)) + top) / (high - least)
		var q, q2, qx float32
		for i, v := range x {
			n := number(v, least, inverse)
			q += float32(w[i] * n)
			q2 += float32(float32(w[i]*n) * n)
			qx += float32(float32(w[i]*n) * v)
		}
		d := float32(sumW*q2) - float32(q*q)
		if !(d > 0) {
			continue
		}
		s, m := (float32(sumW*qx)-float32(sumX*q))/d, (float32(q2*sumX)-float32(q*qx))/d
		if m > 0 {
			s, m = qx/q2, 0
		}
		if l := loss(least, inverse, s, m); l < best {
			best, scale, least = l, s, m
		}
	}
	return scale, least
}

// Candidates are skipped by a bound and clamped only where that is needed; neither may
// change what is found.
func TestSearchEqualsPlainSearch(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for n := range 20000 {
		var x [32]float32
		for i := range x {
			x[i] = float32(r.NormFloat64())
			switch n % 6 {
			case 1: // outliers
				if i%11 == 0 {
					x[i] *= 30
				}
			case 2: // far from zero
				x[i] += 10
			case 3: // few distinct values
				x[i] = float32(int(x[i] * 3))
			case 4: // uniform, on a grid of 4 bits but for one
				x[i] = float32(r.IntN(16)) - 7.5 + float32(1/(i+1))*0.3
			case 5: // bf16
				x[i] = math.Float32frombits(math.Float32bits(x[i]*0.02) &^ 0xffff)
			}
		}
		for _, c := range []struct {
			a         *affine
			top, from float32
			steps     int
		}{{affineQ4_K, 15, -1, 20}, {affineQ5_K, 31, -0.5, 15}} {
			var g group
			scale, least, _, _ := c.a.fit(&g, g.load(&x))
			if wantScale, wantLeast := plainFit(&x, c.top, c.from, c.steps); scale != wantScale || least != wantLeast {
				t.Fatalf("%v: scale %v, least %v; plain search %v, %v", x, scale, least, wantScale, wantLeast)
			}
		}
	}
}

// bound is the largest error as a part of the block's largest magnitude: half a step of
// the numbers, plus what the rounding of scales to halves or 6 to 8 bits adds.
var bound = map[format.Type]float64{format.Q4_0: 1. / 8, format.Q5_0: 1. / 16, format.Q5_1: 1. / 28, format.Q8_0: 0.6 / 127, format.Q4_K: 0.12, format.Q5_K: 0.07, format.Q6_K: 0.05}

func TestRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	inputs := map[string]func(i int) float32{
		"normal":    func(int) float32 { return float32(r.NormFloat64()) },
		"zero":      func(int) float32 { return 0 },
		"minus 0":   func(int) float32 { return float32(math.Copysign(0, -1)) },
		"constant":  func(int) float32 { return 0.37 },
		"negative":  func(int) float32 { return -1 - float32(r.Float64()) },
		"constant-": func(int) float32 { return -5 },
		"one":       func(i int) float32 { return map[bool]float32{true: -3}[i == 77] },
		"huge":      func(i int) float32 { return float32(r.NormFloat64()) * 1e4 },
		"steps":     func(i int) float32 { return float32(i%32) - 16 },
	}
	for name, f := range inputs {
		x := make([]float32, 1024)
		largest := 0.0
		for i := range x {
			x[i] = f(i)
			largest = max(largest, math.Abs(float64(x[i])))
		}
		for _, typ := range blockTypes {
			data := make([]byte, len(x)/typ.BlockValues()*typ.BlockBytes())
			quantizers[typ](data, x)
			y := make([]float32, len(x))
			if err := format.Dequantize(y, typ, data, nil, nil); err != nil {
				t.Fatal(err)
			}
			for i := range x {
				if d := math.Abs(float64(y[i] - x[i])); !(d <= bound[typ]*largest) {
					t.Errorf("%s as %v: value %d is %v, was %v, largest magnitude %v", name, typ, i, y[i], x[i], largest)
					break
				}
			}
		}
	}
}

// Values that are lost below the smallest scale become zero, or something as small.
func TestTinyValuesStayTiny(t *testing.T) {
	for _, size := range []float32{math.SmallestNonzeroFloat32, 1e-42, 0x1p-127, 1e-36, 1e-30, 1e-20, 1e-14, 1e-9} {
		x := make([]float32, 256)
		for i := range x {
			x[i] = size * float32(i-100)
		}
		for _, typ := range blockTypes {
			data := make([]byte, len(x)/typ.BlockValues()*typ.BlockBytes())
			quantizers[typ](data, x)
			if block, scale := typ.NonFinite(data); block >= 0 {
				t.Errorf("%g as %v: scale %v", size, typ, scale)
			}
			y := make([]float32, len(x))
			if err := format.Dequantize(y, typ, data, nil, nil); err != nil {
				t.Fatal(err)
			}
			for i := range y {
				if d := abs(y[i] - x[i]); !(d <= 160*size || d < 4e-6) {
					t.Errorf("%g as %v: value %d is %v, was %v", size, typ, i, y[i], x[i])
					break
				}
			}
		}
	}
}

func TestRoundedHalves(t *testing.T) {
	for h := range uint16(0x7c00) {
		v, next := format.Float16(h), format.Float16(h+1)
		if h == 0x7bff {
			next = 65536
		}
		for _, c := range []struct {
			f    float32
			want uint16
		}{
			{v, h}, {-v, h | 0x8000},
			{v + (next-v)/2, h + h&1}, // ties to even
			{math.Nextafter32(v+(next-v)/2, 0), h}, {math.Nextafter32(v+(next-v)/2, 1e9), h + 1},
		} {
			if got := float16Bits(c.f); got != c.want && c.f != 0 {
				t.Fatalf("%v becomes %#x, want %#x", c.f, got, c.want)
			}
		}
	}
	if float16Bits(1e30) != 0x7c00 || float16Bits(float32(math.Inf(-1))) != 0xfc00 {
		t.Error("past the largest half comes Inf")
	}
}

// The reference's bytes come from BF16 values, which need no rounding.
func TestBF16IsRounded(t *testing.T) {
	for bits, want := range map[uint32]uint16{
		0x3f80_7fff: 0x3f80, 0x3f80_8000: 0x3f80, 0x3f80_8001: 0x3f81, // ties to even
		0x3f81_7fff: 0x3f81, 0x3f81_8000: 0x3f82, 0x3f81_8001: 0x3f82,
		0xbf80_8000: 0xbf80, 0xbf81_8000: 0xbf82,
		0x0000_8000: 0, 0x0001_8000: 2, 0x7f7f_7fff: 0x7f7f, 0x7f7f_8000: 0x7f80,
	} {
		var got [2]byte
		quantizeBF16(got[:], []float32{math.Float32frombits(bits)})
		if got := binary.LittleEndian.Uint16(got[:]); got != want {
			t.Errorf("%#x becomes %#x, want %#x", bits, got, want)
		}
	}
}

// With 127 in the block its scale is 1.
func TestQ8_0IsRounded(t *testing.T) {
	for value, want := range map[float32]int8{
		0.49999997: 0, // the nearest to a half: as float32, the sum with a half is 1
		0.5:        1, 1.4999999: 1, 1.5: 2, 126.49999: 126, 126.5: 127,
	} {
		var block [34]byte
		quantizeQ8_0(block[:], (&[32]float32{127, value, -value})[:])
		if got := int8(block[3]); got != want {
			t.Errorf("%v becomes %d, want %d", value, got, want)
		}
		if got := int8(block[4]); got != -want {
			t.Errorf("%v becomes %d, want %d", -value, got, -want)
		}
	}
}

func BenchmarkQuantize(b *testing.B) {
	const values = 1 << 18
	r := rand.New(rand.NewPCG(1, 2))
	x := make([]float32, values)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	for _, typ := range append([]format.Type{format.F16, format.BF16}, blockTypes...) {
		b.Run(typ.String(), func(b *testing.B) {
			dst := make([]byte, values/typ.BlockValues()*typ.BlockBytes())
			b.SetBytes(2 * values) // as BF16
			for b.Loop() {
				quantizers[typ](dst, x)
			}
		})
	}
}
