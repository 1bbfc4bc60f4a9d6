package format

// Layout is how a block of a row is kept in the file and on the device: there in two
// regions. The first has runs of four words (quads), which files' blocks of 18, 20, 22, 24,
// 34, 84, 110 and 210 bytes are not: what is left goes to the second, single words first,
// and behind a row's words its f16 scales, two to a word. MLX's scales and biases, each a
// tensor of its own in the file, are woven into that region, one word a group.
type Layout struct {
	Values  int   // of a block
	Bytes   int   // of a block in the file, without MLX's scale and bias
	Quads   int   // of a block in the first region
	QuadsAt int   // byte offset of those in the file's block
	Words   []int // byte offsets of what goes to the second region as words, in the order there
	Half    int   // byte offset of the f16 scale that goes there; -1: there is none
}

// Layout gives the layout of the type's blocks. Blocks of single values are runs of 32 of
// them, of which the last of a row may be ragged: it is padded with zeros.
func (t Type) Layout() Layout {
	row := table[t]
	l := Layout{row.values, row.bytes, row.bytes / 16, row.quadsAt, row.words, -1}
	if row.values == 1 {
		l.Values, l.Bytes, l.Quads = 32, 32*row.bytes, 2*row.bytes
	}
	if row.bytes%4 != 0 && row.values > 1 {
		l.Half = row.scales[0]
	}
	return l
}
