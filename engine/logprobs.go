package engine

import "fmt"

// NoTokens as Request.MaxTokens asks for no answer: the prompt is computed, for its log-probabilities.
const NoTokens = -1

// MaxLikeliest is the most tokens that Request.Likeliest names.
const MaxLikeliest = 20

// Logprob is what the model thought of a token, by the raw logits at temperature 1: before
// penalties and biases, whatever the token was sampled by.
type Logprob struct {
	ID        int32
	Value     float32  // natural logarithm of its probability
	Greedy    bool     // no other token is likelier
	Likeliest []Likely // Request.Likeliest tokens, the likeliest first, equal ones by ID; fewer where fewer logits are numbers
}

// Likely is a token and the natural logarithm of its probability.
type Likely struct {
	ID    int32
	Value float32
}

// checkLogprobs refuses what has no meaning.
func (r *Request) checkLogprobs() error {
	switch {
	case r.MaxTokens < NoTokens:
		return fmt.Errorf("engine: at most %d tokens: want a positive number, 0 or NoTokens", r.MaxTokens)
	case r.Likeliest < 0 || r.Likeliest > MaxLikeliest:
		return fmt.Errorf("engine: the %d likeliest tokens: want 0 to %d", r.Likeliest, MaxLikeliest)
	case r.Likeliest > 0 && !r.Logprobs && !r.PromptLogprobs:
		return fmt.Errorf("engine: the %d likeliest tokens stand beside log-probabilities: want Logprobs or PromptLogprobs too", r.Likeliest)
	}
	return nil
}
