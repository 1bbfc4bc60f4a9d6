package jinja

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

type kind int

const (
	kindEnd   kind = iota // of the source
	kindText              // outside of tags
	kindOpen              // {{ or {%
	kindClose             // }} or %}
	kindName
	kindString
	kindInt
	kindFloat
	kindOp
)

type token struct {
	kind kind
	text string // as it is; of a string its decoded value
	line int
}

// syntaxError is an error at a line of the source, counted from 1.
type syntaxError struct {
	line int
	text string
}

func (e *syntaxError) Error() string { return fmt.Sprintf("line %d: %s", e.line, e.text) }

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
	numbers   = regexp.MustCompile(`^(0[bB](_?[01])+|0[oO](_?[0-7])+|0[xX](_?[0-9a-fA-F])+|\d+(_\d+)*(\.\d+(_\d+)*)?([eE][+-]?\d+(_\d+)*)?)`)
	operators = []string{"//", "**", "==", "!=", ">=", "<=", "+", "-", "*", "/", "%", "~", "(", ")", "[", "]", "{", "}", ">", "<", "=", ".", ":", "|", ",", ";"}
)

func lex(source string) ([]token, error) {
	source = newlines.Replace(source)
	// One line break at the end is not part of a template.
	l := &lexer{source: strings.TrimSuffix(source, "\n"), line: 1, lineStart: true}
	for l.at < len(l.source) {
		if err := l.next(); err != nil {
			return nil, err
		}
	}
	l.emit(kindEnd, "")
	return l.tokens, nil
}

func (l *lexer) emit(k kind, text string) { l.tokens = append(l.tokens, token{k, text, l.line}) }

func (l *lexer) fail(format string, args ...any) error {
	return &syntaxError{l.line, fmt.Sprintf(format, args...)}
}

// skip moves n bytes on.
func (l *lexer) skip(n int) {
	l.line += strings.Count(l.source[l.at:l.at+n], "\n")
	l.at += n
}

// next reads the text up to the next tag, and that tag.
func (l *lexer) next() error {
	rest := l.source[l.at:]
	n := tagAt(rest)
	if n < 0 {
		l.emit(kindText, rest)
		l.skip(len(rest))
		return nil
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
			return l.raw()
		}
	}
	l.skip(2)
	if sign != 0 {
		l.skip(1)
	}
	if begin == '#' {
		return l.comment()
	}
	return l.tag(begin)
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

func (l *lexer) comment() error {
	n := strings.Index(l.source[l.at:], "#}")
	if n < 0 {
		return l.fail("a comment has no end")
	}
	sign := byte(0)
	if n > 0 && strings.IndexByte("-+", l.source[l.at+n-1]) >= 0 {
		sign = l.source[l.at+n-1]
	}
	l.skip(n)
	l.closing(sign, 2, false)
	return nil
}

func (l *lexer) raw() error {
	l.lineStart = false
	m := rawEnd.FindStringSubmatchIndex(l.source[l.at:])
	if m == nil {
		return l.fail("raw has no endraw")
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
	return nil
}

// tag reads the inside of a tag and its end.
func (l *lexer) tag(begin byte) error {
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
				return nil
			case strings.HasPrefix(rest, end):
				l.emit(kindClose, end)
				l.closing(0, 2, begin == '{')
				return nil
			}
		}
		var err error
		if open, err = l.inside(open); err != nil {
			return err
		}
	}
	return l.fail("a tag has no end %s", end)
}

// inside reads one token of a tag; open are the brackets that are open.
func (l *lexer) inside(open []byte) ([]byte, error) {
	rest := l.source[l.at:]
	if n := len(rest) - len(strings.TrimLeftFunc(rest, isSpace)); n > 0 {
		l.skip(n)
		return open, nil
	}
	if rest[0] == '\'' || rest[0] == '"' {
		return open, l.str(rest)
	}
	if number := numbers.FindString(rest); number != "" {
		k := kindInt
		if strings.ContainsAny(number, ".eE") && !strings.HasPrefix(number, "0x") && !strings.HasPrefix(number, "0X") {
			k = kindFloat
		}
		l.emit(k, strings.ReplaceAll(number, "_", ""))
		l.skip(len(number))
		return open, nil
	}
	if n := nameLength(rest); n > 0 {
		l.emit(kindName, rest[:n])
		l.skip(n)
		return open, nil
	}
	for _, op := range operators {
		if !strings.HasPrefix(rest, op) {
			continue
		}
		if i := strings.Index("([{", op); i >= 0 {
			open = append(open, ")]}"[i])
		} else if strings.Contains(")]}", op) {
			if len(open) == 0 || open[len(open)-1] != op[0] {
				return nil, l.fail("unexpected %q", op)
			}
			open = open[:len(open)-1]
		}
		l.emit(kindOp, op)
		l.skip(len(op))
		return open, nil
	}
	return nil, l.fail("unexpected character %.1q", []rune(rest[:min(len(rest), 4)])[0])
}

// str reads a string literal.
func (l *lexer) str(rest string) error {
	for i := 1; i < len(rest); i++ {
		switch rest[i] {
		case '\\':
			i++
		case rest[0]:
			text, err := decodeString(rest[1:i])
			if err != nil {
				return l.fail("%v", err)
			}
			l.emit(kindString, text)
			l.skip(i + 1)
			return nil
		}
	}
	return l.fail("a string has no end")
}

func nameLength(s string) int {
	for i, r := range s {
		if r != '_' && !unicode.IsLetter(r) && (i == 0 || !unicode.IsDigit(r)) {
			return i
		}
	}
	return len(s)
}
