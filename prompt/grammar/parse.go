package grammar

import (
	"fmt"
	"math"
	"strings"
	"unicode/utf8"
)

// What a grammar may have at most, so that a stranger's can't exhaust memory.
const (
	maxText   = 1 << 20 // bytes
	maxNodes  = 1 << 18 // after repetitions are written out
	maxNested = 128     // parentheses in parentheses
)

// expr is a part of a rule's body as it is written.
type expr struct {
	kind  kind
	at    int     // where it is written
	sets  []int32 // literal: the set of each character
	rule  int32   // call
	parts []*expr // sequence, choice; repeat: one
	min   int     // repeat
	max   int     // repeat; math.MaxInt: no bound
}

type kind uint8

const (
	literal kind = iota
	call
	sequence
	choice
	repeat
)

// rule is a rule of the grammar.
type rule struct {
	name string
	at   int   // where it is defined, -1: nowhere
	used int   // where its name is first written
	body *expr // what it stands for
}

// parser reads GBNF by recursive descent. Its methods fail by panic with a
// failure, which parse returns.
type parser struct {
	text   string
	at     int
	nested int
	rules  []rule
	names  map[string]int32
	sets   []chars
	keys   map[string]int32
}

// failure is what is wrong with a grammar, and where.
type failure struct {
	at      int
	message string
}

func fail(at int, format string, args ...any) {
	panic(failure{at, fmt.Sprintf(format, args...)})
}

// locate makes a failure an error with line and column, both from 1; a column
// is a character.
func locate(text string, f failure) error {
	before := text[:f.at]
	line := 1 + strings.Count(before, "\n")
	column := 1 + utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
	message := f.message
	if len(message) > 300 { // a name can be as long as the text
		message = strings.ToValidUTF8(message[:300], "") + "…"
	}
	return fmt.Errorf("grammar: line %d, column %d: %s", line, column, message)
}

// grammar reads all rules.
func (p *parser) grammar() {
	if !utf8.ValidString(p.text) {
		bad := 0
		for r, n := utf8.DecodeRuneInString(p.text); r != utf8.RuneError || n != 1; r, n = utf8.DecodeRuneInString(p.text[bad:]) {
			bad += n
		}
		fail(bad, "the text is no UTF-8")
	}
	for p.blanks(true); p.at < len(p.text); p.blanks(true) {
		p.rule()
	}
	root, ok := p.names["root"]
	if !ok || p.rules[root].at < 0 {
		fail(len(p.text), "there is no rule root, with which a text begins: root ::= …")
	}
	for _, r := range p.rules {
		if r.at < 0 {
			fail(r.used, "rule %s is not defined", r.name)
		}
	}
}

// rule reads NAME ::= BODY up to the end of its line.
func (p *parser) rule() {
	at := p.at
	name := p.name()
	if name == "" {
		switch {
		case p.peek() == '|':
			fail(at, "a rule cannot go on here: write | at the end of the line before, or put the alternatives in parentheses")
		case p.peek() == ')':
			fail(at, "this ) closes nothing")
		}
		fail(at, "here should be a rule, NAME ::= …, where a name is of letters, digits, - and _")
	}
	id := p.ruleOf(name, at)
	if first := p.rules[id].at; first >= 0 {
		line := 1 + strings.Count(p.text[:first], "\n")
		fail(at, "rule %s is defined a second time; the first is in line %d", name, line)
	}
	p.rules[id].at = at
	p.blanks(false)
	if !p.accept("::=") {
		fail(p.at, "behind the rule's name %s should be ::=", name)
	}
	p.blanks(true)
	body := p.alternatives(false)
	p.rules[id].body = body // p.rules may have moved
	if c := p.peek(); p.at < len(p.text) && c != '\r' && c != '\n' {
		if c == ')' {
			fail(p.at, "this ) closes nothing")
		}
		fail(p.at, "%s has no meaning here", p.character())
	}
}

// ruleOf returns the number of a rule's name, which is written at at.
func (p *parser) ruleOf(name string, at int) int32 {
	id, ok := p.names[name]
	if !ok {
		id = int32(len(p.rules))
		p.names[name] = id
		p.rules = append(p.rules, rule{name: name, at: -1, used: at})
	}
	return id
}

