package shaders

import (
	"fmt"

	"sealvk/vk"
	"sealvk/weights/format"
)

// Type is the block format of a weight matrix. On the device a row's blocks lie as
// [format.Layout] says, and both of its regions in tiles.
type Type = format.Type

// rowSize is the number of blocks of a row of cols values, of its quads in the first region
// and of its words in the second. Whole tiles of even numbers of blocks take no byte more
// than the file.
func rowSize(t Type, cols int) (blocks, quads, words int) {
	l := t.Layout()
	blocks = ceilDiv(cols, l.Values)
	words = blocks * len(l.Words)
	switch {
	case t.IsMLX():
		words = blocks
	case l.Half >= 0:
		words += ceilDiv(blocks, 2)
	}
	return blocks, blocks * l.Quads, words
}

// tileBytes is the size of a tile in the two regions.
func tileBytes(t Type, cols int) (first, second int64) {
	_, quads, words := rowSize(t, cols)
	return 16 * TileRows * int64(quads), 4 * TileRows * int64(words)
}

// DeviceBytes is the size of rows × cols values on the device: whole tiles.
func DeviceBytes(t Type, rows, cols int) int64 {
	first, second := tileBytes(t, cols)
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
func PartRows(t Type, cols int, limit int64) (int, error) {
	rows := int(limit/DeviceBytes(t, TileRows, cols)) * TileRows
	if rows == 0 {
		return 0, fmt.Errorf("shaders: %d rows of %d values exceed the device's range of %d bytes", TileRows, cols, limit)
	}
	return rows, nil
}

// Regions returns where count tiles from the given one of the part lie in its buffer, in
// the first region and in the second (size 0 for types without).
func (p *Part) Regions(t Type, cols, tile, count int) (first, second vk.Range) {
	a, b := tileBytes(t, cols)
	return p.Data.Part(int64(tile)*a, int64(count)*a), p.Data.Part(int64(tiles(p.Rows))*a+int64(tile)*b, int64(count)*b)
}

// push is what kernels are told of a part (weights.glsl, Matrix).
func (m *Matrix) push(p *Part) matrixPush {
	_, quads, words := rowSize(m.Type, m.Cols)
	first, _ := tileBytes(m.Type, m.Cols)
	return matrixPush{
		uint32(p.Rows), uint32(m.Cols), uint32(quads), uint32(words),
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
