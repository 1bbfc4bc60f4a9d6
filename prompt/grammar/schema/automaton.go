package schema

import (
	"errors"
	"fmt"
	"slices"
	"unicode"
)

// automaton is a set of texts: its states are read from 0 on. What no edge reads ends in nothing.
type automaton struct {
	states []state
}

type state struct {
	accepts bool
	edges   []edge // in the order of their characters, which no two share
}

// edge reads a character from lo to hi.
type edge struct {
	lo, hi rune
	to     int
}

// alphabet are the characters of texts that a pattern restricts: those of which every dialect of
// regular expressions says the same. They differ in which spaces \s takes, in ends of lines for a dot,
// and in whether ſ and the Kelvin sign are letters of (?i).
var alphabet = [][2]rune{
	{'\t', '\n'}, {'\f', '\f'}, {' ', '~'}, {0xa1, 0x17e}, {0x180, 0x167f}, {0x1681, 0x1fff}, {0x200b, 0x2027}, {0x202a, 0x202e}, {0x2030, 0x205e},
	{0x2060, 0x2129}, {0x212b, 0x2fff}, {0x3001, 0xd7ff}, {0xe000, 0xfefe}, {0xff00, unicode.MaxRune},
}

// maxStates bounds an automaton.
const maxStates = 4096

// budget is the work that may still be done, in steps of less than a microsecond.
type budget int

// maxWork is that of a schema.
const maxWork budget = 2_000_000

func newBudget() *budget {
	b := maxWork
	return &b
}

var errWork = errors.New("takes too much work to follow: simplify it")

func (b *budget) spend(n int) error {
	if *b -= budget(n); *b < 0 {
		return errWork
	}
	return nil
}

var errStates = fmt.Errorf("asks for an automaton of more than %d states", maxStates)

// everything is the set of all texts of the alphabet.
func everything() *automaton {
	a := &automaton{states: []state{{accepts: true}}}
	for _, r := range alphabet {
		a.states[0].edges = append(a.states[0].edges, edge{r[0], r[1], 0})
	}
	return a
}

// lengths are the texts of least to most characters; most < 0: any number.
func lengths(least, most int) (*automaton, error) {
	last := max(least, most)
	if last >= maxStates {
		return nil, errStates
	}
	a := &automaton{states: make([]state, last+1)}
	for i := range a.states {
		a.states[i].accepts = i >= least && (most < 0 || i <= most)
		to := i + 1
		if to > last {
			if to = i; most >= 0 {
				continue
			}
		}
		for _, r := range alphabet {
			a.states[i].edges = append(a.states[i].edges, edge{r[0], r[1], to})
		}
	}
	return a, nil
}

// and are the texts that are in both sets, or in a alone if not.
func (a *automaton) and(b *automaton, not bool, left *budget) (*automaton, error) {
	const nowhere = -1 // b's state behind what it does not read
	type pair struct{ a, b int }
	var both automaton
	ids := map[pair]int{}
	var pairs []pair
	id := func(p pair) int {
		n, ok := ids[p]
		if !ok {
			n = len(pairs)
			ids[p] = n
			pairs = append(pairs, p)
			in := p.b != nowhere && b.states[p.b].accepts
			both.states = append(both.states, state{accepts: a.states[p.a].accepts && in != not})
		}
		return n
	}
	id(pair{})
	for i := 0; i < len(pairs); i++ {
		if len(pairs) > maxStates {
			return nil, errStates
		}
		p := pairs[i]
		work := 1 + len(a.states[p.a].edges)
		if p.b != nowhere {
			work *= 1 + len(b.states[p.b].edges)/8 // of which most are passed over
		}
		if err := left.spend(work); err != nil {
			return nil, err
		}
		var edges []edge
		for _, e := range a.states[p.a].edges {
			lo := e.lo
			if p.b != nowhere {
				for _, f := range b.states[p.b].edges {
					from, to := max(lo, f.lo), min(e.hi, f.hi)
					if from > to {
						continue
					}
					if not && lo < from {
						edges = append(edges, edge{lo, from - 1, id(pair{e.to, nowhere})})
					}
					edges = append(edges, edge{from, to, id(pair{e.to, f.to})})
					lo = to + 1
				}
			}
			if not && lo <= e.hi {
				edges = append(edges, edge{lo, e.hi, id(pair{e.to, nowhere})})
			}
		}
		both.states[i].edges = edges
	}
	both.trim()
	return &both, nil
}

// trim leaves out what leads to no text of the set.
func (a *automaton) trim() {
	useful := make([]bool, len(a.states))
	from := make([][]int, len(a.states)) // the states that lead to each
	var next []int
	for i, s := range a.states {
		for _, e := range s.edges {
			from[e.to] = append(from[e.to], i)
		}
		if s.accepts {
			useful[i] = true
			next = append(next, i)
		}
	}
	for ; len(next) > 0; next = next[1:] {
		for _, i := range from[next[0]] {
			if !useful[i] {
				useful[i] = true
				next = append(next, i)
			}
		}
	}
	for i := range a.states {
		a.states[i].edges = slices.DeleteFunc(a.states[i].edges, func(e edge) bool { return !useful[e.to] })
	}
}

// none is whether a trimmed automaton has no text.
func (a *automaton) none() bool { return !a.states[0].accepts && len(a.states[0].edges) == 0 }

// longest is the length of the longest text; -1: there is none, texts are of any length.
func (a *automaton) longest() int {
	lengths := make([]int, len(a.states)) // of what follows, plus 1; -1: being looked at
	var find func(i int) int
	find = func(i int) int {
		if lengths[i] != 0 {
			return lengths[i]
		}
		lengths[i] = -1
		longest := 1
		for _, e := range a.states[i].edges {
			n := find(e.to)
			if n < 0 {
				return -1
			}
			longest = max(longest, n+1)
		}
		lengths[i] = longest
		return longest
	}
	if n := find(0); n > 0 {
		return n - 1
	}
	return -1
}

// shortest is the length of the shortest text.
func (a *automaton) shortest() int {
	seen := make([]bool, len(a.states))
	seen[0] = true
	for at, length := []int{0}, 0; len(at) > 0; length++ {
		var next []int
		for _, i := range at {
			if a.states[i].accepts {
				return length
			}
			for _, e := range a.states[i].edges {
				if !seen[e.to] {
					seen[e.to] = true
					next = append(next, e.to)
				}
			}
		}
		at = next
	}
	return 0
}
