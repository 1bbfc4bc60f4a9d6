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

// errEnd unwinds an answer that is complete.
var errEnd = errors.New("the answer is complete")

// answer is a request on its way.
type answer struct {
	ctx       context.Context
	release   func() // of what watches ctx
	session   *Session
	request   Request
	result    Result
	stop      stopMatcher
	cut       bool      // by a stop string
	err       error     // why it gets no more tokens; errEnd if it is complete
	total     int       // tokens until finish
	finish    Finish    // what total stands for
	computed  int       // tokens whose K and V are in the cache, or will be once the steps in flight are done
	keys      []pageKey // of the prompt's full pages, once it could start in a session of nobody's
	published int       // of the session's first pages: the index has them, or others of the same tokens
	begun     time.Time
	last      time.Time // of the newest token
	drafter   lookup.Drafter
	mask      tokenMask
	draft     int     // tokens of the next step behind its first one: drafted, or known
	trial     int     // the same, while it is being chosen
	reach     float64 // probability that all of those are right
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

// bound says how many tokens there will be at most, where the sequence has so many positions. The first token
// comes from the prompt, each further one from a row of a step, which takes a position.
func (a *answer) bound(positions int) {
	a.total, a.finish = positions-len(a.request.Prompt)+1, FinishContext
	if n := a.request.MaxTokens; n != 0 && n <= a.total {
		a.total, a.finish = max(0, n), FinishLength
	}
}

// length is the positions of what there is: the prompt, and the tokens so far.
func (a *answer) length() int { return len(a.request.Prompt) + len(a.result.Tokens) }

// positions are what the whole answer takes of the cache, at most.
func (a *answer) positions() int { return len(a.request.Prompt) + max(0, a.total-1) }

// grow has the session own pages of the next positions that steps compute, and reports whether it does.
func (a *answer) grow(positions int) bool {
	return a.session.owned || a.session.hold(len(a.request.Prompt)+a.computed+positions)
}

// full ends an answer for which only so many positions are left: what there is of it is all.
func (a *answer) full(positions int) error {
	if len(a.result.Tokens) == 0 {
		return fmt.Errorf("engine: %w: %d tokens, and other sessions leave room for %d", ErrContextFull, len(a.request.Prompt), positions)
	}
	a.result.Finish = FinishContext
	return errEnd
}

// start takes session s and the pages of what there is of the answer, or, in a session with an owner, of
// all that there may be, for which others are put back. What the session's cache holds of the prompt is not computed again.
func (a *answer) start(s *Session) error {
	m, prompt := s.m, a.request.Prompt
	a.session, s.busy = s, make(chan struct{})
	if a.begun.IsZero() {
		a.begun = time.Now()
		if a.request.Start != nil {
			a.request.Start()
		}
	}
	if s.owned {
		for !s.hold(a.positions()) && m.putBackYoungest() {
		}
		limit, err := s.room(prompt, a.positions())
		if err != nil {
			return err
		}
		a.bound(limit)
		s.cached = s.cached[:min(s.reuse(prompt), a.known())]
	} else {
		if err := a.inherit(); err != nil {
			return err
		}
		s.hold(a.length())
	}
	held := len(s.cached)
	if a.result.PutBack == 0 {
		a.result.CachedTokens = held
	}
	m.counted.add(Counters{PromptTokens: int64(len(prompt)), Reused: int64(held)})
	return s.writeSampling(&a.request)
}

// known is how many of the prompt's positions need not be computed where their K and V are held: all but the last,
// whose logits are wanted, or those in front of the first token whose log-probability is to come.
func (a *answer) known() int {
	if a.request.PromptLogprobs {
		return min(len(a.request.Prompt)-1, a.scored())
	}
	return len(a.request.Prompt) - 1
}

// computedPrompt notes that the next tokens of the prompt are in the cache.
func (a *answer) computedPrompt(tokens int) {
	s := a.session
	s.cached = append(s.cached, a.request.Prompt[len(s.cached):][:tokens]...)
	a.publish()
	s.m.counted.add(Counters{Computed: int64(tokens)})
}

// begin hands out the token that was sampled behind the prompt as a decode row, if one is wanted.
func (a *answer) begin(row int) error {
	a.last = time.Now()
	a.result.Prefill = a.last.Sub(a.begun)
	if a.total == 0 {
		a.result.Finish = a.finish
		return cmp.Or(a.ctx.Err(), errEnd)
	}
	if a.request.Speculate != 0 {
		a.drafter.Begin(a.request.Prompt, a.total)
	}
	if err := a.take(row); err != nil {
		return err
	}
	return a.ctx.Err()
}

// row is the answer's next row of a step: the first token that is not computed, which is the newest one
// unless the answer was put back.
func (a *answer) row() shaders.Row {
	return shaders.Row{
		Token: uint32(a.result.Tokens[a.computed]), Position: uint32(len(a.request.Prompt) + a.computed),
		Sequence: a.session.sequence, Step: uint32(a.computed + 1),
	}
}

// behind is how many tokens are known behind that of the next row: none, unless the answer was put back.
func (a *answer) behind() int { return len(a.result.Tokens) - 1 - a.computed }

// stepped notes that a step with a token of the answer was complete at this time.
func (a *answer) stepped(now time.Time) {
	a.result.Steps = append(a.result.Steps, now.Sub(a.last))
	a.last = now
}

// take reads the next token from a row of the step that sampled it and hands it out;
// errEnd if it ends the answer.
func (a *answer) take(row int) error {
	m := a.session.m
	id, err := m.sampled(row, len(a.result.Tokens))
	if err != nil {
		return err
	}
	token := Token{ID: id}
	if a.request.Logprobs {
		if token.Logprob, err = m.logprob(row, len(a.result.Tokens), a.request.Likeliest); err != nil {
			return err
		}
		a.result.Logprobs = append(a.result.Logprobs, *token.Logprob)
	}
	a.result.Tokens = append(a.result.Tokens, id)
	m.counted.add(Counters{Generated: 1})
	a.drafter.Push(id)
	if slices.Contains(a.request.StopTokens, id) {
		a.result.Finish = FinishStop
		return errEnd
	}
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
	if len(a.result.Tokens) > 0 {
		a.result.Decode = a.last.Sub(a.begun) - a.result.Prefill
	}
	a.release()
	a.leave()
	if a.request.Done != nil {
		a.request.Done(a.result)
	}
}

// leave gives the session back: one with an owner holds what prefill computed, so that the next prompt's numbers do
// not tell which of it decode once computed, and all other pages are given back.
func (a *answer) leave() {
	s := a.session
	if s == nil {
		return
	}
	if s.owned {
		s.trim()
	} else {
		s.forget()
	}
	close(s.busy)
	a.session, s.busy = nil, nil
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
