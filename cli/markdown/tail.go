package markdown

import (
	"bytes"
	"unicode/utf8"

	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// parsed is a tail with what a parser made of it.
type parsed struct {
	source   []byte // a character that stands for what is in front, the tail, and what is behind
	from, to int    // the tail in source
	root     ast.Node
}

func (in *inline) parse(behind string) *parsed {
	p := &parsed{}
	switch { // a parser looks at one character in front
	case in.before == 0 || util.IsSpaceRune(in.before):
	case util.IsPunctRune(in.before):
		p.source = append(p.source, '.')
	default:
		p.source = utf8.AppendRune(p.source, in.before)
	}
	p.from = len(p.source)
	p.source = append(p.source, in.tail...)
	p.to = len(p.source)
	p.source = append(p.source, behind...)
	in.parsed += len(p.source)
	p.root = paragraphs.Parse(text.NewReader(p.source)).FirstChild()
	return p
}

// draw draws the nodes in front of stop, and of stop, which is text, what is in front of at; all if stop is nil.
// It returns how many bytes of the tail that is.
func (p *parsed) draw(stop ast.Node, at int, in *inline) int {
	d := drawing{p.source[:p.to], in.put}
	if p.root == nil { // blanks only
		return p.to - p.from
	}
	for n := p.root.FirstChild(); n != nil; n = n.NextSibling() {
		t, isText := n.(*ast.Text)
		end := p.to
		if n == stop {
			end = min(at, end)
		}
		switch {
		case isText:
			d.text(t, max(p.from, t.Segment.Start), max(p.from, min(end, t.Segment.Stop)), in.style)
		case n != stop:
			d.node(n, in.style)
		}
		if n == stop {
			return at - p.from
		}
	}
	return p.to - p.from
}

// settled is the place up to which no character that may come can change what is drawn: a node and, if that
// is a text, an offset in source; nil if all is settled.
func (p *parsed) settled() (ast.Node, int) {
	if p.root == nil {
		return nil, 0
	}
	var spans ast.Node // the first of the nodes directly in front that are no text
	for n := p.root.FirstChild(); n != nil; n = n.NextSibling() {
		t, isText := n.(*ast.Text)
		if !isText {
			if spans == nil {
				spans = n
			}
			if f, ok := n.(*formula); ok && f.open || p.mayChange(n) {
				return spans, spans.Pos()
			}
			continue
		}
		at := p.open(max(p.from, t.Segment.Start), min(p.to, t.Segment.Stop), specials)
		switch {
		case at < 0:
			spans = nil
		case spans != nil && at == t.Segment.Start && at+runLength(p.source[at:]) > t.Segment.Stop:
			// What is left of a run that closed a span: where in the run that is isn't told.
			return spans, spans.Pos()
		default:
			return t, at
		}
	}
	return nil, 0
}

// mayChange tells whether something in a span binds stronger and is not closed yet.
func (p *parsed) mayChange(span ast.Node) bool {
	change := false
	_ = ast.Walk(span, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if t, ok := n.(*ast.Text); ok && !t.IsRaw() && p.open(t.Segment.Start, t.Segment.Stop, "`[<\\$") >= 0 {
			change = true
		}
		return ast.WalkContinue, nil
	})
	return change
}

// open is the offset of the first of the characters in a text of source that may be more than text once more of the
// tail is there; -1 if there is none.
func (p *parsed) open(from, to int, characters string) int {
	for k := from; k < to; k++ {
		c := p.source[k]
		rest := p.source[k:p.to]
		n := 1
		if c == '*' || c == '_' || c == '~' || c == '`' {
			n = runLength(rest)
		}
		switch {
		case bytes.IndexByte([]byte(characters), c) < 0:
		case n == len(rest):
			return k
		case c == '\\' && display(rest) != "", c == '`':
			return k
		case c == '\\':
			n = 2
		case c == '*' || c == '_' || c == '~':
			before, _ := utf8.DecodeLastRune(p.source[:k])
			after, _ := utf8.DecodeRune(rest[n:])
			if k == 0 {
				before = ' '
			}
			if opens, _ := flanks(c, n, before, after); opens {
				return k
			}
		case c == '[' && opensLink(rest[1:]),
			c == '!' && rest[1] == '[' && opensLink(rest[2:]),
			c == '<' && opensTag(rest),
			c == '&' && bytes.IndexFunc(rest, func(r rune) bool { return r != '&' && !isReference(r) }) < 0,
			c == '$' && (display(rest) != "" || opensDollars(rest) && bytes.IndexByte(rest, '\n') < 0):
			return k
		}
		k += n - 1
	}
	return -1
}

// opensLink tells whether rest, behind a bracket, can go on to be a link.
func opensLink(rest []byte) bool {
	if bytes.ContainsAny(rest, "`<$") { // a bracket in what those open is none
		return true
	}
	const opening, closing = "[(", "])"
	depth, kind := 1, 0
	for k := 0; k < len(rest); k++ {
		switch c := rest[k]; {
		case c == '\\':
			k++
		case c == opening[kind]:
			depth++
		case c == closing[kind]:
			depth--
		}
		if depth > 0 {
			continue
		}
		switch {
		case k+1 >= len(rest):
			return kind == 0 // a parenthesis may follow
		case kind == 1 || rest[k+1] != '(':
			return false
		}
		kind = 1
	}
	return true
}

// opensTag tells whether rest, which begins with <, can go on to be a tag or an address.
func opensTag(rest []byte) bool {
	c := rest[1]
	return (c == '/' || c == '!' || c == '?' || util.IsAlphaNumeric(c)) && !bytes.ContainsAny(rest, ">\n")
}
