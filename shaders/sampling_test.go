package shaders

import (
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"sealvk/shaders/reference"
	"sealvk/vk"
)

// sampler runs the sampling kernels over rows of logits.
type sampler struct {
	*bench
	b     SampleBuffers
	count int
}

func newSampler(t *testing.T, tuning Tuning, vocab, context int, rows []Row, params []Sampling, history []uint32, logits []float32) *sampler {
	s := &sampler{bench: newBench(t, KVF16, tuning), count: len(rows)}
	s.b = SampleBuffers{
		Rows: inout(s.bench, "rows", rows), Params: in(s.bench, "params", params), History: in(s.bench, "history", history),
		Logits: inout(s.bench, "logits", logits), Thresholds: s.out("thresholds", len(rows)),
		Best: s.out("best", int(s.set.BestBytes(vocab, len(rows))/4)), Ring: s.out("ring", 4*len(rows)),
		Grid: inout(s.bench, "grid", []uint32{0, 1, 0}), Vocab: vocab, Context: context, Slots: 4,
	}
	return s
}

func filters(p Sampling) reference.Filters {
	return reference.Filters{TopK: int(p.TopK), TopP: p.TopP, MinP: p.MinP}
}

// Drivers may end long loops: a row of the largest vocabulary, with every filter on.
func TestThresholdOfGemmasVocabulary(t *testing.T) {
	const vocab = 256000
	p := Sampling{Temperature: 1, TopK: 40, TopP: 0.95, MinP: 1e-6}
	logits := normal(random(t), vocab, 2)
	s := newSampler(t, DefaultTuning(device.Caps()), vocab, 1, []Row{{}}, []Sampling{p}, []uint32{0}, logits)
	s.run(func(c *vk.Commands) { s.set.Threshold(c, "threshold", &s.b, 1) })
	want, slack := reference.Threshold(logits, filters(p))
	if got := s.floats(s.b.Thresholds)[0]; reference.WrongSide(logits, got, want, slack) >= 0 {
		t.Errorf("threshold %v, want %v", got, want)
	}
}

// What top-k keeps is found among the few logits that reach the k-th of the greatest of each
// share of the row, or, where there are no such shares or too many such logits, by a radix
// select: ties, NaN and k on both sides of that.
func TestThresholdOfManyTies(t *testing.T) {
	const vocab = 6000
	tuning := tunings()["lanes64"]
	shares := min(tuning.SampleLanes, 256)
	rng := random(t)
	spread := normal(rng, vocab, 3)
	spread[17], spread[4000] = float32(math.NaN()), float32(math.Inf(-1))
	tied := make([]float32, vocab) // more of the greatest than there is room for, and one above
	for i := range tied {
		tied[i] = float32(-(i % 3))
	}
	tied[77] = 1
	same := slices.Repeat([]float32{-2.5}, vocab)
	sparse := slices.Repeat([]float32{float32(math.NaN())}, vocab) // fewer numbers than k
	sparse[5], sparse[300], sparse[5999] = 3, 1, 2
	for name, logits := range map[string][]float32{"spread": spread, "tied": tied, "same": same, "sparse": sparse} {
		for _, k := range []int{1, 2, 3, 4, shares - 1, shares, shares + 1, vocab - 1, vocab} {
			for _, topP := range []float32{1, 0.9, 0.3, 0} {
				p := Sampling{Temperature: 1, TopP: topP, TopK: uint32(k)}
				s := newSampler(t, tuning, vocab, 1, []Row{{}}, []Sampling{p}, []uint32{0}, logits)
				s.run(func(c *vk.Commands) { s.set.Threshold(c, "threshold", &s.b, 1) })
				got := s.floats(s.b.Thresholds)[0]
				want, slack := reference.Threshold(logits, filters(p))
				if at := reference.WrongSide(logits, got, want, slack); at >= 0 {
					t.Errorf("%s, top-k %d, top-p %v: threshold %v, want %v: logit %d is %v", name, k, topP, got, want, at, logits[at])
				}
			}
		}
	}
}

