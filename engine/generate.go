package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"sealvk/shaders"
	"sealvk/vk"
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
	ID   int32
	Text string
}

// Request is what to generate.
type Request struct {
	Prompt      []int32 // the whole sequence, with its bos; what the session's cache holds is not computed again
	MaxTokens   int     // 0: until the context ends
	Sampling    Sampling
	StopTokens  []int32
	StopStrings []string              // need Decode
	Decode      func(id int32) string // a streaming detokenizer; nil: no text
	Flush       func() string         // the detokenizer's rest at the end; may be nil
	Emit        func(Token) error     // called for each token, in order; an error ends the answer; may be nil
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
	Steps        []time.Duration // host time from token to token, from the second one
}

// Generate answers a prompt. Its last token is always computed; earlier ones
// are taken from the session's cache where they agree. When ctx ends, what was
// generated is returned with FinishCancelled and no error. An error leaves the
// session usable unless the device is lost.
func (s *Session) Generate(ctx context.Context, r Request) (Result, error) {
	m := s.m
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := errors.Join(m.checkPrompt(r.Prompt), r.Sampling.Check()); err != nil {
		return Result{}, err
	}
	if len(r.StopStrings) > 0 && r.Decode == nil {
		return Result{}, fmt.Errorf("engine: stop strings need a detokenizer")
	}
	a := &answer{session: s, request: r, stop: stopMatcher{stops: r.StopStrings}}
	a.result.PromptTokens = len(r.Prompt)
	err := a.run(ctx)
	if errors.Is(err, errEnd) {
		err = nil
	}
	if err != nil && ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		a.result.Finish, err = FinishCancelled, nil
	}
	if err == nil {
		err = a.rest()
	}
	return a.result, err
}

// errEnd unwinds the decode loop: the answer is complete.
var errEnd = errors.New("the answer is complete")

// answer is a Generate call on its way.
type answer struct {
	session *Session
	request Request
	result  Result
	stop    stopMatcher
	cut     bool // by a stop string
	last    time.Time
}

func (a *answer) run(ctx context.Context) error {
	s, m, prompt := a.session, a.session.m, a.request.Prompt
	begun := time.Now()
	want := m.context
	if a.request.MaxTokens > 0 {
		want = min(want, len(prompt)+a.request.MaxTokens)
	}
	limit, err := s.hold(want)
	if err != nil {
		return err
	}
	if len(prompt) > limit {
		return fmt.Errorf("engine: %w: %d tokens, and other sessions leave room for %d", ErrContextFull, len(prompt), limit)
	}
	if err := s.writeSampling(a.request.Sampling); err != nil {
		return err
	}

	a.result.CachedTokens = s.reuse(prompt)
	s.cached = s.cached[:a.result.CachedTokens]
	if err := a.prefill(ctx); err != nil {
		return err
	}
	a.last = time.Now()
	a.result.Prefill = a.last.Sub(begun)
	defer func() { a.result.Decode = a.last.Sub(begun) - a.result.Prefill }()

	// The first token comes from the prompt, each further one from a step that
	// takes a position.
	total, finish := limit-len(prompt)+1, FinishContext
	if n := a.request.MaxTokens; n > 0 && n <= total {
		total, finish = n, FinishLength
	}
	if err := a.take(0); err != nil {
		return err
	}
	if err := a.decode(ctx, total); err != nil {
		return err
	}
	a.result.Finish = finish
	return nil
}

// prefill computes the prompt from the first id that is not cached, and samples
// the first token.
func (a *answer) prefill(ctx context.Context) error {
	s, m, prompt := a.session, a.session.m, a.request.Prompt
	last := len(prompt) - 1
	err := m.writeDecodeRow(shaders.Row{Token: uint32(prompt[last]), Position: uint32(last), Sequence: s.sequence})
	if err != nil {
		return err
	}
	from := len(s.cached)
	return m.prefill(ctx, prompt[from:], from, s.sequence,
		func(c *vk.Commands, count int) {
			m.head(c, count-1, 1)
			m.sample(c)
		},
		func(start, count int) error {
			s.cached = append(s.cached, prompt[start:start+count]...)
			return nil
		})
}

// decode generates until total tokens are there. Steps are submitted ahead of
// the tokens that are read; those past the end are waited for and discarded.
func (a *answer) decode(ctx context.Context, total int) (err error) {
	s, m := a.session, a.session.m
	if total < 2 {
		return nil
	}
	if err := m.recordDecode(); err != nil {
		return err
	}
	var tickets [stepsInFlight]vk.Ticket
	read, submitted := 1, 1 // tokens; step n yields token n
	defer func() {
		if submitted > read {
			if e := m.wait(tickets[(submitted-1)%stepsInFlight]); err == nil || errors.Is(err, errEnd) {
				err = errors.Join(err, e)
			}
		}
		// Step n has put token n-1 into the cache.
		s.cached = append(s.cached, a.result.Tokens[:min(submitted-1, len(a.result.Tokens))]...)
	}()
	for read < total {
		if err := ctx.Err(); err != nil {
			return err
		}
		for submitted < total && submitted-read < m.decode.depth {
			if tickets[submitted%stepsInFlight], err = m.submitDecode(submitted, len(a.request.Prompt)+submitted-1); err != nil {
				return err
			}
			submitted++
		}
		if err := m.wait(tickets[read%stepsInFlight]); err != nil {
			return err
		}
		now := time.Now()
		took := now.Sub(a.last)
		a.result.Steps = append(a.result.Steps, took)
		a.last = now
		read++
		if err := a.take(read - 1); err != nil {
			return err
		}
		if read == submitted {
			if err := m.paceDecode(took); err != nil {
				return err
			}
		}
	}
	return nil
}

// take reads the n-th token and hands it out; errEnd if it ends the answer.
func (a *answer) take(n int) error {
	id, err := a.session.m.sampled(n)
	if err != nil {
		return err
	}
	a.result.Tokens = append(a.result.Tokens, id)
	if slices.Contains(a.request.StopTokens, id) {
		a.result.Finish = FinishStop
		return errEnd
	}
	if a.request.Decode == nil {
		return a.emit(Token{ID: id})
	}
	text, stopped := a.stop.push(a.request.Decode(id))
	if err := a.emit(Token{ID: id, Text: text}); err != nil {
		return err
	}
	if stopped {
		a.cut = true
		a.result.Finish = FinishStop
		return errEnd
	}
	return nil
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
