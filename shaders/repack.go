package shaders

import "encoding/binary"

// Source is a row as the file has it: its values, and of MLX types its scales and biases.
type Source struct{ Data, Scales, Biases []byte }

// Tile is the rows of a tile, in the order of the device. Rows past the matrix's end have
// no Data and become zeros.
type Tile [TileRows]Source

// RepackFirst writes a tile's rows of cols values to dst, its place in the first region, from the
// front to the back: memory that is not cached takes whole lines only at its full rate.
func RepackFirst(t Type, dst []byte, tile *Tile, cols int) {
	l := t.Layout()
	blocks, _, _ := rowSize(t, cols)
	var rows [TileRows][]byte
	filled(&rows, blocks*l.Bytes, func(r int) []byte { return tile[r].Data })
	nibbles := t.IsMLX() && l.Bytes*2 == l.Values
	for b := range blocks {
		for q := range l.Quads {
			column := (*[16 * TileRows]byte)(dst)
			dst = dst[len(column):]
			at := l.Bytes*b + l.QuadsAt + 16*q
			if nibbles {
				for r := range rows {
					splitNibbles((*[16]byte)(column[16*r:]), (*[16]byte)(rows[r][at:]))
				}
				continue
			}
			for r := range rows {
				*(*[16]byte)(column[16*r:]) = [16]byte(rows[r][at:])
			}
		}
	}
}

// filled gives the rows of a tile as so many bytes each, with zeros for what is not there.
func filled(rows *[TileRows][]byte, bytes int, row func(r int) []byte) {
	var zeros []byte
	for r := range rows {
		rows[r] = row(r)
		switch n := len(rows[r]); {
		case n >= bytes:
		case n > 0: // ragged
			rows[r] = append(rows[r][:n:n], make([]byte, bytes-n)...)
		default:
			if zeros == nil {
				zeros = make([]byte, bytes)
			}
			rows[r] = zeros
		}
	}
}

// RepackSecond writes a tile's rows to dst, its place in the second region, in the same way.
func RepackSecond(t Type, dst []byte, tile *Tile, cols int) {
	l := t.Layout()
	blocks, _, words := rowSize(t, cols)
	if words == 0 {
		return
	}
	u16, u32, put := binary.LittleEndian.Uint16, binary.LittleEndian.Uint32, binary.LittleEndian.PutUint32
	var rows, biases [TileRows][]byte
	next := func() *[4 * TileRows]byte {
		column := (*[4 * TileRows]byte)(dst)
		dst = dst[len(column):]
		return column
	}
	pair := func(low, high uint16) uint32 { return uint32(low) | uint32(high)<<16 }
	if t.IsMLX() {
		filled(&rows, 2*blocks, func(r int) []byte { return tile[r].Scales })
		filled(&biases, 2*blocks, func(r int) []byte { return tile[r].Biases })
		for b := range blocks {
			column := next()
			for r := range rows {
				put(column[4*r:], pair(u16(rows[r][2*b:]), u16(biases[r][2*b:])))
			}
		}
		return
	}
	filled(&rows, blocks*l.Bytes, func(r int) []byte { return tile[r].Data })
	for b := range blocks {
		for _, at := range l.Words {
			column := next()
			for r := range rows {
				put(column[4*r:], u32(rows[r][l.Bytes*b+at:]))
			}
		}
	}
	if l.Half < 0 {
		return
	}
	for b := 0; b < blocks; b += 2 {
		column, at := next(), l.Bytes*b+l.Half
		if b+1 == blocks {
			for r := range rows {
				put(column[4*r:], pair(u16(rows[r][at:]), 0))
			}
			break
		}
		for r := range rows {
			put(column[4*r:], pair(u16(rows[r][at:]), u16(rows[r][at+l.Bytes:])))
		}
	}
}

// splitNibbles puts 32 values of 4 bits, 8 to a word in the order of the columns, in
// the order of Q4_0: byte i has column i and column 16+i.
func splitNibbles(dst, src *[16]byte) {
	word := func(at int) uint64 { return spread(binary.LittleEndian.Uint32(src[at:])) }
	binary.LittleEndian.PutUint64(dst[:], word(0)|word(8)<<4)
	binary.LittleEndian.PutUint64(dst[8:], word(4)|word(12)<<4)
}

// spread makes a byte of each nibble.
func spread(word uint32) uint64 {
	v := uint64(word)
	v = (v | v<<16) & 0x0000ffff0000ffff
	v = (v | v<<8) & 0x00ff00ff00ff00ff
	return (v | v<<4) & 0x0f0f0f0f0f0f0f0f
}
