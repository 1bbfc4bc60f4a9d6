package shaders

import (
	"encoding/binary"
	"fmt"

	"sealvk/vk"
)

// Type is the format of a weight matrix; the numbers are ggml's.
type Type uint32

const (
	F32  Type = 0
	F16  Type = 1
	Q4_0 Type = 2
	Q8_0 Type = 8
	Q4_K Type = 12
	Q6_K Type = 14
	BF16 Type = 30
)

// format describes how a block of a row is kept in the file and on the device.
// The device wants 32-bit words, which the files' blocks of 18, 34 and 210 bytes
// are not: their f16 scale moves into a second region behind all rows, two to a
// word. No byte more is read than the file has.
type format struct {
	values     int // of a block
	fileBytes  int // of a block in the file
	words      int // of a block in the first region
	dataOffset int // of those words in the file's block
	scale      int // offset of the f16 scale in the file's block; -1: no second region
}

var formats = map[Type]format{
	F32:  {1, 4, 1, 0, -1},
	F16:  {2, 4, 1, 0, -1}, // pairs; an odd row is padded with a zero
	BF16: {2, 4, 1, 0, -1},
	Q4_0: {32, 18, 4, 2, 0},
	Q8_0: {32, 34, 8, 2, 0},
	Q4_K: {256, 144, 36, 0, -1},
	Q6_K: {256, 210, 52, 0, 208},
}

// Known reports whether kernels exist for the type.
func (t Type) Known() bool { _, ok := formats[t]; return ok }

// rowWords is the stride of a row in the first region.
func (t Type) rowWords(cols int) int {
	f := formats[t]
	return ceilDiv(cols, f.values) * f.words
}

// blocks is the number of scales of a row in the second region.
func (t Type) blocks(cols int) int {
	f := formats[t]
	if f.scale < 0 {
		return 0
	}
	return cols / f.values
}

// DeviceBytes is the size of rows × cols values on the device.
func (t Type) DeviceBytes(rows, cols int) int64 {
	scaleWords := (int64(rows)*int64(t.blocks(cols)) + 1) / 2
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
	perRow := int64(t.blocks(cols)) * 2
	scales = p.Data.Buffer.Range(p.Data.Offset+int64(p.Rows)*stride+int64(first)*perRow, int64(count)*perRow)
	return words, scales
}

// scaleWord is the word at which the part's second region begins.
func (p *Part) scaleWord(t Type, cols int) uint32 { return uint32(p.Rows * t.rowWords(cols)) }

// FileBytes is the size in the file of rows × cols values.
func (t Type) FileBytes(rows, cols int) int64 {
	f := formats[t]
	if f.values == 2 { // 16-bit floats: the file does not pad
		return int64(rows) * int64(cols) * 2
	}
	return int64(rows) * int64(cols/f.values) * int64(f.fileBytes)
}

// RepackWords writes the first region of rows × cols values in the file's form.
func (t Type) RepackWords(dst, src []byte, rows, cols int) {
	f := formats[t]
	switch {
	case f.values == 2 && cols%2 == 1:
		for r := range rows {
			row := dst[r*(cols+1)*2:][:(cols+1)*2]
			copy(row, src[r*cols*2:][:cols*2])
			binary.LittleEndian.PutUint16(row[cols*2:], 0)
		}
	case f.scale < 0:
		copy(dst, src)
	default:
		n := f.words * 4
		for b := range rows * (cols / f.values) {
			copy(dst[b*n:][:n], src[b*f.fileBytes+f.dataOffset:][:n])
		}
	}
}

// RepackScales writes the second region, if the type has one.
func (t Type) RepackScales(dst, src []byte, rows, cols int) {
	f := formats[t]
	if f.scale < 0 {
		return
	}
	for b := range rows * (cols / f.values) {
		copy(dst[2*b:][:2], src[b*f.fileBytes+f.scale:][:2])
	}
}
