package engine

import (
	"cmp"
	"errors"
	"math"
	"slices"
	"time"

	"sealvk/shaders"
	"sealvk/vk"
)

// stepsInFlight is how far decode runs ahead of the host, which thus never
// leaves the device idle; what was computed past a stop is discarded.
const stepsInFlight = 3

// batch is the answers that decode together.
type batch struct {
	m      *Model
	active []*answer // in the order of their rows
	rows   []shaders.Row
	drafts [][]int32 // behind the first token of each active answer
}

// run gives each answer its next token, or several, and ends those that are complete; all of
// them where the device fails.
func (b *batch) run() {
	b.makeRoom()
	b.endComplete()
	if len(b.active) == 0 {
		return
	}
	var err error
	if b.replays() || b.guess() {
		err = b.check()
	} else {
		err = b.decode()
	}
	if err != nil {
		for _, a := range b.active {
			a.err = cmp.Or(a.err, err)
		}
	}
	b.endComplete()
}

// endComplete ends the answers that get no more tokens. Nothing may be in flight.
func (b *batch) endComplete() {
	b.active = slices.DeleteFunc(b.active, func(a *answer) bool {
		if a.err != nil {
			a.end(a.err)
		}
		return a.err != nil
	})
}

// ended tells whether an answer gets no more tokens.
func (b *batch) ended() bool {
	return slices.ContainsFunc(b.active, func(a *answer) bool { return a.err != nil })
}

// makeRoom takes the page of each answer's next position, where that is a new one, the oldest's first. If there is none
// left, the youngest answer is put back for it, be it itself, where a session's request has the rest; an answer that
// is alone ends.
func (b *batch) makeRoom() {
	for _, a := range slices.Clone(b.active) {
		for a.session != nil && a.err == nil && !a.grow(1) {
			if len(b.m.prompts)+len(b.active) > 1 {
				b.m.putBackYoungest()
			} else {
				a.err = a.full(0)
			}
		}
	}
}

// grow is makeRoom while steps are in flight: it reports whether there was room.
func (b *batch) grow() bool {
	for _, a := range b.active {
		if !a.grow(1) {
			return false
		}
	}
	return true
}

// replays gives the rows that a step has to spare to answers that were put back, for the tokens that they
// have already, and reports whether there are such.
func (b *batch) replays() (any bool) {
	spare := b.m.plan.rows - len(b.active)
	for _, a := range b.active {
		a.draft = min(a.behind(), spare)
		spare -= a.draft
		any = any || a.behind() > 0
	}
	return any
}

