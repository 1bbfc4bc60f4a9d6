package cases

import (
	"math"

	"sealvk/shaders"
	"sealvk/shaders/reference"
	"sealvk/vk"
)

var _ = register("advance", kernel{
	plan: func(b *Bench) {
		n, tokens, perChunk, filtered := b.Size("chunks"), b.Size("tokens"), shaders.TileRows, choose(b, true, false)
		if filtered {
			perChunk = shaders.PickChunk(&b.Variant.Tuning)
		}
		const heads, split, slots, step = 16, 2 * shaders.PageTokens, 4, 6
		rows := changed(b, "rows", func(v []uint32) { // shaders.Row
			for i := 0; i < len(v); i += 4 {
				copy(v[i:], []uint32{7, uint32(2*split - 1 - b.odd(split)), uint32(i / 4), uint32(step + b.odd(slots))})
			}
		}, tokens, 4)
		best := input(b, "best", func(v []uint32) {
			for i := 0; i < len(v); i += 2 {
				v[i] = math.Float32bits(float32(b.rng.NormFloat64()))
				if v[i+1] = uint32(i / 2 % n * perChunk); b.rng.IntN(4) == 0 {
					v[i+1] = shaders.NoToken
				}
			}
		}, tokens, n, 2)
		ring := b.output("ring", tokens, slots)
		grid := changed(b, "grid", func(v []uint32) { copy(v, []uint32{heads, 2, uint32(tokens)}) }, 3)
		b.Outputs = int64(tokens)*5 + 3 // a row of 4 words and an id each
		b.record = func(s *shaders.Set, c *vk.Commands, label string) {
			s.Advance(c, label, &shaders.SampleBuffers{
				Rows: rows.Range, Best: best.Range, Ring: ring.Range, Grid: grid.Range, Vocab: n * perChunk, Slots: slots,
			}, filtered, shaders.Heads{Heads: heads}, shaders.Splits{Positions: split, Max: 3}, tokens)
		}
		b.check = func(k *checker) {
			longest := 0 // sequence of the next step
			for t := range tokens {
				row := rows.values[4*t:][:4]
				keys, candidates := make([]float32, n), make([]uint32, n)
				for i := range n {
					pair := best.values[best.offset(t, i):]
					keys[i], candidates[i] = math.Float32frombits(pair[0]), pair[1]
				}
				id := reference.Best(keys, candidates)
				k.equal(ring, id, t, int(row[3]%slots))
				for i, want := range []uint32{id, row[1] + 1, row[2], row[3] + 1} {
					k.equal(&rows.buffer, want, t, i)
				}
				longest = max(longest, int(row[1])+2)
			}
			for i, want := range []int{heads, ceilDiv(longest, split), tokens} {
				k.equal(&grid.buffer, uint32(want), i)
			}
		}
	},
	// Rows read and written, the ring's id, the grid's 12 bytes, of which one word is read.
	byHand: []example{{[]int{16, 3}, "", 8, [3]int{3, 1, 1}, shaders.Work{Read: 3*(8*16+16) + 4, Written: 3*(16+4) + 12, FLOPs: 3 * 16}}},
})
