package jinja

import (
	"strings"
	"unicode/utf8"
)

// Text is a string of which Input marks the bytes that came from a variable:
// ranges in ascending order that neither touch nor overlap. All other bytes
// are the template's own.
type Text struct {
	S     string
	Input []Span
}

// Span is the bytes from Start up to End.
type Span struct{ Start, End int }

// Input is text that comes from outside as a whole.
func Input(s string) Text {
	if s == "" {
		return Text{}
	}
	return Text{s, []Span{{0, len(s)}}}
}

// own is text of the template.
func own(s string) Text { return Text{S: s} }

// like is s, an input as a whole if anything of its source was: for results of
// which nobody knows where a byte came from.
func like(s string, source Text) Text {
	if len(source.Input) > 0 {
		return Input(s)
	}
	return own(s)
}

// cut returns the bytes from start up to end.
func (t Text) cut(start, end int) Text {
	c := Text{S: t.S[start:end]}
	for _, p := range t.Input {
		if p.Start < end && start < p.End {
			c.Input = append(c.Input, Span{max(p.Start, start) - start, min(p.End, end) - start})
		}
	}
	return c
}

// trim cuts off what strings.TrimXxxFunc would.
func (t Text) trim(drop func(rune) bool, left, right bool) Text {
	start, end := 0, len(t.S)
	if left {
		start = end - len(strings.TrimLeftFunc(t.S, drop))
	}
	if right {
		end = start + len(strings.TrimRightFunc(t.S[start:], drop))
	}
	return t.cut(start, end)
}

// builder joins texts.
type builder struct {
	s     strings.Builder
	input []Span
}

func (b *builder) add(t Text) {
	at := b.s.Len()
	b.s.WriteString(t.S)
	for _, p := range t.Input {
		p.Start, p.End = p.Start+at, p.End+at
		if n := len(b.input); n > 0 && b.input[n-1].End == p.Start {
			b.input[n-1].End = p.End
		} else {
			b.input = append(b.input, p)
		}
	}
}

func (b *builder) text() Text { return Text{b.s.String(), b.input} }

// offset is the byte at which character n begins; len(s) past the end.
func offset(s string, n int) int {
	for i := range s {
		if n == 0 {
			return i
		}
		n--
	}
	return len(s)
}

// characters is the length that Python gives.
func characters(s string) int { return utf8.RuneCountInString(s) }
