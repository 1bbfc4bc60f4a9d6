package engine

import (
	"context"
	"time"

	"sealvk/shaders"
	"sealvk/vk"
)

// prefill computes the next n tokens of the prompt, or fewer where the queue has news. Behind the last one the first
// token of the answer is sampled as decode row 0, unless it is there already.
func (a *answer) prefill(n int) error {
	s, m, prompt := a.session, a.session.m, a.request.Prompt
	from, last := len(s.cached), len(prompt)-1
	var choice *shaders.Choice
	if from+n > last && len(a.result.Tokens) == 0 {
		err := m.setRows([]shaders.Row{{Token: uint32(prompt[last]), Position: uint32(last), Sequence: s.sequence}})
		if err != nil {
			return err
		}
		m.state.current = m.state.current[:0]
		sampled := a.request.choice()
		choice = &sampled
	}
	return m.prefill(a.ctx, prompt[from:from+n], from, s.sequence, choice, m.queue.asked, func(start, count int) error {
		s.cached = append(s.cached, prompt[start:start+count]...)
		m.counted.add(Counters{Computed: int64(count)})
		return nil
	})
}

// prefill runs ids, which stand from position start of the sequence, through the model in chunks,
// each submitted while the device works on the one before. Behind the last one the first token is
// sampled, unless choice is nil. Before any but the first, stop may say that there be no more of them. done,
// unless nil, is told each chunk's first position and length once it is computed, when the next one may have begun.
func (m *Model) prefill(ctx context.Context, ids []int32, start int, sequence uint32, choice *shaders.Choice, stop func() bool, done func(start, count int) error) error {
	f := &flights{m: m}
	if err := m.flush(); err != nil {
		return err
	}
	for slot, first := 0, start; len(ids) > 0 && (start == first || !stop()); slot = 1 - slot {
		n := min(m.pace.rows, len(ids))
		c := m.chunk(slot, ids[:n], start, sequence)
		c.done = done
		if n == len(ids) {
			c.choice = choice
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

// lengths of count rows of a sequence, from position start on, of which all behind the first tokens
// are the last token again.
func lengths(start, tokens, count int) shaders.Lengths {
	longest := start + tokens
	return shaders.Lengths{Longest: longest, Sum: tokens*start + tokens*(tokens+1)/2 + (count-tokens)*longest}
}

// chunk is tokens of a prompt in one pass. It has as many rows as its class; those behind the tokens are
// the last one again, which changes nothing, and whose results are its own.
type chunk struct {
	step
	start  int // position of the first token
	tokens int
	slot   int             // of state.chunkRows
	choice *shaders.Choice // unless nil, a token is sampled behind the last layer
	took   time.Duration   // of the device, as the host sees it
	done   func(start, count int) error
}

// chunk is a prefill chunk, whose rows and attention grid it writes for the device. What was
// computed in the slot before must be complete. Any chunk, were it of one token, takes the kernels of
// prefill, so that no position's bits depend on where a prompt was cut.
func (m *Model) chunk(slot int, ids []int32, start int, sequence uint32) *chunk {
	s, n, count := &m.state, len(ids), m.chunkClass(len(ids))
	c := &chunk{start: start, tokens: n, slot: slot}
	c.step = step{rows: s.chunkRows[slot].All(), count: count, grid: s.chunkGrid[slot].All(), splits: m.prefillSplits, prefill: true}
	for i := range count {
		at := min(i, n-1)
		row := shaders.Row{Token: uint32(ids[at]), Position: uint32(start + at), Sequence: sequence}
		copy(s.chunkRows[slot].Bytes()[rowBytes*i:], bytesOf(row))
	}
	grid := m.kernels.AttentionGrid(c.splits, m.heads, start+n, count, true)
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
	l := lengths(c.start, c.tokens, c.count)
	for from, to := 0, 0; from < m.cfg.Layers; from = to {
		if err := ctx.Err(); err != nil {
			return err
		}
		to = min(from+m.pace.layers, m.cfg.Layers)
		r := recording{count: c.count, slot: c.slot, from: from, to: to}
		var tail func(*vk.Commands, step)
		if c.choice != nil && to == m.cfg.Layers {
			r.sampled, r.choice = true, *c.choice
			tail = func(c *vk.Commands, s step) { m.sample(c, s, s.count-1, 1, r.choice) }
		}
		commands, err := m.kept(r, c.step, tail)
		if err != nil {
			return err
		}
		sent := time.Now()
		ticket, err := m.submitCommands(commands, l)
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
			err = c.done(c.start, c.tokens)
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
