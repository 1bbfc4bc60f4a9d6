package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"sealvk/engine/lookup"
	"sealvk/shaders"
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
	Session     *Session // nil: any that no NewSession has taken, preferably one that holds most of the prompt
	Prompt      []int32  // the whole sequence, with its bos; what the session's cache holds is not computed again
	MaxTokens   int      // 0: until the context ends; NoTokens: the prompt alone is computed
	Sampling    Sampling
	LogitBias   map[int32]float32 // added to the logits of tokens, of at most shaders.MaxBiases
	StopTokens  []int32
	StopStrings []string              // need Decode
	Decode      func(id int32) string // a streaming detokenizer; nil: no text
	Flush       func() string         // the detokenizer's rest at the end; may be nil
	Emit        func(Token) error     // called for each token, in order, as Model.Submit says; an error ends the answer; may be nil
	Done        func(Result)          // called when the answer has ended; may be nil
	Speculate   int                   // tokens that are guessed and checked in one step: see SpeculateAuto; 0: none

	Logprobs       bool // of each token of the answer, in Token.Logprob and Result.Logprobs
	PromptLogprobs bool // of each token of the prompt behind the first, in Result.PromptLogprobs; all of it is computed, whatever the cache holds
	Likeliest      int  // how many tokens are named beside each of those, at most MaxLikeliest

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
	PromptLogprobs []Logprob // with Request.PromptLogprobs; [i] is of Prompt[i+1]
}

// Generate answers a prompt in the session and waits for it. Its last token is always computed;
// earlier ones are taken from the session's cache where they agree. When ctx ends, what was
// generated is returned with FinishCancelled and no error. An error leaves the session usable
// unless the device is lost. Callbacks are as Model.Submit says.
func (s *Session) Generate(ctx context.Context, r Request) (Result, error) {
	r.Session = s
	results, err := s.m.GenerateBatch(ctx, []Request{r})
	return results[0], cmp.Or(results[0].Err, err)
}

// errEnd unwinds an answer that is complete.
var errEnd = errors.New("the answer is complete")

// answer is a request on its way.
type answer struct {
	ctx      context.Context
	release  func() // of what watches ctx
	session  *Session
	request  Request
	result   Result
	stop     stopMatcher
	cut      bool   // by a stop string
	err      error  // why it gets no more tokens; errEnd if it is complete
	total    int    // tokens until finish
	finish   Finish // what total stands for
	computed int    // tokens whose K and V are in the cache, or will be once the steps in flight are done
	begun    time.Time
	last     time.Time // of the newest token
	drafter  lookup.Drafter
	draft    int     // tokens to be drafted for the next step
	trial    int     // the same, while it is being chosen
	reach    float64 // probability that all of those are right
}

// newAnswer is a request's, which tells the queue when its context ends.
func newAnswer(ctx context.Context, q *queue, r Request) *answer {
	ctx, cancel := context.WithCancelCause(ctx)
	ended := context.AfterFunc(ctx, q.tell)
	closed := context.AfterFunc(q.life, func() { cancel(ErrClosed) })
	a := &answer{ctx: ctx, request: r, stop: stopMatcher{stops: r.StopStrings}}
	a.result.PromptTokens = len(r.Prompt)
	a.release = func() {
		ended()
		closed()
		cancel(nil)
	}
	return a
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

// start computes the prompt in session and hands out the first token.
func (a *answer) start(s *Session) error {
	m, prompt := s.m, a.request.Prompt
	a.session, a.begun, s.busy = s, time.Now(), make(chan struct{})
	want := m.context
	if a.request.MaxTokens > 0 {
		want = min(want, len(prompt)+a.request.MaxTokens)
	}
	limit, err := s.room(prompt, want)
	if err != nil {
		return err
	}
	if err := s.writeSampling(&a.request); err != nil {
		return err
	}
	// The first token comes from the prompt, each further one from a row of a step,
	// which takes a position.
	a.total, a.finish = limit-len(prompt)+1, FinishContext
	if n := a.request.MaxTokens; n > 0 && n <= a.total {
		a.total, a.finish = n, FinishLength
	}

	a.result.CachedTokens = s.reuse(prompt)
	s.cached = s.cached[:a.result.CachedTokens]
	if err := a.prefill(); err != nil {
		return err
	}
	a.last = time.Now()
	a.result.Prefill = a.last.Sub(a.begun)
	if a.request.Speculate != 0 {
		a.drafter.Begin(prompt, a.total)
	}
	if err := a.take(0); err != nil {
		return err
	}
	if err := a.ctx.Err(); err != nil {
		return err
	}
	m.state.current = append(m.state.current, a.row()) // as sampling left it
	return nil
}

// row is the answer's next row of a step: its newest token.
func (a *answer) row() shaders.Row {
	n := len(a.result.Tokens)
	return shaders.Row{
		Token: uint32(a.result.Tokens[n-1]), Position: uint32(len(a.request.Prompt) + n - 1),
		Sequence: a.session.sequence, Step: uint32(n),
	}
}

// stepped notes that a step with a token of the answer was complete at this time.
func (a *answer) stepped(now time.Time) {
	a.result.Steps = append(a.result.Steps, now.Sub(a.last))
	a.last = now
}

// take reads the next token from a row of the step that sampled it and hands it out;
// errEnd if it ends the answer.
func (a *answer) take(row int) error {
	id, err := a.session.m.sampled(row, len(a.result.Tokens))
	if err != nil {
		return err
	}
	a.result.Tokens = append(a.result.Tokens, id)
	a.drafter.Push(id)
	if slices.Contains(a.request.StopTokens, id) {
		a.result.Finish = FinishStop
		return errEnd
	}
	token := Token{ID: id}
	if a.request.Decode != nil {
		token.Text, a.cut = a.stop.push(a.request.Decode(id))
	}
	if err := a.emit(token); err != nil {
		return err
	}
	if a.cut {
		a.result.Finish = FinishStop
		return errEnd
	}
	if len(a.result.Tokens) == a.total {
		a.result.Finish = a.finish
		return errEnd
	}
	return nil
}

// end completes the result. Nothing of the answer may be in flight.
func (a *answer) end(err error) {
	switch {
	case errors.Is(err, errEnd):
		err = nil
	case a.ctx.Err() == nil || !errors.Is(err, a.ctx.Err()):
	case errors.Is(context.Cause(a.ctx), ErrClosed):
		err = ErrClosed
	default:
		a.result.Finish, err = FinishCancelled, nil
	}
	if err == nil {
		err = a.rest()
	}
	a.result.Err = err
	a.release()
	if a.session != nil {
		close(a.session.busy)
		a.session.busy = nil
	}
	if a.request.Done != nil {
		a.request.Done(a.result)
	}
}

// rest hands out the text that was withheld, unless a stop string cut it off.
func (a *answer) rest() error {
	if a.request.Decode == nil || a.cut {
		return nil
	}
	text := ""
	if a.request.Flush != nil {
		text, _ = a.stop.push(a.request.Flush())
	}
	if text += a.stop.flush(); text == "" {
		return nil
	}
	return a.emit(Token{ID: -1, Text: text})
}

func (a *answer) emit(t Token) error {
	a.result.Text += t.Text
	if a.request.Emit == nil {
		return nil
	}
	return a.request.Emit(t)
}
