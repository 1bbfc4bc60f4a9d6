package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
)

// queue is how other goroutines reach the one that owns the device: that one looks here between
// steps and between prompts, and rests when there is nothing to do.
type queue struct {
	mu     sync.Mutex
	calls  []func() // to be called between two steps, in order
	closed bool     // there will be no further calls

	news    chan struct{}   // holds one element where there are calls, or a request's context has ended
	life    context.Context // of all answers
	end     context.CancelCauseFunc
	ended   chan struct{} // closed once all answers have ended and the device's memory is free
	waiting []*answer     // for a session, or for a row of a step; the owner's alone
}

func (q *queue) open() {
	q.news, q.ended = make(chan struct{}, 1), make(chan struct{})
	q.life, q.end = context.WithCancelCause(context.Background())
}

// call hands a function to the owner of the device, unless the model is closed.
func (q *queue) call(do func()) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return ErrClosed
	}
	q.calls = append(q.calls, do)
	q.tell()
	return nil
}

func (q *queue) tell() {
	select {
	case q.news <- struct{}{}:
	default: // it knows
	}
}

// asked reports whether the owner of the device should look at the queue.
func (q *queue) asked() bool { return len(q.news) > 0 }

// take returns the calls that have come in, and whether there may be more.
func (q *queue) take() (calls []func(), open bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	select {
	case <-q.news:
	default:
	}
	calls, q.calls = q.calls, nil
	return calls, !q.closed
}

// Submit queues requests and returns at once. Each starts, in their order, as soon as its session
// is free and a step has a row for it, beside the answers that are already decoding: a step reads
// the weights once for up to shaders.DecodeRows of them. Each answer is, bit for bit, the one that
// the request gets alone, but for NumericsAuto. An answer that fails leaves the others alone, unless the device is lost.
//
// A request's callbacks come from the model's own goroutine, Mask from others, and all answers wait for them: they should
// return soon, and may call Submit but no method that waits, as Generate, Reset and Close do. Done
// is called once for every request, unless Submit returns an error, which is ErrClosed.
//
// Once ctx ends the requests end with FinishCancelled and what they have, be it in the queue, in
// the prompt or in decode. When the model is closed they end with ErrClosed.
func (m *Model) Submit(ctx context.Context, requests ...Request) error {
	requests = slices.Clone(requests)
	return m.queue.call(func() {
		for i := range requests {
			a := newAnswer(ctx, &m.queue, requests[i])
			if err := m.checkRequest(&a.request); err != nil {
				a.end(err)
				continue
			}
			a.bound(m.context)
			m.queue.waiting = append(m.queue.waiting, a)
		}
	})
}

// BetweenSteps calls do while the device is quiet, between two steps of the answers that are
// decoding or behind a prompt. All wait until do returns, which runs on the calling goroutine and
// must not call methods of the model or its sessions that wait. The error is do's, or ErrClosed.
func (m *Model) BetweenSteps(do func() error) error {
	quiet, done := make(chan struct{}), make(chan struct{})
	if err := m.queue.call(func() {
		_ = m.wait(max(m.state.rowsTicket, m.state.pages.newest())) // of a step that failed
		close(quiet)
		<-done
	}); err != nil {
		return err
	}
	defer close(done)
	<-quiet
	defer m.tellPages()
	return do()
}

// GenerateBatch submits requests and waits for all answers. The error joins those of all.
func (m *Model) GenerateBatch(ctx context.Context, requests []Request) ([]Result, error) {
	results, asked := make([]Result, len(requests)), slices.Clone(requests)
	var running sync.WaitGroup
	running.Add(len(asked))
	for i := range asked {
		done := asked[i].Done
		asked[i].Done = func(r Result) {
			defer running.Done()
			if results[i] = r; done != nil {
				done(r)
			}
		}
	}
	if err := m.Submit(ctx, asked...); err != nil {
		return results, err
	}
	running.Wait()
	var errs []error
	for i := range results {
		if err := results[i].Err; err != nil {
			errs = append(errs, fmt.Errorf("request %d: %w", i, err))
		}
	}
	return results, errors.Join(errs...)
}
