package grammar

import (
	"errors"
	"fmt"
	"slices"
)

// Matcher follows one answer through a grammar. It is not safe for concurrent
// use; several matchers of one grammar may be used at once.
type Matcher struct {
	a     *automaton
	place place
	ends  []int32
	ended bool // one of ends came
}

// Matcher returns a matcher at the start of a text. ends are the tokens that
// may come where the text is complete, and only there.
func (g *Grammar) Matcher(v *Vocabulary, ends []int32) *Matcher {
	a := g.automaton(v)
	return &Matcher{a: a, place: place{state: a.start}, ends: slices.Clone(ends)}
}

// Next takes the token last (-1: none yet), which may be any that the call
// before allowed, and sets the bits of the tokens that may follow: bit id%32 of
// word id/32. All bits must be 0; where there are fewer than tokens, the tokens
// behind them are left out. It is an error if last may not come here, if no
// token may follow, or if following the grammar takes too much work; the matcher
// is of no use any more then.
func (m *Matcher) Next(last int32, allowed []uint32) error {
	b := budget(maxWork)
	m.renew()
	if last >= 0 {
		if err := m.take(last, &b); err != nil {
			return err
		}
	}
	if m.place.state == nil {
		return errWork
	}
	if !m.ended {
		if err := m.texts(allowed, &b); err != nil {
			return err
		}
	}
	complete := m.Complete()
	for _, id := range m.ends { // some end answers and have a text, too
		if w := int(id / 32); id >= 0 && w < len(allowed) {
			allowed[w] &^= 1 << (id % 32)
			if complete {
				allowed[w] |= 1 << (id % 32)
			}
		}
	}
	if !slices.ContainsFunc(allowed, func(word uint32) bool { return word != 0 }) {
		return errors.New("grammar: no token may follow: the text is complete, and no token ends it")
	}
	return nil
}

// Complete says whether the text so far is a sentence of the grammar.
func (m *Matcher) Complete() bool {
	return m.place.state != nil && m.place.state.complete && m.place.n == 0
}

// take goes on by a token.
func (m *Matcher) take(last int32, b *budget) error {
	isEnd := slices.Contains(m.ends, last)
	if isEnd && m.Complete() {
		m.ended = true
		return nil
	}
	text := m.a.v.text(last)
	next, ok := m.a.read(m.place, text, b)
	switch {
	case *b <= 0:
		return errWork
	case !ok, len(text) == 0, isEnd, m.ended:
		return fmt.Errorf("grammar: token %d (%q) may not come here", last, text)
	}
	m.place = next
	return nil
}

// texts sets the bits of tokens that go on with the text.
func (m *Matcher) texts(allowed []uint32, b *budget) error {
	if m.place.n == 0 {
		mask, err := m.a.maskOf(m.place.state, b)
		copy(allowed, mask)
		return err
	}
	for _, t := range m.a.v.ragged { // only bytes make a character whole
		if _, ok := m.a.read(m.place, t.text, b); ok && int(t.id/32) < len(allowed) {
			allowed[t.id/32] |= 1 << (t.id % 32)
		}
	}
	if *b <= 0 {
		return errWork
	}
	return nil
}

// renew leaves an automaton that has grown too large for the one that took its
// place.
func (m *Matcher) renew() {
	m.a.mu.Lock()
	full := m.a.size > maxSize
	m.a.mu.Unlock()
	if !full || m.place.state == nil {
		return
	}
	m.a = m.a.g.successor(m.a)
	m.place.state = m.a.adopt(m.place.state)
}

// automaton returns the automaton for a vocabulary.
func (g *Grammar) automaton(v *Vocabulary) *automaton {
	g.mu.Lock()
	defer g.mu.Unlock()
	a := g.automata[v]
	if a == nil {
		a = newAutomaton(g, v)
		g.automata[v] = a
	}
	return a
}

// successor returns the automaton that takes the place of a.
func (g *Grammar) successor(a *automaton) *automaton {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.automata[a.v] == a {
		s := &automaton{g: g, v: a.v, class: a.class, starts: a.starts, runs: a.runs}
		s.empty()
		g.automata[a.v] = s
	}
	return g.automata[a.v]
}
