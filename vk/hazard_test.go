package vk

import (
	"math/rand/v2"
	"testing"
)

// The model marks each byte as read or written since the last barrier.
func TestHazardsAgainstByteMap(t *testing.T) {
	buffers := []*Buffer{{name: "a", size: 64}, {name: "b", size: 64}}
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 2))
		var h hazards
		type key struct {
			b *Buffer
			i int64
		}
		read, written := map[key]bool{}, map[key]bool{}
		for step := range 40 {
			var uses []use
			for range 1 + rng.IntN(3) {
				offset := 4 * rng.Int64N(15)
				uses = append(uses, use{buffers[rng.IntN(2)].Range(offset, 1+rng.Int64N(64-offset)), rng.IntN(3) == 0})
			}
			each := func(f func(k key, write bool)) {
				for _, u := range uses {
					for i := u.r.Offset; i < u.r.Offset+storage(u.r.Size); i++ {
						f(key{u.r.Buffer, i}, u.write)
					}
				}
			}
			want := false
			each(func(k key, write bool) { want = want || written[k] || write && read[k] })
			if got := h.conflict(uses); got != want {
				t.Fatalf("seed %d, step %d: conflict is %v, want %v", seed, step, got, want)
			}
			if want {
				h.reset()
				clear(read)
				clear(written)
			}
			h.add(uses, kernelReads)
			each(func(k key, write bool) {
				if write {
					written[k] = true
				} else {
					read[k] = true
				}
			})
		}
	}
}
