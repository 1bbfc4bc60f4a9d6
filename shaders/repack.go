package shaders

import "encoding/binary"

// Source is a row as the file has it: its values, and of MLX types its scales and biases.
type Source struct{ Data, Scales, Biases []byte }

// Tile is the rows of a tile, in the order of the device. Rows past the matrix's end have
// no Data and become zeros.
type Tile [TileRows]Source

// RepackFirst writes a tile's rows of cols values to dst, its place in the first region.
func RepackFirst(t Type, dst []byte, tile *Tile, cols int) {
	l := t.Layout()
	blocks, quads, _ := rowSize(t, cols)
	row := make([]byte, 16*quads)
	for r := range tile {
		data := tile[r].Data
		switch {
		case len(data) == len(row) && t.IsMLX() && l.Bytes*2 == l.Values:
			splitNibbles(row, data)
			data = row
		case l.Quads*16 != l.Bytes && data != nil:
			for b := range blocks {
				copy(row[16*l.Quads*b:][:16*l.Quads], data[l.Bytes*b+l.QuadsAt:])
			}
			data = row
		case len(data) < len(row): // ragged, or there is none
			clear(row[copy(row, data):])
			data = row
		}
		interleave(dst, data, r)
	}
}

// RepackSecond writes a tile's rows to dst, its place in the second region.
func RepackSecond(t Type, dst []byte, tile *Tile, cols int) {
	blocks, _, _ := rowSize(t, cols)
	for r := range tile {
		if tile[r].Data != nil {
			repackSecond(t, dst, &tile[r], r, blocks)
			continue
		}
		for at := 4 * r; at < len(dst); at += 4 * TileRows {
			clear(dst[at : at+4])
		}
	}
}

// repackSecond writes row r of the second region.
func repackSecond(t Type, dst []byte, s *Source, r, blocks int) {
	l, n := t.Layout(), 0
	put := func(word uint32) {
		binary.LittleEndian.PutUint32(dst[4*(n*TileRows+r):], word)
		n++
	}
	u16 := binary.LittleEndian.Uint16
	if t.IsMLX() {
		for b := range blocks {
			put(uint32(u16(s.Scales[2*b:])) | uint32(u16(s.Biases[2*b:]))<<16)
		}
		return
	}
	for b := range blocks {
		for _, at := range l.Words {
			put(binary.LittleEndian.Uint32(s.Data[l.Bytes*b+at:]))
		}
	}
	if l.Half < 0 {
		return
	}
	for b := 0; b < blocks; b += 2 {
		word := uint32(u16(s.Data[l.Bytes*b+l.Half:]))
		if b+1 < blocks {
			word |= uint32(u16(s.Data[l.Bytes*(b+1)+l.Half:])) << 16
		}
		put(word)
	}
}

// interleave copies a row's quads to row r of a tile.
func interleave(dst, row []byte, r int) {
	for from, to := 0, 16*r; from < len(row); from, to = from+16, to+16*TileRows {
		*(*[16]byte)(dst[to:]) = [16]byte(row[from:])
	}
}

// splitNibbles puts each 32 values of 4 bits, 8 to a word in the order of the columns, in
// the order of Q4_0: byte i has column i and column 16+i.
func splitNibbles(dst, src []byte) {
	for at := 0; at < len(src); at += 16 {
		lo, hi := src[at:at+8], src[at+8:at+16]
		for half := range 2 {
			a, b := spread(binary.LittleEndian.Uint32(lo[4*half:])), spread(binary.LittleEndian.Uint32(hi[4*half:]))
			binary.LittleEndian.PutUint64(dst[at+8*half:], a|b<<4)
		}
	}
}

// spread makes a byte of each nibble.
func spread(word uint32) uint64 {
	v := uint64(word)
	v = (v | v<<16) & 0x0000ffff0000ffff
	v = (v | v<<8) & 0x00ff00ff00ff00ff
	return (v | v<<4) & 0x0f0f0f0f0f0f0f0f
}
