package grammar

import (
	"fmt"
	"sync"
)

// Grammar is a grammar in GBNF. It is safe for concurrent use.
type Grammar struct {
	rules   []rule
	nodes   []node
	starts  []int32 // rule → its first node
	empty   []bool  // rule → it has the empty text
	ranks   []int32 // rule → its place in an order in which a rule stands before those that it can begin with
	root    int32
	sets    []chars
	classes *classes

	mu       sync.Mutex
	automata map[*Vocabulary]*automaton
}

// Parse reads a grammar in GBNF, the notation of llama.cpp; the package's
// description says what is in it. Errors name line and column, both from 1.
func Parse(gbnf string) (g *Grammar, err error) {
	if len(gbnf) > maxText {
		return nil, fmt.Errorf("grammar: the text has %d bytes, more than %d", len(gbnf), maxText)
	}
	defer func() {
		if r := recover(); r != nil {
			f, ok := r.(failure)
			if !ok {
				panic(r)
			}
			g, err = nil, locate(gbnf, f)
		}
	}()
	p := &parser{text: gbnf, names: map[string]int32{}, keys: map[string]int32{}}
	p.grammar()
	g = &Grammar{rules: p.rules, root: p.names["root"], sets: p.sets, automata: map[*Vocabulary]*automaton{}}
	g.compile()
	g.check()
	if g.classes, err = divide(g.sets); err != nil {
		return nil, fmt.Errorf("grammar: %w", err)
	}
	return g, nil
}
