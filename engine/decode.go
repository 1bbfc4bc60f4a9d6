package engine

import (
	"encoding/binary"
	"fmt"
	"time"

	"sealvk/shaders"
	"sealvk/vk"
)

// stepsInFlight is how far decode runs ahead of the host, which thus never
// leaves the device idle; what was computed past a stop is discarded.
const stepsInFlight = 3

// decodePlan is the decode step, recorded as many times as steps are in flight,
// since a command buffer must not be pending twice. A step is one submission,
// or several where it takes longer than a submission may.
type decodePlan struct {
	copies [][]*vk.Commands
	layers int // of a submission
	depth  int // steps in flight
	timed  bool
}

func (d *decodePlan) free() {
	d.forget()
	*d = decodePlan{}
}

// forget frees the recordings alone.
func (d *decodePlan) forget() {
	for _, segments := range d.copies {
		for _, c := range segments {
			c.Free()
		}
	}
	d.copies = nil
}

// recordDecode records the decode step, unless it is there already.
func (m *Model) recordDecode() error {
	if m.decode.copies != nil {
		return nil
	}
	if m.decode.layers == 0 {
		m.decode.layers, m.decode.depth = m.pace.layers, 1
	}
	s := step{rows: m.state.decodeRow, count: 1, grid: m.state.decodeGrid, splits: m.decodeSplits()}
	for range m.decode.depth {
		var segments []*vk.Commands
		for from := 0; from < m.cfg.Layers; from += m.decode.layers {
			to := min(from+m.decode.layers, m.cfg.Layers)
			c, err := m.recordLayers(fmt.Sprintf("decode step, layers %d-%d", from, to-1), s, from, to, func(c *vk.Commands) {
				m.head(c, 0, 1)
				m.sample(c)
			})
			if err != nil {
				return err
			}
			segments = append(segments, c)
		}
		m.decode.copies = append(m.decode.copies, segments)
	}
	return nil
}

// submitDecode submits the n-th decode step of an answer, at the given position.
func (m *Model) submitDecode(n, position int) (t vk.Ticket, err error) {
	for _, c := range m.decode.copies[n%len(m.decode.copies)] {
		if t, err = m.submit(c, lengths(position, 1)); err != nil {
			return 0, err
		}
	}
	return t, nil
}

// paceDecode sizes submissions and the steps in flight by the time that a step
// took while nothing else ran. Slow steps do not run ahead: the device is
// busy anyway, and an answer that is stopped ends sooner.
func (m *Model) paceDecode(took time.Duration) error {
	if m.decode.timed || m.steady {
		return nil
	}
	p := pace{}
	p.measured(took, 1, m.cfg.Layers, 1)
	depth := 1
	if took < submission/2 {
		depth = stepsInFlight
	}
	if p.layers != m.decode.layers || depth != m.decode.depth {
		m.decode.free()
		m.decode.layers, m.decode.depth = p.layers, depth
	}
	m.decode.timed = true
	return m.recordDecode()
}

// writeDecodeRow sets the row from which decode goes on.
func (m *Model) writeDecodeRow(row shaders.Row) error {
	if err := m.dev.Write(m.state.decodeRow, bytesOf(&row)); err != nil {
		return fmt.Errorf("engine: %w", err)
	}
	return nil
}

// sampled reads the id of the n-th token of an answer, whose step has finished.
func (m *Model) sampled(n int) (int32, error) {
	id := binary.LittleEndian.Uint32(m.state.ring.Bytes()[4*(n%ringSlots):])
	if id == shaders.NoToken || int(id) >= m.cfg.Vocab {
		return 0, fmt.Errorf("engine: no logit of token %d is a number: the weights or the driver are broken", n)
	}
	return int32(id), nil
}
