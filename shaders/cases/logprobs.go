package cases

import (
	"math"

	"sealvk/shaders"
	"sealvk/shaders/reference"
	"sealvk/vk"
)

const (
	named      = shaders.MaxLikeliest
	shareWords = 2 + 2*named
	foundWords = 4 + 2*named
	likelyCost = 64 // of the reference, for each logit
	noLogit    = 0xff800000
)

// raggedLikely are vocabularies of fewer tokens than are named, of fewer shares, and of more.
var raggedLikely = [][]int{{1, 0}, {7, 0}, {19, 0}, {21, 0}, {1000, 0}, {1024, 17}, {1025, 3}, {5000, 3}, {named*shaders.LogprobShare + 7, 1}, {30000, 2}}

// likelyLogits plans logits: of odd cases some are equal, infinite, no numbers, or in the order that leaves most to be compared.
func (b *Bench) likelyLogits(vocab, tokens int) *array[float32] {
	return input(b, "logits", func(v []float32) {
		b.normal(spread)(v)
		if b.Odd == 0 {
			return
		}
		inf := float32(math.Inf(1))
		for t := range tokens {
			row := v[t*vocab:][:vocab]
			switch b.odd(9) {
			case 0: // ties, among them zeros of both signs
				for i, l := range row {
					row[i] = float32(math.Copysign(math.Floor(float64(l)), float64(l)))
				}
			case 1: // few numbers
				for i := range row {
					if b.rng.IntN(50) > 0 {
						row[i] = choose(b, float32(math.NaN()), -inf, -3.4028e38)
					}
				}
			case 2:
				for i := range row {
					row[i] = float32(math.NaN())
				}
			case 3:
				row[b.odd(vocab)], row[b.odd(vocab)] = inf, inf
			case 4: // runs in order
				for i := range row {
					row[i] = float32(i%64) * -0.01
				}
			case 5:
				for i := range row {
					row[i] *= 100
				}
			case 6, 7: // the likeliest tokens are one of each share, or of each run of one
				n := choose(b, 1, 64)
				for i := range row {
					if i%shaders.LogprobShare < n {
						row[i] += 50
					}
				}
			}
		}
	}, tokens, vocab)
}

// targets plans rows that ask about tokens, some of them idle, some about none.
func (b *Bench) targets(vocab, tokens int) *array[uint32] {
	return input(b, "rows", func(v []uint32) {
		for t := range tokens {
			copy(v[4*t:], []uint32{b.rng.Uint32N(uint32(vocab)), 0, 0, uint32(1 + b.odd(9))})
			switch b.odd(8) {
			case 1:
				v[4*t] = shaders.NoToken
			case 2:
				v[4*t+3] = shaders.IdleStep
			}
		}
	}, tokens, 4)
}

// share is what likeliest.comp makes of logits, of which the first is that of a token.
func share(logits []float32, first int) (words [shareWords]uint32, sum float64) {
	ids := reference.Likeliest(logits, named)
	words[0] = noLogit
	for i := range named {
		words[2+2*i], words[3+2*i] = noLogit, shaders.NoToken
		if i < len(ids) {
			words[2+2*i], words[3+2*i] = math.Float32bits(logits[ids[i]]), uint32(first)+ids[i]
		}
	}
	if len(ids) > 0 {
		words[0] = words[2]
		sum = math.Exp(-reference.Logprobs(logits)[ids[0]])
	}
	words[1] = math.Float32bits(float32(sum))
	return words, sum
}