// begin sets the rows of the next step: for each active answer its newest token, and what is
// drafted behind it, as far as there are pages; or of one that was put back tokens that it has.
func (b *batch) begin() error {
	b.rows, b.drafts = b.rows[:0], b.drafts[:0]
	for _, a := range b.active {
		row, draft := a.row(), a.drafted()
		for !a.grow(1 + len(draft)) {
			draft = draft[:len(draft)-1]
		}
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

// kind is that of a step of so many rows. A lone answer takes the faster kernels unless drafts were
// asked for by number: with SpeculateAuto only what pays beside them is checked.
func (b *batch) kind(rows int) stepKind {
	return stepKind{
		rows:   b.m.class(rows),
		choice: b.choice(),
		lone:   b.m.lone && rows == 1 && b.active[0].request.Speculate <= 0,

		logprobs: slices.ContainsFunc(b.active, func(a *answer) bool { return a.request.Logprobs }),
		masked:   slices.ContainsFunc(b.active, func(a *answer) bool { return a.request.Mask != nil }),
	}
}

// choice is the greatest of the answers'.
func (b *batch) choice() (most shaders.Choice) {
	for _, a := range b.active {
		most = max(most, a.request.choice())
	}
	return most
}

// decode runs steps of a token for each answer until an answer is complete, a draft seems worth
// its check, the pool is out of pages, a prompt waits for its turn, or the queue has something new. Steps are submitted ahead of the tokens that are
// read; what they give past an answer's end is waited for and discarded. Of masked steps only the layers of one are ahead, which
// the device computes while the host makes masks from the tokens in front of it.
func (b *batch) decode() (err error) {
	m := b.m
	if err := b.begin(); err != nil {
		return err
	}
	most := math.MaxInt // steps, until the first answer must end
	if len(m.prompts) > 0 {
		most = 1
	}
	for _, a := range b.active {
		most = min(most, a.total-len(a.result.Tokens))
	}
	kind := b.kind(len(b.rows))
	plan := m.decodePlan(kind.rows)
	read, submitted := 0, 0
	var tickets [stepsInFlight]vk.Ticket
	var sent [stepsInFlight]time.Time
	var woken time.Time
	defer func() {
		if submitted > read {
			err = errors.Join(err, m.wait(tickets[(submitted-1)%plan.depth]))
		}
	}()
	last := false
	submit := func(ahead int) (err error) {
		for !last && submitted < most && submitted-read < ahead {
			if last = !b.grow(); last {
				break
			}
			slot := submitted % plan.depth
			if tickets[slot], sent[slot], err = m.submitDecode(kind, slot, lengthsOf(b.rows, submitted)); err != nil {
				return err
			}
			for _, a := range b.active {
				a.computed++
			}
			submitted++
		}
		return nil
	}
	for {
		ahead, waited := plan.depth, false
		if kind.masked {
			if err := submit(1); err != nil {
				return err
			}
			if read < submitted {
				t, late, err := b.sampleMasked(kind, tickets[read%plan.depth], lengthsOf(b.rows, read))
				if err != nil {
					return err
				}
				tickets[read%plan.depth], waited = t, late
				last = last || b.ended()
			}
			ahead = min(ahead, 2)
		}
		if err := submit(ahead); err != nil {
			return err
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
			if a.err == nil {
				a.err = a.ctx.Err()
			}
			last = last || a.err != nil
		}
		m.stepped(kind.rows, took, read == submitted, waited)
		m.decode.plain++
		last = last || b.guess() || m.queue.asked() || len(m.prompts) > 0
	}
	if !b.ended() {
		for i, a := range b.active {
			b.rows[i] = a.row()
		}
		m.state.current = append(m.state.current[:0], b.rows...) // as the kernels left them
	}
	return nil
}

// check runs one step over the drafts. As long as the model samples what was drafted, the row
// behind it is what decode without drafts would have computed; what lies behind the first
// difference is discarded, and computed again when its position comes. Tokens of an answer that was
// put back are drafts that are known to be right.
func (b *batch) check() error {
	m := b.m
	if err := b.begin(); err != nil {
		return err
	}
	kind, lengths, waited := b.kind(len(b.rows)), lengthsOf(b.rows, 0), false
	ticket, begun, err := m.submitDecode(kind, 0, lengths)
	if err == nil && kind.masked {
		layers := ticket
		if ticket, waited, err = b.sampleMasked(kind, layers, lengths); err != nil {
			return errors.Join(err, m.wait(layers))
		}
	}
	if err == nil {
		err = m.wait(ticket)
	}
	if err != nil {
		return err
	}
	now := time.Now()
	m.stepped(kind.rows, now.Sub(begun), true, waited)
	m.decode.checked = m.decode.plain
	row := 0
	for i, a := range b.active {
		rows := 1 + len(b.drafts[i])
		switch {
		case a.err != nil: // its mask's
		case a.behind() > 0:
			a.replayed(row, rows, now)
		default:
			a.checked(row, b.drafts[i], now)
		}
		row += rows
	}
	return nil
}

// replayed goes on behind a step of so many tokens, from row on, that the answer has: only the newest one's row gives another.
func (a *answer) replayed(row, rows int, now time.Time) {
	again := min(rows, a.behind())
	a.computed += again
	a.session.m.counted.add(Counters{Replayed: int64(again)})
	if again < rows {
		a.checked(row+again, nil, now)
	} else {
		a.err = a.ctx.Err()
	}
}

// checked takes the tokens of a step of the answer's newest token and a draft, from row on.
func (a *answer) checked(row int, draft []int32, now time.Time) {
	a.result.Drafted += len(draft)
	a.stepped(now)
	a.computed++
	for j := 0; ; j++ {
		if a.err = a.ctx.Err(); a.err == nil {
			a.err = a.take(row + j)
		}
		if a.err != nil && !errors.Is(a.err, errEnd) || j == len(draft) || a.result.Tokens[len(a.result.Tokens)-1] != draft[j] {
			break
		}
		a.result.Accepted++
		a.computed++
		if a.err != nil {
			break
		}
	}
}
