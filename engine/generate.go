package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"
)

// Finish says why an answer ended.
type Finish string

const (
	FinishStop      Finish = "stop"      // a stop token or string
	FinishLength    Finish = "length"    // MaxTokens
	FinishContext   Finish = "context"   // the context is full
	FinishCancelled Finish = "cancelled" // the caller's context.Context ended
)

// Token is a generated token. Text is what may be shown with it: UTF-8 complete
// and no beginning of a stop string, so it may lag behind; what is left at the
// end comes with ID -1.
type Token struct {
	ID      int32
	Text    string
	Logprob *Logprob // with Request.Logprobs, of a token that has an ID; nil otherwise
}

// Request is what to generate.
type Request struct {
	Session   *Session // nil: any that no NewSession has taken, whose pages others may get meanwhile: Model.Submit
	Prompt    []int32  // the whole sequence, with its bos; what the cache holds of earlier prompts is not computed again
	MaxTokens int      // 0: until the context ends; NoTokens: the prompt alone is computed
	Sampling  Sampling
	LogitBias map[int32]float32 // added to the logits of tokens, of at most MaxBiases
	// Mask, unless nil, says which tokens may come next. It is called before each token of the answer is sampled, with the
	// token in front of it, or -1 for the first, and sets the bits of what may come (bit id%32 of word id/32, all 0 at first).
	// Calls for a request come one after another, on goroutines of the engine's, while the layers of the step run. An error
	// ends the answer with it.
	Mask        func(last int32, allowed []uint32) error
	StopTokens  []int32
	StopStrings []string              // need Decode
	Decode      func(id int32) string // a streaming detokenizer; nil: no text
	Flush       func() string         // the detokenizer's rest at the end; may be nil
	Start       func()                // called once, when the prompt begins to be computed; may be nil
	Emit        func(Token) error     // called for each token, in order, as Model.Submit says; an error ends the answer; may be nil
	Done        func(Result)          // called when the answer has ended; may be nil
	Speculate   int                   // tokens that are guessed and checked in one step: see SpeculateAuto; 0: none, and none beside a Mask

	Logprobs       bool // of each token of the answer, in Token.Logprob and Result.Logprobs
	PromptLogprobs bool // of each token of the prompt behind the first, in Result.PromptLogprobs; all of it is computed, whatever the cache holds
	// PromptLogprobsFrom leaves out those of the tokens in front of this one of the prompt, which then need not be
	// computed; 0: none are.
	PromptLogprobsFrom int
	Likeliest          int // how many tokens are named beside each of those, at most MaxLikeliest

	draft func(ids []int32, n int) []int32 // guesses what follows ids, in tests; nil: lookup
}

// Result is an answer.
type Result struct {
	Tokens       []int32 // with the stop token, if one was met
	Text         string
	Finish       Finish
	PromptTokens int
	CachedTokens int             // of the prompt, not computed again
	Prefill      time.Duration   // until the first token was sampled
	Decode       time.Duration   // from then on
	Steps        []time.Duration // host time from step to step; a step gives a token, or several that were guessed
	Drafted      int             // tokens that were guessed and checked
	Accepted     int             // of those, that the model chose too
	PutBack      int             // times that it lost its pages to others and was computed again
	Err          error           // why there is no more of it

	Logprobs       []Logprob // with Request.Logprobs, of Tokens
	PromptLogprobs []Logprob // with Request.PromptLogprobs; [i] is of Prompt[i+1], or of Prompt[i+PromptLogprobsFrom]
}

// Generate answers a prompt in the session and waits for it. Its last token is always computed;
// earlier ones are taken from the session's cache where they agree with its last prompt. An answer is
// computed again where a prompt holds it: its positions have decode's numbers, which no other session has. When ctx ends, what was
// generated is returned with FinishCancelled and no error. An error leaves the session usable
// unless the device is lost. Callbacks are as Model.Submit says.
func (s *Session) Generate(ctx context.Context, r Request) (Result, error) {
	r.Session = s
	results, err := s.m.GenerateBatch(ctx, []Request{r})
	return results[0], cmp.Or(results[0].Err, err)
}

func (m *Model) checkRequest(r *Request) error {
	if r.Session != nil && r.Session.m != m {
		return errors.New("engine: the session is another model's")
	}
	if err := errors.Join(m.checkPrompt(r.Prompt), r.Sampling.Check(), checkBiases(r.LogitBias, m.cfg.Vocab)); err != nil {
		return err
	}
	if len(r.StopStrings) > 0 && r.Decode == nil {
		return fmt.Errorf("engine: stop strings need a detokenizer")
	}
	return r.checkLogprobs()
}
