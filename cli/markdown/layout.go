package markdown

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"

	"sealvk/cli/cells"
)

const (
	// A word that may be a sentence is looked through for places where a line may be broken from so many characters
	// on, whenever so many more are there.
	longWord, everyRunes = 16, 4
	// lookahead is how many cells behind such a place have to be there: dictionaries look ahead.
	lookahead = 12
	// maxWord bounds in bytes a word that takes no cells.
	maxWord = 1024
)

// layout puts styled text into lines.
type layout struct {
	out    bytes.Buffer // what is drawn and not written yet
	width  func() int   // of a line, in cells
	prefix func(width int) styled

	open    bool  // a line is begun: its prefix stands there
	columns int   // that the open line has
	column  int   // cells taken in the open line
	filled  bool  // something stands behind the prefix
	style   style // of what was drawn last
	word    styled
	runes   int // of the word
	gap     int // blanks in front of the word
	gapped  style
	blank   *styled // the prefix of a blank line that is drawn when another line follows
	drawn   bool    // a line was drawn
}

// put takes the next character of a text that is broken at words.
func (l *layout) put(r rune, s style) {
	switch r {
	case '\n':
		l.endWord()
		l.endLine()
	case ' ', '\t':
		l.endWord()
		l.gap, l.gapped = l.gap+1, s
	default:
		l.word.add(r, s)
		l.runes++
		if l.runes >= longWord && l.runes%everyRunes == 0 && (r >= utf8.RuneSelf || l.runes > l.columns) {
			l.shortenWord()
		}
	}
}

// begin opens a line if none is open.
func (l *layout) begin() {
	if !l.open {
		l.columns = max(8, l.width())
		l.beginBehind(l.prefix(l.columns))
	}
}

func (l *layout) beginBehind(prefix styled) {
	if l.blank != nil && l.drawn {
		l.draw(*l.blank)
		l.newline()
	}
	l.open, l.drawn, l.filled, l.gap, l.blank = true, true, false, 0, nil
	l.column = prefix.width()
	l.draw(prefix)
}

// room is how many cells the open line has left behind the gap.
func (l *layout) room() int { return l.columns - l.column - l.gap }

// endWord draws the word where it goes.
func (l *layout) endWord() {
	for len(l.word.text) > 0 {
		l.begin()
		n := len(l.word.text)
		if l.word.width() > l.room() {
			n = l.lineful()
		}
		l.drawWord(n)
		if len(l.word.text) > 0 {
			l.endLine()
		}
	}
	l.runes = 0
}

// lineful is how much of a word that is too wide for its line still goes there. An address goes into a line of its
// own where it can, so that it can be followed.
func (l *layout) lineful() int {
	if l.filled && bytes.Contains(l.word.text, []byte("://")) {
		return 0
	}
	n := l.word.breakable(l.room())
	if n == 0 && !l.filled {
		n = cells.Break(string(l.word.text), max(1, l.room()))
	}
	return n
}

// shortenWord draws of a long word what no longer depends on its end.
func (l *layout) shortenWord() {
	l.begin()
	for len(l.word.text) > 0 {
		width, room := l.word.width(), l.room()
		n, full := l.word.breakable(min(room, width-lookahead)), false
		if n == 0 && width > room+lookahead {
			n, full = l.lineful(), true
		}
		if n == 0 && len(l.word.text) > maxWord {
			n = len(l.word.text)
		}
		if n == 0 && !full {
			return
		}
		l.drawWord(n)
		if full {
			l.endLine()
			l.begin()
		}
	}
}

// drawWord draws the gap and n bytes of the word.
func (l *layout) drawWord(n int) {
	if n == 0 {
		return
	}
	head, rest := l.word.cut(n)
	for range l.gap {
		l.drawByte(' ', l.gapped)
	}
	l.column += l.gap + head.width()
	l.gap, l.filled = 0, true
	l.draw(head)
	l.word = styled{slices.Clone(rest.text), slices.Clone(rest.styles)}
	l.runes = utf8.RuneCount(l.word.text)
}

// endLine ends the open line, or nothing where none is open.
func (l *layout) endLine() {
	if l.open {
		l.newline()
	}
	l.open, l.gap = false, 0
}

// end ends a text and its last line.
func (l *layout) end() {
	l.endWord()
	l.endLine()
}

// line draws a line that is not broken.
func (l *layout) line(text styled) {
	l.begin()
	l.draw(text)
	l.endLine()
}

// putCode draws a character of code, which has no prefix and is not broken, so that it can be copied.
func (l *layout) putCode(r rune) {
	if !l.open {
		l.beginBehind(styled{})
	}
	if r == '\n' {
		l.endLine()
		return
	}
	l.setStyle(code)
	l.out.WriteRune(r)
}

// skip leaves a blank line behind prefix, if there are lines on both of its sides.
func (l *layout) skip(prefix styled) {
	prefix = prefix.trimRight()
	l.blank = &prefix
}

// rule draws a dim line with a title in it behind prefix, no wider than eyes need.
func (l *layout) rule(prefix styled, title string) {
	width := min(40, max(8, l.width())-prefix.width())
	if title != "" {
		title = "── " + title + " "
	}
	if cells.Width(title) > width { // a line of its own
		for _, r := range title {
			l.put(r, dim)
		}
		l.end()
		title = ""
	}
	prefix.addString(title, dim)
	prefix.addString(strings.Repeat("─", max(0, width-cells.Width(title))), dim)
	l.beginBehind(prefix)
	l.endLine()
}

func (l *layout) draw(t styled) {
	for k, b := range t.text {
		l.drawByte(b, t.styles[k])
	}
}

func (l *layout) drawByte(b byte, s style) {
	l.setStyle(s)
	l.out.WriteByte(b)
}

func (l *layout) setStyle(s style) {
	if s != l.style {
		l.out.WriteString(s.sgr())
		l.style = s
	}
}

// newline ends a line, with no attribute left on.
func (l *layout) newline() {
	l.setStyle(0)
	l.out.WriteByte('\n')
}
