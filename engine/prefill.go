package engine

import (
	"context"
	"time"

	"sealvk/shaders"
	"sealvk/vk"
)

// prefill computes the prompt from the first id that is not cached, and samples
// the first token as decode row 0.
func (a *answer) prefill() error {
	s, m, prompt := a.session, a.session.m, a.request.Prompt
	last := len(prompt) - 1
	err := m.setRows([]shaders.Row{{Token: uint32(prompt[last]), Position: uint32(last), Sequence: s.sequence}})
	if err != nil {
		return err
	}
	m.state.current = m.state.current[:0]
	from := len(s.cached)
	return m.prefill(a.ctx, prompt[from:], from, s.sequence,
		func(c *vk.Commands, st step) {
			m.sample(c, st, st.count-1, 1, a.request.choice())
		},
		func(start, count int) error {
			s.cached = append(s.cached, prompt[start:start+count]...)
			return nil
		})
}

// prefill runs ids, which stand from position start of the sequence, through
// the model in chunks. Behind the last one tail, unless nil, is recorded, which
// finds the chunk's rows in x; done, unless nil, is told each chunk's first
// position and length once it is computed, when the next one may have begun.
func (m *Model) prefill(ctx context.Context, ids []int32, start int, sequence uint32, tail func(c *vk.Commands, s step), done func(start, count int) error) error {
	f := &flights{m: m, next: m.pace}
	for slot := 0; len(ids) > 0; slot = 1 - slot {
		if !m.steady.Load() && (!m.pace.settled || f.next != m.pace) { // which size to go on with is open
			if err := f.finish(nil); err != nil {
				return err
			}
		}
		n := min(m.pace.rows, len(ids))
		c := m.chunk(slot, ids[:n], start, sequence)
		c.done = done
		if n == len(ids) {
			c.tail = tail
		}
		if err := f.submit(ctx, c); err != nil {
			return f.finish(err)
		}
		ids, start = ids[n:], start+n
	}
	return f.finish(nil)
}

// lengths of count rows of a sequence, from position start on.
func lengths(start, count int) shaders.Lengths {
	return shaders.Lengths{Longest: start + count, Sum: count*start + count*(count+1)/2}
}

// shortChunk is the tokens of a chunk up to which devices without tiles take decode's attention.
const shortChunk = 16

// chunk is a prefill chunk, whose rows and attention grid it writes for the device. What was
// computed in the slot before must be complete. On devices with tiles any chunk, were it of one
// token, takes the kernels of prefill, so that no position's bits depend on where a prompt was cut.
func (m *Model) chunk(slot int, ids []int32, start int, sequence uint32) *chunk {
	s, n := &m.state, len(ids)
	c := &chunk{step: step{rows: s.chunkRows[slot].All(), count: n, grid: s.chunkGrid[slot].All(), splits: m.decodeSplits}, start: start, slot: slot}
	if m.tiled || n > shortChunk {
		c.prefill, c.splits = true, m.prefillSplits
	}
	for i, id := range ids {
		row := shaders.Row{Token: uint32(id), Position: uint32(start + i), Sequence: sequence}
		copy(s.chunkRows[slot].Bytes()[rowBytes*i:], bytesOf(row))
	}
	grid := m.kernels.AttentionGrid(c.splits, m.heads, start+n, n, c.prefill)
	copy(s.chunkGrid[slot].Bytes(), bytesOf(grid))
	return c
}

// chunk is tokens of a prompt in one pass.
type chunk struct {
	step
	start int                          // position of the first token
	slot  int                          // of state.chunkRows
	tail  func(c *vk.Commands, s step) // recorded behind the last layer; may be nil
	took  time.Duration                // of the device, as the host sees it
	done  func(start, count int) error
}

// flight is a submission that the host has not waited for.
type flight struct {
	commands *vk.Commands
	ticket   vk.Ticket
	kept     bool // in Model.recordings
	sent     time.Time
	chunk    *chunk
	last     bool // of its chunk
}

// flights are the submissions of a prompt, oldest first. While the device works on one, the
// host records and submits the next, be it of the next chunk; a third one waits.
type flights struct {
	m      *Model
	list   []flight
	woken  time.Time // when the host learned of the newest end
	next   pace      // to go on at, once nothing is in flight
	failed bool      // what is behind the failure does not count as computed
}

// submit sends a chunk, in submissions of pace.layers layers.
func (f *flights) submit(ctx context.Context, c *chunk) error {
	m := f.m
	l := lengths(c.start, c.count)
	for from := 0; from < m.cfg.Layers; from += m.pace.layers {
		if err := ctx.Err(); err != nil {
			return err
		}
		r := recording{count: c.count, slot: c.slot, from: from, to: min(from+m.pace.layers, m.cfg.Layers)}
		record, kept := m.record, (c.tail == nil || r.to < m.cfg.Layers) && c.count == m.pace.rows
		if kept { // until the pace changes
			record = m.kept
		}
		commands, err := record(r, c.step, c.tail)
		if err != nil {
			return err
		}
		sent := time.Now()
		ticket, err := m.submitCommands(commands, l)
		if err != nil {
			if !kept {
				commands.Free()
			}
			return err
		}
		f.list = append(f.list, flight{commands, ticket, kept, sent, c, r.to == m.cfg.Layers})
		if len(f.list) > 1 {
			if err := f.land(); err != nil {
				return err
			}
		}
	}
	return nil
}

// land waits for the oldest submission.
func (f *flights) land() error {
	next := f.list[0]
	f.list = f.list[1:]
	err := f.m.wait(next.ticket)
	now, from, c := time.Now(), next.sent, next.chunk
	if from.Before(f.woken) {
		from = f.woken
	}
	c.took += now.Sub(from)
	f.woken = now
	if !next.kept {
		next.commands.Free()
	}
	if err == nil && next.last && !f.failed {
		f.next = f.m.pace.adapted(c.took, c.count, f.m.cfg.Layers, f.m.plan.chunk)
		if c.done != nil {
			err = c.done(c.start, c.count)
		}
	}
	f.failed = f.failed || err != nil
	return err
}

// finish waits for everything, after err, and takes on the pace that was found.
func (f *flights) finish(err error) error {
	for len(f.list) > 0 {
		if e := f.land(); err == nil {
			err = e
		}
	}
	if err == nil && !f.m.steady.Load() && f.next != f.m.pace {
		f.m.pace = f.next
		f.m.forget(func(r recording) bool { return !r.decode })
	}
	return err
}
