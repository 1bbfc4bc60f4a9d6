package weights

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"sealvk/weights/format"
)

// poison gives for each type where a NaN or Inf can stand in a block, and its bits.
var poison = map[format.Type]struct {
	at   []int
	bits []uint32
	size int
}{
	format.F32:  {[]int{0}, []uint32{0x7f800000, 0xff800000, 0x7f800001, 0xffc00000}, 4},
	format.F16:  {[]int{0}, []uint32{0x7c00, 0xfc00, 0x7c01, 0xfe00}, 2},
	format.BF16: {[]int{0}, []uint32{0x7f80, 0xff80, 0x7f81, 0xffc0}, 2},
	format.Q4_0: {[]int{0}, []uint32{0x7c00, 0xfe00}, 2},
	format.Q4_1: {[]int{0, 2}, []uint32{0x7c00, 0xfe00}, 2},
	format.Q5_0: {[]int{0}, []uint32{0x7c00, 0xfe00}, 2},
	format.Q5_1: {[]int{0, 2}, []uint32{0x7c00, 0xfe00}, 2},
	format.Q8_0: {[]int{0}, []uint32{0x7c00, 0xfe00}, 2},
	format.Q2_K: {[]int{80, 82}, []uint32{0x7c00, 0xfe00}, 2},
	format.Q3_K: {[]int{108}, []uint32{0x7c00, 0xfe00}, 2},
	format.Q4_K: {[]int{0, 2}, []uint32{0x7c00, 0xfe00}, 2},
	format.Q5_K: {[]int{0, 2}, []uint32{0x7c00, 0xfe00}, 2},
	format.Q6_K: {[]int{208}, []uint32{0x7c00, 0xfe00}, 2},
}

// largest gives whole blocks in which every value and scale is the largest finite one,
// negative: the nearest to a false alarm. Quants are random.
func largest(typ format.Type, blocks int) []byte {
	data := make([]byte, blocks*typ.BlockBytes())
	r := random(1)
	r.fill(data)
	p := poison[typ]
	for b := range blocks {
		for _, at := range p.at {
			put(data[b*typ.BlockBytes()+at:], p.size, p.bits[0]-1|1<<(8*p.size-1))
		}
	}
	return data
}

func put(b []byte, size int, bits uint32) {
	if size == 2 {
		binary.LittleEndian.PutUint16(b, uint16(bits))
	} else {
		binary.LittleEndian.PutUint32(b, bits)
	}
}

func TestCheckFiniteFindsEveryPlace(t *testing.T) {
	for _, typ := range format.Types() {
		if typ.IsMLX() {
			continue
		}
		p, ok := poison[typ]
		if !ok {
			t.Errorf("%v: where can a NaN stand?", typ)
			continue
		}
		for _, blocks := range []int{1, 2, 3, 17, 100, 5000} {
			data := largest(typ, blocks)
			tensor := &Tensor{Name: "x", Type: typ, Rows: 1, Cols: 10000 * typ.BlockValues(), path: "f"}
			if err := checkBlocks(tensor, data, 0); err != nil {
				t.Fatalf("%v, %d finite blocks: %v", typ, blocks, err)
			}
			for b := 0; b < blocks; b += 1 + blocks/50 {
				for i, at := range p.at {
					bits := p.bits[(b+i)%len(p.bits)]
					place := data[b*typ.BlockBytes()+at:]
					put(place, p.size, bits)
					err := checkBlocks(tensor, data, 7)
					if want := fmt.Sprintf("weights: f: tensor \"x\" (%v): ", typ); err == nil || !strings.HasPrefix(err.Error(), want) {
						t.Fatalf("%v: %v, want %q", typ, err, want)
					}
					if want := fmt.Sprintf("of block %d (row 0, from column %d)", b+7, (b+7)*typ.BlockValues()); !strings.Contains(err.Error(), want) {
						t.Fatalf("%v: %v, want %q", typ, err, want)
					}
					put(place, p.size, p.bits[0]-1)
				}
			}
		}
	}
}

// Scales and biases of MLX have a limit that depends on their type.
func TestCheckFiniteLimitsMLX(t *testing.T) {
	for _, c := range []struct {
		typ  format.Type
		bits uint16
		bad  bool
	}{
		{format.BF16, 0x7b00, true}, // 2^119
		{format.BF16, 0xfb00, true},
		{format.BF16, 0x7f80, true},
		{format.BF16, 0x7aff, false},
		{format.BF16, 0xfaff, false},
		{format.F16, 0x7bff, false}, // 65504, the largest there is
		{format.F16, 0xfbff, false},
		{format.F16, 0x7c00, true},
		{format.F16, 0xfe00, true},
	} {
		want := -1
		if c.bad {
			want = 2
		}
		data := make([]byte, 2*4)
		put(data[2*2:], 2, uint32(c.bits))
		if got, _ := format.NonFiniteMLX(data, c.typ); got != want {
			t.Errorf("%#x as %v at 2: found at %d, want %d", c.bits, c.typ, got, want)
		}
	}
}

func TestCheckFiniteReportsTheFirstPlace(t *testing.T) {
	const blocks = 1 << 20 // several pieces
	m := &Model{}
	for _, name := range []string{"a", "b", "c"} {
		m.Tensors = append(m.Tensors, &Tensor{Name: name, Type: format.F16, Rows: 1024, Cols: 1024 * 8, Data: make([]byte, 8*blocks*2)})
	}
	if err := m.CheckFinite(); err != nil {
		t.Fatal(err)
	}
	put(m.Tensors[2].Data, 2, 0x7c00)
	put(m.Tensors[1].Data[2*(7*blocks+5):], 2, 0x7c00)
	put(m.Tensors[1].Data[2*(5*blocks+3):], 2, 0xfc00)
	for range 20 {
		err := m.CheckFinite()
		if want := fmt.Sprintf(`tensor "b" (F16): the value of block %d (row %d, from column 3) is -Inf`, 5*blocks+3, 5*blocks/8192); err == nil || !strings.Contains(err.Error(), want) {
			t.Fatalf("%v, want %q", err, want)
		}
	}
}

func TestCheckFiniteRefusesPartialBlocks(t *testing.T) {
	if checkBlocks(&Tensor{Type: format.Q8_0, Rows: 1, Cols: 32}, make([]byte, 33), 0) == nil {
		t.Error("no error")
	}
}

func BenchmarkCheckFinite(b *testing.B) {
	for typ := range poison {
		b.Run(typ.String(), func(b *testing.B) {
			blocks := 16 << 20 / typ.BlockBytes() // more than most caches hold
			data := largest(typ, blocks)
			tensor := &Tensor{Type: typ, Rows: 1, Cols: blocks * typ.BlockValues()}
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				if err := checkBlocks(tensor, data, 0); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
