package shaders

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"

	"sealvk/weights"
	"sealvk/weights/format"
)

// onDevice is a part of so many rows as the device has it, whose row d is row(d).
func onDevice(typ Type, cols, rows int, row func(d int) Source) []byte {
	n := tiles(rows)
	firstBytes, secondBytes := tileBytes(typ, cols)
	dst := make([]byte, DeviceBytes(typ, rows, cols))
	for i := range n {
		var tile Tile
		for r := range tile {
			if d := i*TileRows + r; d < rows {
				tile[r] = row(d)
			}
		}
		RepackFirst(typ, dst[int64(i)*firstBytes:][:firstBytes], &tile, cols)
		RepackSecond(typ, dst[int64(n)*firstBytes+int64(i)*secondBytes:][:secondBytes], &tile, cols)
	}
	return dst
}

// sourceOf is a row of a file's tensor.
func sourceOf(file *weights.Tensor, row int) Source {
	var s Source
	s.Data, s.Scales, s.Biases = file.RowData(row, 1)
	return s
}

// Whole tiles of even numbers of blocks take the bytes of the file.
func TestRepackTakesNoMoreBytes(t *testing.T) {
	for _, typ := range format.Types() {
		values := typ.Layout().Values
		for _, blocks := range []int{2, 6} {
			tensor, _ := randomWeights(t, random(t), typ, 64, blocks*values)
			if file, device := tensor.Bytes(), DeviceBytes(typ, 64, blocks*values); device != file {
				t.Errorf("%s, %d blocks: %d bytes on the device, %d in the file", name(typ), blocks, device, file)
			}
		}
	}
	if got, want := DeviceBytes(format.Q6_K, 33, 256), int64(64*(208+4)); got != want {
		t.Errorf("33 rows of one block of Q6_K: %d bytes, want %d: two tiles, and a word for one scale", got, want)
	}
}

// Where the kernels look for a block's bytes: of quads those of the file from an offset
// on, words one by one, and the f16 scales, as the formats' documentation in
// blocks32.glsl, kquants.glsl and mlx.glsl says.
var layouts = map[Type]struct{ block, quads, quadsAt, words, half int }{
	format.F32: {128, 8, 0, 0, -1}, format.F16: {64, 4, 0, 0, -1}, format.BF16: {64, 4, 0, 0, -1},
	format.Q4_0: {18, 1, 2, 0, 0}, format.Q4_1: {20, 1, 4, 1, -1}, format.Q5_0: {22, 1, 6, 1, 0}, format.Q5_1: {24, 1, 8, 2, -1}, format.Q8_0: {34, 2, 2, 0, 0},
	format.Q2_K: {84, 5, 0, 1, -1}, format.Q3_K: {110, 6, 0, 3, 108}, format.Q4_K: {144, 9, 0, 0, -1}, format.Q5_K: {176, 11, 0, 0, -1}, format.Q6_K: {210, 13, 0, 0, 208},
}

// wordsAt is the offsets of a block's words in the order of the device.
var wordsAt = map[Type][]int{format.Q4_1: {0}, format.Q5_0: {2}, format.Q5_1: {4, 0}, format.Q2_K: {80}, format.Q3_K: {96, 100, 104}}

// A row found on the device by the rules of weights.glsl is that of the file, bit by bit,
// in every type, and rows past the end are zeros.
func TestRepack(t *testing.T) {
	for _, typ := range format.Types() {
		if _, ok := layouts[typ]; !ok && !typ.IsMLX() {
			t.Errorf("%s: where do the kernels look for its bytes?", name(typ))
			continue
		}
		for _, cols := range colsFor(typ) {
			const rows = 37
			file, _ := randomWeights(t, random(t), typ, rows, cols)
			device := onDevice(typ, cols, rows, func(d int) Source { return sourceOf(file, d) })
			m := Matrix{Type: typ, Rows: rows, Cols: cols}
			push := m.push(&Part{Rows: rows})
			quad := func(row, k int) []byte {
				return device[16*(((row/32)*int(push.RowQuads)+k)*32+row%32):][:16]
			}
			word := func(row, k int) []byte {
				return device[4*(int(push.Second)+((row/32)*int(push.RowWords)+k)*32+row%32):][:4]
			}
			for row := range 2 * TileRows {
				var got, want []byte
				if row < rows {
					want = sourceOf(file, row).Data
					got = fileRow(typ, cols, func(k int) []byte { return quad(row, k) }, func(k int) []byte { return word(row, k) })
				} else {
					for k := range int(push.RowQuads) {
						got = append(got, quad(row, k)...)
					}
					for k := range int(push.RowWords) {
						got = append(got, word(row, k)...)
					}
					want = make([]byte, len(got))
				}
				if typ.IsMLX() && row < rows {
					groups := cols / typ.BlockValues()
					for g := range groups {
						want = slices.Concat(want, file.Scales[2*(row*groups+g):][:2], file.Biases[2*(row*groups+g):][:2])
					}
				}
				if padding := len(got) - len(want); padding > 0 { // of a ragged last step
					want = append(slices.Clone(want), make([]byte, padding)...)
				}
				if !bytes.Equal(got, want) {
					t.Fatalf("%s, %d columns: row %d differs", name(typ), cols, row)
				}
			}
		}
	}
}

