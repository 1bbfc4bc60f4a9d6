package grammar

import (
	"encoding/binary"
	"slices"
	"sync"
	"sync/atomic"
)

// automaton is what is known of a grammar's states with a vocabulary. It grows
// while matchers ask what follows a state; what it has grown to is read without
// a lock.
type automaton struct {
	g      *Grammar
	v      *Vocabulary
	class  []class           // of each of v's symbols
	starts [][]int32         // class → nodes of v's trie at which a token can begin
	runs   map[int32]*ownRun // set → tokens of its characters alone, for large sets
	start  *state            // nil: finding it is too much work
	dead   *state            // nothing leads to a sentence

	mu     sync.Mutex
	size   int // bytes that what follows takes, about
	states map[string]*state
	stacks map[string]*stacks
	unions map[[2]*stacks]*stacks
	key    []byte // scratch
	move          // scratch
}

// state is where a text can be in the grammar. Equal states of one automaton
// are the same pointer.
type state struct {
	items    []item // by node, each once
	complete bool   // the text so far is a sentence
	next     []atomic.Pointer[fan]
	mask     atomic.Pointer[[]uint32]
}

// item is a node that reads, with the stacks that may be below it.
type item struct {
	node  int32
	below *stacks
}

// fan is what follows a state by one of some classes; nil: not known yet.
type fan [fanSize]atomic.Pointer[state]

const fanSize = 32

// maxSize is how many bytes an automaton has before another takes its place.
const maxSize = 16 << 20

// budget is the work that may still be done before a grammar is given up: it is
// spent where a text can be read in very many ways.
type budget int

// maxWork is the work for one token, for which all answers of a step wait. A state of a JSON grammar takes some ten,
// a token of schemas as they are sent ten thousand at most, with all tokens of Gemma.
const maxWork = 1 << 19

// spend returns whether there was enough.
func (b *budget) spend(n int) bool {
	*b -= budget(n)
	return *b > 0
}

func newAutomaton(g *Grammar, v *Vocabulary) *automaton {
	a := &automaton{g: g, v: v, runs: map[int32]*ownRun{}, starts: make([][]int32, g.classes.n)}
	a.class = g.classes.findAll(v.symbols)
	for i := int32(0); int(i) < len(v.trie)-1; i = v.trie[i].end {
		k := a.class[v.trie[i].symbol]
		a.starts[k] = append(a.starts[k], i)
	}
	for set := range largest(g.sets) {
		a.runs[set] = &ownRun{v.run(g.sets[set]), g.classes.overlaps(set)}
	}
	a.empty()
	return a
}

// empty makes a's first states. It is for automata that nobody else has.
func (a *automaton) empty() {
	a.states, a.stacks, a.unions = map[string]*state{}, map[string]*stacks{}, map[[2]*stacks]*stacks{}
	a.move = move{at: make([]*stacks, len(a.g.nodes)), entered: make([]*stacks, len(a.g.rules))}
	b := budget(maxWork)
	a.dead = a.stateOf(nil, false)
	a.enter(a.g.root, a.stacksOf([]frame{{bottom, nil}}), &b)
	a.begin(&b)
	a.complete = a.g.empty[a.g.root]
	if a.start = a.arrive(); b <= 0 {
		a.start = nil
	}
}

// after returns the state behind a character of class k; nil: the budget is
// used up.
func (a *automaton) after(s *state, k class, b *budget) *state {
	f := s.next[k/fanSize].Load()
	if f != nil {
		if t := f[k%fanSize].Load(); t != nil {
			return t
		}
	}
	if *b <= 0 {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if f = s.next[k/fanSize].Load(); f == nil {
		f = new(fan)
		s.next[k/fanSize].Store(f)
		a.size += 8 * fanSize
	}
	t := a.follow(s, k, b)
	if t != nil {
		f[k%fanSize].Store(t)
	}
	return t
}

// stateOf returns the state with these items, which it keeps.
func (a *automaton) stateOf(items []item, complete bool) *state {
	key := append(a.key[:0], 0)
	if complete {
		key[0] = 1
	}
	for _, i := range items {
		key = binary.LittleEndian.AppendUint32(key, uint32(i.node))
		key = binary.LittleEndian.AppendUint32(key, i.below.id)
	}
	a.key = key
	s, ok := a.states[string(key)]
	if !ok {
		s = &state{items: slices.Clone(items), complete: complete,
			next: make([]atomic.Pointer[fan], (a.g.classes.n+fanSize-1)/fanSize)}
		a.states[string(key)] = s
		a.size += 200 + 3*len(key) + 8*len(s.next)
	}
	return s
}

// adopt returns the state of a that is like s, another automaton's.
func (a *automaton) adopt(s *state) *state {
	a.mu.Lock()
	defer a.mu.Unlock()
	known := map[*stacks]*stacks{}
	var adopt func(s *stacks) *stacks
	adopt = func(s *stacks) *stacks {
		if s == nil {
			return nil
		}
		t, ok := known[s]
		if !ok {
			frames := slices.Clone(s.frames)
			for i := range frames {
				frames[i].below = adopt(frames[i].below)
			}
			t = a.stacksOf(frames)
			known[s] = t
		}
		return t
	}
	items := slices.Clone(s.items)
	for i := range items {
		items[i].below = adopt(items[i].below)
	}
	return a.stateOf(items, s.complete)
}
