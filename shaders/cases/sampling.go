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

// usualSampling is the parameters of the command line, and penalties; usualMass the same without a
// top-k.
var (
	usualSampling = shaders.Sampling{Temperature: 0.8, TopK: 40, TopP: 0.95, MinP: 0.05, RepeatPenalty: 1.3, PresencePenalty: 0.5, FrequencyPenalty: 0.25, RepeatLastN: repeatLastN}
	usualMass     = shaders.Sampling{Temperature: 0.8, TopP: 0.95, MinP: 0.05, RepeatPenalty: 1.3, RepeatLastN: repeatLastN}
)

// oddSampling is others: greedy, without filters, with some of them, and with all.
var oddSampling = []shaders.Sampling{
	usualSampling,
	usualMass,
	{Temperature: 0.8, TopK: 40, TopP: 0.95, MinP: 0.05, RepeatPenalty: 1.3, RepeatLastN: repeatLastN, Biases: 3, Masked: 1},
	{Temperature: 0, TopP: 1, RepeatPenalty: 1},
	{Temperature: 0, TopP: 1, RepeatPenalty: 1.3, RepeatLastN: 64},
	{Temperature: 0, TopP: 1, RepeatPenalty: 1, Biases: 2},
	{Temperature: 0, TopP: 0.5, RepeatPenalty: 1, Masked: 1},
	{Temperature: 1, TopP: 1, RepeatPenalty: 1},
	{Temperature: 1, TopP: 1, RepeatPenalty: 1, PresencePenalty: -1.5, FrequencyPenalty: 0.1, RepeatLastN: 100},
	{Temperature: 1, TopP: 1, TopK: 1, RepeatPenalty: 2, RepeatLastN: 70},
	{Temperature: 1, TopP: 1, TopK: 40, RepeatPenalty: 1.3, RepeatLastN: 1},
	{Temperature: 1, TopP: 1, TopK: shaders.MaxTopK, RepeatPenalty: 1, FrequencyPenalty: -0.5, RepeatLastN: 64},
	{Temperature: 1, TopP: 0.9, TopK: shaders.MaxTopK + 1, RepeatPenalty: 1},
	{Temperature: 1, TopP: 1, TopK: 100000, RepeatPenalty: 1.3},
	{Temperature: 1, TopP: 0.9, RepeatPenalty: 0.5, RepeatLastN: 1000},
	{Temperature: 1, TopP: 0.05, RepeatPenalty: 1.1, RepeatLastN: 9, Biases: 5, Masked: 1},
	{Temperature: 1, TopP: 0.5, TopK: 10, RepeatPenalty: 1.3, RepeatLastN: 64},
	{Temperature: 0.3, TopP: 1, MinP: 0.05, RepeatPenalty: 1.3, RepeatLastN: 64},
	{Temperature: 2, TopP: 0.95, TopK: 40, MinP: 0.1, RepeatPenalty: 1.3, RepeatLastN: 64},
}

// sequences is a step of as many sequences as rows, and their parameters.
type sequences struct {
	rows   *array[uint32] // shaders.Row
	params *array[shaders.Sampling]
}

// sequences plans a row each of as many sequences; of odd cases they are in another order, and
// their parameters others than the usual ones. The kernel may change the rows.
func (b *Bench) sequences(usual shaders.Sampling, changes bool) *sequences {
	n, rows := b.Size("tokens"), input[uint32]
	if changes {
		rows = changed[uint32]
	}
	return &sequences{
		rows(b, "rows", func(v []uint32) {
			for i := 0; i < len(v); i += 4 {
				copy(v[i:], []uint32{7, historySize - 1, uint32(i / 4), 6})
				if b.Odd != 0 {
					copy(v[i:], []uint32{7, uint32(b.odd(historySize)), uint32(n - 1 - i/4), uint32(b.odd(9))})
					if changes && i > 0 && b.odd(4) == 1 {
						v[i+3] = shaders.IdleStep
					}
				}
			}
		}, n, 4),
		input(b, "params", func(v []shaders.Sampling) {
			for i := range v {
				if v[i] = choose(b, oddSampling...); b.Odd == 0 {
					v[i] = usual
				}
				v[i].SeedLo = uint32(b.from + i)
			}
		}, n),
	}
}

