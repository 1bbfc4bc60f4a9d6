package engine

import (
	"fmt"
	"slices"

	"sealvk/shaders"
)

// run owns the device until the model is closed. An answer waits, has its prompt computed, and decodes: in each
// turn as much of prompts as a chunk is, and a step of all that decode.
func (m *Model) run() {
	for {
		calls, open := m.queue.take()
		for _, do := range calls {
			do()
		}
		switch {
		case m.startNext():
		case len(m.prompts)+len(m.batch.active) > 0:
			m.computePrompts()
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
// there was any. Those of no session start in their order: one that waits for pages gets the next
// that are free.
func (m *Model) startNext() bool {
	q, blocked := &m.queue, false
	for i, a := range q.waiting {
		s, err := m.place(a, blocked)
		if err == nil && s == nil {
			blocked = blocked || a.request.Session == nil
			continue
		}
		q.waiting = slices.Delete(q.waiting, i, i+1)
		if err == nil {
			err = a.start(s)
		}
		if err != nil {
			a.end(err)
		} else {
			m.prompts = append(m.prompts, a)
		}
		return true
	}
	return false
}

// place returns the session in which a request can start now: its own, or a free one; nil if it has
// to wait.
func (m *Model) place(a *answer, blocked bool) (*Session, error) {
	if err := a.ctx.Err(); err != nil {
		return nil, err
	}
	if len(m.prompts)+len(m.batch.active) == m.plan.rows {
		return nil, nil
	}
	if s := a.request.Session; s != nil {
		if err := s.check(); err != nil || s.busy != nil {
			return nil, err
		}
		return s, nil
	}
	var free *Session
	owned := 0
	for _, s := range m.sessions {
		switch {
		case s.owned:
			owned++
		case s.busy == nil && free == nil:
			free = s
		}
	}
	switch {
	case owned == len(m.sessions):
		return nil, fmt.Errorf("engine: %w: %d", ErrNoSession, owned)
	case free == nil || blocked:
		return nil, nil
	}
	return m.fits(a, free)
}

// fits returns free if the pool has pages for all that a has, and one for each answer that may grow, so that none is
// put back at once. Nobody is there to give more where no answer runs: what is left is enough, or the request ends.
func (m *Model) fits(a *answer, free *Session) (*Session, error) {
	want, running := pagesFor(a.length()), m.sharing()
	left := m.pool.left()
	if len(m.prompts)+len(m.batch.active) == 0 {
		if want <= left {
			return free, nil
		}
		return nil, a.full(left * shaders.PageTokens)
	}
	for _, other := range append(running, a) {
		if pagesFor(other.positions()) > pagesFor(other.length()) {
			want++
		}
	}
	if want > left {
		return nil, nil
	}
	return free, nil
}

// sharing is the answers whose pages are taken as they grow, in the order in which they started,
// which is that of their requests.
func (m *Model) sharing() (all []*answer) {
	for _, a := range slices.Concat(m.batch.active, m.prompts) {
		if a.request.Session == nil {
			all = append(all, a)
		}
	}
	return all
}

// putBack makes an answer wait again, in front of all others, and its pages free. What it has is
// computed again once there is room, and it goes on where it was. Nothing of it may be in flight.
func (m *Model) putBack(a *answer) {
	is := func(b *answer) bool { return a == b }
	m.batch.active, m.prompts = slices.DeleteFunc(m.batch.active, is), slices.DeleteFunc(m.prompts, is)
	a.leave()
	a.computed = 0
	a.result.PutBack++
	m.counted.add(Counters{PutBack: 1})
	m.queue.waiting = slices.Insert(m.queue.waiting, 0, a)
}

// putBackYoungest puts back the answer that came last, and reports whether there was one.
func (m *Model) putBackYoungest() bool {
	all := m.sharing()
	if len(all) > 0 {
		m.putBack(all[len(all)-1])
	}
	return len(all) > 0
}

// computePrompts computes the next tokens of prompts. An answer whose prompt is complete decodes from then on.
func (m *Model) computePrompts() {
	m.prompts = slices.DeleteFunc(m.prompts, func(a *answer) bool {
		err := a.ctx.Err()
		if err != nil {
			a.end(err)
		}
		return err != nil
	})
	for spent := 0; ; {
		a, n := m.nextPrompt(spent)
		if a == nil {
			return
		}
		spent += n
		err := a.prefill(n)
		if err == nil && len(a.session.cached) < len(a.request.Prompt) {
			continue
		}
		m.prompts = slices.Delete(m.prompts, 0, 1)
		if err == nil {
			err = a.prompted()
		}
		if err != nil {
			a.end(err)
		} else {
			m.batch.active = append(m.batch.active, a)
		}
	}
}

// nextPrompt is the answer whose prompt is computed next, and how many tokens of it, where so many were computed
// since the last step: together as many as a chunk has, for which those that decode wait, and where nobody does
// the whole prompt. nil: the step's turn has come.
func (m *Model) nextPrompt(spent int) (a *answer, tokens int) {
	if len(m.prompts) == 0 {
		return nil, 0
	}
	a = m.prompts[0]
	tokens = len(a.request.Prompt) - len(a.session.cached)
	if len(m.batch.active) == 0 {
		if m.queue.asked() && spent > 0 {
			return nil, 0
		}
		return a, tokens
	}
	if tokens = min(tokens, m.pace.rows); spent+tokens > m.pace.rows {
		return nil, 0
	}
	return a, tokens
}
