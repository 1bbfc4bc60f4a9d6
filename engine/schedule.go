package engine

import (
	"cmp"
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
			m.tellPages()
		case len(m.prompts)+len(m.batch.active) > 0:
			m.computePrompts()
			for m.startNext() { // those that waited for a prompt's pages
			}
			m.batch.run()
			m.tellPages()
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
// to wait, as one of no session does where others of its kind are blocked.
func (m *Model) place(a *answer, blocked bool) (*Session, error) {
	if err := a.ctx.Err(); err != nil {
		return nil, err
	}
	if blocked && a.request.Session == nil || len(m.prompts)+len(m.batch.active) == m.plan.rows {
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
	case free == nil || m.coming(a):
		return nil, nil
	}
	return m.fits(a, free)
}

// fits returns free if the pool has pages for all that a has, and, beside others, the one in which it grows: room
// for each other's next page would put back less, and take more steps. Nobody is there to give more where no
// answer runs: what is left is enough, or the request ends.
func (m *Model) fits(a *answer, free *Session) (*Session, error) {
	found, kept := m.pool.has(a.shareable())
	pages, left := pagesFor(a.length()), m.pool.left()-kept
	want := pages - found
	alone := len(m.prompts)+len(m.batch.active) == 0
	if !alone && a.positions() > pages*shaders.PageTokens {
		want++
	}
	switch {
	case want <= left:
		return free, nil
	case alone:
		return nil, a.full((left + found) * shaders.PageTokens)
	}
	return nil, nil
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
	for first := true; ; first = false {
		shares := m.nextPrompts(first)
		if len(shares) == 0 {
			return
		}
		m.prompted(shares, m.prefillShares(shares))
	}
}

// nextPrompts is whose prompts are computed next, and how many tokens of each: a chunk of as many prompts as it holds,
// once between two steps. While nothing decodes, a prompt that no chunk holds is computed as a whole. None: the step's
// turn has come.
func (m *Model) nextPrompts(first bool) (shares []share) {
	decoding := len(m.batch.active) > 0
	if !first && (decoding || m.queue.asked()) {
		return nil
	}
	room := m.pace.rows
	for _, a := range m.prompts {
		left := len(a.request.Prompt) - len(a.session.cached)
		if whole := left > m.pace.rows && !decoding; whole && len(shares) == 0 {
			return []share{{a, left}}
		} else if whole || room == 0 {
			return shares
		}
		n := min(left, room)
		shares, room = append(shares, share{a, n}), room-n
	}
	return shares
}

// prompted has answers decode whose prompts are complete by now, or ends them if that failed.
func (m *Model) prompted(shares []share, failure error) {
	var going []shaders.Row
	sampled := 0
	for _, s := range shares {
		a, err := s.answer, cmp.Or(s.err, failure)
		complete := len(a.session.cached) == len(a.request.Prompt)
		if err == nil && !complete {
			continue
		}
		m.prompts = slices.DeleteFunc(m.prompts, func(b *answer) bool { return a == b })
		if complete && len(a.result.Tokens) == 0 { // else it was put back, and steps compute its tokens again
			row := sampled
			sampled += min(1, a.total)
			if err == nil {
				if err = a.begin(row); err == nil {
					going = append(going, a.row())
				}
			}
		}
		if err != nil {
			a.end(err)
		} else {
			m.batch.active = append(m.batch.active, a)
		}
	}
	if sampled > 0 && len(going) == sampled {
		m.state.current = going // as sampling left them
	}
}
