package cases

import (
	"fmt"
	"math"
	"slices"

	"sealvk/shaders"
	"sealvk/shaders/guarded"
	"sealvk/shaders/reference"
	"sealvk/vk"
)

const (
	repeatLastN = 64
	historySize = 2 * repeatLastN // of a sequence
)

// usualSampling is the parameters of the command line, and a repeat penalty.
var usualSampling = shaders.Sampling{Temperature: 0.8, TopK: 40, TopP: 0.95, MinP: 0.05, RepeatPenalty: 1.3, RepeatLastN: repeatLastN, SeedLo: 1, SeedHi: 2}

// oddSampling is others: greedy, without filters, with some of them, and with all.
var oddSampling = []shaders.Sampling{
	usualSampling,
	{Temperature: 0, TopP: 1, RepeatPenalty: 1},
	{Temperature: 1, TopP: 1, TopK: 1, RepeatPenalty: 2, RepeatLastN: 70},
	{Temperature: 1, TopP: 1, TopK: 40, RepeatPenalty: 1.3, RepeatLastN: 1},
	{Temperature: 1, TopP: 1, TopK: 100000, RepeatPenalty: 1.3},
	{Temperature: 1, TopP: 0.9, RepeatPenalty: 0.5, RepeatLastN: 1000},
	{Temperature: 1, TopP: 0.05, RepeatPenalty: 1.1, RepeatLastN: 9},
	{Temperature: 1, TopP: 0.5, TopK: 10, RepeatPenalty: 1.3, RepeatLastN: 64},
	{Temperature: 0.3, TopP: 1, MinP: 0.05, RepeatPenalty: 1.3, RepeatLastN: 64},
	{Temperature: 2, TopP: 0.95, TopK: 40, MinP: 0.1, RepeatPenalty: 1.3, RepeatLastN: 64},
}

// sequences is a step of as many sequences as rows, and their parameters.
type sequences struct {
	rows   *array[shaders.Row]
	params *array[shaders.Sampling]
}

// sequences plans a row each of as many sequences; of odd cases they are in another order.
func (b *Bench) sequences() *sequences {
	n := b.Size("tokens")
	return &sequences{
		input(b, "rows", func(v []shaders.Row) {
			for i := range v {
				v[i] = shaders.Row{Position: historySize - 1, Sequence: uint32(i)}
				if b.Odd != 0 {
					v[i] = shaders.Row{Position: uint32(b.odd(historySize)), Sequence: uint32(n - 1 - i)}
				}
			}
		}, n),
		input(b, "params", func(v []shaders.Sampling) {
			for i := range v {
				if v[i] = choose(b, oddSampling...); b.Odd == 0 {
					v[i] = usualSampling
				}
				v[i].SeedLo = uint32(b.from + i)
			}
		}, n),
	}
}

// of is the parameters of a row.
func (s *sequences) of(t int) shaders.Sampling { return s.params.values[s.rows.values[t].Sequence] }

func (s *sequences) filters(t int) reference.Filters {
	p := s.of(t)
	return reference.Filters{TopK: int(p.TopK), TopP: p.TopP, MinP: p.MinP}
}

// keys are those by which a row's token is drawn.
func (s *sequences) keys(t int, logits []float32, threshold float32) []float64 {
	p := s.of(t)
	return reference.PickKeys(logits, threshold, p.Temperature, s.rows.values[t].Position, [2]uint32{p.SeedLo, p.SeedHi})
}

// spread is the standard deviation of logits.
const spread = 2

// expectPick compares the choice of a row in a chunk, key and id, with the keys of the ids from
// first on.
func (k *checker) expectPick(best *buffer, keys []float64, first, t, chunk int) {
	words := k.see(best, best.offset(t, chunk), 2)
	k.checked++
	key, id := math.Float32frombits(words[0]), words[1]
	if problem := pickProblem(keys, first, float64(key), id); problem != "" {
		k.wrong("%s[%d][%d] = token %d with key %v, %s", best.name, t, chunk, int32(id), key, problem)
	}
}

