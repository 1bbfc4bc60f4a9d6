package edit

import (
	"strings"
	"unicode"

	"sealvk/cli/cells"
)

// buffer is a text and the cursor in it. The text is valid UTF-8 without control characters but \n and \t; all offsets
// are bytes.
type buffer struct {
	text   string
	cursor int // between two clusters
	typed  int // so many bytes at the beginning, or more, were typed
}

// clean makes text of what a terminal, a file or an editor gave: line breaks are \n, other control characters go.
func clean(s string) string {
	s = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(strings.ToValidUTF8(s, string(unicode.ReplacementChar)))
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, s)
}

// insert puts s, which is clean, in front of the cursor.
func (b *buffer) insert(s string, typed bool) {
	switch {
	case typed && b.cursor <= b.typed:
		b.typed += len(s)
	case !typed:
		b.typed = min(b.typed, b.cursor)
	}
	b.text = b.text[:b.cursor] + s + b.text[b.cursor:]
	b.moveTo(b.cursor + len(s))
}

// remove takes text[from:to] away; the cursor goes there.
func (b *buffer) remove(from, to int) {
	b.typed -= min(to, b.typed) - min(from, b.typed)
	b.text = b.text[:from] + b.text[to:]
	b.moveTo(from)
}

// moveTo puts the cursor to off, or behind the cluster that off is within: text that was inserted or that closed up
// may have become one cluster with its neighbour.
func (b *buffer) moveTo(off int) {
	start := b.anchor(off)
	for start < off {
		cluster, _ := cells.Next(b.text[start:])
		start += len(cluster)
	}
	b.cursor = start
}

// anchor is a boundary of clusters at off or before it, found without looking at clusters: a place between two bytes
// of ASCII, or a line's beginning.
func (b *buffer) anchor(off int) int {
	ascii := func(i int) bool { return i >= len(b.text) || b.text[i] < 0x80 }
	for off > 0 && b.text[off-1] != '\n' && !(ascii(off-1) && ascii(off)) {
		off--
	}
	return off
}

// before is where the cluster in front of off begins; 0 at the text's beginning.
func (b *buffer) before(off int) int {
	if off == 0 {
		return 0
	}
	start := b.anchor(off - 1)
	for {
		cluster, _ := cells.Next(b.text[start:])
		if start+len(cluster) >= off {
			return start
		}
		start += len(cluster)
	}
}

// after is where the cluster at off ends.
func (b *buffer) after(off int) int {
	cluster, _ := cells.Next(b.text[off:])
	return off + len(cluster)
}

// lineStart and lineEnd are those of the line that off is in.
func (b *buffer) lineStart(off int) int { return strings.LastIndexByte(b.text[:off], '\n') + 1 }

func (b *buffer) lineEnd(off int) int {
	if n := strings.IndexByte(b.text[off:], '\n'); n >= 0 {
		return off + n
	}
	return len(b.text)
}
