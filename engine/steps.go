package engine

import (
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"sealvk/shaders"
	"sealvk/vk"
)

// decoder is what is known of decode steps, by their number of rows.
type decoder struct {
	plans          [shaders.DecodeRows + 1]decodePlan
	layers         int            // of a submission, before a step was measured
	plain, checked int            // steps without drafts so far; and when drafts were checked last
	spent          time.Duration  // in steps
	segments       []*vk.Commands // of the step that is submitted
}

// decodePlan is the decode step of some rows. It is one submission, or several where it takes
// longer than a submission may.
type decodePlan struct {
	layers  int // of a submission; 0: nothing is known
	depth   int // steps in flight
	timed   bool
	took    time.Duration // of a step, a running mean; 0: never measured
	samples int           // of took
}

// stepKind is what decode steps are recorded for.
type stepKind struct {
	rows   int            // a class
	choice shaders.Choice // the greatest of the rows'
	lone   bool           // of one row: as step says

	logprobs bool // some row asks for them
	masked   bool // some row's tokens are: its layers are submitted first, and its sampling by sampleMasked
}

// decodePlan returns the plan of a class of n rows.
func (m *Model) decodePlan(n int) *decodePlan {
	p := &m.decode.plans[n]
	if p.layers == 0 {
		p.layers, p.depth = m.decode.layers, 1
		for i := n - 1; i > 0; i-- { // fewer rows take nearly as long
			if fewer := &m.decode.plans[i]; fewer.timed {
				p.layers = max(1, fewer.layers/2)
				break
			}
		}
	}
	return p
}

// decodeStep is what a decode step works on.
func (m *Model) decodeStep(k stepKind) step {
	return step{rows: m.state.decodeRows, count: k.rows, grid: m.state.decodeGrid, splits: m.decodeSplits, decode: true, lone: k.lone, logprobs: k.logprobs}
}

// recorded returns a copy of a decode step, of a masked one up to the logits, recorded now unless it is there already.
// There are as many copies as steps in flight: a command buffer must not be pending twice.
func (m *Model) recorded(k stepKind, number int) ([]*vk.Commands, error) {
	s := m.decodeStep(k)
	segments, layers := m.decode.segments[:0], m.decodePlan(k.rows).layers
	for from := 0; from < m.cfg.Layers; from += layers {
		r := recording{decode: true, choice: k.choice, lone: k.lone, logprobs: k.logprobs, count: k.rows, slot: number, from: from, to: min(from+layers, m.cfg.Layers)}
		tail := func(c *vk.Commands, s step) { m.sample(c, s, 0, s.count, k.choice) }
		if k.masked {
			r.masked, r.choice, r.logprobs = true, 0, false // which are of the sampling
			tail = func(c *vk.Commands, s step) { m.head(c, s, 0, s.count, true) }
		}
		c, err := m.kept(r, s, tail)
		if err != nil {
			return nil, err
		}
		segments = append(segments, c)
	}
	m.decode.segments = segments
	return segments, nil
}

// submitDecode submits a decode step of rows of these lengths, of a masked one the layers, whose recording must not be
// pending. It tells when it began to: recording, which may build kernels, is no part of the step.
func (m *Model) submitDecode(k stepKind, number int, l shaders.Lengths) (t vk.Ticket, sent time.Time, err error) {
	segments, err := m.recorded(k, number)
	if err == nil {
		err = m.flush()
	}
	if err != nil {
		return 0, sent, err
	}
	sent = time.Now()
	for _, c := range segments {
		if t, err = m.submitCommands(l, c); err != nil {
			return 0, sent, err
		}
	}
	return t, sent, nil
}

// stepped counts a step, and learns from it unless the device has waited for masks in it.
func (m *Model) stepped(n int, took time.Duration, alone, waited bool) {
	if waited {
		m.counted.add(Counters{Steps: 1})
	} else {
		m.measured(n, took, alone)
	}
}

// measured counts a step and learns from it: one of a class of n rows that took so long; alone: nothing else ran.
// Submissions and the steps in flight are sized by the first such step. Slow steps do not run
// ahead: the device is busy anyway, and an answer that is stopped ends sooner.
func (m *Model) measured(n int, took time.Duration, alone bool) {
	p := m.decodePlan(n)
	m.decode.spent += took
	m.counted.add(Counters{Steps: 1})
	switch p.samples++; p.samples {
	case 1:
		p.took = took
	case 2:
		p.took = min(p.took, took)
	default:
		p.took += (min(took, 2*p.took) - p.took) / 8
	}
	if p.timed || m.steady.Load() || !alone {
		return
	}
	fits := fitting(max(took/time.Duration(m.cfg.Layers), time.Microsecond), m.cfg.Layers)
	layers := relayered(p.layers, fits, fits, m.cfg.Layers)
	depth := 1
	if took < submission/2 {
		depth = stepsInFlight
	}
	if layers != p.layers {
		m.forget(func(r recording) bool { return r.decode && r.count == n })
	}
	p.layers, p.depth, p.timed = layers, depth, true
}

// setRows makes the next decode steps go on from these rows, and all others idle. Nothing may be
// in flight.
func (m *Model) setRows(rows []shaders.Row) error {
	s := &m.state
	if slices.Equal(rows, s.current) {
		return nil
	}
	if err := m.wait(s.rowsTicket); err != nil {
		return err
	}
	idle := slices.Repeat([]shaders.Row{m.idleRow()}, shaders.DecodeRows-len(rows))
	copy(s.nextRows.Bytes(), bytesOf(slices.Concat(rows, idle)...))
	grid := m.decodeSplits.Grid(m.heads, lengthsOf(rows, 0).Longest, m.class(len(rows)))
	copy(s.nextRows.Bytes()[rowBytes*shaders.DecodeRows:], bytesOf(grid))
	ticket, err := m.dev.Submit(s.copyRows)
	if err != nil {
		return fmt.Errorf("engine: decode rows: %w", err)
	}
	s.rowsTicket, s.current, s.pages.stale = ticket, append(s.current[:0], rows...), false // its copy brings the page table too
	return nil
}

// sampled reads what a row sampled as the n-th token of its answer; the step must have finished.
func (m *Model) sampled(row, n int) (int32, error) {
	id := binary.LittleEndian.Uint32(m.state.ring.Bytes()[4*(row*ringSlots+n%ringSlots):])
	if id == shaders.NoToken || int(id) >= m.cfg.Vocab {
		return 0, fmt.Errorf("engine: no logit of token %d is a number: the weights or the driver are broken", n)
	}
	return int32(id), nil
}

// lengthsOf are the lengths of rows of several sequences, ahead steps later.
func lengthsOf(rows []shaders.Row, ahead int) (l shaders.Lengths) {
	for _, r := range rows {
		n := int(r.Position) + 1 + ahead
		l.Longest = max(l.Longest, n)
		l.Sum += n
	}
	return l
}
