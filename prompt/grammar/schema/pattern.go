package schema

import (
	"errors"
	"fmt"
	"math"
	"regexp/syntax"
	"slices"
	"unicode"
)

// matching are the texts of the alphabet in which a regular expression finds something.
func matching(pattern string, left *budget) (*automaton, error) {
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil, err
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return nil, err
	}
	if len(program.Inst) > maxStates {
		return nil, errStates
	}
	for _, i := range program.Inst {
		const supported = syntax.EmptyBeginText | syntax.EmptyEndText
		if i.Op == syntax.InstEmptyWidth && syntax.EmptyOp(i.Arg)&^supported != 0 {
			return nil, errors.New(`has \b, \B or (?m), which can't be enforced`)
		}
	}
	m := matcher{program: program, ids: map[string]int{}, cuts: cutsOf(program)}
	m.add(m.closure([]uint32{uint32(program.Start)}, syntax.EmptyBeginText), true)
	for i := 0; i < len(m.sets); i++ {
		if len(m.sets) > maxStates {
			return nil, errStates
		}
		if err := left.spend(len(m.cuts) * (1 + len(m.sets[i]))); err != nil {
			return nil, err
		}
		m.expand(i)
	}
	return &m.automaton, nil
}

// matcher makes an automaton's states of the sets of instructions that a text may have led to.
type matcher struct {
	automaton
	program *syntax.Prog
	cuts    []rune // where characters begin that instructions may tell from those in front
	sets    [][]uint32
	ids     map[string]int
}

// cutsOf has the beginnings of the alphabet's ranges too.
func cutsOf(program *syntax.Prog) []rune {
	cuts := []rune{'\n' + 1, '\n'}
	for _, r := range alphabet {
		cuts = append(cuts, r[0], r[1]+1)
	}
	for _, i := range program.Inst {
		if i.Op != syntax.InstRune && i.Op != syntax.InstRune1 {
			continue
		}
		if len(i.Rune) == 1 {
			cuts = append(cuts, i.Rune[0], i.Rune[0]+1)
			for r := unicode.SimpleFold(i.Rune[0]); r != i.Rune[0]; r = unicode.SimpleFold(r) {
				cuts = append(cuts, r, r+1)
			}
			continue
		}
		for k := 0; k+1 < len(i.Rune); k += 2 {
			cuts = append(cuts, i.Rune[k], i.Rune[k+1]+1)
		}
	}
	slices.Sort(cuts)
	return slices.Compact(cuts)
}

// closure are the instructions that wait for a character, or for the end of the text, and the
// match.
func (m *matcher) closure(from []uint32, here syntax.EmptyOp) []uint32 {
	seen := map[uint32]bool{}
	var list []uint32
	for stack := slices.Clone(from); len(stack) > 0; {
		pc := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if seen[pc] {
			continue
		}
		seen[pc] = true
		switch i := &m.program.Inst[pc]; i.Op {
		case syntax.InstAlt, syntax.InstAltMatch:
			stack = append(stack, i.Out, i.Arg)
		case syntax.InstCapture, syntax.InstNop:
			stack = append(stack, i.Out)
		case syntax.InstEmptyWidth:
			switch missing := syntax.EmptyOp(i.Arg) &^ here; missing {
			case 0:
				stack = append(stack, i.Out)
			case syntax.EmptyEndText:
				list = append(list, pc)
			}
		case syntax.InstFail:
		default:
			list = append(list, pc)
		}
	}
	slices.Sort(list)
	return list
}

func (m *matcher) matched(set []uint32) bool {
	return slices.ContainsFunc(set, func(pc uint32) bool { return m.program.Inst[pc].Op == syntax.InstMatch })
}

// anything stands for the instructions behind a match, which no character changes.
var anything = []uint32{math.MaxUint32}

func isAnything(set []uint32) bool { return slices.Equal(set, anything) }

// add is the state of a set; behind a match there is one state for whatever follows.
func (m *matcher) add(set []uint32, begin bool) int {
	here := syntax.EmptyEndText
	if begin {
		here |= syntax.EmptyBeginText
	}
	if m.matched(set) {
		set = anything
	}
	key := fmt.Sprint(set)
	id, ok := m.ids[key]
	if !ok || begin {
		id = len(m.sets)
		if !begin { // what comes later is not at the beginning, though its instructions are the same
			m.ids[key] = id
		}
		m.sets = append(m.sets, set)
		m.states = append(m.states, state{accepts: isAnything(set) || m.matched(m.closure(set, here))})
	}
	return id
}

// expand finds a state's edges.
func (m *matcher) expand(id int) {
	set := m.sets[id]
	for k, lo := range m.cuts {
		if k+1 == len(m.cuts) || !inAlphabet(lo) {
			continue
		}
		hi := m.cuts[k+1] - 1
		to := id
		if !isAnything(set) {
			next := []uint32{uint32(m.program.Start)} // a match may begin anywhere
			for _, pc := range set {
				if i := &m.program.Inst[pc]; i.Op != syntax.InstMatch && i.Op != syntax.InstEmptyWidth && i.MatchRune(lo) {
					next = append(next, i.Out)
				}
			}
			to = m.add(m.closure(next, 0), false)
		}
		edges := m.states[id].edges
		if n := len(edges); n > 0 && edges[n-1].to == to && edges[n-1].hi+1 == lo {
			edges[n-1].hi = hi
			continue
		}
		m.states[id].edges = append(edges, edge{lo, hi, to})
	}
}

func inAlphabet(r rune) bool {
	return slices.ContainsFunc(alphabet, func(in [2]rune) bool { return in[0] <= r && r <= in[1] })
}
