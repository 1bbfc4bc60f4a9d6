package engine

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"sealvk/shaders"
	"sealvk/vk"
)

// GenerateBatch answers requests, which decode together: a step reads the weights once for up
// to shaders.DecodeRows of them. requests[i] runs in sessions[i]; further ones, in their order,
// in whichever session has become free and holds most of their prompt. Each answer is, bit for
// bit, the one that Session.Generate gives. Callbacks come from the calling goroutine, for
// several answers in turn. An answer that fails (Result.Err) leaves the others alone; the error
// joins those of all. When ctx ends, the answers that are not complete are as Session.Generate
// says.
func (m *Model) GenerateBatch(ctx context.Context, sessions []*Session, requests []Request) ([]Result, error) {
	if len(sessions) == 0 && len(requests) > 0 {
		return nil, errors.New("engine: a batch without a session")
	}
	for i, s := range sessions {
		if s.m != m || slices.Contains(sessions[:i], s) {
			return nil, errors.New("engine: the sessions of a batch must be different ones of its model")
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	b := &batch{m: m, sessions: sessions, requests: requests, results: make([]Result, len(requests))}
	b.run(ctx)
	var errs []error
	for i := range b.results {
		if err := b.results[i].Err; err != nil {
			errs = append(errs, fmt.Errorf("request %d: %w", i, err))
		}
	}
	return b.results, errors.Join(errs...)
}

// batch is the answers that decode together, and those that wait for a place.
type batch struct {
	m        *Model
	sessions []*Session
	requests []Request
	results  []Result
	begun    int        // requests that are no longer waiting
	free     []*Session // of the answers that are complete
	active   []*answer  // in the order of their rows
	rows     []shaders.Row
	drafts   [][]int32 // behind the newest token of each active answer
}

func (b *batch) run(ctx context.Context) {
	for {
		b.fill(ctx)
		if len(b.active) == 0 {
			return
		}
		var err error
		if b.guess() {
			err = b.check(ctx)
		} else {
			err = b.decode(ctx)
		}
		b.leave(ctx, err)
	}
}

// fill starts requests as long as there are places.
func (b *batch) fill(ctx context.Context) {
	for b.begun < len(b.requests) && len(b.active) < b.m.plan.rows {
		i := b.begun
		if i >= len(b.sessions) && len(b.free) == 0 {
			return
		}
		b.begun++
		a := &answer{index: i, request: b.requests[i], stop: stopMatcher{stops: b.requests[i].StopStrings}}
		a.result.PromptTokens = len(a.request.Prompt)
		s := b.session(i, a.request.Prompt)
		err := b.m.checkRequest(&a.request)
		if err == nil {
			err = a.start(ctx, s)
		}
		if err != nil {
			a.end(ctx, err)
			b.results[i] = a.result
			b.free = append(b.free, s)
			continue
		}
		b.active = append(b.active, a)
	}
}

// session takes the session for a request out of the free ones, or its own.
func (b *batch) session(i int, prompt []int32) *Session {
	if i < len(b.sessions) {
		return b.sessions[i]
	}
	best := 0
	for j, s := range b.free {
		if s.reuse(prompt) > b.free[best].reuse(prompt) {
			best = j
		}
	}
	s := b.free[best]
	b.free = slices.Delete(b.free, best, best+1)
	return s
}

// leave ends the answers that are complete, or all by err. Nothing is in flight.
func (b *batch) leave(ctx context.Context, err error) {
	b.active = slices.DeleteFunc(b.active, func(a *answer) bool {
		if err != nil && a.err == nil {
			a.err = err
		}
		if a.err == nil {
			return false
		}
		s := a.session
		s.cached = append(s.cached, a.result.Tokens[:min(a.computed, len(a.result.Tokens))]...)
		a.result.Decode = a.last.Sub(a.begun) - a.result.Prefill
		a.end(ctx, a.err)
		b.results[a.index] = a.result
		b.free = append(b.free, s)
		return true
	})
}

// begin sets the rows of the next step: for each active answer its newest token, and what is
// drafted behind it.
func (b *batch) begin() error {
	b.rows, b.drafts = b.rows[:0], b.drafts[:0]
	for _, a := range b.active {
		row, draft := a.row(), a.drafted()
		b.rows, b.drafts = append(b.rows, row), append(b.drafts, draft)
		for _, id := range draft {
			row.Token, row.Position, row.Step = uint32(id), row.Position+1, row.Step+1
			b.rows = append(b.rows, row)
		}
	}
	if err := b.m.setRows(b.rows); err != nil {
		return err
	}
	b.m.state.current = b.m.state.current[:0] // the kernels advance them
	return nil
}

// filtered reports whether any answer's choice takes more than the greatest logit.
func (b *batch) filtered() bool {
	return slices.ContainsFunc(b.active, func(a *answer) bool { return a.request.Sampling.filtered() })
}

// decode runs steps of a token for each answer until an answer is complete or a draft seems
// worth its check. Steps are submitted ahead of the tokens that are read; what they give past
// an answer's end is waited for and discarded.
func (b *batch) decode(ctx context.Context) (err error) {
	m, n := b.m, len(b.active)
	if err := b.begin(); err != nil {
		return err
	}
	most := math.MaxInt // steps, until the first answer must end
	for _, a := range b.active {
		most = min(most, a.total-len(a.result.Tokens))
	}
	plan, filtered := m.decodePlan(n), b.filtered()
	read, submitted := 0, 0
	var tickets [stepsInFlight]vk.Ticket
	var sent [stepsInFlight]time.Time
	var woken time.Time
	defer func() {
		if submitted > read {
			err = errors.Join(err, m.wait(tickets[(submitted-1)%plan.depth]))
		}
	}()
	for last := false; ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		for !last && submitted < most && submitted-read < plan.depth {
			slot := submitted % plan.depth
			if tickets[slot], sent[slot], err = m.submitDecode(n, slot, filtered, lengthsOf(b.rows, submitted)); err != nil {
				return err
			}
			for _, a := range b.active {
				a.computed++
			}
			submitted++
		}
		if read == submitted {
			break
		}
		slot := read % plan.depth
		if err := m.wait(tickets[slot]); err != nil {
			return err
		}
		now := time.Now()
		if sent[slot].After(woken) {
			woken = sent[slot]
		}
		took := now.Sub(woken)
		woken = now
		read++
		for row, a := range b.active {
			if a.err == nil {
				a.stepped(now)
				a.err = a.take(row)
			}
			last = last || a.err != nil
		}
		m.measured(n, took, read == submitted)
		m.decode.plain++
		last = last || b.guess()
	}
	if !slices.ContainsFunc(b.active, func(a *answer) bool { return a.err != nil }) {
		for i, a := range b.active {
			b.rows[i] = a.row()
		}
		m.state.current = append(m.state.current[:0], b.rows...) // as the kernels left them
	}
	return nil
}

// check runs one step over the drafts. As long as the model samples what was drafted, the row
// behind it is what decode without drafts would have computed; what lies behind the first
// difference is discarded, and computed again when its position comes.
func (b *batch) check(ctx context.Context) error {
	m := b.m
	if err := b.begin(); err != nil {
		return err
	}
	n := len(b.rows)
	ticket, begun, err := m.submitDecode(n, 0, b.filtered(), lengthsOf(b.rows, 0))
	if err == nil {
		err = m.wait(ticket)
	}
	if err != nil {
		return err
	}
	now := time.Now()
	m.measured(n, now.Sub(begun), true)
	m.decode.checked = m.decode.plain
	row := 0
	for i, a := range b.active {
		draft := b.drafts[i]
		a.result.Drafted += len(draft)
		a.stepped(now)
		a.computed++
		for j := 0; ; j++ {
			if a.err = ctx.Err(); a.err == nil {
				a.err = a.take(row + j)
			}
			if a.err != nil && !errors.Is(a.err, errEnd) {
				break
			}
			if j == len(draft) || a.result.Tokens[len(a.result.Tokens)-1] != draft[j] {
				break
			}
			a.result.Accepted++
			a.computed++
			if a.err != nil {
				break
			}
		}
		row += 1 + len(draft)
	}
	return nil
}