// alternatives reads SEQUENCE | SEQUENCE ….
func (p *parser) alternatives(nested bool) *expr {
	e := &expr{kind: choice, at: p.at, parts: []*expr{p.sequence(nested)}}
	for p.accept("|") {
		p.blanks(true)
		e.parts = append(e.parts, p.sequence(nested))
	}
	if len(e.parts) == 1 {
		return e.parts[0]
	}
	return e
}

// sequence reads items, each perhaps with a repetition; none is the empty text.
func (p *parser) sequence(nested bool) *expr {
	e := &expr{kind: sequence, at: p.at}
	for {
		item := p.item(nested)
		if item == nil {
			break
		}
		p.blanks(nested)
		if r := p.repetition(item, nested); r != nil {
			item = r
			p.blanks(nested)
			if at := p.at; p.repetition(item, nested) != nil {
				fail(at, "a repetition of a repetition has to stand in parentheses")
			}
		}
		e.parts = append(e.parts, item)
	}
	if len(e.parts) == 1 {
		return e.parts[0]
	}
	return e
}

// item reads a literal, a set, a rule's name or a group; nil if there is none.
func (p *parser) item(nested bool) *expr {
	at := p.at
	switch c := p.peek(); {
	case p.at == len(p.text):
		return nil
	case c == '"':
		return p.literal()
	case c == '[':
		return &expr{kind: literal, at: at, sets: []int32{p.set()}}
	case c == '.':
		p.at++
		return &expr{kind: literal, at: at, sets: []int32{p.setOf(chars(nil).not())}}
	case c == '(':
		p.at++
		if p.nested++; p.nested > maxNested {
			fail(at, "more than %d parentheses are open", maxNested)
		}
		p.blanks(true)
		e := p.alternatives(true)
		if !p.accept(")") {
			if p.at == len(p.text) {
				fail(at, "this ( is not closed")
			}
			fail(p.at, "%s has no meaning here; a ) closes the group", p.character())
		}
		p.nested--
		return e
	case c == '<', c == '!':
		fail(at, "tokens of the model (<…>, !<…>) can't be part of a grammar here; write the text that they stand for")
	case strings.IndexByte("*+?{", c) >= 0:
		fail(at, "there is nothing in front of %c that it could repeat", c)
	}
	if name := p.name(); name != "" {
		return &expr{kind: call, at: at, rule: p.ruleOf(name, at)}
	}
	return nil
}

// repetition reads *, +, ? or {…} behind an item; nil if there is none.
func (p *parser) repetition(item *expr, nested bool) *expr {
	e := &expr{kind: repeat, at: p.at, parts: []*expr{item}}
	switch {
	case p.accept("*"):
		e.max = math.MaxInt
	case p.accept("+"):
		e.min, e.max = 1, math.MaxInt
	case p.accept("?"):
		e.max = 1
	case p.accept("{"):
		p.bounds(e, nested)
	default:
		return nil
	}
	return e
}

// bounds reads what is behind {: n}, n,}, ,m} or n,m}.
func (p *parser) bounds(e *expr, nested bool) {
	p.blanks(nested)
	low, hasLow := p.number()
	p.blanks(nested)
	high, hasHigh := low, hasLow
	if comma := p.at; p.accept(",") {
		p.blanks(nested)
		high, hasHigh = p.number()
		if !hasLow && !hasHigh {
			fail(comma, "{,} names no bound: write {n}, {n,}, {,m} or {n,m}")
		}
		if !hasHigh {
			high = math.MaxInt
		}
		p.blanks(nested)
	} else if !hasLow {
		fail(p.at, "here should be a number: write {n}, {n,}, {,m} or {n,m}")
	}
	if !p.accept("}") {
		fail(p.at, "here should be }: write {n}, {n,}, {,m} or {n,m}")
	}
	if low > high {
		fail(e.at, "the least, %d, is more than the most, %d", low, high)
	}
	e.min, e.max = low, high
}

// number reads digits.
func (p *parser) number() (n int, ok bool) {
	at := p.at
	for ; p.at < len(p.text) && '0' <= p.text[p.at] && p.text[p.at] <= '9'; p.at++ {
		if n = n*10 + int(p.text[p.at]-'0'); n > maxNodes {
			fail(at, "more than %d repetitions; a larger number has to be written {n,}, without bound", maxNodes)
		}
	}
	return n, p.at > at
}
