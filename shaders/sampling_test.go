package shaders

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"sealvk/shaders/reference"
	"sealvk/vk"
)

// sampler runs the sampling kernels over rows of logits, each of a sequence of its own.
type sampler struct {
	*bench
	b      SampleBuffers
	rows   []Row
	params []Sampling
}

// request is a row's parameters and what they refer to.
type request struct {
	Sampling
	biases  []Bias
	mask    []uint32 // words
	history []uint32 // the last of them is at the row's position
}

func newSampler(t *testing.T, tuning Tuning, vocab int, rows []Row, requests []request, logits []float32) *sampler {
	s := &sampler{bench: newBench(t, KVF16, tuning), rows: rows}
	context := 1
	for _, r := range rows {
		context = max(context, int(r.Position)+1)
	}
	sequences := len(requests)
	biases, mask, history := make([]Bias, sequences*MaxBiases), make([]uint32, sequences*tiles(vocab)), make([]uint32, sequences*context)
	for i, r := range requests {
		r.Biases = uint32(copy(biases[i*MaxBiases:], r.biases))
		if r.mask != nil {
			r.Masked = 1
			copy(mask[i*tiles(vocab):], r.mask)
		}
		copy(history[i*context:], r.history)
		s.params = append(s.params, r.Sampling)
	}
	s.b = SampleBuffers{
		Rows: inout(s.bench, "rows", rows), Params: in(s.bench, "params", s.params), History: in(s.bench, "history", history),
		Biases: in(s.bench, "biases", biases), Mask: in(s.bench, "mask", mask),
		Logits: inout(s.bench, "logits", logits), Best: inout(s.bench, "best", tileBest(logits, vocab)),
		Counts: inout(s.bench, "counts", make([]uint32, len(rows)*vocab)), Bins: s.outBytes("bins", BinBytes(len(rows))),
		Thresholds: s.out("thresholds", len(rows)), Picked: s.outBytes("picked", s.set.PickedBytes(vocab, len(rows))),
		Ring: s.out("ring", 4*len(rows)), Grid: inout(s.bench, "grid", []uint32{0, 1, 0}), Vocab: vocab, Context: context, Slots: 4,
	}
	return s
}

// tileBest is what [Kernels.Output] leaves of each tile: the greatest logit and its token.
func tileBest(logits []float32, vocab int) (best []uint32) {
	for row := range slices.Chunk(logits, vocab) {
		for first := 0; first < vocab; first += TileRows {
			greatest, id := float32(least), uint32(NoToken)
			for i, l := range row[first:min(vocab, first+TileRows)] {
				if l > greatest || l == l && id == NoToken {
					greatest, id = l, uint32(first+i)
				}
			}
			best = append(best, math.Float32bits(greatest), id)
		}
	}
	return best
}

// least is what tiles without a number have.
const least = -3.4e38

func filters(p Sampling) reference.Filters {
	return reference.Filters{TopK: int(p.TopK), TopP: p.TopP, MinP: p.MinP}
}

// sample runs the whole chain, as a step with such rows, and returns the ids.
func (s *sampler) sample(h Heads, sp Splits) []uint32 {
	var choice Choice
	for _, p := range s.params {
		choice = max(choice, p.Choice())
	}
	n := len(s.rows)
	s.run(func(c *vk.Commands) {
		switch choice {
		case ByTiles:
			s.set.Advance(c, "advance", &s.b, h, sp, n)
		case ByMass:
			s.set.Adjust(c, "adjust", &s.b, n)
			s.set.Histogram(c, "histogram", &s.b, n)
			s.set.Threshold(c, "threshold", &s.b, n)
			s.set.Pick(c, "pick", &s.b, n)
			fallthrough
		case ByRank:
			s.set.Sample(c, "sample", &s.b, h, sp, n)
		}
	})
	ring := s.uints(s.b.Ring)
	ids := make([]uint32, n)
	for i, r := range s.rows {
		ids[i] = ring[4*i+int(r.Step%4)]
	}
	return ids
}

