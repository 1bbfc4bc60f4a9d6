package schema

import (
	"fmt"
	"slices"
	"strings"
)

// op says what an expr is.
type op uint8

const (
	literal op = iota // text itself
	class             // text is GBNF's [class], or one of the rules that all grammars share
	rule              // text is a rule's name
	sequence
	choice // of its parts; of none: no text at all, where the schema is false
	repeat // of its one part, least to most times
)

// expr is a part of a grammar. It is not changed once made: parts are shared.
type expr struct {
	op
	text        string
	parts       []*expr
	least, most int // most < 0: any number
}

var (
	never = &expr{op: choice}
	empty = &expr{op: sequence}
	space = shared("ws")
)

func text(s string) *expr        { return &expr{op: literal, text: s} }
func classOf(s string) *expr     { return &expr{op: class, text: s} }
func shared(name string) *expr   { return &expr{op: class, text: name} }
func refTo(name string) *expr    { return &expr{op: rule, text: name} }
func seq(parts ...*expr) *expr   { return &expr{op: sequence, parts: parts} }
func oneOf(parts ...*expr) *expr { return &expr{op: choice, parts: parts} }
func optional(e *expr) *expr     { return times(e, 0, 1) }

// times is e least to most times; most < 0: any number of times from least.
func times(e *expr, least, most int) *expr {
	switch {
	case most >= 0 && most < least:
		return never
	case most == 0:
		return empty
	case least == 1 && most == 1:
		return e
	}
	return &expr{op: repeat, parts: []*expr{e}, least: least, most: most}
}

// grammar is the rules as they are made; root is the first.
type grammar struct {
	names []string
	rules map[string]*expr
}

func (g *grammar) add(name string, e *expr) {
	g.names = append(g.names, name)
	g.rules[name] = e
}

// possible finds the rules that have a text of finite length.
func (g *grammar) possible() map[string]bool {
	found := map[string]bool{}
	for more := true; more; {
		more = false
		for _, name := range slices.Backward(g.names) { // what a rule uses stands behind it
			if !found[name] && finite(g.rules[name], found) {
				found[name], more = true, true
			}
		}
	}
	return found
}

func finite(e *expr, rules map[string]bool) bool {
	switch e.op {
	case rule:
		return rules[e.text]
	case sequence:
		return !slices.ContainsFunc(e.parts, func(p *expr) bool { return !finite(p, rules) })
	case choice:
		return slices.ContainsFunc(e.parts, func(p *expr) bool { return finite(p, rules) })
	case repeat:
		return e.least == 0 || finite(e.parts[0], rules)
	}
	return true
}

// print is the grammar as GBNF, without the rules and choices that have no text of finite length,
// and those that nothing uses; "" if root is one. It ends early once it has more than most bytes.
func (g *grammar) print(most int) string {
	p := printer{possible: g.possible(), used: map[string]bool{"root": true}}
	if !p.possible["root"] {
		return ""
	}
	for queue := []string{"root"}; len(queue) > 0 && p.Len() <= most; queue = queue[1:] {
		if e := g.rules[queue[0]]; e != nil {
			p.WriteString(queue[0] + " ::= ")
			p.choice(e)
			p.WriteByte('\n')
		} else {
			p.WriteString(sharedRules[queue[0]])
			p.use(usedBy[queue[0]]...)
		}
		queue = append(queue, p.found...)
		p.found = nil
	}
	return p.String()
}

type printer struct {
	strings.Builder
	possible, used map[string]bool
	found          []string // rules to print that were not known yet
}

func (p *printer) use(names ...string) {
	for _, name := range names {
		if !p.used[name] {
			p.used[name] = true
			p.found = append(p.found, name)
		}
	}
}

// choice prints alternatives without parentheses.
func (p *printer) choice(e *expr) {
	parts := p.alternatives(nil, e)
	for i, part := range parts {
		if i > 0 {
			p.WriteString(" | ")
		}
		p.sequence(part)
	}
}

// alternatives are those of e that have a text.
func (p *printer) alternatives(list []*expr, e *expr) []*expr {
	if !finite(e, p.possible) {
		return list
	}
	if e.op != choice {
		return append(list, e)
	}
	for _, part := range e.parts {
		list = p.alternatives(list, part)
	}
	return list
}

func (p *printer) sequence(e *expr) {
	parts := p.flat(nil, e)
	if len(parts) == 0 {
		p.WriteString(`""`)
	}
	for i := 0; i < len(parts); i++ {
		if i > 0 {
			p.WriteByte(' ')
		}
		if parts[i].op == literal { // neighbours become one
			s := parts[i].text
			for i+1 < len(parts) && parts[i+1].op == literal {
				i++
				s += parts[i].text
			}
			p.WriteString(quote(s))
			continue
		}
		p.atom(parts[i])
		run := 1
		for parts[i].op == class && i+1 < len(parts) && parts[i+1].op == class && parts[i+1].text == parts[i].text {
			i++
			run++
		}
		if run > 1 {
			fmt.Fprintf(p, "{%d}", run)
		}
	}
}

// flat are the parts of e that come one after another.
func (p *printer) flat(list []*expr, e *expr) []*expr {
	switch e.op {
	case sequence:
		for _, part := range e.parts {
			list = p.flat(list, part)
		}
		return list
	case repeat:
		if !finite(e.parts[0], p.possible) {
			return list
		}
	case choice:
		if all := p.alternatives(nil, e); len(all) == 1 {
			return p.flat(list, all[0])
		}
	}
	return append(list, e)
}

func (p *printer) atom(e *expr) {
	switch e.op {
	case rule:
		p.use(e.text)
		p.WriteString(e.text)
	case class:
		if !strings.HasPrefix(e.text, "[") {
			p.use(e.text)
		}
		p.WriteString(e.text)
	case repeat:
		part := e.parts[0]
		if flat := p.flat(nil, part); len(flat) == 1 && flat[0].op != repeat && flat[0].op != choice {
			p.sequence(part)
		} else {
			p.group(part)
		}
		switch {
		case e.least == 0 && e.most == 1:
			p.WriteByte('?')
		case e.least == 0 && e.most < 0:
			p.WriteByte('*')
		case e.least == 1 && e.most < 0:
			p.WriteByte('+')
		case e.most < 0:
			fmt.Fprintf(p, "{%d,}", e.least)
		case e.least == e.most:
			fmt.Fprintf(p, "{%d}", e.least)
		default:
			fmt.Fprintf(p, "{%d,%d}", e.least, e.most)
		}
	default:
		p.group(e)
	}
}

func (p *printer) group(e *expr) {
	p.WriteByte('(')
	p.choice(e)
	p.WriteByte(')')
}

// quote is a text as GBNF has it.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\x%02X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
