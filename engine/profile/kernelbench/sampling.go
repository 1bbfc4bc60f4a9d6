package kernelbench

import (
	"fmt"
	"math"
	"slices"

	"sealvk/shaders"
	"sealvk/shaders/reference"
	"sealvk/vk"
)

const (
	repeatLastN = 64
	ringSlots   = 4
)

// chunks is the number of workgroups among which pick.comp shares a vocabulary.
func chunks(vocab int, t *shaders.Tuning) int {
	n := shaders.PickChunk(t)
	return (vocab + n - 1) / n
}

// sampling is the parameters of the command line, and a repeat penalty.
var sampling = shaders.Sampling{Temperature: 0.8, TopK: 40, TopP: 0.95, MinP: 0.05, RepeatPenalty: 1.3, RepeatLastN: repeatLastN, SeedLo: 1, SeedHi: 2}

var filters = reference.Filters{TopK: int(sampling.TopK), TopP: sampling.TopP, MinP: sampling.MinP}

// sequences plans the rows and parameters of a batch: a row each of as many sequences.
func (b *bench) sequences() (rows *array[shaders.Row], params *array[shaders.Sampling]) {
	n := b.c.size("tokens")
	rows = input(b, "rows", int64(n), func(v []shaders.Row) {
		for i := range v {
			v[i] = shaders.Row{Position: 2*repeatLastN - 1, Sequence: uint32(i)}
		}
	})
	params = input(b, "params", int64(n), func(v []shaders.Sampling) {
		for i := range v {
			v[i] = sampling
			v[i].SeedLo = uint32(i)
		}
	})
	return rows, params
}

// spread is the standard deviation of logits.
const spread = 2

func planPenalize(b *bench) {
	const context = 2 * repeatLastN
	vocab, tokens := b.c.size("vocab"), b.c.size("tokens")
	rows, params := b.sequences()
	history := input(b, "history", product(tokens, context), func(v []uint32) {
		for i := range v {
			v[i] = b.rng.Uint32N(uint32(vocab))
		}
	})
	logits := changed(b, "logits", product(tokens, vocab), b.normal(spread))
	b.outputs = product(tokens, vocab)
	b.record = func(s *shaders.Set, c *vk.Commands, label string) {
		s.Penalize(c, label, &shaders.SampleBuffers{
			Rows: rows.All(), Params: params.All(), History: history.All(), Logits: logits.All(), Vocab: vocab, Context: context,
		}, tokens)
	}
	b.check = func(k *checker) {
		out := k.floats(&logits.buffer)
		for _, t := range b.sample(tokens, 8*int64(vocab)) {
			recent := history.values[t*context+context-repeatLastN:][:repeatLastN]
			want := reference.Penalize(logits.values[t*vocab:][:vocab], recent, sampling.RepeatPenalty)
			k.expect(want, out[t*vocab:][:vocab], func(i int) string { return fmt.Sprintf("logits[row %d][%d]", t, i) })
		}
	}
}

func planThreshold(b *bench) {
	vocab, tokens := b.c.size("vocab"), b.c.size("tokens")
	rows, params := b.sequences()
	logits := input(b, "logits", product(tokens, vocab), b.normal(spread))
	thresholds := b.output("thresholds", int64(tokens))
	b.outputs = int64(tokens)
	b.record = func(s *shaders.Set, c *vk.Commands, label string) {
		s.Threshold(c, label, &shaders.SampleBuffers{
			Rows: rows.All(), Params: params.All(), Logits: logits.All(), Thresholds: thresholds.All(), Vocab: vocab,
		}, tokens)
	}
	b.check = func(k *checker) {
		const cost = 64 // of sorting, for each logit
		out := k.floats(thresholds)
		for _, t := range b.sample(tokens, cost*int64(vocab)) {
			row := logits.values[t*vocab:][:vocab]
			want, slack := reference.Threshold(row, filters)
			k.checked++
			if i := reference.WrongSide(row, out[t], want, slack); i >= 0 {
				k.wrong("thresholds[row %d] = %v, the reference has %v: they differ about logit %d, which is %v", t, out[t], want, i, row[i])
			}
		}
	}
}

