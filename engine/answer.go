package engine

import (
	"context"
	"errors"
	"slices"
	"time"

	"sealvk/engine/lookup"
	"sealvk/shaders"
)

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
