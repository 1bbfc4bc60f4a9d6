package engine

import (
	"context"
	"sync"
	"time"

	"sealvk/shaders"
	"sealvk/vk"
)

// prefill computes the share, or less of it where the queue has news. Where it ends the prompt, the first token
// of the answer is sampled as decode row 0: in the last submission of the prompt, or, of a masked answer, whose first mask is
// made meanwhile, in one of its own.
func (a share) prefill() error {
	s, m, n, from := a.session, a.session.m, a.tokens, len(a.session.cached)
	if a.request.PromptLogprobs { // which are of the rows that the last chunk leaves
		n = min(n, m.pace.rows)
	}
	var sampled *firstToken
	making := new(sync.WaitGroup)
	last, ends, masked := 0, (share{a.answer, n}).ends(), a.request.Mask != nil
	switch {
	case ends && masked:
		making = m.makeMasks(a.answer)
	case ends:
		if err := m.setRows([]shaders.Row{a.last()}); err != nil {
			return err
		}
		m.state.current = m.state.current[:0]
		sampled = &firstToken{a.request.choice(), a.request.Logprobs}
	}
	targets := share{a.answer, n}.targets()
	err := m.prefill(a.ctx, a.request.Prompt[from:from+n], from, s.sequence, sampled, m.queue.asked, func(_, count int) error {
		a.computedPrompt(count)
		last = count - 1
		return nil
	})
	making.Wait()
	if err == nil && a.request.PromptLogprobs {
		err = m.score(targets)
	}
	if err == nil && masked && (share{a.answer, 0}).ends() {
		err = m.sampleBehind([]int{last}, []share{a})
	}
	return err
}

// firstToken is how the token behind a prompt is sampled.
type firstToken struct {
	choice   shaders.Choice
	logprobs bool // its own are wanted
}

// prefill runs ids, which stand from position start of the sequence, through the model in chunks,
// each submitted while the device works on the one before. Behind the last one the first token is
// sampled, unless sampled is nil. Before any but the first, stop may say that there be no more of them. done,
// unless nil, is told each chunk's first position and length once it is computed, when the next one may have begun.
func (m *Model) prefill(ctx context.Context, ids []int32, start int, sequence uint32, sampled *firstToken, stop func() bool, done func(start, count int) error) error {
	f := &flights{m: m}
	if err := m.flush(); err != nil {
		return err
	}
	for slot, first := 0, start; len(ids) > 0 && (start == first || !stop()); slot = 1 - slot {
		n := min(m.pace.rows, len(ids))
		c, at := m.chunk(slot, piece{ids[:n], start, sequence}), start
		c.done = func() error { return done(at, n) }
		if n == len(ids) {
			c.sampled = sampled
		}
		if err := f.submit(ctx, c); err != nil {
			return f.finish(err)
		}
		ids, start = ids[n:], start+n
	}
	return f.finish(nil)
}

// toTheEnd has prefill compute all chunks.
func toTheEnd() bool { return false }

// piece is tokens of a prompt that follow each other.
type piece struct {
	ids      []int32
	start    int // position of the first one
	sequence uint32
}

// chunk is tokens of prompts in one pass. It has as many rows as its class; those behind the tokens are
// the last one again, which changes nothing, and whose results are its own.
type chunk struct {
	step
	lengths shaders.Lengths
	slot    int           // of state.chunkRows
	took    time.Duration // of the device, as the host sees it
	done    func() error  // called once it is computed; may be nil

	sampled *firstToken // unless nil, a token is sampled behind the last layer
}

// chunk is a prefill chunk of pieces of different prompts, whose rows and attention grid it writes for the device.
// What was computed in the slot before must be complete. Any chunk, were it of one token, takes the kernels of
// prefill, so that no position's bits depend on where a prompt was cut, or on what is computed beside it.
func (m *Model) chunk(slot int, pieces ...piece) *chunk {
	s, c := &m.state, &chunk{slot: slot}
	var rows []shaders.Row
	for _, p := range pieces {
		for i, id := range p.ids {
			rows = append(rows, shaders.Row{Token: uint32(id), Position: uint32(p.start + i), Sequence: p.sequence})
		}
	}
	for last := rows[len(rows)-1]; len(rows) < m.chunkClass(len(rows)); {
		rows = append(rows, last)
	}
	c.lengths = lengthsOf(rows, 0)
	c.step = step{rows: s.chunkRows[slot].All(), count: len(rows), grid: s.chunkGrid[slot].All(), splits: m.prefillSplits, prefill: true}
	copy(s.chunkRows[slot].Bytes(), bytesOf(rows...))
	grid := m.kernels.AttentionGrid(c.splits, m.heads, c.lengths.Longest, len(rows), true)
	copy(s.chunkGrid[slot].Bytes(), bytesOf(grid))
	return c
}

// flight is a submission that the host has not waited for.
type flight struct {
	ticket vk.Ticket
	layers int
	sent   time.Time
	chunk  *chunk
	last   bool // of its chunk
}

// flights are the submissions of a prompt, oldest first. While the device works on one, the
// host records and submits the next, be it of the next chunk; a third one waits.
type flights struct {
	m      *Model
	list   []flight
	woken  time.Time // when the host learned of the newest end
	failed bool      // what is behind the failure does not count as computed
}

// submit sends a chunk, in submissions of pace.layers layers.
func (f *flights) submit(ctx context.Context, c *chunk) error {
	m := f.m
	for from, to := 0, 0; from < m.cfg.Layers; from = to {
		if err := ctx.Err(); err != nil {
			return err
		}
		to = min(from+m.pace.layers, m.cfg.Layers)
		r := recording{count: c.count, slot: c.slot, from: from, to: to}
		var tail func(*vk.Commands, step)
		if c.sampled != nil && to == m.cfg.Layers {
			r.sampled, r.choice, r.logprobs = true, c.sampled.choice, c.sampled.logprobs
			tail = func(c *vk.Commands, s step) {
				s.logprobs = r.logprobs
				m.sample(c, s, s.count-1, 1, r.choice)
			}
		}
		commands, err := m.kept(r, c.step, tail)
		if err != nil {
			return err
		}
		sent := time.Now()
		ticket, err := m.submitCommands(c.lengths, commands)
		if err != nil {
			return err
		}
		f.list = append(f.list, flight{ticket, to - from, sent, c, to == m.cfg.Layers})
		if len(f.list) > 1 {
			if err := f.land(); err != nil {
				return err
			}
		}
	}
	return nil
}

// land waits for the oldest submission, and learns from it: from each until the pace has settled, then
// from whole passes.
func (f *flights) land() error {
	m, next := f.m, f.list[0]
	f.list = f.list[1:]
	err := m.wait(next.ticket)
	now, from, c := time.Now(), next.sent, next.chunk
	if from.Before(f.woken) {
		from = f.woken
	}
	took := now.Sub(from)
	c.took += took
	f.woken = now
	if err == nil && !f.failed {
		switch {
		case next.last:
			m.adapt(c.took, m.cfg.Layers, c.count)
		case !m.pace.settled:
			m.adapt(took, next.layers, c.count)
		}
		m.computed, m.spent = m.computed+layerFLOPs(m.cfg)*float64(next.layers*c.count), m.spent+took
		if next.last && c.done != nil {
			err = c.done()
		}
	}
	f.failed = f.failed || err != nil
	return err
}

// finish waits for everything, after err.
func (f *flights) finish(err error) error {
	for len(f.list) > 0 {
		if e := f.land(); err == nil {
			err = e
		}
	}
	return err
}
