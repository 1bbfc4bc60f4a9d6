package score

import (
	"errors"
	"math"

	"sealvk/engine"
)

// Value is what a model thinks of a continuation, by natural logarithms.
type Value struct {
	Loglikelihood float64   `json:"loglikelihood"` // sum of Logprobs
	Tokens        []int32   `json:"tokens"`
	Logprobs      []float32 `json:"token_logprobs"` // of each of Tokens
	Greedy        bool      `json:"is_greedy"`      // each of Tokens is the likeliest behind those in front
	Bytes         int       `json:"bytes"`          // of the text in UTF-8, as it was given
	Characters    int       `json:"characters"`     // code points
	PerToken      float64   `json:"per_token"`      // Loglikelihood / len(Tokens)
	PerByte       float64   `json:"per_byte"`
	PerCharacter  float64   `json:"per_character"` // what lm-evaluation-harness compares for acc_norm
	BitsPerByte   float64   `json:"bits_per_byte"` // -PerByte / ln 2
}

// Of takes the log-probabilities of a pair's IDs from First on.
func Of(p Pair, logprobs []engine.Logprob) (*Value, error) {
	if len(logprobs) != len(p.IDs)-p.First {
		return nil, errors.New("score: the log-probabilities are not those of the continuation")
	}
	v := &Value{Tokens: p.IDs[p.First:], Greedy: true, Bytes: p.Bytes, Characters: p.Characters}
	for _, l := range logprobs {
		v.Loglikelihood += float64(l.Value)
		v.Logprobs = append(v.Logprobs, l.Value)
		v.Greedy = v.Greedy && l.Greedy
	}
	if math.IsNaN(v.Loglikelihood) || math.IsInf(v.Loglikelihood, 0) {
		return nil, errors.New("score: the model gives the continuation no finite log-probability")
	}
	v.PerToken = v.Loglikelihood / float64(len(v.Tokens))
	if p.Bytes > 0 { // ids may be control tokens, which have no text
		v.PerByte = v.Loglikelihood / float64(p.Bytes)
		v.PerCharacter = v.Loglikelihood / float64(p.Characters)
		v.BitsPerByte = -v.PerByte / math.Ln2
	}
	return v, nil
}

// Choice is the place of the best of several values, the first of equals, by each way to compare.
type Choice struct {
	Sum        int `json:"sum"` // acc of lm-evaluation-harness
	Tokens     int `json:"per_token"`
	Bytes      int `json:"per_byte"`
	Characters int `json:"per_character"` // its acc_norm
}

// Best compares values, of which there is at least one.
func Best(values []*Value) Choice {
	best := func(by func(*Value) float64) (place int) {
		for i, v := range values {
			if by(v) > by(values[place]) {
				place = i
			}
		}
		return place
	}
	return Choice{
		Sum:        best(func(v *Value) float64 { return v.Loglikelihood }),
		Tokens:     best(func(v *Value) float64 { return v.PerToken }),
		Bytes:      best(func(v *Value) float64 { return v.PerByte }),
		Characters: best(func(v *Value) float64 { return v.PerCharacter }),
	}
}