// wrong says what is wrong with the ids, of the logits as the kernels left them.
func (s *sampler) wrong(ids []uint32) string {
	logits := s.floats(s.b.Logits)
	for i, id := range ids {
		r, p := s.rows[i], s.params[s.rows[i].Sequence]
		if problem := reference.WrongChoice(logits[i*s.b.Vocab:][:s.b.Vocab], id, filters(p), p.Temperature, r.Position, [2]uint32{p.SeedLo, p.SeedHi}); problem != "" {
			return fmt.Sprintf("row %d, %+v: token %d: %s", i, p, int32(id), problem)
		}
	}
	if counts := s.uints(s.b.Counts); slices.Max(counts) != 0 {
		return "the counts are not zero"
	}
	return ""
}

// everySampling is all combinations of filters, and what adjusts logits.
func everySampling(vocab int) (list []request) {
	none := func() []uint32 { return make([]uint32, tiles(vocab)) }
	one, some := none(), none()
	one[vocab/2/32] |= 1 << (vocab / 2 % 32)
	for i := range some {
		some[i] = []uint32{0, ^uint32(0), 0x80000001, 0xffff0000}[i%4]
	}
	add := func(r request) {
		r.RepeatLastN, r.SeedLo = max(1, r.RepeatLastN), uint32(len(list))
		if r.RepeatPenalty == 0 {
			r.RepeatPenalty = 1
		}
		list = append(list, r)
	}
	for _, k := range []int{0, 1, 2, 40, MaxTopK, MaxTopK + 1, vocab - 1, vocab, vocab + 1} {
		for _, p := range []float32{1, 0.9, 0.3, 0} {
			for _, minP := range []float32{0, 1e-30, 0.05, 1} {
				if s := (Sampling{Temperature: 0.7, TopK: uint32(max(k, 0)), TopP: p, MinP: minP}); k != 0 || p != 1 || minP != 0 { // else Output draws
					add(request{Sampling: s})
				}
			}
		}
	}
	for _, k := range []uint32{0, 40} {
		for _, temperature := range []float32{0, 1} {
			s := Sampling{Temperature: temperature, TopK: k, TopP: 0.9, RepeatLastN: 50}
			ids := []uint32{3, uint32(vocab - 1), 3, 7, uint32(vocab / 2), 3, NoToken} // NoToken stands where a step found none
			add(request{Sampling: s, mask: none()})
			add(request{Sampling: s, mask: one})
			add(request{Sampling: s, mask: some})
			add(request{Sampling: s, biases: []Bias{{uint32(vocab - 1), 100}}})
			add(request{Sampling: s, biases: []Bias{{uint32(vocab / 2), 100}, {0, -100}}, mask: some})
			s.PresencePenalty, s.FrequencyPenalty = -3, -2
			add(request{Sampling: s, history: ids})
			s.RepeatPenalty, s.PresencePenalty, s.FrequencyPenalty = 1.3, 0.5, 50
			add(request{Sampling: s, history: ids, biases: []Bias{{3, 100}}})
		}
	}
	return list
}

// Every combination of parameters chooses what the reference does, of all kinds of logits, and
// workgroups of any size choose the same.
func TestEverySampling(t *testing.T) {
	rng := random(t)
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	kinds := map[string]func(vocab int) []float32{
		"spread": func(vocab int) []float32 {
			l := normal(rng, vocab, 3)
			l[vocab/3], l[vocab/2] = nan, -inf
			return l
		},
		"tied": func(vocab int) []float32 { // more of the greatest than there is room for, and one above
			l := make([]float32, vocab)
			for i := range l {
				l[i] = float32(-(i % 3))
			}
			l[vocab-1] = 1
			return l
		},
		"far": func(vocab int) []float32 { // beyond the bins
			l := normal(rng, vocab, 1)
			l[vocab/2] = 1000
			return l
		},
		"same": func(vocab int) []float32 { return slices.Repeat([]float32{-2.5}, vocab) },
		"sparse": func(vocab int) []float32 { // fewer numbers than k
			l := slices.Repeat([]float32{nan}, vocab)
			l[vocab/5], l[vocab/2], l[vocab-1] = 3, 1, 2
			return l
		},
		"infinite": func(vocab int) []float32 {
			l := normal(rng, vocab, 2)
			l[vocab/5], l[vocab-1], l[0] = inf, inf, -inf
			return l
		},
		"none": func(vocab int) []float32 { return slices.Repeat([]float32{nan, -inf}, vocab)[:vocab] },
	}
	gpu := *device.Caps()
	gpu.Type = vk.Discrete
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			for _, vocab := range []int{5, 1000, 6007} {
				requests := everySampling(vocab)
				row := kind(vocab)
				rows, logits := make([]Row, len(requests)), []float32{}
				for i, r := range requests {
					rows[i] = Row{Position: max(1, uint32(len(r.history))) - 1, Sequence: uint32(i)}
					logits = append(logits, row...)
				}
				var first []uint32
				for _, tuning := range []Tuning{DefaultTuning(device.Caps()), DefaultTuning(&gpu)} {
					s := newSampler(t, tuning, vocab, rows, requests, logits)
					ids := s.sample(Heads{Heads: 1}, Splits{256, 1})
					if problem := s.wrong(ids); problem != "" {
						t.Errorf("vocabulary %d, %d lanes, %s", vocab, tuning.SampleLanes, problem)
					}
					if first == nil {
						first = ids
					}
					if !slices.Equal(ids, first) {
						t.Errorf("vocabulary %d: %v, by %d lanes %v", vocab, first, tuning.SampleLanes, ids)
					}
				}
			}
		})
	}
}

