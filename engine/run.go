package engine

import (
	"context"
	"fmt"
	"time"

	"sealvk/shaders"
	"sealvk/vk"
)

const (
	firstChunk = 32                     // tokens of the first prefill chunk, before anything is measured
	submission = 100 * time.Millisecond // aim for the longest submission: a desktop stays alive
	stuck      = 2 * time.Minute        // a submission that takes longer is given up
)

// pace bounds submissions by measured time.
type pace struct {
	rows   int // tokens of the next prefill chunk
	least  int // tokens that a chunk keeps however slow the device is
	layers int // layers of the next submission
}

// startPace is the pace before anything is measured. A GPU's chunks may shrink to
// the tokens of one workgroup, which take no longer than a single one; a CPU
// has no watchdog and no desktop to keep alive, and keeps its first chunk.
func startPace(caps *vk.Caps, t shaders.Tuning, p *plan) pace {
	first := min(firstChunk, p.chunk)
	least := min(t.Product.Tokens, first)
	if caps.Type == vk.CPU {
		least = first
	}
	return pace{rows: first, least: least, layers: 1}
}

// measured adapts the pace to a pass of rows through all layers that took d.
func (p *pace) measured(d time.Duration, rows, layers, maxRows int) {
	perLayer := max(d/time.Duration(layers), time.Microsecond)
	p.layers = min(max(1, int(submission/perLayer)), layers)
	if rows < p.rows {
		return // the last chunk of a prompt says little
	}
	switch {
	case perLayer > submission:
		p.rows = max(p.least, p.rows/2)
	case perLayer < submission/4:
		p.rows = min(2*p.rows, maxRows)
	}
}

// pass runs one step through the model, in submissions of pace.layers layers;
// tail is recorded behind the last one. It returns when the device has finished.
func (m *Model) pass(ctx context.Context, s step, l shaders.Lengths, tail func(*vk.Commands)) error {
	begun := time.Now()
	var flight []flying // submissions not yet waited for, oldest first
	land := func() error {
		f := flight[0]
		flight = flight[1:]
		err := m.wait(f.ticket)
		if !f.kept {
			f.commands.Free()
		}
		return err
	}
	err := func() error {
		for from := 0; from < m.cfg.Layers; from += m.pace.layers {
			if err := ctx.Err(); err != nil {
				return err
			}
			to := min(from+m.pace.layers, m.cfg.Layers)
			f, err := m.submitLayers(s, l, from, to, tail)
			if err != nil {
				return err
			}
			if flight = append(flight, f); len(flight) > 1 {
				if err := land(); err != nil {
					return err
				}
			}
		}
		return nil
	}()
	for len(flight) > 0 {
		if e := land(); err == nil {
			err = e
		}
	}
	if err == nil && !m.steady {
		before := m.pace
		if m.pace.measured(time.Since(begun), s.count, m.cfg.Layers, m.plan.chunk); m.pace != before {
			m.forgetPasses()
		}
	}
	return err
}

type flying struct {
	commands *vk.Commands
	ticket   vk.Ticket
	kept     bool
}

// submitLayers submits some layers of a pass. Those of a chunk of the usual size
// are recorded once and kept until the pace changes.
func (m *Model) submitLayers(s step, l shaders.Lengths, from, to int, tail func(*vk.Commands)) (f flying, err error) {
	f.kept = (tail == nil || to < m.cfg.Layers) && s.count == m.pace.rows
	if f.kept {
		f.commands = m.passes[from]
	}
	if f.commands == nil {
		f.commands, err = m.recordLayers(fmt.Sprintf("layers %d-%d of %d rows", from, to-1, s.count), s, from, to, tail)
		if err != nil {
			return f, err
		}
		if f.kept {
			m.passes[from] = f.commands
		}
	}
	if f.ticket, err = m.submit(f.commands, l); err != nil && !f.kept {
		f.commands.Free()
	}
	return f, err
}

func (m *Model) forgetPasses() {
	for _, c := range m.passes {
		c.Free()
	}
	clear(m.passes)
}

// recordLayers records the layers [from, to), with the embedding in front of the
// first and tail, unless nil, behind the last.
func (m *Model) recordLayers(name string, s step, from, to int, tail func(*vk.Commands)) (*vk.Commands, error) {
	c, err := m.newCommands(name)
	if err != nil {
		return nil, err
	}
	if from == 0 {
		m.embed(c, s)
	}
	layer := m.layer
	if m.kernels.Tiled(s.count) {
		layer = m.layerTiled
	}
	for i := from; i < to; i++ {
		layer(c, s, i)
	}
	if to == m.cfg.Layers && tail != nil {
		tail(c)
	}
	if err := c.End(); err != nil {
		c.Free()
		return nil, fmt.Errorf("engine: %s: %w", name, err)
	}
	return c, nil
}

// once records, submits and waits for a few dispatches.
func (m *Model) once(name string, record func(*vk.Commands)) error {
	c, err := m.newCommands(name)
	if err != nil {
		return err
	}
	defer c.Free()
	record(c)
	if err := c.End(); err != nil {
		return fmt.Errorf("engine: %s: %w", name, err)
	}
	t, err := m.submit(c, shaders.Lengths{})
	if err != nil {
		return err
	}
	return m.wait(t)
}

// prefill runs ids, which stand from position start of the sequence, through
// the model in chunks. Behind the last one tail, unless nil, is recorded, which
// finds the chunk's rows in x; done, unless nil, is told each chunk's first
// position and length.
func (m *Model) prefill(ctx context.Context, ids []int32, start int, sequence uint32, tail func(c *vk.Commands, count int), done func(start, count int) error) error {
	for len(ids) > 0 {
		n := min(m.pace.rows, len(ids))
		m.fillChunk(ids[:n], start, sequence)
		var end func(*vk.Commands)
		if n == len(ids) && tail != nil {
			end = func(c *vk.Commands) { tail(c, n) }
		}
		if err := m.pass(ctx, m.chunkStep(n), lengths(start, n), end); err != nil {
			return err
		}
		if done != nil {
			if err := done(start, n); err != nil {
				return err
			}
		}
		ids, start = ids[n:], start+n
	}
	return nil
}

// lengths of count rows of a sequence, from position start on.
func lengths(start, count int) shaders.Lengths {
	return shaders.Lengths{Longest: start + count, Sum: count*start + count*(count+1)/2}
}

// fillChunk writes the rows and the attention grid of a prefill chunk.
func (m *Model) fillChunk(ids []int32, start int, sequence uint32) {
	rows := m.state.chunkRows.Bytes()
	for i, id := range ids {
		row := shaders.Row{Token: uint32(id), Position: uint32(start + i), Sequence: sequence}
		copy(rows[16*i:], bytesOf(&row))
	}
	grid := m.kernels.AttentionGrid(m.chunkStep(len(ids)).splits, m.heads, start+len(ids), len(ids))
	copy(m.state.chunkGrid.Bytes(), bytesOf(&grid))
}

// chunkStep is a prefill chunk of n rows; a small one is computed as in decode.
func (m *Model) chunkStep(n int) step {
	s := step{rows: m.state.chunkRows.All(), count: n, grid: m.state.chunkGrid.All(), splits: m.prefillSplits()}
	if n <= shaders.DecodeRows {
		s.splits = m.decodeSplits()
	}
	return s
}
