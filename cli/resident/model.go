package resident

import (
	"context"
	"errors"
	"sync"
	"time"

	"sealvk/engine"
)

// Options say how a model is kept.
type Options struct {
	IdleUnload time.Duration // after so long without a request the device's memory is given back; 0: never
	Changed    func(Status)  // told of every change of the status, one after another; it must not call the Model. nil: nobody is
}

// Model is a model that stays on a device, or comes back to one. Its methods may be called from many goroutines.
type Model struct {
	open    func(context.Context) (*engine.Model, func() error, error)
	options Options
	life    context.Context // until Close
	end     context.CancelFunc
	failed  chan struct{}
	ended   chan struct{} // closed once nothing is open any more
	wanted  chan struct{} // holds one element where a request waits for an unloaded model

	mu      sync.Mutex
	status  Status
	cause   error         // of the status, nil: none
	changed chan struct{} // closed at the next change of the status
	stay    *stay         // nil unless Ready
	waking  bool          // it is loaded for requests that wait
	missed  int           // times that it was, and did not come
	past    engine.Counters
	counted *engine.Model // whose counters are not in past yet; nil: none
	closing error         // of the last close

	told Status // what Changed heard last; run's alone
}

// Keep loads a model at once, in the background. open opens a device and puts the model on it; the close that it
// returns gives both back. It is called again when the device was lost and when the model was unloaded, never
// twice at a time, and ends early with its context.
func Keep(open func(context.Context) (m *engine.Model, close func() error, err error), o Options) *Model {
	m := &Model{
		open: open, options: o, failed: make(chan struct{}), ended: make(chan struct{}), wanted: make(chan struct{}, 1),
		changed: make(chan struct{}), status: Status{State: Loading, Since: time.Now()},
	}
	m.life, m.end = context.WithCancel(context.Background())
	go m.run()
	return m
}

// Submit is engine.Model's. It waits while an unloaded model is loaded, at most until ctx ends, whose cause the error
// is then. While the model loads at the start or behind a loss, and once it has failed, the error is ErrNotReady;
// engine.ErrClosed behind Close. The requests that a lost device was to answer end with the error of the loss.
func (m *Model) Submit(ctx context.Context, requests ...engine.Request) error {
	s, err := m.enter(ctx, len(requests))
	if err != nil {
		return err
	}
	asked := make([]engine.Request, len(requests))
	for i, r := range requests {
		done := r.Done
		r.Done = func(result engine.Result) {
			result.Err = m.leave(s, 1, result.Err)
			if done != nil {
				done(result)
			}
		}
		asked[i] = r
	}
	if err := s.model.Submit(ctx, asked...); err != nil {
		return m.leave(s, len(asked), err)
	}
	return nil
}

// enter finds the model room for so many requests that run, and waits for an unloaded one.
func (m *Model) enter(ctx context.Context, requests int) (*stay, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for missed := m.missed; ; {
		switch {
		case m.life.Err() != nil:
			return nil, engine.ErrClosed
		case m.stay != nil:
			m.stay.running += requests
			return m.stay, nil
		case m.missed > missed || !m.waking && m.status.State != Unloaded:
			return nil, &notReady{m.status, m.cause}
		case m.status.State == Unloaded:
			select {
			case m.wanted <- struct{}{}:
			default: // another has asked
			}
		}
		changed := m.changed
		m.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
		case <-m.life.Done():
		}
		m.mu.Lock()
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
	}
}

// leave notes the end of requests, and returns their error as it is told: of one that waited when the device was
// lost that of the loss.
func (m *Model) leave(s *stay, requests int, err error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if Lost(err) && s.err == nil && m.stay == s {
		s.err = err
		close(s.lost)
		m.losing(err)
	}
	if errors.Is(err, engine.ErrClosed) && s.err != nil {
		err = s.err
	}
	if s.running -= requests; s.running == 0 {
		select {
		case s.rested <- struct{}{}:
		default: // it knows
		}
	}
	return err
}

// Wait waits until the model is ready, or unloaded. The error is ErrNotReady once it has failed, engine.ErrClosed
// behind Close, or the cause of ctx's end.
func (m *Model) Wait(ctx context.Context) error {
	for {
		m.mu.Lock()
		status, cause, changed := m.status, m.cause, m.changed
		m.mu.Unlock()
		switch {
		case m.life.Err() != nil:
			return engine.ErrClosed
		case status.State == Failed:
			return &notReady{status, cause}
		case status.State != Loading:
			return nil
		}
		select {
		case <-changed:
		case <-m.life.Done():
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Status tells how things are now.
func (m *Model) Status() Status {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.status
	s.Waking = m.waking
	return s
}

// Counters tells what the model has done so far, over all that it was loaded.
func (m *Model) Counters() engine.Counters {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.past
	if m.counted != nil {
		c.Add(m.counted.Counters())
	}
	return c
}

// Loaded is the model as it is on its device, for what it tells of itself: nil unless Ready. It may be closed at any
// time, which requests must not meet: they go by Submit.
func (m *Model) Loaded() *engine.Model {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.stay == nil {
		return nil
	}
	return m.stay.model
}

// Failed is closed once the model does not come any more: its device was lost for the third time within ten
// minutes, or the first load failed. Status and Wait tell why.
func (m *Model) Failed() <-chan struct{} { return m.failed }

// Close ends all requests with engine.ErrClosed, and gives model and device back. Closing again does nothing but
// tell the same error.
func (m *Model) Close() error {
	m.end()
	<-m.ended
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.closing
}
