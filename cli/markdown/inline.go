package markdown

import (
	"strings"
	"unicode/utf8"

	"github.com/yuin/goldmark/util"
)

// specials are the characters that a parser looks at.
const specials = "\\`*_~[!<&$"

// inline draws the text of one paragraph, heading or cell while it comes. Text without anything special is
// drawn at once; from the first character on that may open something, text is held in the tail until that is
// closed, until it can't be closed any more, or until the tail is too long.
type inline struct {
	put    func(r rune, s style)
	style  style
	before rune   // what stands in front of the tail; 0: nothing
	tail   []byte // held; its first character is special
	runes  int    // of the tail
	tries  int    // how often the tail was parsed and nothing of it settled
	due    bool   // the tail may be more than text now
	closer string // of the formula that is open: its text is drawn as it is
	parsed int    // bytes that a parser looked at
}

// begin begins a text in which s holds.
func (in *inline) begin(s style) {
	in.style, in.before, in.closer = s, 0, ""
}

func (in *inline) push(r rune) {
	switch {
	case in.closer != "":
		in.put(r, in.style)
		if in.before == rune(in.closer[0]) && r == rune(in.closer[1]) {
			in.closer = ""
		}
		in.before = r
	case len(in.tail) == 0 && (r >= utf8.RuneSelf || strings.IndexByte(specials, byte(r)) < 0):
		in.put(r, in.style)
		in.before = r
	default:
		last, _ := utf8.DecodeLastRune(in.tail)
		in.tail = utf8.AppendRune(in.tail, r)
		in.runes++
		in.due = in.due || in.runes > 1 && in.decides(last, r)
		if in.due && !strings.ContainsRune("*_~`$", r) { // the length of that run tells too
			in.settle()
		}
		if len(in.tail) > 0 && (in.runes > maxTail(in.tail[0]) || in.tries > maxTries) {
			in.giveUp()
		}
	}
}

// end ends the text: what is open now stays so.
func (in *inline) end() {
	if len(in.tail) > 0 {
		in.parse("").draw(nil, 0, in)
	}
	in.tail, in.runes, in.tries, in.due, in.closer = in.tail[:0], 0, 0, false, ""
}

// maxTries is how often a tail is parsed at most: at each end of a span in one that stays open.
const maxTries = 20

// maxTail is how many characters are held at most of what c opens.
func maxTail(c byte) int {
	switch c {
	case '&':
		return 32 // the longest name of a reference
	case '<', '$':
		return 100
	}
	return 300
}

// decides tells whether the tail may be more than text now that r follows last.
func (in *inline) decides(last, r rune) bool {
	switch c := rune(in.tail[0]); c {
	case '*', '_', '~', '`':
		return last == c && r != c
	case '[', '!':
		return in.runes == 2 || last == ']' || last == ')'
	case '<':
		return in.runes == 2 || last == '>' || r == '\n'
	case '$':
		return in.runes == 2 || last == '$' || r == '\n'
	case '&':
		return !isReference(r)
	}
	return true
}

func isReference(r rune) bool { return r < utf8.RuneSelf && util.IsAlphaNumeric(byte(r)) || r == '#' }

// behind stands behind a tail that is not the end of its text.
const behind = "x"

// settle draws what of the tail no character to come can change.
func (in *inline) settle() {
	in.due = false
	in.tries++
	p := in.parse(behind)
	node, stop := p.settled()
	in.drop(p.draw(node, stop, in))
	if in.closer = display(in.tail); in.closer != "" {
		formula := string(in.tail)
		in.drop(len(in.tail))
		in.before = 0 // an opener that looks like a closer is none
		for k, r := range formula {
			if k < len(in.closer) {
				in.put(r, in.style)
			} else {
				in.push(r)
			}
		}
	}
}

// giveUp draws the tail as if nothing in it were closed any more.
func (in *inline) giveUp() {
	in.due = false
	in.parse(behind).draw(nil, 0, in)
	in.drop(len(in.tail))
}

// drop takes n bytes, which were drawn, from the tail.
func (in *inline) drop(n int) {
	if n > 0 {
		in.tries = 0
		in.before, _ = utf8.DecodeLastRune(in.tail[:n])
	}
	in.tail = append(in.tail[:0], in.tail[n:]...)
	in.runes = utf8.RuneCount(in.tail)
}
