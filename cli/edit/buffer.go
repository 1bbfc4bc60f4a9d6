package edit

import (
	"strings"
	"unicode"
	"unicode/utf8"

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
	b.cursor = b.anchor(off)
	for b.cursor < off {
		b.cursor = b.after(b.cursor)
	}
}

// anchor is a boundary of clusters at off or a little before it: the beginning, the end, or a place between two runes
// that are none in any text, as the first is no mark and joins nothing.
func (b *buffer) anchor(off int) int {
	for off > 0 && off < len(b.text) {
		r, before := utf8.DecodeLastRuneInString(b.text[:off])
		_, behind := utf8.DecodeRuneInString(b.text[off:])
		cluster, _ := cells.Next(b.text[off-before : off+behind])
		if len(cluster) == before && !unicode.In(r, unicode.M, unicode.Cf) {
			break
		}
		off -= before
	}
	return off
}

// before is where the cluster in front of off begins; 0 at the text's beginning.
func (b *buffer) before(off int) int {
	_, last := utf8.DecodeLastRuneInString(b.text[:off])
	start := b.anchor(off - last)
	for end := b.after(start); end < off; end = b.after(end) {
		start = end
	}
	return start
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
