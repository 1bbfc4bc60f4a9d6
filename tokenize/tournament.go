package tokenize

import "math"

// tournament holds a key for each position and knows the smallest. Groups of
// eight keys, one cache line, play for a place in the level above, up to a
// last level of one group. Compared with a heap of merge candidates it has no
// entries out of date, and a change touches log8(n) cache lines; for a word it
// is just the smallest of eight.
type tournament struct {
	keys   []uint64 // all levels, the positions first; padded with none
	levels []int    // offset of each level in keys
	work   int      // groups compared: what the time grows with
}

// none is the key of a position without a candidate.
const none = math.MaxUint64

// reset makes room for n positions, which all get none.
func (t *tournament) reset(n int) {
	t.levels = t.levels[:0]
	total := 0
	for {
		t.levels = append(t.levels, total)
		n = (n + 7) / 8
		total += n * 8
		if n <= 1 {
			break
		}
	}
	if cap(t.keys) < total {
		t.keys = make([]uint64, total)
	}
	t.keys = t.keys[:total]
	for i := range t.keys {
		t.keys[i] = none
	}
}

// build plays all games after the positions' keys were written to keys.
func (t *tournament) build() {
	for l, base := range t.levels[1:] {
		for from, to := t.levels[l], base; from < base; from, to = from+8, to+1 {
			t.keys[to] = t.least(from)
		}
	}
}

// fix plays the games again that position i takes part in after its key was
// written to keys.
func (t *tournament) fix(i int) {
	for l, base := range t.levels[:len(t.levels)-1] {
		i >>= 3
		key := t.least(base + i<<3)
		up := &t.keys[t.levels[l+1]+i]
		if *up == key {
			return
		}
		*up = key
	}
}

// first returns the smallest key.
func (t *tournament) first() uint64 { return t.least(t.levels[len(t.levels)-1]) }

// least returns the smallest key of the group at keys[at].
func (t *tournament) least(at int) uint64 {
	t.work++
	g := t.keys[at : at+8 : at+8]
	return min(min(min(g[0], g[1]), min(g[2], g[3])), min(min(g[4], g[5]), min(g[6], g[7])))
}