// pickProblem says what is wrong with the choice of id among the keys of the ids from first
// on, "" if nothing is.
func pickProblem(keys []float64, first int, key float64, id uint32) string {
	greatest := slices.Max(keys)
	off := reference.PickTolerance + 0x1p-22*math.Abs(greatest) // a rounding of f32, where keys are large
	i := int64(id) - int64(first)
	switch {
	case math.IsInf(greatest, -1) && id != shaders.NoToken:
		return "the reference keeps none"
	case math.IsInf(greatest, -1):
		return ""
	case i < 0 || i >= int64(len(keys)) || !(keys[i] >= greatest-off):
		return fmt.Sprintf("the reference's greatest key is %v", greatest)
	case !(math.Abs(keys[i]-key) <= off):
		return fmt.Sprintf("for which the reference has %v", keys[i])
	}
	return ""
}

var _ = register("penalize", kernel{
	plan: func(b *Bench) {
		vocab, tokens := b.Size("vocab"), b.Size("tokens")
		seqs := b.sequences()
		history := input(b, "history", func(v []uint32) {
			for i := range v {
				v[i] = b.rng.Uint32N(uint32(vocab))
			}
		}, tokens, historySize)
		logits := changed(b, "logits", b.normal(spread), tokens, vocab)
		b.Outputs = product(tokens, vocab)
		b.record = func(s *shaders.Kernels, c *vk.Commands, label string) {
			s.Penalize(c, label, &shaders.SampleBuffers{
				Rows: seqs.rows.Bound(), Params: seqs.params.Bound(), History: history.Bound(), Logits: logits.Bound(), Vocab: vocab, Context: historySize,
			}, tokens)
		}
		b.check = func(k *checker) {
			for _, t := range b.sample(tokens, 8*int64(vocab)) {
				row, p := seqs.rows.values[t], seqs.of(t)
				end := history.offset(int(row.Sequence), int(row.Position)) + 1
				recent := history.values[end-min(int(p.RepeatLastN), int(row.Position)+1) : end]
				k.expect(&logits.buffer, reference.Penalize(logits.values[t*vocab:][:vocab], recent, p.RepeatPenalty), t)
			}
		}
	},
	// The rows' 16 bytes, the parameters' 32.
	byHand: []example{{[]int{1000, 3}, "", 4, [3]int{3, 1, 1}, shaders.Work{Read: 3 * 48}}},
})

var _ = register("threshold", kernel{
	plan: func(b *Bench) {
		vocab, tokens := b.Size("vocab"), b.Size("tokens")
		seqs := b.sequences()
		logits := input(b, "logits", b.normal(choose(b, 1.0, 2)*spread), tokens, vocab)
		thresholds := b.output("thresholds", tokens)
		b.Outputs = int64(tokens)
		b.record = func(s *shaders.Kernels, c *vk.Commands, label string) {
			s.Threshold(c, label, &shaders.SampleBuffers{
				Rows: seqs.rows.Bound(), Params: seqs.params.Bound(), Logits: logits.Bound(), Thresholds: thresholds.Bound(), Vocab: vocab,
			}, tokens)
		}
		b.check = func(k *checker) {
			const cost = 64 // of sorting, for each logit
			for _, t := range b.sample(tokens, cost*int64(vocab)) {
				row, got := logits.values[t*vocab:][:vocab], guarded.Floats(k.see(thresholds, t, 1))[0]
				want, slack := reference.Threshold(row, seqs.filters(t))
				k.checked++
				if i := reference.WrongSide(row, got, want, slack); i >= 0 {
					k.wrong("thresholds[%d] = %v, the reference has %v: they differ about logit %d, which is %v", t, got, want, i, row[i])
				}
			}
		}
	},
	// The rows' 16 bytes, the parameters' 32.
	byHand: []example{{[]int{1000, 3}, "", 8, [3]int{3, 1, 1}, shaders.Work{Read: 3 * 48}}},
})

