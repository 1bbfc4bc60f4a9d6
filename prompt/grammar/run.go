package grammar

import (
	"cmp"
	"iter"
	"math/bits"
	"slices"
)

// run is a vocabulary's tokens that are of one set's characters alone. In the
// middle of a string nearly all tokens are; that they may come is known without
// looking at them.
type run struct {
	mask    []uint32 // the tokens
	longest int      // characters of the longest
	mixed   []uint64 // nodes of the trie with other tokens at or behind them
}

const (
	maxRuns   = 32 // kept of a vocabulary, 90 KB each with 256,000 tokens
	minRun    = 26 // characters of a set that is worth it
	ownRuns   = 4  // of a grammar
	longToken = 64 // characters of a token that is in a run
)

// largest returns a grammar's sets whose runs are worth it.
func largest(sets []chars) iter.Seq[int32] {
	return func(yield func(int32) bool) {
		var large []int32
		for i, c := range sets {
			if c.count() >= minRun {
				large = append(large, int32(i))
			}
		}
		slices.SortStableFunc(large, func(i, j int32) int { return cmp.Compare(sets[j].count(), sets[i].count()) })
		for _, i := range large[:min(len(large), ownRuns)] {
			if !yield(i) {
				return
			}
		}
	}
}

// run returns the run of a set. It is made once.
func (v *Vocabulary) run(set chars) *run {
	v.mu.Lock()
	defer v.mu.Unlock()
	key := set.key()
	r, ok := v.runs[key]
	if !ok {
		if len(v.runs) == maxRuns {
			clear(v.runs)
		}
		r = v.newRun(set)
		v.runs[key] = r
	}
	return r
}

func (v *Vocabulary) newRun(set chars) *run {
	r := &run{mask: make([]uint32, v.words()), mixed: make([]uint64, (len(v.trie)+63)/64)}
	in := make([]bool, len(v.symbols))
	for i, s := range v.symbols {
		in[i] = set.meets(span{s, s})
	}
	pure := make([]bool, v.depth+1) // depth → all characters in front of it are in the set
	pure[0] = true
	path := make([]int32, v.depth) // depth → node
	for i, n := range v.trie[:len(v.trie)-1] {
		path[n.depth] = int32(i)
		pure[n.depth+1] = pure[n.depth] && in[n.symbol]
		length := int(n.depth) + 1
		ids := v.ids[n.token:v.trie[i+1].token]
		if pure[length] && length <= longToken {
			for _, id := range ids {
				r.mask[id/32] |= 1 << (id % 32)
				r.longest = max(r.longest, length)
			}
		} else if len(ids) > 0 {
			for d := length - 1; d >= 0 && r.mixed[path[d]/64]>>(path[d]%64)&1 == 0; d-- {
				r.mixed[path[d]/64] |= 1 << (path[d] % 64)
			}
		}
	}
	return r
}

// words returns how many words a bit for each token takes.
func (v *Vocabulary) words() int { return (len(v.lengths) + 31) / 32 }

// upTo sets the bits of the run's tokens of at most n characters.
func (v *Vocabulary) upTo(r *run, n int, mask []uint32) {
	for w, word := range r.mask {
		if n < r.longest {
			for rest := word; rest != 0; rest &= rest - 1 {
				if i := bits.TrailingZeros32(rest); int(v.lengths[w*32+i]) > n {
					word &^= 1 << i
				}
			}
		}
		mask[w] |= word
	}
}

// ownRun is the run of one of a grammar's sets.
type ownRun struct {
	*run
	overlaps []overlap // of the grammar's sets with this one
}

// chain returns how many of a run's characters may come at state s one after
// another whatever they are, up to r.longest. It is -1 if that doesn't tell how
// many may come: others of the characters may, too.
func (a *automaton) chain(s *state, set int32, r *ownRun, b *budget) int {
	for n := range r.longest {
		if !b.spend(len(s.items)) {
			return -1
		}
		goesOn := false
		for _, i := range s.items {
			switch r.overlaps[a.g.nodes[i.node].arg] {
			case some:
				return -1
			case all:
				goesOn = true
			}
		}
		if !goesOn {
			return n
		}
		next := a.after(s, a.g.classes.in[set][0], b)
		if next == s {
			break
		}
		if next == nil {
			return -1
		}
		s = next
	}
	return r.longest
}
