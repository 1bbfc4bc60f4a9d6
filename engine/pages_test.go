package engine

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"sealvk/shaders"
)

// prompted is ids of so many full pages, the n-th of which is all pages[n].
func prompted(pages ...int32) (ids []int32) {
	for _, id := range pages {
		ids = append(ids, slices.Repeat([]int32{id}, shaders.PageTokens)...)
	}
	return ids
}

// A page's key is its tokens and all in front of them.
func TestPageKeys(t *testing.T) {
	one, other := pageKeys(prompted(1, 2, 3)), pageKeys(prompted(1, 2, 4))
	if len(one) != 3 || one[0] != other[0] || one[1] != other[1] || one[2] == other[2] {
		t.Errorf("1 2 3 has the keys %x, 1 2 4 %x", one, other)
	}
	if behind := pageKeys(prompted(2, 2)); behind[0] == behind[1] || behind[0] == one[1] || behind[1] == one[1] {
		t.Errorf("2 2 has the keys %x, 1 2 %x", behind, one)
	}
	if short := pageKeys(prompted(1, 2)[:2*shaders.PageTokens-1]); len(short) != 1 || short[0] != one[0] {
		t.Errorf("a page and a part have the keys %x", short)
	}
}

// Pages that nobody uses any more are found until there is no free one left; then those go first that
// were used longest ago, of a prompt the last.
func TestPagesAreKept(t *testing.T) {
	p := newPagePool(6)
	old, new := pageKeys(prompted(1, 2, 3)), pageKeys(prompted(4, 5))
	first, second := p.take(3), p.take(2)
	p.publish(first, old)
	p.publish(second, new)
	p.give(first)
	p.give(second)
	p.give(p.find(old)) // used again
	found := func(keys []pageKey) (n int) {
		for _, key := range keys {
			if _, ok := p.index[key]; !ok {
				break
			}
			n++
		}
		return n
	}
	for taken, want := range [][2]int{{3, 2}, {3, 2}, {3, 1}, {3, 0}, {2, 0}, {1, 0}, {0, 0}} {
		if got := [2]int{found(old), found(new)}; got != want {
			t.Errorf("%d pages taken: %v of both prompts are there, want %v", taken, got, want)
		}
		if n := len(p.take(1)); n != min(1, 6-taken) {
			t.Errorf("%d pages taken, then %d more", taken, n)
		}
	}
}

// Whatever sequences take, find, publish and give, in any order, is as in a model that keeps a list of
// users and a last use for each page.
func TestPagePoolAgainstModel(t *testing.T) {
	const pages, operations = 24, 20000
	rng := rand.New(rand.NewPCG(1, 2))
	type sequence struct {
		keys      []pageKey
		pages     []uint32
		published int
	}
	type known struct {
		key  pageKey
		used int // when it had a user last
	}
	p := newPagePool(pages)
	var running []*sequence
	index := map[uint32]known{}
	for now := range operations {
		users := map[uint32]int{}
		for _, s := range running {
			for _, n := range s.pages {
				users[n]++
			}
		}
		oldest := func() (number uint32) { // that is kept
			least := math.MaxInt
			for n, k := range index {
				if users[n] == 0 && k.used < least {
					number, least = n, k.used
				}
			}
			return number
		}
		kept := 0
		for n := range index {
			if users[n] == 0 {
				kept++
			}
		}
		free := pages - len(users) - kept
		if p.left() != free+kept || len(p.free) != free || p.kept.Len() != kept || len(p.index) != len(index) {
			t.Fatalf("operation %d: %d free, %d kept, %d in the index; want %d, %d, %d", now, len(p.free), p.kept.Len(), len(p.index), free, kept, len(index))
		}
		for n, k := range index {
			if got, ok := p.index[k.key]; !ok || got != n {
				t.Fatalf("operation %d: page %d is not in the index", now, n)
			}
		}
		for n := range p.pages {
			if p.pages[n].users != users[uint32(n)] {
				t.Fatalf("operation %d: page %d has %d users, want %d", now, n, p.pages[n].users, users[uint32(n)])
			}
		}
		switch which := rng.IntN(4); {
		case which == 0: // begins
			var ids []int32
			for range 1 + rng.IntN(5) {
				ids = append(ids, prompted(rng.Int32N(2))...)
			}
			s := &sequence{keys: pageKeys(ids)}
			can, unused := p.has(s.keys[:len(s.keys)-1])
			s.pages = p.find(s.keys[:len(s.keys)-1])
			s.published = len(s.pages)
			if left := p.left(); can != len(s.pages) || unused != free+kept-left {
				t.Fatalf("operation %d: it has %d pages, %d of them kept; %d were found, and of %d are left %d", now, can, unused, len(s.pages), free+kept, left)
			}
			for i, n := range s.pages {
				if index[n].key != s.keys[i] {
					t.Fatalf("operation %d: page %d was found as what it is not", now, n)
				}
			}
			if next := s.published; next < len(s.keys)-1 {
				for n, k := range index {
					if k.key == s.keys[next] {
						t.Fatalf("operation %d: page %d was not found", now, n)
					}
				}
			}
			running = append(running, s)
		case len(running) == 0:
		case which == 1: // grows
			s := running[rng.IntN(len(running))]
			n := 1 + rng.IntN(3)
			for _, page := range s.pages {
				users[page]++
			}
			var want []uint32
			for i := range min(n, free+kept) {
				if i >= free {
					gone := oldest()
					want = append(want, gone)
					delete(index, gone)
				}
			}
			taken := p.take(n)
			if len(taken) != min(n, free+kept) || !slices.Equal(taken[len(taken)-len(want):], want) {
				t.Fatalf("operation %d: took %v of %d and %d, %d wanted; last %v", now, taken, free, kept, n, want)
			}
			for _, page := range taken {
				if users[page] > 0 {
					t.Fatalf("operation %d: page %d is in use", now, page)
				}
			}
			s.pages = append(s.pages, taken...)
		case which == 2: // has computed some
			s := running[rng.IntN(len(running))]
			from, to := s.published, min(len(s.pages), len(s.keys))
			if from >= to {
				break
			}
			to = from + 1 + rng.IntN(to-from)
			p.publish(s.pages[from:to], s.keys[from:to])
			for i := from; i < to; i++ {
				has := false
				for _, k := range index {
					has = has || k.key == s.keys[i]
				}
				if !has {
					index[s.pages[i]] = known{key: s.keys[i]}
				}
			}
			s.published = to
		default: // ends
			i := rng.IntN(len(running))
			s := running[i]
			running = slices.Delete(running, i, i+1)
			p.give(s.pages)
			for i, n := range s.pages {
				if k, ok := index[n]; ok && users[n] == 1 {
					k.used = now*pages - i // those further behind are older
					index[n] = k
				}
			}
		}
	}
}