func TestThresholdOfTiesAndNaN(t *testing.T) {
	nan := float32(math.NaN())
	logits := []float32{1, 2, 2, 2, 0, -1, nan, -5}
	s := newSampler(t, DefaultTuning(device.Caps()), len(logits), 1, []Row{{}}, []Sampling{{Temperature: 1, TopP: 1, TopK: 2}}, []uint32{0}, logits)
	s.run(func(c *vk.Commands) { s.set.Threshold(c, "threshold", &s.b, 1) })
	if got := s.floats(s.b.Thresholds)[0]; got != 2 {
		t.Errorf("threshold %v, want 2: ties stay", got)
	}
}

// sample runs the whole chain and returns the ids.
func (s *sampler) sample(h Heads, sp Splits) []uint32 {
	s.run(func(c *vk.Commands) {
		s.set.Penalize(c, "penalize", &s.b, s.count)
		s.set.Threshold(c, "threshold", &s.b, s.count)
		s.set.Pick(c, "pick", &s.b, s.count)
		s.set.Advance(c, "advance", &s.b, true, h, sp, s.count)
	})
	ring := s.uints(s.b.Ring)
	ids := make([]uint32, s.count)
	for i := range ids {
		ids[i] = ring[4*i+int(stepOf(s, i)-1)%4]
	}
	return ids
}

func stepOf(s *sampler, row int) uint32 { return s.uints(s.b.Rows)[4*row+3] }

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
				s := newSampler(t, tuning, vocab, 300, rows, []Sampling{greedy, greedy, greedy}, make([]uint32, 900), logits)
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
				s.run(func(c *vk.Commands) { s.set.Advance(c, "advance", &s.b, true, Heads{Heads: 6}, Splits{2, 200}, 3) })
				if grid := s.uints(s.b.Grid); !slices.Equal(grid, []uint32{6, 129, 3}) {
					t.Errorf("grid %v: of all rows the longest counts, position 257", grid)
				}
			}
		})
	}
}

// The kernel must choose what the formula chooses: the numbers of Philox, the
// Gumbel noise, the temperature.
func TestPickAgainstReference(t *testing.T) {
	for name, tuning := range tunings() {
		t.Run(name, func(t *testing.T) {
			rng := random(t)
			const vocab, n = 700, 200
			logits, rows, params := make([]float32, 0, vocab*n), []Row{}, []Sampling{}
			base := normal(rng, vocab, 2)
			for i := range n {
				logits = append(logits, base...)
				rows = append(rows, Row{Position: rng.Uint32N(100), Sequence: uint32(i)})
				params = append(params, Sampling{Temperature: 0.5 + rng.Float32(), TopP: 1, RepeatPenalty: 1, SeedLo: rng.Uint32(), SeedHi: rng.Uint32()})
			}
			s := newSampler(t, tuning, vocab, 100, rows, params, make([]uint32, 100*n), logits)
			for i, got := range s.sample(Heads{Heads: 1}, Splits{256, 1}) {
				keys := reference.PickKeys(base, -3.4e38, params[i].Temperature, rows[i].Position, [2]uint32{params[i].SeedLo, params[i].SeedHi})
				if best := slices.Max(keys); keys[got] < best-reference.PickTolerance {
					t.Errorf("row %d: token %d with key %v, the best has %v", i, got, keys[got], best)
				}
			}
		})
	}
}

// Draws over many seeds follow the softmax of what top-k keeps (chi-squared test).
func TestDrawsFollowTheDistribution(t *testing.T) {
	base := []float32{2, 1.5, 0.3, -7, 1, 0, 1.9, -1}
	const n, temperature, topK = 4000, 0.8, 6
	logits, rows, params := []float32{}, []Row{}, []Sampling{}
	for i := range n {
		logits = append(logits, base...)
		rows = append(rows, Row{Sequence: uint32(i)})
		params = append(params, Sampling{Temperature: temperature, TopP: 1, TopK: topK, RepeatPenalty: 1, SeedLo: uint32(i), SeedHi: 77})
	}
	s := newSampler(t, DefaultTuning(device.Caps()), len(base), 1, rows, params, make([]uint32, n), logits)
	observed := make([]float64, len(base))
	for _, id := range s.sample(Heads{Heads: 1}, Splits{256, 1}) {
		observed[id]++
	}
	var total float64
	least, _ := reference.Threshold(base, filters(params[0]))
	threshold := float32(least)
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
