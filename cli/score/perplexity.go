package score

import (
	"errors"
	"math"

	"sealvk/engine"
)

// Perplexity sums up the negative log-likelihoods of windows.
type Perplexity struct {
	count        int     // of tokens
	sum, squares float64 // over all of them
	weight       int
	weighted     float64 // sum of the windows' means by their weights
}

// Add takes the log-probabilities of a window's IDs from First on.
func (p *Perplexity) Add(w Window, logprobs []engine.Logprob) error {
	if len(logprobs) != len(w.IDs)-w.First {
		return errors.New("score: the log-probabilities are not those of the window")
	}
	sum := 0.0
	for _, l := range logprobs {
		v := -float64(l.Value)
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return errors.New("score: the model gives a token no finite log-probability")
		}
		sum += v
		p.squares += v * v
	}
	p.count += len(logprobs)
	p.sum += sum
	p.weight += w.Weight
	p.weighted += sum / float64(len(logprobs)) * float64(w.Weight)
	return nil
}

// Tokens is how many count.
func (p *Perplexity) Tokens() int { return p.count }

// Sum is their negative log-likelihood.
func (p *Perplexity) Sum() float64 { return p.sum }

// NLL is the mean negative log-likelihood of a token, by the windows' weights.
func (p *Perplexity) NLL() float64 { return p.weighted / float64(p.weight) }

// Value is the perplexity, e to the power of NLL.
func (p *Perplexity) Value() float64 { return math.Exp(p.NLL()) }

// StdErr is the standard error of Value, as if tokens were independent; 0 of fewer than two.
func (p *Perplexity) StdErr() float64 {
	if p.count < 2 {
		return 0
	}
	mean := p.sum / float64(p.count)
	variance := max(0, p.squares/float64(p.count)-mean*mean)
	return p.Value() * math.Sqrt(variance/float64(p.count-1))
}
