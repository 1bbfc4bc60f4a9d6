package reference

import (
	"encoding/binary"
	"math/rand/v2"
)

// format is how files keep a type's weights.
type format struct {
	values int // of a block, for MLX of a group
	bytes  int // of a block, without MLX's scale and bias

	halves        []int // offsets of the f16 scales and minimums in a block
	data          mask
	scales        mask // of MLX's scales and biases
	separateScale bool
}

// mask makes random bits what is wanted: numbers of moderate size, whatever bits are left.
type mask struct{ and, or uint64 }

var (
	anything = mask{and: ^uint64(0)}
	halfs    = mask{and: 0x97ff97ff97ff97ff}                         // f16 up to 2^-9, often subnormal
	bfloats  = mask{and: 0x87ff87ff87ff87ff, or: 0x3800380038003800} // 2^-15 to 2
	small    = mask{and: 0x81ff81ff81ff81ff, or: 0x3800380038003800} // bf16, 2^-15 to 2^-11
	floats   = mask{and: 0x87ffffff87ffffff, or: 0x3800000038000000} // 2^-15 to 2
)

// ggml's block formats (ggml-common.h) by its numbers of types.
var formats = map[uint32]format{
	0:  {values: 1, bytes: 4, data: floats},  // F32
	1:  {values: 1, bytes: 2, data: halfs},   // F16
	30: {values: 1, bytes: 2, data: bfloats}, // BF16

	2:  {values: 32, bytes: 18, data: anything, halves: []int{0}},       // Q4_0
	3:  {values: 32, bytes: 20, data: anything, halves: []int{0, 2}},    // Q4_1
	6:  {values: 32, bytes: 22, data: anything, halves: []int{0}},       // Q5_0
	7:  {values: 32, bytes: 24, data: anything, halves: []int{0, 2}},    // Q5_1
	8:  {values: 32, bytes: 34, data: anything, halves: []int{0}},       // Q8_0
	10: {values: 256, bytes: 84, data: anything, halves: []int{80, 82}}, // Q2_K
	11: {values: 256, bytes: 110, data: anything, halves: []int{108}},   // Q3_K
	12: {values: 256, bytes: 144, data: anything, halves: []int{0, 2}},  // Q4_K
	13: {values: 256, bytes: 176, data: anything, halves: []int{0, 2}},  // Q5_K
	14: {values: 256, bytes: 210, data: anything, halves: []int{208}},   // Q6_K
}

func formatOf(typ uint32) format {
	if typ>>17 == 0 {
		return formats[typ]
	}
	bits, group := int(typ>>8&0xff), int(typ&0xff)
	f := format{values: group, bytes: group * bits / 8, data: anything, scales: halfs, separateScale: true}
	if typ&(1<<16) != 0 {
		f.scales = small
	}
	return f
}

// Weights makes random weights as a file has them; cols is whole blocks. The type is ggml's
// number, or of MLX's affine quantization 1<<17 | bits<<8 | group, with 1<<16 where scales
// and biases are BF16; those are nil for other types.
func Weights(rng *rand.Rand, typ uint32, rows, cols int) (data, scales, biases []byte) {
	f := formatOf(typ)
	blocks := rows * (cols / f.values)
	data = make([]byte, blocks*f.bytes)
	f.data.fill(rng, data)
	for at := 0; at < len(data) && f.halves != nil; at += f.bytes {
		for _, offset := range f.halves {
			data[at+offset+1] &= byte(halfs.and >> 8)
		}
	}
	if f.separateScale {
		scales, biases = make([]byte, 2*blocks), make([]byte, 2*blocks)
		f.scales.fill(rng, scales)
		f.scales.fill(rng, biases)
	}
	return data, scales, biases
}

func (m mask) fill(rng *rand.Rand, dst []byte) {
	for ; len(dst) >= 8; dst = dst[8:] {
		binary.LittleEndian.PutUint64(dst, rng.Uint64()&m.and|m.or)
	}
	if len(dst) > 0 {
		copy(dst, binary.LittleEndian.AppendUint64(nil, rng.Uint64()&m.and|m.or))
	}
}
