package grammar

import (
	"errors"
	"slices"
	"unicode/utf8"
)

var errWork = errors.New("grammar: the text can be read in too many ways to go on; make the grammar's alternatives and repetitions tell earlier which of them it is")

// maskOf returns the tokens that may come at state s, kept with it. What it
// returns must not be changed.
func (a *automaton) maskOf(s *state, b *budget) ([]uint32, error) {
	if m := s.mask.Load(); m != nil {
		return *m, nil
	}
	mask := make([]uint32, a.v.words())
	var mixed []uint64
	sets := a.setsOf(s)
	for _, set := range sets {
		if r := a.runs[set]; r != nil {
			if n := a.chain(s, set, r, b); n >= 0 {
				a.v.upTo(r.run, n, mask)
				mixed = r.mixed
				break
			}
		}
	}
	if !a.walk(s, sets, mixed, mask, b) {
		return nil, errWork
	}
	for _, t := range a.v.ragged {
		if _, ok := a.read(place{state: s}, t.text, b); ok {
			mask[t.id/32] |= 1 << (t.id % 32)
		}
	}
	if *b <= 0 {
		return nil, errWork
	}
	s.mask.Store(&mask)
	a.mu.Lock()
	a.size += 4 * len(mask)
	a.mu.Unlock()
	return mask, nil
}

// setsOf returns the sets of whose characters one may come at state s, each once:
// tens of thousands of items may share one.
func (a *automaton) setsOf(s *state) (sets []int32) {
	known := make([]bool, len(a.g.sets))
	for _, i := range s.items {
		if set := a.g.nodes[i.node].arg; !known[set] {
			known[set] = true
			sets = append(sets, set)
		}
	}
	return sets
}

// walk sets the bits of tokens of whole characters that may come at state s, which
// begin with a character of sets. It passes over nodes that are not in mixed, unless that is nil. It returns false
// if the budget is used up.
func (a *automaton) walk(s *state, sets []int32, mixed []uint64, mask []uint32, b *budget) bool {
	trie, ids := a.v.trie, a.v.ids
	at := make([]*state, a.v.depth+1) // depth → state
	at[0] = s
	begin := make([]bool, a.g.classes.n)
	for _, set := range sets {
		for _, k := range a.g.classes.in[set] {
			begin[k] = true
		}
	}
	for k, starts := range a.starts {
		if !begin[k] {
			continue
		}
		for _, i := range starts {
			for end := trie[i].end; i < end; {
				n := &trie[i]
				if mixed != nil && mixed[i/64]>>(i%64)&1 == 0 {
					i = n.end
					continue
				}
				next := a.after(at[n.depth], a.class[n.symbol], b)
				if next == nil {
					return false
				}
				if next == a.dead {
					i = n.end
					continue
				}
				at[n.depth+1] = next
				i++
				for _, id := range ids[n.token:trie[i].token] {
					mask[id/32] |= 1 << (id % 32)
				}
			}
		}
	}
	return true
}

// place is where a text is that may end within a character.
type place struct {
	state *state
	bytes [utf8.UTFMax - 1]byte // of a character that is not whole
	n     int                   // how many
}

// read returns the place behind text; false if no sentence goes on so, or the
// budget is used up.
func (a *automaton) read(p place, text []byte, b *budget) (place, bool) {
	text = append(p.bytes[:p.n:p.n], text...)
	for len(text) > 0 {
		if !utf8.FullRune(text) {
			p.n = copy(p.bytes[:], text)
			return p, b.spend(len(p.state.items)) && a.canRead(p.state, pending(text))
		}
		r, n := utf8.DecodeRune(text)
		if r == utf8.RuneError && n == 1 {
			return p, false
		}
		p.state = a.after(p.state, a.g.classes.find(r), b)
		if p.state == nil || p.state == a.dead {
			return p, false
		}
		text = text[n:]
	}
	p.n = 0
	return p, true
}

// canRead says whether one of some characters may come at state s.
func (a *automaton) canRead(s *state, some span) bool {
	return slices.ContainsFunc(s.items, func(i item) bool { return a.g.sets[a.g.nodes[i.node].arg].meets(some) })
}
