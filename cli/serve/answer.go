package serve

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"sealvk/cli/openai"
	"sealvk/engine"
)

// listener hears of answers while they are made, on the goroutine that asked for them: what it waits for holds up
// nobody else. An error ends the answers. Any of its functions may be nil.
type listener struct {
	tokens func(choice int, tokens []engine.Token) error // that have come since the last time, at least one
	ended  func(choice int, r engine.Result) error       // with no Err, behind its tokens
	pause  func() error                                  // nothing more is there: now, or still, which it hears often
}

// answer brings requests through admission and the model, and waits until all have ended, which they do
// with ctx. The results are in the order of the requests, and none has an Err: where one has, or a listener's function
// gives an error, the rest end too.
func (s *Server) answer(ctx context.Context, asked *openai.Asked, l listener) ([]engine.Result, error) {
	requests, sequences := slices.Clone(asked.Requests), 1
	n := len(requests)
	if place := s.place(); place != nil {
		sequences = place.sequences
	}
	if err := s.admission.enter(n, sequences, s.Queue); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	begun, f := time.Now(), newFeed(n)
	var started atomic.Bool
	defer context.AfterFunc(s.gate.open, func() { // the server stops: what waits has no time left
		if !started.Load() {
			cancel(errStopping)
		}
	})()
	for i := range requests {
		var first time.Duration
		ran := 0
		requests[i].Start = func() {
			started.Store(true)
			s.admission.start()
			s.metrics.waited.Observe(time.Since(begun).Seconds())
			ran = 1
		}
		requests[i].Emit = func(t engine.Token) error {
			if first == 0 {
				first = time.Since(begun)
			}
			if l.tokens != nil {
				f.token(i, t)
			}
			return nil
		}
		requests[i].Done = func(r engine.Result) {
			took := time.Since(begun)
			s.metrics.answered(&r, first, took)
			if r.Err != nil || r.Finish == engine.FinishCancelled {
				took = 0
			}
			s.admission.leave(1, ran, took)
			f.end(i, r)
		}
	}
	go func() { // it waits while an unloaded model is loaded
		if err := s.Model.Submit(ctx, requests...); err != nil {
			s.admission.leave(n, 0, 0)
			for i := range n {
				f.end(i, engine.Result{Err: err})
			}
		}
	}()
	results, err := f.follow(cancel, l, s.keepAlive/2)
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	noteAnswers(ctx, results)
	if err != nil {
		noteError(ctx, err)
	}
	return results, err
}

// feed brings what the model's goroutine gives to the one that asked, and never has the first wait. It grows no larger
// than the answers.
type feed struct {
	mu     sync.Mutex
	tokens [][]engine.Token
	ended  []*engine.Result
	news   chan struct{} // holds one element where there is something to take
}

func newFeed(n int) *feed {
	return &feed{tokens: make([][]engine.Token, n), ended: make([]*engine.Result, n), news: make(chan struct{}, 1)}
}

func (f *feed) token(choice int, t engine.Token) {
	f.mu.Lock()
	f.tokens[choice] = append(f.tokens[choice], t)
	f.mu.Unlock()
	f.tell()
}

func (f *feed) end(choice int, r engine.Result) {
	f.mu.Lock()
	f.ended[choice] = &r
	f.mu.Unlock()
	f.tell()
}

func (f *feed) tell() {
	select {
	case f.news <- struct{}{}:
	default: // it knows
	}
}

// take gives what has come of a choice since the last time.
func (f *feed) take(choice int) ([]engine.Token, *engine.Result) {
	f.mu.Lock()
	defer f.mu.Unlock()
	tokens, ended := f.tokens[choice], f.ended[choice]
	f.tokens[choice], f.ended[choice] = nil, nil
	return tokens, ended
}

// follow tells the listener what comes until all answers have ended. The first error, after which it is told nothing
// more, goes to stop. Where nothing comes it is told so from time to time.
func (f *feed) follow(stop context.CancelCauseFunc, l listener, often time.Duration) (results []engine.Result, err error) {
	results = make([]engine.Result, len(f.tokens))
	do := func(call func() error) {
		if err == nil {
			if err = call(); err != nil {
				stop(err)
			}
		}
	}
	ticks := time.NewTicker(often)
	defer ticks.Stop()
	for open := len(results); open > 0; {
		select {
		case <-f.news:
		case <-ticks.C:
		}
		for i := range results {
			tokens, ended := f.take(i)
			if len(tokens) > 0 {
				do(func() error { return l.tokens(i, tokens) })
			}
			if ended == nil {
				continue
			}
			open--
			results[i] = *ended
			do(func() error { return ended.Err })
			if l.ended != nil && ended.Finish != engine.FinishCancelled {
				do(func() error { return l.ended(i, *ended) })
			}
		}
		if l.pause != nil {
			do(l.pause)
		}
	}
	return results, err
}
