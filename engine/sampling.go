package engine

import (
	"cmp"
	"fmt"
	"math"

	"sealvk/shaders"
)

// Sampling says how a token is drawn from the logits: penalties, then
// top-k, top-p and min-p on the distribution at temperature 1, then a draw at
// the temperature. The zero value is greedy. The same seed gives the same
// tokens on the same device.
type Sampling struct {
	Temperature      float32 // 0: greedy
	TopK             int     // 0: off
	TopP             float32 // in (0, 1]; 0 and 1: off
	MinP             float32 // in [0, 1); 0: off
	RepeatPenalty    float32 // > 0, divides positive logits and multiplies others; 0 and 1: off
	PresencePenalty  float32 // subtracted from logits; negative: added
	FrequencyPenalty float32 // the same for every time that the token is there
	RepeatLastN      int     // tokens that the penalties look at; 0: 64
	Seed             uint64
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
		{"presence penalty", float64(s.PresencePenalty), -100, 100},
		{"frequency penalty", float64(s.FrequencyPenalty), -100, 100},
		{"repeat window", float64(s.RepeatLastN), 0, math.MaxInt32},
	} {
		if !(p.value >= p.lo && p.value <= p.hi) {
			return fmt.Errorf("engine: %s %v is not between %v and %v", p.name, p.value, p.lo, p.hi)
		}
	}
	return nil
}

// MaxBiases is the most tokens that Request.LogitBias may name.
const MaxBiases = shaders.MaxBiases

// checkBiases reports what cannot be added to the logits of a vocabulary.
func checkBiases(biases map[int32]float32, vocab int) error {
	if len(biases) > MaxBiases {
		return fmt.Errorf("engine: %d tokens have a bias, at most %d can", len(biases), MaxBiases)
	}
	for id, bias := range biases {
		if id < 0 || int(id) >= vocab {
			return fmt.Errorf("engine: a bias of token %d, which is none of the %d", id, vocab)
		}
		if !(math.Abs(float64(bias)) <= math.MaxFloat32) {
			return fmt.Errorf("engine: the bias of token %d is %v", id, bias)
		}
	}
	return nil
}

// sampling is the request's in the form that the kernels read.
func (r *Request) sampling() shaders.Sampling {
	s, masked := r.Sampling, uint32(0)
	if r.Mask != nil {
		masked = 1
	}
	return shaders.Sampling{
		Temperature: s.Temperature, TopP: cmp.Or(s.TopP, 1), MinP: s.MinP, RepeatPenalty: cmp.Or(s.RepeatPenalty, 1),
		PresencePenalty: s.PresencePenalty, FrequencyPenalty: s.FrequencyPenalty, Biases: uint32(len(r.LogitBias)), Masked: masked,
		TopK: uint32(s.TopK), RepeatLastN: cmp.Or(uint32(s.RepeatLastN), 64),
		SeedLo: uint32(s.Seed), SeedHi: uint32(s.Seed >> 32),
	}
}

// choice is how the request's tokens are chosen.
func (r *Request) choice() shaders.Choice { return r.sampling().Choice() }