// A row has the same token beside others whose choice takes more kernels.
func TestSamplingBesideOthers(t *testing.T) {
	const vocab = 3000
	row := normal(random(t), vocab, 2)
	requests := everySampling(vocab)[20:60]
	requests = append(requests, request{Sampling: Sampling{TopP: 1, RepeatPenalty: 1}})
	rows, logits := []Row{}, []float32{}
	for i := range requests {
		rows, logits = append(rows, Row{Sequence: uint32(i)}), append(logits, row...)
	}
	together := newSampler(t, DefaultTuning(device.Caps()), vocab, rows, requests, logits).sample(Heads{Heads: 1}, Splits{256, 1})
	for i := range requests {
		alone := newSampler(t, DefaultTuning(device.Caps()), vocab, []Row{{}}, requests[i:i+1], row).sample(Heads{Heads: 1}, Splits{256, 1})
		if alone[0] != together[i] {
			t.Errorf("%+v: token %d alone, %d beside others", requests[i].Sampling, alone[0], together[i])
		}
	}
}

// Drivers may end long loops: rows of the largest vocabulary, with every filter on, and with ties
// that have to be gone through.
func TestSamplingOfGemmasVocabulary(t *testing.T) {
	const vocab = 256000
	spread, same := normal(random(t), vocab, 2), slices.Repeat([]float32{1}, vocab)
	var requests []request
	for _, k := range []uint32{40, MaxTopK, 0, 1000} {
		requests = append(requests, request{Sampling: Sampling{Temperature: 1, TopK: k, TopP: 0.95, MinP: 1e-6, RepeatPenalty: 1}})
	}
	for name, row := range map[string][]float32{"spread": spread, "same": same} {
		rows, logits := []Row{}, []float32{}
		for i := range requests {
			rows, logits = append(rows, Row{Sequence: uint32(i)}), append(logits, row...)
		}
		s := newSampler(t, DefaultTuning(device.Caps()), vocab, rows, requests, logits)
		if problem := s.wrong(s.sample(Heads{Heads: 1}, Splits{256, 1})); problem != "" {
			t.Errorf("%s: %s", name, problem)
		}
	}
}

