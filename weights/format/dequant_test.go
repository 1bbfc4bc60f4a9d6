package format

import (
	"encoding/binary"
	"math"
	"os"
	"testing"
)

func TestDequantizeMatchesGolden(t *testing.T) {
	for _, typ := range Types() {
		if typ == F32 || typ.IsMLX() {
			continue
		}
		raw, err := os.ReadFile("../../testdata/weights/dequant/" + typ.String() + ".bin")
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile("../../testdata/weights/dequant/" + typ.String() + ".f32")
		if err != nil {
			t.Fatal(err)
		}
		got := make([]float32, len(want)/4)
		if err := Dequantize(got, typ, raw, nil, nil); err != nil {
			t.Fatal(err)
		}
		for i, g := range got {
			if w := binary.LittleEndian.Uint32(want[4*i:]); math.Float32bits(g) != w {
				t.Fatalf("%s: value %d is %x (%v), want %x (%v)", typ, i, math.Float32bits(g), g, w, math.Float32frombits(w))
			}
		}
	}
}

func TestDequantizeF32Copies(t *testing.T) {
	got := make([]float32, 2)
	if err := Dequantize(got, F32, []byte{0, 0, 0x80, 0x3f, 0, 0, 0, 0x80}, nil, nil); err != nil {
		t.Fatal(err)
	}
	if got[0] != 1 || math.Float32bits(got[1]) != 1<<31 {
		t.Errorf("%v, want 1 and -0", got)
	}
}

func TestDequantizeRefusesWrongSizes(t *testing.T) {
	for _, c := range []struct {
		typ      Type
		dst, src int
	}{{Q4_0, 32, 17}, {Q4_0, 31, 18}, {Q4_K, 0, 144}, {20, 0, 0}, {250, 0, 0}, {MLX(4, 32, F16), 32, 16}} {
		if Dequantize(make([]float32, c.dst), c.typ, make([]byte, c.src), nil, nil) == nil {
			t.Errorf("%v: no error for %d bytes to %d values", c.typ, c.src, c.dst)
		}
	}
}
