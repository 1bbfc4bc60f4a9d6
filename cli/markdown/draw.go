package markdown

import (
	"strconv"
	"strings"
)

// push takes the next character of the answer.
func (w *Writer) push(r rune) {
	b := &w.blocks
	if b.begun {
		b.begun = r != '\n'
		w.pushLeaf(r)
		return
	}
	ended := r == '\n'
	if !ended {
		b.line = append(b.line, string(r)...)
	}
	long := len(b.line) > maxStart
	if b.whole {
		long = len(b.line) > maxLine
	}
	if b.whole && !ended && !long {
		return
	}
	b.formula = w.inline.closer != ""
	line := string(b.line)
	s, v := b.start(line, ended)
	b.whole = v == needsLine
	switch {
	case v != told && !long, v == needsLine && len(b.line) <= maxLine:
		return
	case v != told && b.leaf == fenced:
		s = start{matched: len(b.open), leaf: fenced, continues: true, rest: line}
	case v != told: // nothing that people write
		s = start{leaf: paragraph, rest: line}
	}
	b.line, b.whole, b.begun = b.line[:0], false, !ended
	w.begin(s, ended)
}

// begin draws the start of a line, all of it if it ended.
func (w *Writer) begin(s start, ended bool) {
	b := &w.blocks
	header := b.header
	if s.leaf == tabular && !s.continues {
		b.header = ""
	}
	w.drawHeader()
	if !s.continues {
		w.closeLeaf()
		w.contain(s)
		b.leaf = s.leaf
		w.open(s, header)
	}
	switch {
	case s.leaf == tabular && s.continues:
		w.table.add(s.rest)
	case s.header:
		b.header = s.rest
	case s.leaf == paragraph, s.leaf == heading, s.leaf == indented, s.leaf == fenced && s.continues:
		for _, r := range s.rest {
			w.pushLeaf(r)
		}
		if ended {
			w.pushLeaf('\n')
		}
	}
}

// open draws what is in front of the text of a leaf. header is the line in front of its own.
func (w *Writer) open(s start, header string) {
	switch {
	case s.blank && len(s.opened) == 0:
		w.layout.skip(w.prefix(w.layout.width()))
	case s.blank:
		w.drawMarkers()
	case s.leaf == paragraph:
		w.inline.begin(0)
	case s.leaf == heading:
		w.inline.begin(bold)
		if s.level == 1 {
			w.inline.begin(bold | underline)
		}
	case s.leaf == rule:
		w.layout.rule(w.prefix(w.layout.width()), "")
	case s.leaf == tabular:
		w.drawMarkers()
		w.table = newTable(&w.layout, header, s.rest)
	case s.leaf == fenced:
		w.blocks.fence = s.fence
		w.drawMarkers()
		w.layout.rule(styled{}, s.fence.info)
	case s.leaf == indented:
		w.drawMarkers()
	}
}

// contain opens and closes the containers that a line's start does.
func (w *Writer) contain(s start) {
	b := &w.blocks
	for k := range s.opened {
		c := &s.opened[k]
		if c.quote || c.marker != "" {
			continue
		}
		if k == 0 && s.matched < len(b.open) && !b.open[s.matched].quote && b.open[s.matched].kind == c.kind {
			c.number = b.open[s.matched].number + 1 // lists count on from their first number
		}
		c.marker = strconv.Itoa(c.number) + string(c.kind) + " "
	}
	b.open = append(b.open[:s.matched], s.opened...)
	for k := range b.open[:s.matched] {
		b.open[k].empty = false
	}
}

// drawMarkers draws a line of the markers that nothing stands behind.
func (w *Writer) drawMarkers() {
	for k := range w.blocks.open {
		if !w.blocks.open[k].quote && !w.blocks.open[k].drawn {
			w.layout.beginBehind(w.prefix(w.layout.width()).trimRight())
			w.layout.endLine()
			return
		}
	}
}

// drawHeader draws the line that was held for the header of a table and is none.
func (w *Writer) drawHeader() {
	header := w.blocks.header
	if header == "" {
		return
	}
	w.blocks.header = ""
	for _, r := range header + "\n" {
		w.inline.push(r)
	}
}

// pushLeaf hands a character to the leaf that is open.
func (w *Writer) pushLeaf(r rune) {
	switch w.blocks.leaf {
	case paragraph:
		w.inline.push(r)
	case heading:
		w.pushHeading(r)
	case fenced, indented:
		w.layout.putCode(r)
	}
}

// pushHeading holds what may be the marks that close a heading until more of it follows.
func (w *Writer) pushHeading(r rune) {
	b := &w.blocks
	switch r {
	case ' ', '\t', '#':
		if len(b.held) < maxStart {
			b.held = append(b.held, byte(r))
			return
		}
	case '\n':
		text := strings.TrimRight(string(b.held), " \t")
		if inner := strings.TrimRight(text, "#"); inner == "" && w.inline.before == 0 && len(w.inline.tail) == 0 || strings.TrimRight(inner, " \t") != inner {
			text = inner
		}
		b.held = append(b.held[:0], text...)
	}
	for _, c := range b.held {
		w.inline.push(rune(c))
	}
	b.held = b.held[:0]
	if r != '\n' {
		w.inline.push(r)
	}
}

// closeLeaf ends the leaf that is open.
func (w *Writer) closeLeaf() {
	switch w.blocks.leaf {
	case paragraph, heading:
		w.inline.end()
		w.layout.end()
	case fenced:
		w.layout.endLine()
		w.layout.rule(styled{}, "")
	case indented:
		w.layout.endLine()
	case tabular:
		w.table.end()
	}
	w.blocks.leaf = noLeaf
}
