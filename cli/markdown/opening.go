package markdown

import (
	"strconv"
	"strings"
)

// inFence tells what a line is in a block of code: code, or its end.
func (b *blocks) inFence(s start, c cursor, ended bool) (start, verdict) {
	columns, next := c.indent()
	text := c.line[next:]
	run := len(text) - len(strings.TrimLeft(text, string(b.fence.c)))
	if columns < tab && strings.Trim(text[run:], " \t") == "" {
		if !ended {
			return s, needsMore
		}
		if run >= b.fence.length {
			return s, told
		}
	}
	c.skip(min(columns, b.fence.indent))
	s.leaf, s.continues, s.rest = fenced, true, c.rest()
	return s, told
}

// opening tells what a line begins behind the containers that go on.
func (b *blocks) opening(s start, c cursor, ended bool) (start, verdict) {
	goesOn := s.matched == len(b.open)
	for {
		columns, next := c.indent()
		text := c.line[next:]
		inText := b.leaf == paragraph && len(s.opened) == 0
		switch {
		case text == "" && !ended:
			return s, needsMore
		case text == "":
			s.blank = true
			return s, told
		case inText && (columns >= tab || goesOn && b.formula):
			s.leaf, s.continues, s.rest = paragraph, true, text
			return s, told
		case columns >= tab:
			c.skip(tab)
			s.leaf, s.continues, s.rest = indented, b.leaf == indented && goesOn && len(s.opened) == 0, c.rest()
			return s, told
		}
		if b.header != "" && goesOn && len(s.opened) == 0 && strings.Trim(text, "|-: \t") == "" {
			if !ended {
				return s, needsLine
			}
			if alignments(text) != nil && len(alignments(text)) == len(splitRow(b.header)) {
				s.leaf, s.rest = tabular, text
				return s, told
			}
		}
		depth := s.matched + len(s.opened)
		if text[0] == '>' && depth < maxDepth {
			if len(text) == 1 && !ended {
				return s, needsMore
			}
			c.pass(1)
			c.skip(1)
			s.opened = append(s.opened, container{quote: true})
			continue
		}
		if found, v := b.leafOf(&s, text, inText && goesOn, ended); v != told || found {
			return s, v
		}
		item, v := itemOf(text, inText && goesOn, ended)
		if v != told {
			return s, v
		}
		if item != nil && depth < maxDepth {
			c.pass(item.indent)
			inside, next := c.indent()
			if next == len(c.line) && !ended {
				return s, needsMore
			}
			passed := inside
			if item.empty = next == len(c.line); item.empty || passed > tab {
				passed = 1
			}
			c.skip(passed)
			item.indent += columns + passed
			s.opened = append(s.opened, *item)
			continue
		}
		return b.text(s, text, goesOn, ended)
	}
}

// leafOf tells whether text begins a heading, a rule or a fence; inText that it stands in a paragraph.
func (b *blocks) leafOf(s *start, text string, inText, ended bool) (found bool, v verdict) {
	c := text[0]
	run := len(text) - len(strings.TrimLeft(text, text[:1]))
	behind := strings.TrimLeft(text[run:], " \t")
	switch {
	case c == '#' && run <= 6:
		if behind == "" && !ended {
			return false, needsMore
		}
		if run == len(text) || len(behind) < len(text)-run {
			s.leaf, s.level, s.rest = heading, run, behind
			return true, told
		}
	case c == '`' || c == '~':
		if run == len(text) && !ended {
			return false, needsMore
		}
		if run < 3 {
			return false, told
		}
		if !ended {
			return false, needsLine
		}
		if info := strings.Join(strings.Fields(text[run:]), " "); c == '~' || !strings.Contains(info, "`") {
			s.leaf, s.fence = fenced, fence{c: c, length: run, info: info}
			return true, told
		}
	case c == '-' || c == '*' || c == '_' || c == '=' && inText:
		only := strings.Trim(text, string(c)+" \t") == ""
		if only && !ended {
			return false, needsMore
		}
		underlines := inText && (c == '-' || c == '=') && behind == ""
		if only && (underlines || c != '=' && strings.Count(text, string(c)) >= 3) {
			s.leaf = rule
			return true, told
		}
	}
	return false, told
}

// itemOf is the item of a list that text begins, with the length of its marker as indent; inText tells that it stands in a paragraph.
func itemOf(text string, inText, ended bool) (*container, verdict) {
	digits := len(text) - len(strings.TrimLeft(text, "0123456789"))
	if digits > 9 || digits == 0 && !strings.ContainsRune("-+*", rune(text[0])) {
		return nil, told
	}
	if digits == len(text) && !ended {
		return nil, needsMore
	}
	if digits > 0 && (digits == len(text) || text[digits] != '.' && text[digits] != ')') {
		return nil, told
	}
	item := &container{indent: digits + 1, kind: text[digits], marker: "• "}
	behind := text[digits+1:]
	if behind == "" && !ended {
		return nil, needsMore
	}
	if behind != "" && behind[0] != ' ' && behind[0] != '\t' {
		return nil, told
	}
	empty := strings.Trim(behind, " \t") == ""
	if empty && !ended {
		return nil, needsMore
	}
	if digits > 0 {
		item.number, _ = strconv.Atoi(text[:digits])
		item.marker = ""
	}
	if inText && (empty || digits > 0 && item.number != 1) {
		return nil, told
	}
	return item, told
}

// text tells what a line of text goes to.
func (b *blocks) text(s start, text string, goesOn, ended bool) (start, verdict) {
	s.leaf, s.rest = paragraph, text
	alone := len(s.opened) == 0
	if n := len(s.opened); n > 0 && !s.opened[n-1].quote && text[0] == '[' {
		box := text[:min(len(text), 4)]
		if len(box) < 4 && !ended {
			return s, needsMore
		}
		if box == "[ ] " || box == "[x] " || box == "[X] " {
			s.opened[n-1].marker, s.rest = box, text[4:]
		}
	}
	inTable := b.leaf == tabular && goesOn && alone
	if text[0] == '|' || inTable {
		if !ended {
			return s, needsLine
		}
		if inTable && strings.Contains(text, "|") {
			s.leaf, s.continues = tabular, true
			return s, told
		}
		s.header = text[0] == '|'
	}
	s.continues = b.leaf == paragraph && alone // also where a container doesn't go on
	return s, told
}