func (s *sequences) row(t int) shaders.Row {
	v := s.rows.values[4*t:][:4]
	return shaders.Row{Token: v[0], Position: v[1], Sequence: v[2], Step: v[3]}
}

// of is the parameters of a row.
func (s *sequences) of(t int) shaders.Sampling { return s.params.values[s.row(t).Sequence] }

func (s *sequences) filters(t int) reference.Filters {
	p := s.of(t)
	return reference.Filters{TopK: int(p.TopK), TopP: p.TopP, MinP: p.MinP}
}

// keys are those by which a row's token is drawn.
func (s *sequences) keys(t int, logits []float32, threshold float32) []float64 {
	p := s.of(t)
	return reference.PickKeys(logits, threshold, p.Temperature, s.row(t).Position, [2]uint32{p.SeedLo, p.SeedHi})
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

// adjusted is what mask, biases and penalties work on.
type adjusted struct {
	*sequences
	vocab   int
	history *array[uint32]
	biases  *array[shaders.Bias]
	mask    *array[uint32]
	counts  *array[uint32]
	logits  *array[float32]
	best    *array[uint32] // of tiles
}

func (b *Bench) adjusted(seqs *sequences) *adjusted {
	vocab, tokens := b.Size("vocab"), b.Size("tokens")
	a := &adjusted{sequences: seqs, vocab: vocab}
	a.history = input(b, "history", func(v []uint32) {
		for i := range v {
			v[i] = b.rng.Uint32N(uint32(vocab))
			if b.rng.IntN(4) == 0 { // some often
				v[i] = uint32(vocab - 1)
			}
		}
	}, tokens, historySize)
	a.biases = input(b, "biases", func(v []shaders.Bias) {
		for i := range v { // of different tokens, while there are some
			v[i] = shaders.Bias{ID: uint32(i % shaders.MaxBiases * 7), Value: float32(b.rng.NormFloat64() * 3)}
		}
	}, tokens, shaders.MaxBiases)
	a.mask = input(b, "mask", func(v []uint32) {
		for i := range v {
			switch b.rng.IntN(4) {
			case 0:
				v[i] = ^uint32(0)
			case 1:
				v[i] = b.rng.Uint32()
			}
		}
	}, tokens, tiles(vocab))
	a.counts = changed(b, "counts", func(v []uint32) {}, tokens, vocab)
	a.logits = changed(b, "logits", b.normal(spread), tokens, vocab)
	a.best = changed(b, "best", func(v []uint32) {
		for t := range tokens {
			for tile := range tiles(vocab) {
				at, row := 2*(t*tiles(vocab)+tile), a.logits.values[t*vocab:][:vocab]
				if v[at], v[at+1] = math.Float32bits(slices.Max(row[tile*shaders.TileRows:min(vocab, (tile+1)*shaders.TileRows)])), 5; seqs.of(t).Choice() == shaders.ByTiles {
					v[at], v[at+1] = math.Float32bits(float32(b.rng.NormFloat64())), uint32(tile*shaders.TileRows)
				}
			}
		}
	}, tokens, tiles(vocab), 2)
	return a
}

// buffers are those that they are in.
func (a *adjusted) buffers() *shaders.SampleBuffers {
	return &shaders.SampleBuffers{
		Rows: a.rows.Bound(), Params: a.params.Bound(), History: a.history.Bound(), Biases: a.biases.Bound(), Mask: a.mask.Bound(),
		Counts: a.counts.Bound(), Logits: a.logits.Bound(), Best: a.best.Bound(), Vocab: a.vocab, Context: historySize,
	}
}

// row is the first logits of a row.
func (a *adjusted) first(t int) []float32 { return a.logits.values[t*a.vocab:][:a.vocab] }

// expect compares the logits of a row and the maxima of its tiles with those adjusted, if they are
// by this kernel, and gives the logits as the kernel left them.
func (a *adjusted) expect(k *checker, t int, here bool) []float32 {
	row, p := a.row(t), a.of(t)
	changes := reference.Adjustments{Repeat: p.RepeatPenalty, Presence: p.PresencePenalty, Frequency: p.FrequencyPenalty, Biases: map[uint32]float32{}}
	touched := map[int]bool{}
	if end := a.history.offset(int(row.Sequence), int(row.Position)) + 1; here && (p.RepeatPenalty != 1 || p.PresencePenalty != 0 || p.FrequencyPenalty != 0) {
		changes.Recent = a.history.values[end-min(int(p.RepeatLastN), int(row.Position)+1) : end]
	}
	for _, id := range changes.Recent {
		touched[int(id)/shaders.TileRows] = true
	}
	if here {
		for _, bias := range a.biases.values[row.Sequence*shaders.MaxBiases:][:p.Biases] {
			if int(bias.ID) < a.vocab {
				changes.Biases[bias.ID], touched[int(bias.ID)/shaders.TileRows] = bias.Value, true
			}
		}
	}
	if mask := a.mask.values[a.mask.offset(int(row.Sequence)):]; here && p.Masked != 0 {
		changes.Allowed = func(id int) bool { return mask[id/32]>>(id%32)&1 != 0 }
		for tile := range tiles(a.vocab) {
			touched[tile] = touched[tile] || mask[tile] != ^uint32(0)
		}
	}
	k.expect(&a.logits.buffer, reference.Adjust(a.first(t), changes), t)
	after := guarded.Floats(k.words(&a.logits.buffer)[t*a.vocab:][:a.vocab])
	for tile := range tiles(a.vocab) {
		want := a.best.values[a.best.offset(t, tile):][:2]
		if touched[tile] {
			want = []uint32{math.Float32bits(slices.Max(after[tile*shaders.TileRows : min(a.vocab, (tile+1)*shaders.TileRows)])), shaders.NoToken}
		}
		k.equal(&a.best.buffer, want[0], t, tile, 0)
		k.equal(&a.best.buffer, want[1], t, tile, 1)
	}
	for id := range a.vocab {
		k.equal(&a.counts.buffer, 0, t, id)
	}
	return after
}

// outputs are the values of expect.
func (a *adjusted) outputs(tokens int) int64 {
	return product(tokens, 2*(a.vocab+tiles(a.vocab)))
}

// sortKey is the order of logits, as sampling.glsl has it.
func sortKey(l float32) uint32 {
	if b := math.Float32bits(l); b>>31 != 0 {
		return ^b
	} else {
		return b | 1<<31
	}
}

func fromSortKey(k uint32) float32 {
	if k>>31 != 0 {
		return math.Float32frombits(k &^ (1 << 31))
	}
	return math.Float32frombits(^k)
}

const adjustCost = 8 // of the reference, for each logit

var _ = register("adjust", kernel{
	plan: func(b *Bench) {
		vocab, tokens := b.Size("vocab"), b.Size("tokens")
		a := b.adjusted(b.sequences(usualMass, false))
		thresholds, bins := b.output("thresholds", tokens), b.output("bins", tokens, 3*shaders.SelectBins)
		b.Outputs = a.outputs(tokens) + product(tokens, 1+3*shaders.SelectBins)
		b.record = func(s *shaders.Kernels, c *vk.Commands, label string) {
			to := a.buffers()
			to.Thresholds, to.Bins = thresholds.Bound(), bins.Bound()
			s.Adjust(c, label, to, tokens)
		}
		b.check = func(k *checker) {
			for _, t := range b.sample(tokens, adjustCost*int64(vocab)) {
				here := a.of(t).Choice() == shaders.ByMass
				logits := a.expect(k, t, here)
				if !here {
					continue
				}
				k.equal(thresholds, sortKey(max(-3.4e38, slices.Max(logits))), t)
				for i := range 3 * shaders.SelectBins {
					k.equal(bins, 0, t, i)
				}
			}
		}
	},
	// The rows' 16 bytes, the parameters' 48, 32 tiles; 3 × 512 bins and a threshold.
	byHand: []example{{[]int{1000, 3}, "", 8, [3]int{3, 1, 1}, shaders.Work{Read: 3 * (64 + 8*32), Written: 3 * (3*4*512 + 4), FLOPs: 3 * 32}}},
})

// maxima plans the best of tiles where these are their greatest logits.
func (b *Bench) maxima(logits *array[float32], vocab, tokens int) *array[uint32] {
	return input(b, "best", func(v []uint32) {
		for t := range tokens {
			for tile := range tiles(vocab) {
				v[2*(t*tiles(vocab)+tile)] = math.Float32bits(slices.Max(logits.values[t*vocab:][tile*shaders.TileRows : min(vocab, (tile+1)*shaders.TileRows)]))
			}
		}
	}, tokens, tiles(vocab), 2)
}

// histogram is that of logits: counts and mass, by the distance from the greatest.
func histogram(logits []float32) (counts [shaders.SelectBins]uint32, mass [shaders.SelectBins]float64) {
	greatest := slices.Max(logits)
	for _, l := range logits {
		bin := min(int((greatest-l)*16), shaders.SelectBins-1)
		counts[bin]++
		mass[bin] += math.Exp(float64(l-greatest)) * (1 << 31)
	}
	return counts, mass
}

var _ = register("histogram", kernel{
	plan: func(b *Bench) {
		vocab, tokens := b.Size("vocab"), b.Size("tokens")
		seqs := b.sequences(usualMass, false)
		logits := input(b, "logits", b.normal(choose(b, 1.0, 4)*spread), tokens, vocab)
		thresholds := input(b, "thresholds", func(v []uint32) {
			for t := range v {
				v[t] = sortKey(slices.Max(logits.values[t*vocab:][:vocab]))
			}
		}, tokens)
		bins := changed(b, "bins", func(v []uint32) {}, tokens, 3, shaders.SelectBins)
		b.Outputs = product(tokens, 3*shaders.SelectBins)
		b.record = func(s *shaders.Kernels, c *vk.Commands, label string) {
			s.Histogram(c, label, &shaders.SampleBuffers{
				Rows: seqs.rows.Bound(), Params: seqs.params.Bound(), Logits: logits.Bound(), Thresholds: thresholds.Bound(), Bins: bins.Bound(), Vocab: vocab,
			}, tokens)
		}
		b.check = func(k *checker) {
			for _, t := range b.sample(tokens, adjustCost*int64(vocab)) {
				p := seqs.of(t)
				counts, mass := histogram(logits.values[t*vocab:][:vocab])
				rounding := counts // one of each token's mass
				if p.Choice() != shaders.ByMass || p.TopK == 0 {
					clear(counts[:])
				}
				if p.Choice() != shaders.ByMass || p.TopP >= 1 {
					clear(mass[:])
				}
				for i, want := range counts {
					k.equal(&bins.buffer, want, t, 0, i)
					lo, hi := k.see(&bins.buffer, bins.offset(t, 1, i), 1)[0], k.see(&bins.buffer, bins.offset(t, 2, i), 1)[0]
					k.checked += 2
					if got := float64(hi)*(1<<32) + float64(lo); !(math.Abs(got-mass[i]) <= float64(rounding[i])+1e-5*mass[i]) {
						k.wrong("bins[%d][1:][%d] = %v, the reference has a mass of %v", t, i, got, mass[i])
					}
				}
			}
		}
	},
	// The rows' 16 bytes, the parameters' 48, a threshold, and logits in shares of 4096.
	byHand: []example{{[]int{5000, 3}, "", 8, [3]int{2, 1, 3}, shaders.Work{Read: 3 * (64 + 4 + 4*5000), Written: 3 * 3 * 4 * 512, FLOPs: 3 * 3 * 5000}}},
})

var _ = register("threshold", kernel{
	plan: func(b *Bench) {
		vocab, tokens := b.Size("vocab"), b.Size("tokens")
		seqs := b.sequences(usualMass, false)
		logits := input(b, "logits", b.normal(choose(b, 1.0, 2)*spread), tokens, vocab)
		best := b.maxima(logits, vocab, tokens)
		bins := input(b, "bins", func(v []uint32) {
			for t := range tokens {
				counts, mass := histogram(logits.values[t*vocab:][:vocab])
				at := v[t*3*shaders.SelectBins:]
				copy(at, counts[:])
				for i, m := range mass {
					at[shaders.SelectBins+i], at[2*shaders.SelectBins+i] = uint32(uint64(m)), uint32(uint64(m)>>32)
				}
			}
		}, tokens, 3, shaders.SelectBins)
		thresholds := changed(b, "thresholds", func(v []uint32) {
			for t := range v {
				v[t] = sortKey(slices.Max(logits.values[t*vocab:][:vocab]))
			}
		}, tokens)
		b.Outputs = int64(tokens)
		b.record = func(s *shaders.Kernels, c *vk.Commands, label string) {
			s.Threshold(c, label, &shaders.SampleBuffers{
				Rows: seqs.rows.Bound(), Params: seqs.params.Bound(), Logits: logits.Bound(), Best: best.Bound(), Bins: bins.Bound(), Thresholds: thresholds.Bound(), Vocab: vocab,
			}, tokens)
		}
		b.check = func(k *checker) {
			const cost = 64 // of sorting, for each logit
			for _, t := range b.sample(tokens, cost*int64(vocab)) {
				row := logits.values[t*vocab:][:vocab]
				if seqs.of(t).Choice() != shaders.ByMass {
					k.equal(&thresholds.buffer, thresholds.values[t], t)
					continue
				}
				got := fromSortKey(k.see(&thresholds.buffer, t, 1)[0])
				want, slack := reference.Threshold(row, seqs.filters(t))
				k.checked++
				if i := reference.WrongSide(row, got, want, slack); i >= 0 {
					k.wrong("thresholds[%d] = %v, the reference has %v: they differ about logit %d, which is %v", t, got, want, i, row[i])
				}
			}
		}
	},
	// The rows' 16 bytes, the parameters' 48, 3 × 512 bins, the greatest logit.
	byHand: []example{{[]int{1000, 3}, "", 8, [3]int{3, 1, 1}, shaders.Work{Read: 3 * (64 + 3*4*512 + 4), Written: 3 * 4}}},
})

var _ = register("pick", kernel{
	plan: func(b *Bench) {
		vocab, tokens, each := b.Size("vocab"), b.Size("tokens"), shaders.PickChunk(&b.Variant.Tuning)
		seqs := b.sequences(usualMass, false)
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
		best := b.maxima(logits, vocab, tokens)
		thresholds := input(b, "thresholds", func(v []uint32) {
			for i := range v {
				v[i] = sortKey(threshold)
			}
		}, tokens)
		chunks := ceilDiv(vocab, each)
		picked := b.output("picked", tokens, chunks, 2)
		b.Outputs = product(tokens, chunks)
		b.record = func(s *shaders.Kernels, c *vk.Commands, label string) {
			s.Pick(c, label, &shaders.SampleBuffers{
				Rows: seqs.rows.Bound(), Params: seqs.params.Bound(), Thresholds: thresholds.Bound(), Logits: logits.Bound(), Best: best.Bound(), Picked: picked.Bound(), Vocab: vocab,
			}, tokens)
		}
		b.check = func(k *checker) {
			for _, t := range b.sample(tokens, adjustCost*int64(vocab)) {
				if seqs.of(t).Choice() != shaders.ByMass {
					continue
				}
				keys := seqs.keys(t, logits.values[t*vocab:][:vocab], threshold)
				for i := range chunks {
					k.expectPick(picked, keys[i*each:min(vocab, (i+1)*each)], i*each, t, i)
				}
			}
		}
	},
	// 1000 logits in 4 lanes × 4 runs × 4, and in 32 tiles.
	byHand: []example{{[]int{1000, 3}, "", 4, [3]int{16, 1, 3}, shaders.Work{Read: 3 * (64 + 8*32 + 4 + 4*1000), Written: 3 * 8 * 16, FLOPs: 3 * 1000}}},
})
