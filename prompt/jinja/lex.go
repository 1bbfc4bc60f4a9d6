package jinja

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

type kind int

const (
	kindEnd   kind = iota // of the source
	kindText              // outside of tags
	kindOpen              // {{ or {%
	kindClose             // }} or %}
	kindName
	kindString
	kindNumber
	kindOp
)

type token struct {
	kind kind
	text string // as it is; of a string its decoded value
	line int
}

// lexer cuts a source into tokens. What Jinja's environment says about blanks
// around tags (trim_blocks, lstrip_blocks, "-" and "+" in tags) is settled
// here.
type lexer struct {
	source    string
	at        int
	line      int
	tokens    []token
	lineStart bool // the last tag took its line break along
}

var (
	newlines  = strings.NewReplacer("\r\n", "\n", "\r", "\n")
	rawBegin  = regexp.MustCompile(`^\{%[-+]?\s*raw\s*(-%\}\s*|%\})`)
	rawEnd    = regexp.MustCompile(`\{%([-+]?)\s*endraw\s*(\+%\}|-%\}\s*|%\}\n?)`)
	numbers   = regexp.MustCompile(`^\d+(\.\d+)?([eE][+-]?\d+)?`)
	operators = []string{"//", "**", "==", "!=", ">=", "<=", "+", "-", "*", "/", "%", "~", "(", ")", "[", "]", "{", "}", ">", "<", "=", ".", ":", "|", ",", ";"}
)

func lex(source string) []token {
	source = newlines.Replace(source)
	// One line break at the end is not part of a template.
	l := &lexer{source: strings.TrimSuffix(source, "\n"), line: 1, lineStart: true}
	for l.at < len(l.source) {
		l.next()
	}
	l.emit(kindEnd, "")
	return l.tokens
}

func (l *lexer) emit(k kind, text string) { l.tokens = append(l.tokens, token{k, text, l.line}) }

func (l *lexer) errorf(format string, args ...any) *failure {
	return &failure{l.line, fmt.Sprintf(format, args...)}
}

// skip moves n bytes on.
func (l *lexer) skip(n int) {
	l.line += strings.Count(l.source[l.at:l.at+n], "\n")
	l.at += n
}

// next reads the text up to the next tag, and that tag.
func (l *lexer) next() {
	rest := l.source[l.at:]
	n := tagAt(rest)
	if n < 0 {
		l.emit(kindText, rest)
		l.skip(len(rest))
		return
	}
	begin, sign := rest[n+1], byte(0)
	if n+2 < len(rest) && (rest[n+2] == '-' || rest[n+2] == '+') {
		sign = rest[n+2]
	}
	text := l.strip(rest[:n], sign, begin == '{')
	if text != "" {
		l.emit(kindText, text)
	}
	l.skip(n)
	if begin == '%' {
		if m := rawBegin.FindString(rest[n:]); m != "" {
			l.skip(len(m))
			l.raw()
			return
		}
	}
	l.skip(2)
	if sign != 0 {
		l.skip(1)
	}
	if begin == '#' {
		l.comment()
	} else {
		l.tag(begin)
	}
}

// tagAt finds {{, {% or {#.
func tagAt(s string) int {
	for i := 0; ; i++ {
		n := strings.IndexByte(s[i:], '{')
		if n < 0 || i+n+1 >= len(s) {
			return -1
		}
		i += n
		if c := s[i+1]; c == '{' || c == '%' || c == '#' {
			return i
		}
	}
}

// strip takes off what a tag with this sign removes in front of it.
func (l *lexer) strip(text string, sign byte, output bool) string {
	switch {
	case sign == '-':
		return strings.TrimRightFunc(text, isSpace)
	case sign == '+' || output:
		return text
	}
	i := strings.LastIndexByte(text, '\n') + 1
	if (i > 0 || l.lineStart) && strings.TrimLeftFunc(text[i:], isSpace) == "" {
		return text[:i]
	}
	return text
}

// isSpace is Python's str.isspace.
func isSpace(r rune) bool { return unicode.IsSpace(r) || 0x1c <= r && r <= 0x1f }

// closing skips the end of a tag (without its sign) and what it removes.
func (l *lexer) closing(sign byte, size int, output bool) {
	from := l.at
	l.skip(size)
	switch {
	case sign == '-':
		rest := l.source[l.at:]
		l.skip(len(rest) - len(strings.TrimLeftFunc(rest, isSpace)))
	case sign == 0 && !output && strings.HasPrefix(l.source[l.at:], "\n"):
		l.skip(1)
	}
	l.lineStart = l.source[l.at-1] == '\n' && l.at > from
}

