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

// TileRows is the number of rows that lie interleaved on the device: for each four words
// of a row the 32 rows follow each other, so that lanes which take a row each read
// side by side.
const TileRows = 32

// format describes how a block of a row is kept in the file and on the device: there in
// two regions, each in tiles. The first has runs of four words, which the files' blocks
// of 18, 20, 22, 24, 34, 84, 110 and 210 bytes are not: what is left goes to the second,
// single words first, and behind a row's words its f16 scales, two to a word. MLX's
// scales and biases, each a tensor of its own in the file, are woven into that region,
// one word a group. Whole tiles of even numbers of blocks take no byte more than the file.
type format struct {
	values    int   // of a block
	fileBytes int   // of a block in the file, without MLX's scale and bias
	quads     int   // of a block in the first region
	quadsAt   int   // offset of those in the file's block
	words     []int // offsets of what goes to the second region as words
	half      int   // offset of the f16 scale; -1: there is none
}

var formats = map[Type]format{
	F32:  {values: 32, fileBytes: 128, quads: 8, half: -1}, // the last block may be ragged, and is padded with zeros
	F16:  {values: 32, fileBytes: 64, quads: 4, half: -1},
	BF16: {values: 32, fileBytes: 64, quads: 4, half: -1},
	Q4_0: {values: 32, fileBytes: 18, quads: 1, quadsAt: 2},
	Q4_1: {values: 32, fileBytes: 20, quads: 1, quadsAt: 4, words: []int{0}, half: -1},
	Q5_0: {values: 32, fileBytes: 22, quads: 1, quadsAt: 6, words: []int{2}},
	Q5_1: {values: 32, fileBytes: 24, quads: 1, quadsAt: 8, words: []int{4, 0}, half: -1},
	Q8_0: {values: 32, fileBytes: 34, quads: 2, quadsAt: 2},
	Q2_K: {values: 256, fileBytes: 84, quads: 5, words: []int{80}, half: -1},
	Q3_K: {values: 256, fileBytes: 110, quads: 6, words: []int{96, 100, 104}, half: 108},
	Q4_K: {values: 256, fileBytes: 144, quads: 9, half: -1},
	Q5_K: {values: 256, fileBytes: 176, quads: 11, half: -1},
	Q6_K: {values: 256, fileBytes: 210, quads: 13, half: 208},
}

func init() {
	for _, bits := range []int{4, 8} {
		for _, group := range []int{32, 64, 128} {
			for _, scale := range []Type{F16, BF16} {
				bytes := group * bits / 8
				formats[MLX(bits, group, scale)] = format{values: group, fileBytes: bytes, quads: bytes / 16, half: -1}
			}
		}
	}
}

// Known reports whether kernels exist for the type.
func (t Type) Known() bool { _, ok := formats[t]; return ok }

// isFloat tells the types that are not quantized.
func (t Type) isFloat() bool { return t == F32 || t == F16 || t == BF16 }

// isMLX tells the types that have a word of scale and bias a block.
func (t Type) isMLX() bool { return t&(1<<17) != 0 }

// blocks is the number of blocks of a row.
func (t Type) blocks(cols int) int { return ceilDiv(cols, formats[t].values) }

// rowQuads is the number of quads of a row in the first region.
func (t Type) rowQuads(cols int) int { return t.blocks(cols) * formats[t].quads }

// rowWords is the number of words of a row in the second region.
func (t Type) rowWords(cols int) int {
	f, n := formats[t], t.blocks(cols)
	switch {
	case t.isMLX():
		return n
	case f.half < 0:
		return n * len(f.words)
	}
	return n*len(f.words) + ceilDiv(n, 2)
}

// tileBytes is the size of a tile in the two regions.
func (t Type) tileBytes(cols int) (first, second int64) {
	return 16 * TileRows * int64(t.rowQuads(cols)), 4 * TileRows * int64(t.rowWords(cols))
}

// DeviceBytes is the size of rows × cols values on the device: whole tiles.
func (t Type) DeviceBytes(rows, cols int) int64 {
	first, second := t.tileBytes(cols)
	return int64(ceilDiv(rows, TileRows)) * (first + second)
}

// Part is a run of a matrix's rows in one buffer, small enough to be bound as one range.
type Part struct {
	Data  vk.Range
	First int // row of the matrix; a multiple of TileRows
	Rows  int
}

// Matrix is a weight matrix on the device, split by rows. It may hold the rows of several
// tensors, in an order of its own (see [RoPERow], [GateUpRow]).
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

// PartRows is the greatest number of rows of cols values that fit into limit bytes, in
// whole tiles.
func (t Type) PartRows(cols int, limit int64) (int, error) {
	rows := int(limit/t.DeviceBytes(TileRows, cols)) * TileRows
	if rows == 0 {
		return 0, fmt.Errorf("shaders: %d rows of %d values exceed the device's range of %d bytes", TileRows, cols, limit)
	}
	return rows, nil
}

// Regions returns where count tiles from the given one of the part lie in its buffer, in
// the first region and in the second (size 0 for types without).
func (p *Part) Regions(t Type, cols, tile, count int) (first, second vk.Range) {
	a, b := t.tileBytes(cols)
	at := p.Data.Offset + int64(ceilDiv(p.Rows, TileRows))*a
	return p.Data.Buffer.Range(p.Data.Offset+int64(tile)*a, int64(count)*a),
		p.Data.Buffer.Range(at+int64(tile)*b, int64(count)*b)
}

// matrixPush is what kernels are told of a part (weights.glsl, Matrix).
type matrixPush struct {
	Rows, Cols, RowQuads, RowWords, Second uint32
}

func (m *Matrix) push(p *Part) matrixPush {
	first, _ := m.Type.tileBytes(m.Cols)
	return matrixPush{
		uint32(p.Rows), uint32(m.Cols), uint32(m.Type.rowQuads(m.Cols)), uint32(m.Type.rowWords(m.Cols)),
		uint32(int64(ceilDiv(p.Rows, TileRows)) * first / 4),
	}
}

// pairRows is the distance in a tile of two rows whose results a kernel puts together.
const pairRows = TileRows / 2

// RoPERow is the row of a q or k tensor that stands at row d of its matrix on the device:
// in each tile, rows pairRows apart are a pair that RoPE rotates, dimensions i and
// i + headDim/2 of a head. headDim is a multiple of TileRows.
func RoPERow(d, headDim int) int {
	head, in := d/headDim, d%headDim
	return head*headDim + in/TileRows*pairRows + in%pairRows + in%TileRows/pairRows*headDim/2
}

// GateUpRow is the row of ffn_gate, or of ffn_up, that stands at row d of their common
// matrix: in each tile, rows pairRows apart are of the same value.
func GateUpRow(d int) (row int, up bool) {
	return d/TileRows*pairRows + d%pairRows, d%TileRows >= pairRows
}

// tiles is the number of tiles of so many rows.
func tiles(rows int) int { return ceilDiv(rows, TileRows) }
