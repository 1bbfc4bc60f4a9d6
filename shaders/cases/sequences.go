package cases

import (
	"fmt"
	"math"
	"slices"

	"sealvk/shaders"
	"sealvk/shaders/reference"
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
