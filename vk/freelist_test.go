package vk

import (
	"math/rand/v2"
	"testing"
)

// The model is a byte map: who owns which byte.
func TestFreeListAgainstByteMap(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 1))
		size := 1 + rng.Int64N(2000)
		f, owned := newFreeList(size), make([]bool, size)
		type part struct{ offset, size int64 }
		var live []part
		for range 300 {
			if len(live) > 0 && rng.IntN(3) == 0 {
				i := rng.IntN(len(live))
				p := live[i]
				live[i] = live[len(live)-1]
				live = live[:len(live)-1]
				f.release(p.offset, p.size)
				for b := p.offset; b < p.offset+p.size; b++ {
					owned[b] = false
				}
				continue
			}
			n, align := 1+rng.Int64N(200), []int64{1, 4, 16, 48, 256}[rng.IntN(5)]
			offset, ok := f.alloc(n, align)
			if ok != fits(owned, n, align) {
				t.Fatalf("seed %d: alloc(%d, %d) says %v", seed, n, align, ok)
			}
			if !ok {
				continue
			}
			if offset%align != 0 {
				t.Fatalf("seed %d: offset %d is not a multiple of %d", seed, offset, align)
			}
			for b := offset; b < offset+n; b++ {
				if owned[b] {
					t.Fatalf("seed %d: byte %d handed out twice", seed, b)
				}
				owned[b] = true
			}
			live = append(live, part{offset, n})
		}
		if f.empty() != (len(live) == 0) {
			t.Fatalf("seed %d: empty is %v with %d live", seed, f.empty(), len(live))
		}
		for _, p := range live {
			f.release(p.offset, p.size)
		}
		if !f.empty() {
			t.Fatalf("seed %d: all returned, still %v", seed, f.free)
		}
	}
}

func fits(owned []bool, n, align int64) bool {
	for start := int64(0); start+n <= int64(len(owned)); start += align {
		free := true
		for b := start; b < start+n && free; b++ {
			free = !owned[b]
		}
		if free {
			return true
		}
	}
	return false
}
