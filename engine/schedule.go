package engine

import (
	"fmt"
	"slices"
)

// run owns the device until the model is closed.
func (m *Model) run() {
	for {
		calls, open := m.queue.take()
		for _, do := range calls {
			do()
		}
		switch {
		case m.startNext():
		case len(m.batch.active) > 0:
			m.batch.run()
		case open || len(m.queue.waiting) > 0:
			<-m.queue.news
		default:
			m.speeds.keep(m.prefillArithmetic(), m.reached())
			m.free()
			close(m.queue.ended)
			return
		}
	}
}

// startNext starts the first request that can be, or ends one that cannot, and reports whether
// there was any.
func (m *Model) startNext() bool {
	q, b := &m.queue, &m.batch
	for i, a := range q.waiting {
		s, err := m.place(a)
		if err == nil && s == nil {
			continue
		}
		q.waiting = slices.Delete(q.waiting, i, i+1)
		if err == nil {
			err = a.start(s)
		}
		if err != nil {
			a.end(err)
		} else {
			b.active = append(b.active, a)
		}
		return true
	}
	return false
}

// place returns the session in which a request can start now: its own, or the free one that holds
// most of its prompt; nil if it has to wait.
func (m *Model) place(a *answer) (*Session, error) {
	if err := a.ctx.Err(); err != nil {
		return nil, err
	}
	if len(m.batch.active) == m.plan.rows {
		return nil, nil
	}
	if s := a.request.Session; s != nil {
		if err := s.check(); err != nil || s.busy != nil {
			return nil, err
		}
		return s, nil
	}
	var best *Session
	owned := 0
	for _, s := range m.sessions {
		switch {
		case s.owned:
			owned++
		case s.busy == nil && (best == nil || s.reuse(a.request.Prompt) > best.reuse(a.request.Prompt)):
			best = s
		}
	}
	if owned == len(m.sessions) {
		return nil, fmt.Errorf("engine: %w: %d", ErrNoSession, owned)
	}
	return best, nil
}