func (l *lexer) comment() {
	n := strings.Index(l.source[l.at:], "#}")
	if n < 0 {
		panic(l.errorf("a comment has no end"))
	}
	sign := byte(0)
	if n > 0 && strings.IndexByte("-+", l.source[l.at+n-1]) >= 0 {
		sign = l.source[l.at+n-1]
	}
	l.skip(n)
	l.closing(sign, 2, false)
}

func (l *lexer) raw() {
	l.lineStart = false
	m := rawEnd.FindStringSubmatchIndex(l.source[l.at:])
	if m == nil {
		panic(l.errorf("raw has no endraw"))
	}
	rest := l.source[l.at:]
	sign := byte(0)
	if m[3] > m[2] {
		sign = rest[m[2]]
	}
	if text := l.strip(rest[:m[0]], sign, false); text != "" {
		l.emit(kindText, text)
	}
	l.skip(m[1])
	l.lineStart = l.source[l.at-1] == '\n'
}

// tag reads the inside of a tag and its end.
func (l *lexer) tag(begin byte) {
	l.emit(kindOpen, "{"+string(begin))
	end := "%}"
	if begin == '{' {
		end = "}}"
	}
	var open []byte
	for l.at < len(l.source) {
		rest := l.source[l.at:]
		if len(open) == 0 {
			signed := rest[0] == '-' || rest[0] == '+' && begin == '%'
			switch {
			case signed && strings.HasPrefix(rest[1:], end):
				l.emit(kindClose, end)
				l.closing(rest[0], 3, begin == '{')
				return
			case strings.HasPrefix(rest, end):
				l.emit(kindClose, end)
				l.closing(0, 2, begin == '{')
				return
			}
		}
		open = l.inside(open)
	}
	panic(l.errorf("a tag has no end %s", end))
}

// inside reads one token of a tag; open are the brackets that are open.
func (l *lexer) inside(open []byte) []byte {
	rest := l.source[l.at:]
	if n := len(rest) - len(strings.TrimLeftFunc(rest, isSpace)); n > 0 {
		l.skip(n)
		return open
	}
	if rest[0] == '\'' || rest[0] == '"' {
		l.str(rest)
		return open
	}
	if '0' <= rest[0] && rest[0] <= '9' {
		number := numbers.FindString(rest)
		l.emit(kindNumber, number)
		l.skip(len(number))
		return open
	}
	if n := nameLength(rest); n > maxName {
		panic(l.errorf("the name %.40q has more than %d bytes", rest[:n], maxName))
	} else if n > 0 {
		l.emit(kindName, rest[:n])
		l.skip(n)
		return open
	}
	for _, op := range operators {
		if !strings.HasPrefix(rest, op) {
			continue
		}
		if i := strings.Index("([{", op); i >= 0 {
			open = append(open, ")]}"[i])
		} else if strings.Contains(")]}", op) {
			if len(open) == 0 || open[len(open)-1] != op[0] {
				panic(l.errorf("unexpected %q", op))
			}
			open = open[:len(open)-1]
		}
		l.emit(kindOp, op)
		l.skip(len(op))
		return open
	}
	panic(l.errorf("unexpected character %.1q", []rune(rest[:min(len(rest), 4)])[0]))
}

// str reads a string literal.
func (l *lexer) str(rest string) {
	for i := 1; i < len(rest); i++ {
		switch rest[i] {
		case '\\':
			i++
		case rest[0]:
			l.emit(kindString, l.unescape(rest[1:i]))
			l.skip(i + 1)
			return
		}
	}
	panic(l.errorf("a string has no end"))
}

// unescape turns the inside of a string literal into its text.
func (l *lexer) unescape(s string) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(s, `\`)
		b.WriteString(before)
		if !found {
			return b.String()
		}
		c, size := utf8.DecodeRuneInString(after)
		switch c {
		case '\n': // the literal goes on
		case '\'', '"':
			b.WriteRune(c)
		case 'n', 't', 'r', 'b', 'f', 'a', 'v', '\\', 'x', 'u', 'U':
			r, _, rest, err := strconv.UnquoteChar(`\`+after, 0)
			if err != nil {
				panic(l.errorf(`bad escape \%.10s`, after))
			}
			b.WriteRune(r)
			s = rest
			continue
		default: // none of Python's
			b.WriteString(`\` + after[:size])
		}
		s = after[size:]
	}
}

func nameLength(s string) int {
	for i, r := range s {
		if r != '_' && !unicode.IsLetter(r) && (i == 0 || !unicode.IsDigit(r)) {
			return i
		}
	}
	return len(s)
}
