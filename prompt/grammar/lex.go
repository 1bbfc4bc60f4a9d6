package grammar

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// peek returns the next byte, 0 at the end.
func (p *parser) peek() byte {
	if p.at == len(p.text) {
		return 0
	}
	return p.text[p.at]
}

// accept takes token if it is next.
func (p *parser) accept(token string) bool {
	if !strings.HasPrefix(p.text[p.at:], token) {
		return false
	}
	p.at += len(token)
	return true
}

// character quotes the next character for an error.
func (p *parser) character() string {
	r, _ := utf8.DecodeRuneInString(p.text[p.at:])
	return fmt.Sprintf("%q", string(r))
}

// blanks takes blanks and comments, and ends of lines where newlines says so.
func (p *parser) blanks(newlines bool) {
	for p.at < len(p.text) {
		switch c := p.text[p.at]; {
		case c == ' ', c == '\t', newlines && (c == '\r' || c == '\n'):
			p.at++
		case c == '#':
			n := strings.IndexAny(p.text[p.at:], "\r\n")
			if n < 0 {
				n = len(p.text) - p.at
			}
			p.at += n
		default:
			return
		}
	}
}

// name reads a rule's name; "" if there is none.
func (p *parser) name() string {
	at := p.at
	for p.at < len(p.text) {
		c := p.text[p.at]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_') {
			break
		}
		p.at++
	}
	return p.text[at:p.at]
}

// literal reads "…".
func (p *parser) literal() *expr {
	e := &expr{kind: literal, at: p.at}
	for p.at++; !p.accept(`"`); {
		if p.at == len(p.text) {
			fail(e.at, `this " has no second one`)
		}
		c := p.char()
		e.sets = append(e.sets, p.setOf(newChars([]span{{c, c}})))
		if len(e.sets) > maxNodes {
			fail(e.at, "the grammar is larger than %d parts", maxNodes)
		}
	}
	return e
}

// set reads […].
func (p *parser) set() int32 {
	at := p.at
	p.at++
	negated := p.accept("^")
	var spans []span
	for !p.accept("]") {
		first := p.at
		if p.at == len(p.text) {
			fail(at, "this [ has no ]")
		}
		s := span{}
		s.lo = p.char()
		s.hi = s.lo
		if rest := p.text[p.at:]; len(rest) > 1 && rest[0] == '-' && rest[1] != ']' {
			p.at++
			if s.hi = p.char(); s.hi < s.lo {
				fail(first, "the range %s is from a later to an earlier character", p.text[first:p.at])
			}
		}
		spans = append(spans, s)
	}
	c := newChars(spans)
	if negated {
		c = c.not()
	}
	if len(spans) == 0 || len(c) == 0 {
		fail(at, "no character is in this set")
	}
	return p.setOf(c)
}

// setOf returns the number of a set of characters.
func (p *parser) setOf(c chars) int32 {
	key := c.key()
	id, ok := p.keys[key]
	if !ok {
		id = int32(len(p.sets))
		p.keys[key] = id
		p.sets = append(p.sets, c)
	}
	return id
}

// char reads a character of a literal or set.
func (p *parser) char() rune {
	at := p.at
	r, n := utf8.DecodeRuneInString(p.text[p.at:])
	p.at += n
	if r != '\\' {
		return r
	}
	c := p.peek()
	p.at++
	switch c {
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case '\\', '"', '[', ']', '-', '^':
		return rune(c)
	case 'x':
		return p.hex(at, 2)
	case 'u':
		return p.hex(at, 4)
	case 'U':
		return p.hex(at, 8)
	}
	fail(at, `unknown escape: there are \n \r \t \\ \" \[ \] \- \^ \xHH \uHHHH \UHHHHHHHH`)
	return 0
}

// hex reads the digits of an escape that begins at at.
func (p *parser) hex(at, digits int) rune {
	var v uint64
	for i := range digits {
		c := byte(0)
		if p.at+i < len(p.text) {
			c = p.text[p.at+i]
		}
		d := strings.IndexByte("0123456789abcdefABCDEF", c)
		if d < 0 {
			fail(at, "the escape needs %d hexadecimal digits", digits)
		}
		if d >= 16 { // A to F
			d -= 6
		}
		v = v<<4 | uint64(d)
	}
	p.at += digits
	if v > utf8.MaxRune || surrogateMin <= v && v <= surrogateMax {
		fail(at, "%s is no character", p.text[at:p.at])
	}
	return rune(v)
}
