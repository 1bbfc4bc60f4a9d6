package shaders

import (
	"fmt"

	"sealvk/vk"
)

// Type is the format of a weight matrix; the numbers are ggml's, and [MLX]'s.
type Type uint32

const (
	F32  Type = 0
	F16  Type = 1
	Q4_0 Type = 2
	Q4_1 Type = 3
	Q5_0 Type = 6
	Q5_1 Type = 7
	Q8_0 Type = 8
	Q2_K Type = 10
	Q3_K Type = 11
	Q4_K Type = 12
	Q5_K Type = 13
	Q6_K Type = 14
	BF16 Type = 30
)

// MLX is the type of MLX's affine quantization: values of 4 or 8 bits in groups of
// 32, 64 or 128 columns, each with a scale and a bias, F16 or BF16.
func MLX(bits, group int, scale Type) Type {
	t := Type(1<<17 | bits<<8 | group)
	if scale == BF16 {
		t |= 1 << 16
	}
	return t
}

// format describes how a block of a row is kept in the file and on the device.
// The device wants 32-bit words, which the files' blocks of 18, 22, 34, 110 and 210
// bytes are not: their f16 scale moves into a second region behind all rows, two to
// a word. MLX's scales and biases, each a tensor of its own in the file, are woven
// into that region, one word a group. No byte more is read than the file has.
type format struct {
	values     int // of a block
	fileBytes  int // of a block in the file, without MLX's scale and bias
	words      int // of a block in the first region
	dataOffset int // of those words in the file's block
	scaleBytes int // of a block in the second region; 0: there is none
	scale      int // offset of the f16 scale in the file's block
}

var formats = map[Type]format{
	F32:  {values: 1, fileBytes: 4, words: 1},
	F16:  {values: 2, fileBytes: 4, words: 1}, // pairs; an odd row is padded with a zero
	BF16: {values: 2, fileBytes: 4, words: 1},
	Q4_0: {values: 32, fileBytes: 18, words: 4, dataOffset: 2, scaleBytes: 2},
	Q4_1: {values: 32, fileBytes: 20, words: 5},
	Q5_0: {values: 32, fileBytes: 22, words: 5, dataOffset: 2, scaleBytes: 2},
	Q5_1: {values: 32, fileBytes: 24, words: 6},
	Q8_0: {values: 32, fileBytes: 34, words: 8, dataOffset: 2, scaleBytes: 2},
	Q2_K: {values: 256, fileBytes: 84, words: 21},
	Q3_K: {values: 256, fileBytes: 110, words: 27, scaleBytes: 2, scale: 108},
	Q4_K: {values: 256, fileBytes: 144, words: 36},
	Q5_K: {values: 256, fileBytes: 176, words: 44},
	Q6_K: {values: 256, fileBytes: 210, words: 52, scaleBytes: 2, scale: 208},
}

func init() {
	for _, bits := range []int{4, 8} {
		for _, group := range []int{32, 64, 128} {
			for _, scale := range []Type{F16, BF16} {
				bytes := group * bits / 8
				formats[MLX(bits, group, scale)] = format{values: group, fileBytes: bytes, words: bytes / 4, scaleBytes: 4}
			}
		}
	}
}

// Known reports whether kernels exist for the type.
func (t Type) Known() bool { _, ok := formats[t]; return ok }

// rowWords is the stride of a row in the first region.
func (t Type) rowWords(cols int) int {
	f := formats[t]
	return ceilDiv(cols, f.values) * f.words
}

// scaleBytes is the size of a row in the second region.
func (t Type) scaleBytes(cols int) int {
	f := formats[t]
	return cols / f.values * f.scaleBytes
}

// DeviceBytes is the size of rows × cols values on the device.
func (t Type) DeviceBytes(rows, cols int) int64 {
	scaleWords := (int64(rows)*int64(t.scaleBytes(cols)) + 3) / 4
	return 4 * (int64(rows)*int64(t.rowWords(cols)) + scaleWords)
}

// Part is a run of a matrix's rows in one buffer, small enough to be bound as one range.
type Part struct {
	Data  vk.Range
	First int // row of the matrix
	Rows  int
}

// Matrix is a weight matrix on the device, split by rows.
type Matrix struct {
	Type       Type
	Rows, Cols int
	Parts      []Part
}

// Bytes is the size of the matrix on the device, all of which a product reads.
func (m *Matrix) Bytes() int64 {
	var n int64
	for _, p := range m.Parts {
		n += p.Data.Size
	}
	return n
}

// PartRows is the greatest number of rows of cols values that fit into limit
// bytes: even, so that every part's scales fill whole words.
func (t Type) PartRows(cols int, limit int64) (int, error) {
	rows := int(limit/t.DeviceBytes(2, cols)) * 2
	if rows == 0 {
		return 0, fmt.Errorf("shaders: two rows of %d values exceed the device's range of %d bytes", cols, limit)
	}
	return rows, nil
}

// Regions returns where count rows from row first of the part lie in its
// buffer: the words, and the scales (size 0 for types without). first must be even.
func (p *Part) Regions(t Type, cols, first, count int) (words, scales vk.Range) {
	stride := int64(t.rowWords(cols)) * 4
	words = p.Data.Buffer.Range(p.Data.Offset+int64(first)*stride, int64(count)*stride)
	perRow := int64(t.scaleBytes(cols))
	scales = p.Data.Buffer.Range(p.Data.Offset+int64(p.Rows)*stride+int64(first)*perRow, int64(count)*perRow)
	return words, scales
}

// scaleWord is the word at which the part's second region begins.
func (p *Part) scaleWord(t Type, cols int) uint32 { return uint32(p.Rows * t.rowWords(cols)) }