var _ = register("likeliest", kernel{
	ragged: raggedLikely,
	plan: func(b *Bench) {
		vocab, tokens := b.Size("vocab"), b.Size("tokens")
		count := ceilDiv(vocab, shaders.LogprobShare)
		rows, logits := b.targets(vocab, tokens), b.likelyLogits(vocab, tokens)
		shares := b.output("shares", tokens, count, shareWords)
		b.Outputs = product(tokens, count, shareWords)
		b.record = func(s *shaders.Kernels, c *vk.Commands, label string) {
			s.Likeliest(c, label, &shaders.LogprobBuffers{Rows: rows.Bound(), Logits: logits.Bound(), Shares: shares.Bound(), Vocab: vocab}, tokens)
		}
		b.check = func(k *checker) {
			for _, t := range b.sample(tokens, likelyCost*int64(vocab)) {
				if rows.values[4*t+3] == shaders.IdleStep {
					continue
				}
				for i := range count {
					first := i * shaders.LogprobShare
					want, sum := share(logits.values[t*vocab:][first:min(vocab, first+shaders.LogprobShare)], first)
					for j, w := range want {
						if j != 1 {
							k.equal(shares, w, t, i, j)
						}
					}
					k.expect(shares, reference.Expected{Values: []float64{sum}, Tolerance: []float64{1e-5 * sum}}, t, i, 1)
				}
			}
		}
	},
	// A row's 16 bytes and 1100 logits; of 2 shares a logit, a sum and 20 tokens.
	byHand: []example{{[]int{1100, 3}, "", 4, [3]int{2, 1, 3}, shaders.Work{Read: 3 * (16 + 4*1100), Written: 3 * 2 * (8 + 20*8), FLOPs: 3 * 3 * 1100}}},
})

var _ = register("logprobs", kernel{
	ragged: raggedLikely,
	plan: func(b *Bench) {
		vocab, tokens := b.Size("vocab"), b.Size("tokens")
		count := ceilDiv(vocab, shaders.LogprobShare)
		rows, logits := b.targets(vocab, tokens), b.likelyLogits(vocab, tokens)
		shares := input(b, "shares", func(v []uint32) {
			for i := range tokens * count {
				first := i % count * shaders.LogprobShare
				words, _ := share(logits.values[i/count*vocab:][first:min(vocab, first+shaders.LogprobShare)], first)
				copy(v[i*shareWords:], words[:])
			}
		}, tokens, count, shareWords)
		found := b.output("found", tokens, stepSlots, foundWords)
		b.Outputs = product(tokens, foundWords)
		b.record = func(s *shaders.Kernels, c *vk.Commands, label string) {
			s.Logprobs(c, label, &shaders.LogprobBuffers{
				Rows: rows.Bound(), Logits: logits.Bound(), Shares: shares.Bound(), Found: found.Bound(), Vocab: vocab, Slots: stepSlots,
			}, tokens)
		}
		b.check = func(k *checker) {
			for _, t := range b.sample(tokens, likelyCost*int64(vocab)) {
				id, step := rows.values[4*t], rows.values[4*t+3]
				if step == shaders.IdleStep {
					continue
				}
				slot, row := int((step-1)%stepSlots), logits.values[t*vocab:][:vocab]
				values, ids := reference.Logprobs(row), reference.Likeliest(row, named)
				value, greatest := math.Inf(-1), float32(math.Inf(-1))
				if int(id) < vocab {
					value = values[id]
				}
				if len(ids) > 0 {
					greatest = row[ids[0]] + 0 // of zeros the positive one
				}
				expect := func(value float64, at int) {
					k.expect(found, reference.Expected{Values: []float64{value}, Tolerance: []float64{reference.LogprobTolerance(value)}}, t, slot, at)
				}
				k.equal(found, id, t, slot, 0)
				expect(value, 1)
				greedy := uint32(0)
				if int(id) < vocab && len(ids) > 0 && row[id] == greatest {
					greedy = 1
				}
				k.equal(found, greedy, t, slot, 2)
				k.equal(found, math.Float32bits(greatest), t, slot, 3)
				for i := range named {
					value, id := 0.0, uint32(shaders.NoToken)
					if i < len(ids) {
						value, id = values[ids[i]], ids[i]
					}
					expect(value, 4+2*i)
					k.equal(found, id, t, slot, 5+2*i)
				}
			}
		}
	},
	// 2 shares, a row's 16 bytes and its token's logit; an id, three values and 20 tokens.
	byHand: []example{{[]int{1100, 3}, "", 8, [3]int{3, 1, 1}, shaders.Work{Read: 3 * (2*(8+20*8) + 20), Written: 3 * (16 + 20*8), FLOPs: 3 * 4 * 2}}},
})