// fileRow puts a row of the device together as the file has it, MLX's scales and biases behind it.
func fileRow(typ Type, cols int, quad, word func(k int) []byte) (row []byte) {
	if typ.IsMLX() {
		group, bits := int(typ&255), int(typ>>8&255)
		for k := range cols * bits / 128 {
			row = append(row, unsplit(quad(k), bits)...)
		}
		for g := range cols / group {
			row = append(row, word(g)...)
		}
		return row
	}
	l := layouts[typ]
	n := ceilDiv(cols/typ.BlockValues()*typ.BlockBytes(), l.block)
	for b := range n {
		block := make([]byte, l.block)
		for k := range l.quads {
			copy(block[l.quadsAt+16*k:], quad(b*l.quads+k))
		}
		for i, at := range wordsAt[typ] {
			copy(block[at:], word(b*l.words+i))
		}
		if l.half >= 0 {
			copy(block[l.half:], word(n*l.words + b/2)[2*(b%2):][:2])
		}
		row = append(row, block...)
	}
	return row
}

// unsplit is 16 bytes as MLX has them: of 4 bits, 8 columns a word in their order, where
// the device has 16 columns in the low nibbles and 16 in the high ones.
func unsplit(quad []byte, bits int) []byte {
	if bits == 8 {
		return quad
	}
	out := make([]byte, 16)
	for c := range 32 {
		nibble := quad[c%16] >> (4 * (c / 16)) & 15
		word := binary.LittleEndian.Uint32(out[c/8*4:])
		binary.LittleEndian.PutUint32(out[c/8*4:], word|uint32(nibble)<<(c%8*4))
	}
	return out
}

// Orders of rows on the device: each a permutation of the model's, pairs 16 apart.
func TestRowOrders(t *testing.T) {
	for _, dim := range []int{32, 64, 96, 256} {
		seen := map[int]bool{}
		for d := range 3 * dim {
			row := RoPERow(d, dim)
			if seen[row] || row/dim != d/dim {
				t.Errorf("heads of %d: row %d is at %d", dim, row, d)
			}
			seen[row] = true
			if in := d % TileRows; in < pairRows && RoPERow(d+pairRows, dim) != row+dim/2 {
				t.Errorf("heads of %d: %d and %d are no pair", dim, d, d+pairRows)
			}
		}
	}
	for d := range 200 {
		row, up := GateUpRow(d)
		if want := d/32*16 + d%16; row != want || up != (d%32 >= 16) {
			t.Errorf("row %d: %d, %v", d, row, up)
		}
	}
}

// BenchmarkRepack reports the rate at which the file's bytes take the device's form,
// on one core.
func BenchmarkRepack(b *testing.B) {
	const rows, cols = 1024, 4096
	for _, typ := range format.Types() {
		b.Run(name(typ), func(b *testing.B) {
			file, _ := randomWeights(b, rand.New(rand.NewPCG(1, 1)), typ, rows, cols)
			first, second := tileBytes(typ, cols)
			dst := [2][]byte{make([]byte, first), make([]byte, second)}
			var list [rows / TileRows]Tile
			for d := range rows {
				list[d/TileRows][d%TileRows] = sourceOf(file, d)
			}
			b.SetBytes(file.Bytes())
			b.ReportAllocs()
			for b.Loop() {
				for i := range list {
					RepackFirst(typ, dst[0], &list[i], cols)
					RepackSecond(typ, dst[1], &list[i], cols)
				}
			}
		})
	}
}
