package tokenize

import "math/rand/v2"

// pairs is a hash table of all merges: two neighbouring symbols → the piece
// they make and the order of that merge. It is the encoder's inner loop, so it
// is one array with linear probing: a search reads one cache line as a rule,
// where Go's map reads three.
type pairs struct {
	slots  []pair
	shift  uint   // 64 - log2(len(slots))
	factor uint64 // random, so that no file can aim at collisions
	n      int
}

type pair struct {
	key  uint64 // left<<32 | right, plus 1; 0: free
	rank uint32 // lower first
	id   int32  // piece that the two make
}

// merge says that two symbols make a piece.
type merge struct {
	left, right, id int32
	rank            uint32
}

// newPairs makes a table with room for n merges; it grows when there are more.
func newPairs(n int) pairs {
	log := uint(4)
	for 1<<log*2 < n*3 {
		log++
	}
	return pairs{slots: make([]pair, 1<<log), shift: 64 - log, factor: rand.Uint64() | 1}
}

func pairKey(left, right int32) uint64 { return uint64(left)<<32 | uint64(right) + 1 }

func (p *pairs) slot(key uint64) uint64 {
	h := key * p.factor
	return (h ^ h>>32) * 0x9E3779B97F4A7C15 >> p.shift
}

// find returns the merge of left and right.
func (p *pairs) find(left, right int32) (id int32, rank uint32, ok bool) {
	key := pairKey(left, right)
	mask := uint64(len(p.slots) - 1)
	for i := p.slot(key); ; i = (i + 1) & mask {
		s := &p.slots[i&mask]
		if s.key == key {
			return s.id, s.rank, true
		}
		if s.key == 0 {
			return 0, 0, false
		}
	}
}

// put adds a merge, in place of an earlier one of the same symbols.
func (p *pairs) put(m merge) {
	if p.n*3 >= len(p.slots)*2 {
		p.grow()
	}
	p.set(pair{pairKey(m.left, m.right), m.rank, m.id})
}

func (p *pairs) set(new pair) {
	mask := uint64(len(p.slots) - 1)
	i := p.slot(new.key)
	for p.slots[i].key != 0 && p.slots[i].key != new.key {
		i = (i + 1) & mask
	}
	if p.slots[i].key == 0 {
		p.n++
	}
	p.slots[i] = new
}

func (p *pairs) grow() {
	old := p.slots
	p.slots, p.shift, p.n = make([]pair, 2*len(old)), p.shift-1, 0
	for _, s := range old {
		if s.key != 0 {
			p.set(s)
		}
	}
}
