package schema

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// quoted is a text as JSON, in its one canonical form.
func quoted(s string) string {
	b, err := jsontext.AppendQuote(nil, s)
	if err != nil { // what is no UTF-8 was refused when the schema was read
		panic(err)
	}
	return string(b)
}

func inQuotes(e *expr) *expr { return seq(text(`"`), e, text(`"`)) }

// expr is the automaton's texts within JSON's quotes, their characters escaped only where they
// must be, with rules named after name.
func (a *automaton) expr(g *grammar, name string) *expr {
	return inQuotes(a.walk(g, name, false))
}

// walk is the automaton's texts, plain or as JSON has them between its quotes.
func (a *automaton) walk(g *grammar, name string, plain bool) *expr {
	w := walk{automaton: a, g: g, name: name, plain: plain, into: make([]int, len(a.states)), rules: map[int]bool{}}
	for _, s := range a.states {
		for i, e := range s.edges {
			if i == 0 || s.edges[i-1].to != e.to {
				w.into[e.to]++
			}
		}
	}
	w.into[0]++
	return w.from(0)
}

// walk makes rules of an automaton's states, except of those that only one other leads to and
// that lead to only one.
type walk struct {
	*automaton
	g     *grammar
	name  string
	plain bool         // nothing is escaped
	into  []int        // edges from other states
	rules map[int]bool // that are there
}

func (w *walk) from(i int) *expr {
	var parts []*expr
	for w.into[i] == 1 && !w.states[i].accepts {
		to, ok := w.only(i)
		if !ok {
			break
		}
		parts = append(parts, w.characters(w.states[i].edges))
		i = to
	}
	if !w.plain && w.all(i) {
		return seq(append(parts, times(shared("char"), 0, -1))...)
	}
	if w.states[i].accepts && len(w.states[i].edges) == 0 {
		return seq(parts...)
	}
	name := fmt.Sprintf("%s-%d", w.name, i)
	if !w.rules[i] {
		w.rules[i] = true
		w.rule(name, i)
	}
	return seq(append(parts, refTo(name))...)
}

// rule makes a state's rule: its edges by where they lead.
func (w *walk) rule(name string, i int) {
	var order []int
	edges := map[int][]edge{}
	for _, e := range w.states[i].edges {
		if edges[e.to] == nil {
			order = append(order, e.to)
		}
		edges[e.to] = append(edges[e.to], e)
	}
	w.g.add(name, nil) // in front of what it uses
	var parts []*expr
	for _, to := range order {
		parts = append(parts, seq(w.characters(edges[to]), w.from(to)))
	}
	if w.states[i].accepts {
		parts = append(parts, empty)
	}
	w.g.rules[name] = oneOf(parts...)
}

// only is the one state that i leads to.
func (w *walk) only(i int) (int, bool) {
	edges := w.states[i].edges
	for _, e := range edges {
		if e.to != edges[0].to || e.to == i {
			return 0, false
		}
	}
	if len(edges) == 0 {
		return 0, false
	}
	return edges[0].to, true
}

// all is whether a state takes whatever follows.
func (w *walk) all(i int) bool {
	s := w.states[i]
	if !s.accepts || len(s.edges) != len(alphabet) {
		return false
	}
	for k, e := range s.edges {
		if e.to != i || e.lo != alphabet[k][0] || e.hi != alphabet[k][1] {
			return false
		}
	}
	return true
}

// characters are those of edges.
func (w *walk) characters(edges []edge) *expr {
	special := "\t\n\f\"\\" // what JSON escapes, in its order
	if w.plain {
		special = ""
	}
	if e := edges[0]; len(edges) == 1 && e.lo == e.hi && !strings.ContainsRune(special, e.lo) {
		return text(string(e.lo))
	}
	var in strings.Builder
	var parts []*expr
	for _, e := range edges {
		lo := e.lo
		for _, r := range special {
			if r < lo || r > e.hi {
				continue
			}
			within(&in, lo, r-1)
			escaped := quoted(string(r))
			parts = append(parts, text(escaped[1:len(escaped)-1]))
			lo = r + 1
		}
		within(&in, lo, e.hi)
	}
	if in.Len() > 0 {
		parts = append([]*expr{classOf("[" + in.String() + "]")}, parts...)
	}
	return oneOf(parts...)
}

// within adds a range to a class of GBNF.
func within(in *strings.Builder, lo, hi rune) {
	if lo > hi {
		return
	}
	classRune(in, lo)
	if hi > lo {
		in.WriteByte('-')
		classRune(in, hi)
	}
}

func classRune(in *strings.Builder, r rune) {
	switch {
	case r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z':
		in.WriteRune(r)
	case r < utf8.RuneSelf:
		fmt.Fprintf(in, `\x%02X`, r)
	case r <= 0xffff:
		fmt.Fprintf(in, `\u%04X`, r)
	default:
		fmt.Fprintf(in, `\U%08X`, r)
	}
}
