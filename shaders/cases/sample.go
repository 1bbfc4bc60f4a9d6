package cases

import (
	"math"

	"sealvk/shaders"
	"sealvk/shaders/reference"
	"sealvk/vk"
)

// What the end of a step has, and expects.
const stepHeads, stepSplit, stepSlots = 16, 2 * shaders.PageTokens, 4

// stepEnd is what the end of a step writes beside rows.
type stepEnd struct {
	ring   *buffer
	grid   *array[uint32]
	splits shaders.Splits
}

func (b *Bench) stepEnd(tokens int) *stepEnd {
	return &stepEnd{b.output("ring", tokens, stepSlots), changed(b, "grid", func(v []uint32) { copy(v, []uint32{0, 1, 0}) }, 3), shaders.Splits{Positions: stepSplit, Max: choose(b, 3, 2)}}
}

// outputs are the values of expectRow and expectGrid: a row of 4 words and an id each.
func (e *stepEnd) outputs(tokens int) int64 { return 5*int64(tokens) + 3 }

// expectRow compares a row and its place in the ring with those of a step that sampled id; an idle
// row stays as it was.
func (e *stepEnd) expectRow(k *checker, rows *array[uint32], t int, id uint32) {
	row := rows.values[4*t:][:4]
	if row[3] == shaders.IdleStep {
		for i, same := range row {
			k.equal(&rows.buffer, same, t, i)
		}
		return
	}
	k.equal(e.ring, id, t, int(row[3]%stepSlots))
	for i, want := range []uint32{id, row[1] + 1, row[2], row[3] + 1} {
		k.equal(&rows.buffer, want, t, i)
	}
}

func (e *stepEnd) expectGrid(k *checker, rows *array[uint32], tokens int) {
	longest := 0 // sequence of the next step
	for t := range tokens {
		if rows.values[4*t+3] != shaders.IdleStep {
			longest = max(longest, int(rows.values[4*t+1])+2)
		}
	}
	for i, want := range []int{stepHeads, min(ceilDiv(longest, stepSplit), e.splits.Max), tokens} {
		k.equal(&e.grid.buffer, uint32(want), i)
	}
}

// candidates are keys and ids, one of each so many tokens, some of no token.
func (b *Bench) candidates(n, each int) func(v []uint32) {
	return func(v []uint32) {
		for i := 0; i < len(v); i += 2 {
			v[i] = math.Float32bits(float32(b.rng.NormFloat64()))
			if v[i+1] = uint32(i / 2 % n * each); b.rng.IntN(4) == 0 {
				v[i+1] = shaders.NoToken
			}
		}
	}
}

// bestOf is the best of n candidates from the one at an offset on.
func bestOf(candidates *array[uint32], first, n int) uint32 {
	keys, ids := make([]float32, n), make([]uint32, n)
	for i := range n {
		pair := candidates.values[first+2*i:]
		keys[i], ids[i] = math.Float32frombits(pair[0]), pair[1]
	}
	return reference.Best(keys, ids)
}

var _ = register("advance", kernel{
	plan: func(b *Bench) {
		n, tokens := b.Size("chunks"), b.Size("tokens")
		rows := changed(b, "rows", func(v []uint32) { // shaders.Row
			for i := 0; i < len(v); i += 4 {
				copy(v[i:], []uint32{7, uint32(2*stepSplit - 1 - b.odd(stepSplit)), uint32(i / 4), uint32(6 + b.odd(stepSlots))})
				if i > 0 && b.odd(3) == 1 {
					v[i+3] = shaders.IdleStep
				}
			}
		}, tokens, 4)
		best := input(b, "best", b.candidates(n, shaders.TileRows), tokens, n, 2)
		end := b.stepEnd(tokens)
		b.Outputs = end.outputs(tokens)
		b.record = func(s *shaders.Kernels, c *vk.Commands, label string) {
			s.Advance(c, label, &shaders.SampleBuffers{
				Rows: rows.Bound(), Best: best.Bound(), Ring: end.ring.Bound(), Grid: end.grid.Bound(), Vocab: n * shaders.TileRows, Slots: stepSlots,
			}, shaders.Heads{Heads: stepHeads}, end.splits, tokens)
		}
		b.check = func(k *checker) {
			for t := range tokens {
				end.expectRow(k, rows, t, bestOf(best, best.offset(t), n))
			}
			end.expectGrid(k, rows, tokens)
		}
	},
	// Rows read and written, the ring's id, the grid's 12 bytes, of which one word is read.
	byHand: []example{{[]int{16, 3}, "", 8, [3]int{3, 1, 1}, shaders.Work{Read: 3*(8*16+16) + 4, Written: 3*(16+4) + 12, FLOPs: 3 * 16}}},
})

var _ = register("sample", kernel{
	plan: func(b *Bench) {
		vocab, tokens, each := b.Size("vocab"), b.Size("tokens"), shaders.PickChunk(&b.Variant.Tuning)
		a := b.adjusted(b.sequences(usualSampling, true))
		chunks := ceilDiv(vocab, each)
		picked := input(b, "picked", b.candidates(chunks, each), tokens, chunks, 2)
		end := b.stepEnd(tokens)
		b.Outputs = a.outputs(tokens) + end.outputs(tokens)
		b.record = func(s *shaders.Kernels, c *vk.Commands, label string) {
			to := a.buffers()
			to.Picked, to.Ring, to.Grid, to.Slots = picked.Bound(), end.ring.Bound(), end.grid.Bound(), stepSlots
			s.Sample(c, label, to, shaders.Heads{Heads: stepHeads}, end.splits, tokens)
		}
		b.check = func(k *checker) {
			const cost = 64 // of sorting, for each logit
			for _, t := range b.sample(tokens, cost*int64(vocab)) {
				choice := a.of(t).Choice()
				logits := a.expect(k, t, choice == shaders.ByRank)
				var id uint32
				switch choice {
				case shaders.ByTiles:
					id = bestOf(a.best, a.best.offset(t), tiles(vocab))
				case shaders.ByMass:
					id = bestOf(picked, picked.offset(t), chunks)
				case shaders.ByRank:
					if a.row(t).Step == shaders.IdleStep {
						break
					}
					id = k.words(end.ring)[end.ring.offset(t, int(a.row(t).Step%stepSlots))]
					p := a.of(t)
					if problem := reference.WrongChoice(logits, id, a.filters(t), p.Temperature, a.row(t).Position, [2]uint32{p.SeedLo, p.SeedHi}); problem != "" {
						k.wrong("ring[%d] = token %d, %s", t, int32(id), problem)
					}
				}
				end.expectRow(k, a.rows, t, id)
			}
			end.expectGrid(k, a.rows, tokens)
		}
	},
	// Rows and parameters, 32 tiles; as advance.
	byHand: []example{{[]int{1000, 3}, "", 8, [3]int{3, 1, 1}, shaders.Work{Read: 3*(64+8*32) + 4, Written: 3*(16+4) + 12, FLOPs: 3 * 32}}},
})