func TestArgmax(t *testing.T) {
	for name, tuning := range tunings() {
		t.Run(name, func(t *testing.T) {
			rng := random(t)
			for _, vocab := range []int{1, 2, 3, 4, 5, 1000, 5001} {
				logits := normal(rng, 3*vocab, 4)
				tie := rng.IntN(vocab)
				for i := tie; i < vocab; i += 7 {
					logits[i] = 99 // the first of equal ones wins
				}
				for i := range vocab {
					logits[2*vocab+i] = float32(math.NaN())
				}
				rows := []Row{{Position: 255, Step: 5}, {Position: 3, Sequence: 1, Step: 2}, {Position: 9, Sequence: 2}}
				greedy := Sampling{RepeatPenalty: 1, TopP: 1}
				s := newSampler(t, tuning, vocab, rows, []request{{Sampling: greedy}, {Sampling: greedy}, {Sampling: greedy}}, logits)
				ids := s.sample(Heads{Heads: 6}, Splits{256, 4})
				want := []uint32{uint32(tie), uint32(slices.Index(logits[vocab:2*vocab], slices.Max(logits[vocab:2*vocab]))), NoToken}
				if !slices.Equal(ids, want) {
					t.Errorf("vocabulary %d: %v, want %v", vocab, ids, want)
				}
				after := s.uints(s.b.Rows)
				if want := []uint32{ids[0], 256, 0, 6, ids[1], 4, 1, 3, ids[2], 10, 2, 1}; !slices.Equal(after, want) {
					t.Errorf("rows %v, want %v", after, want)
				}
				if grid := s.uints(s.b.Grid); !slices.Equal(grid, []uint32{6, 2, 3}) {
					t.Errorf("grid %v: position 256 begins the second split", grid)
				}
				s.run(func(c *vk.Commands) { s.set.Advance(c, "advance", &s.b, Heads{Heads: 6}, Splits{2, 200}, 3) })
				if grid := s.uints(s.b.Grid); !slices.Equal(grid, []uint32{6, 129, 3}) {
					t.Errorf("grid %v: of all rows the longest counts, position 257", grid)
				}
			}
		})
	}
}

// The kernels must choose what the formula chooses: the numbers of Philox, the
// Gumbel noise, the temperature.
func TestDrawsAgainstReference(t *testing.T) {
	for name, tuning := range tunings() {
		t.Run(name, func(t *testing.T) {
			rng := random(t)
			const vocab, n = 700, 200
			logits, rows, requests := make([]float32, 0, vocab*n), []Row{}, []request{}
			base := normal(rng, vocab, 2)
			for i := range n {
				logits = append(logits, base...)
				rows = append(rows, Row{Position: rng.Uint32N(100), Sequence: uint32(i)})
				requests = append(requests, request{Sampling: Sampling{
					Temperature: 0.5 + rng.Float32(), TopK: []uint32{100, 600}[i%2], TopP: 1, RepeatPenalty: 1, SeedLo: rng.Uint32(), SeedHi: rng.Uint32(),
				}})
			}
			s := newSampler(t, tuning, vocab, rows, requests, logits)
			if problem := s.wrong(s.sample(Heads{Heads: 1}, Splits{256, 1})); problem != "" {
				t.Error(problem)
			}
		})
	}
}

// Draws over many seeds follow the softmax of what top-k keeps (chi-squared test).
func TestDrawsFollowTheDistribution(t *testing.T) {
	base := []float32{2, 1.5, 0.3, -7, 1, 0, 1.9, -1}
	const n, temperature, topK = 4000, 0.8, 6
	logits, rows, requests := []float32{}, []Row{}, []request{}
	for i := range n {
		logits = append(logits, base...)
		rows = append(rows, Row{Sequence: uint32(i)})
		requests = append(requests, request{Sampling: Sampling{Temperature: temperature, TopP: 1, TopK: topK, RepeatPenalty: 1, SeedLo: uint32(i), SeedHi: 77}})
	}
	s := newSampler(t, DefaultTuning(device.Caps()), len(base), rows, requests, logits)
	observed := make([]float64, len(base))
	for _, id := range s.sample(Heads{Heads: 1}, Splits{256, 1}) {
		observed[id]++
	}
	var total float64
	kept, _ := reference.Threshold(base, filters(requests[0].Sampling))
	threshold := float32(kept)
	for _, l := range base {
		if l >= threshold {
			total += math.Exp(float64(l) / temperature)
		}
	}
	var got, want []float64
	for i, l := range base {
		if l < threshold {
			if observed[i] > 0 {
				t.Errorf("token %d is below top-k and was drawn %v times", i, observed[i])
			}
			continue
		}
		got, want = append(got, observed[i]), append(want, n*math.Exp(float64(l)/temperature)/total)
	}
	chi2 := stat.ChiSquare(got, want)
	if p := 1 - (distuv.ChiSquared{K: topK - 1}).CDF(chi2); p < 1e-4 {
		t.Errorf("drawn %v, expected %v: chi² = %.1f, p = %.2g", got, want, chi2, p)
	}
}