func planPick(b *bench) {
	vocab, tokens, each := b.c.size("vocab"), b.c.size("tokens"), shaders.PickChunk(&b.c.Variant.Tuning)
	rows, params := b.sequences()
	var threshold float32 // of every row
	logits := input(b, "logits", product(tokens, vocab), func(v []float32) {
		first := v[:vocab]
		b.normal(spread)(first)
		for t := 1; t < tokens; t++ { // the same numbers in another order
			turn := t * 7919 % vocab
			copy(v[t*vocab:], first[turn:])
			copy(v[(t+1)*vocab-turn:], first[:turn])
		}
		least, _ := reference.Threshold(first, filters)
		threshold = float32(least)
	})
	thresholds := input(b, "thresholds", int64(tokens), func(v []float32) {
		for i := range v {
			v[i] = threshold
		}
	})
	n := chunks(vocab, &b.c.Variant.Tuning)
	best := b.output("best", product(tokens, n, 2))
	b.outputs = product(tokens, n)
	b.record = func(s *shaders.Set, c *vk.Commands, label string) {
		s.Pick(c, label, &shaders.SampleBuffers{
			Rows: rows.All(), Params: params.All(), Thresholds: thresholds.All(), Logits: logits.All(), Best: best.All(), Vocab: vocab,
		}, tokens)
	}
	b.check = func(k *checker) {
		out := k.words(best)
		for _, t := range b.sample(tokens, 8*int64(vocab)) {
			p := params.values[t]
			keys := reference.PickKeys(logits.values[t*vocab:][:vocab], threshold, p.Temperature, rows.values[t].Position, [2]uint32{p.SeedLo, p.SeedHi})
			for i := range n {
				first := i * each
				chunk := keys[first:min(vocab, first+each)]
				key, id := math.Float32frombits(out[2*(t*n+i)]), out[2*(t*n+i)+1]
				k.checked++
				if problem := pickProblem(chunk, first, float64(key), id); problem != "" {
					k.wrong("best[row %d][chunk %d] = token %d with key %v, %s", t, i, int32(id), key, problem)
				}
			}
		}
	}
}

// pickProblem says what is wrong with the choice of id among the keys of the ids from first
// on, "" if nothing is.
func pickProblem(keys []float64, first int, key float64, id uint32) string {
	greatest := slices.Max(keys)
	i := int64(id) - int64(first)
	switch {
	case math.IsInf(greatest, -1) && id != shaders.NoToken:
		return "the reference keeps none"
	case math.IsInf(greatest, -1):
		return ""
	case i < 0 || i >= int64(len(keys)) || !(keys[i] >= greatest-reference.PickTolerance):
		return fmt.Sprintf("the reference's greatest key is %v", greatest)
	case !(math.Abs(keys[i]-key) <= reference.PickTolerance):
		return fmt.Sprintf("for which the reference has %v", keys[i])
	}
	return ""
}

func planAdvance(b *bench) {
	n, tokens, perChunk := b.c.size("chunks"), b.c.size("tokens"), shaders.PickChunk(&b.c.Variant.Tuning)
	const heads, position, step = 16, 2*decodeSplit - 1, 6
	rows := changed(b, "rows", int64(tokens), func(v []shaders.Row) {
		for i := range v {
			v[i] = shaders.Row{Token: 7, Position: position, Sequence: uint32(i), Step: step}
		}
	})
	best := input(b, "best", product(tokens, n, 2), func(v []uint32) {
		for i := 0; i < len(v); i += 2 {
			v[i] = math.Float32bits(float32(b.rng.NormFloat64()))
			if v[i+1] = uint32(i / 2 % n * perChunk); b.rng.IntN(4) == 0 {
				v[i+1] = shaders.NoToken
			}
		}
	})
	ring := b.output("ring", product(tokens, ringSlots))
	grid := changed(b, "grid", 3, func(v []uint32) { copy(v, []uint32{heads, position/decodeSplit + 1, uint32(tokens)}) })
	b.outputs = int64(tokens)*5 + 3 // a row of 4 words and an id each
	sp := shaders.Splits{Positions: decodeSplit, Max: 3}
	b.record = func(s *shaders.Set, c *vk.Commands, label string) {
		s.Advance(c, label, &shaders.SampleBuffers{
			Rows: rows.All(), Best: best.All(), Ring: ring.All(), Grid: grid.All(), Vocab: n * perChunk, Slots: ringSlots,
		}, true, shaders.Heads{Heads: heads}, sp, tokens)
	}
	b.check = func(k *checker) {
		after, ids := k.words(&rows.buffer), k.words(ring)
		for t := range tokens {
			keys, candidates := make([]float32, n), make([]uint32, n)
			for i := range n {
				keys[i], candidates[i] = math.Float32frombits(best.values[2*(t*n+i)]), best.values[2*(t*n+i)+1]
			}
			id := reference.Best(keys, candidates)
			k.equal(ids[t*ringSlots+step%ringSlots], id, "ring[row %d]", t)
			for i, want := range []uint32{id, position + 1, uint32(t), step + 1} {
				k.equal(after[4*t+i], want, "rows[%d], word %d", t, i)
			}
		}
		for i, want := range []uint32{heads, position/decodeSplit + 2, uint32(tokens)} {
			k.equal(k.words(&grid.buffer)[i], want, "grid[%d]", i)
		}
	}
}
