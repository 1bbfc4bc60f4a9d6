package engine

import (
	"cmp"
	"fmt"
	"math"

	"sealvk/shaders"
)

// Sampling says how a token is drawn from the logits: repeat penalty, then
// top-k, top-p and min-p on the distribution at temperature 1, then a draw at
// the temperature. The zero value is greedy. The same seed gives the same
// tokens on the same device.
type Sampling struct {
	Temperature   float32 // 0: greedy
	TopK          int     // 0: off
	TopP          float32 // in (0, 1]; 0 and 1: off
	MinP          float32 // in [0, 1); 0: off
	RepeatPenalty float32 // > 0; 0 and 1: off
	RepeatLastN   int     // tokens that the penalty looks at; 0: 64
	Seed          uint64
}

// Check reports a parameter out of its range.
func (s Sampling) Check() error {
	for _, p := range []struct {
		name   string
		value  float64
		lo, hi float64
	}{
		{"temperature", float64(s.Temperature), 0, 100},
		{"top-k", float64(s.TopK), 0, math.MaxInt32},
		{"top-p", float64(s.TopP), 0, 1},
		{"min-p", float64(s.MinP), 0, 1},
		{"repeat penalty", float64(s.RepeatPenalty), 0, 100},
		{"repeat window", float64(s.RepeatLastN), 0, math.MaxInt32},
	} {
		if !(p.value >= p.lo && p.value <= p.hi) {
			return fmt.Errorf("engine: %s %v is not between %v and %v", p.name, p.value, p.lo, p.hi)
		}
	}
	return nil
}

// filtered reports whether the choice takes more than the greatest logit. Draws from all
// logits count as well: a row must be computed alike beside greedy and beside filtered ones.
func (s Sampling) filtered() bool {
	return s.Temperature > 0 || s.RepeatPenalty != 0 && s.RepeatPenalty != 1
}

// device is the form that the kernels read.
func (s Sampling) device() shaders.Sampling {
	return shaders.Sampling{
		Temperature: s.Temperature, TopP: cmp.Or(s.TopP, 1), MinP: s.MinP, RepeatPenalty: cmp.Or(s.RepeatPenalty, 1),
		TopK: uint32(s.TopK), RepeatLastN: cmp.Or(uint32(s.RepeatLastN), 64),
		SeedLo: uint32(s.Seed), SeedHi: uint32(s.Seed >> 32),
	}
}
