package markdown

import (
	"bytes"
	"unicode/utf8"

	"sealvk/cli/cells"
)

// style is a set of a terminal's attributes.
type style uint8

const (
	bold style = 1 << iota
	dim
	italic
	underline
	strike
	code // in a colour of its own
)

var attributes = []struct {
	style style
	sgr   string
}{{bold, ";1"}, {dim, ";2"}, {italic, ";3"}, {underline, ";4"}, {strike, ";9"}, {code, ";36"}}

// sgr is the sequence that sets these attributes and no other.
func (s style) sgr() string {
	sequence := "\x1b["
	if s != 0 {
		sequence += "0"
	}
	for _, a := range attributes {
		if s&a.style != 0 {
			sequence += a.sgr
		}
	}
	return sequence + "m"
}

// styled is text with the style of each of its bytes.
type styled struct {
	text   []byte
	styles []style
}

func (t *styled) add(r rune, s style) {
	was := len(t.text)
	t.text = utf8.AppendRune(t.text, r)
	for range len(t.text) - was {
		t.styles = append(t.styles, s)
	}
}

func (t *styled) addString(text string, s style) {
	for _, r := range text {
		t.add(r, s)
	}
}

func (t *styled) append(other styled) {
	t.text = append(t.text, other.text...)
	t.styles = append(t.styles, other.styles...)
}

func (t styled) cut(n int) (head, rest styled) {
	return styled{t.text[:n], t.styles[:n]}, styled{t.text[n:], t.styles[n:]}
}

// trimRight is t without the blanks at its end.
func (t styled) trimRight() styled {
	t, _ = t.cut(len(bytes.TrimRight(t.text, " ")))
	return t
}

func (t styled) width() int { return cells.Width(string(t.text)) }

// breakable is how much of t goes into width cells if it may be cut only where a line may be broken.
func (t styled) breakable(width int) int {
	n, sum := 0, 0
	for piece := range cells.Pieces(string(t.text)) {
		if sum += cells.Width(piece); sum > width {
			break
		}
		n += len(piece)
	}
	return n
}