var _ = register("pick", kernel{
	plan: func(b *Bench) {
		vocab, tokens, each := b.Size("vocab"), b.Size("tokens"), shaders.PickChunk(&b.Variant.Tuning)
		seqs := b.sequences()
		var threshold float32 // of every row
		logits := input(b, "logits", func(v []float32) {
			first := v[:vocab]
			b.normal(spread)(first)
			for t := 1; t < tokens; t++ { // the same numbers in another order
				turn := t * 7919 % vocab
				copy(v[t*vocab:], first[turn:])
				copy(v[(t+1)*vocab-turn:], first[:turn])
			}
			least, _ := reference.Threshold(first, seqs.filters(0))
			threshold = float32(least)
		}, tokens, vocab)
		thresholds := input(b, "thresholds", func(v []float32) {
			for i := range v {
				v[i] = threshold
			}
		}, tokens)
		chunks := ceilDiv(vocab, each)
		best := b.output("best", tokens, chunks, 2)
		b.Outputs = product(tokens, chunks)
		b.record = func(s *shaders.Kernels, c *vk.Commands, label string) {
			s.Pick(c, label, &shaders.SampleBuffers{
				Rows: seqs.rows.Bound(), Params: seqs.params.Bound(), Thresholds: thresholds.Bound(), Logits: logits.Bound(), Best: best.Bound(), Vocab: vocab,
			}, tokens)
		}
		b.check = func(k *checker) {
			for _, t := range b.sample(tokens, 8*int64(vocab)) {
				keys := seqs.keys(t, logits.values[t*vocab:][:vocab], threshold)
				for i := range chunks {
					k.expectPick(best, keys[i*each:min(vocab, (i+1)*each)], i*each, t, i)
				}
			}
		}
	},
	// 1000 logits in 4 lanes × 4 runs × 4.
	byHand: []example{{[]int{1000, 3}, "", 4, [3]int{16, 1, 3}, shaders.Work{Read: 3 * (48 + 4*1000), Written: 3 * 8 * 16, FLOPs: 3 * 1000}}},
})

var _ = register("advance", kernel{
	plan: func(b *Bench) {
		n, tokens, perChunk, filtered := b.Size("chunks"), b.Size("tokens"), shaders.TileRows, choose(b, true, false)
		if filtered {
			perChunk = shaders.PickChunk(&b.Variant.Tuning)
		}
		const heads, split, slots, step = 16, 2 * shaders.PageTokens, 4, 6
		splits := shaders.Splits{Positions: split, Max: choose(b, 3, 2)}
		rows := changed(b, "rows", func(v []uint32) { // shaders.Row
			for i := 0; i < len(v); i += 4 {
				copy(v[i:], []uint32{7, uint32(2*split - 1 - b.odd(split)), uint32(i / 4), uint32(step + b.odd(slots))})
				if i > 0 && b.odd(3) == 1 {
					v[i+3] = shaders.IdleStep
				}
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
		grid := changed(b, "grid", func(v []uint32) { copy(v, []uint32{0, 1, 0}) }, 3)
		b.Outputs = int64(tokens)*5 + 3 // a row of 4 words and an id each
		b.record = func(s *shaders.Kernels, c *vk.Commands, label string) {
			s.Advance(c, label, &shaders.SampleBuffers{
				Rows: rows.Bound(), Best: best.Bound(), Ring: ring.Bound(), Grid: grid.Bound(), Vocab: n * perChunk, Slots: slots,
			}, filtered, shaders.Heads{Heads: heads}, splits, tokens)
		}
		b.check = func(k *checker) {
			longest := 0 // sequence of the next step
			for t := range tokens {
				row := rows.values[4*t:][:4]
				if row[3] == shaders.IdleStep {
					for i, same := range row {
						k.equal(&rows.buffer, same, t, i)
					}
					continue
				}
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
			for i, want := range []int{heads, min(ceilDiv(longest, split), splits.Max), tokens} {
				k.equal(&grid.buffer, uint32(want), i)
			}
		}
	},
	// Rows read and written, the ring's id, the grid's 12 bytes, of which one word is read.
	byHand: []example{{[]int{16, 3}, "", 8, [3]int{3, 1, 1}, shaders.Work{Read: 3*(8*16+16) + 4, Written: 3*(16+4) + 12, FLOPs: 3 * 16}}},
})
