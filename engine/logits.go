package engine

import (
	"context"
	"fmt"

	"sealvk/shaders"
	"sealvk/vk"
)

// Logits computes the logits after each of ids (all), or after the last one,
// and hands them out in order: [Vocab] f32, valid during the call. The session
// is reset first and holds ids afterwards. Requests wait meanwhile: emit must not wait for them.
func (s *Session) Logits(ctx context.Context, ids []int32, all bool, emit func(position int, logits []float32) error) error {
	m := s.m
	return s.idle(func() error {
		if err := s.restart(ids); err != nil {
			return err
		}
		buffer := make([]float32, m.plan.rows*m.cfg.Vocab)
		for at := 0; at < len(ids); {
			part, count := ids[at:], 0 // of the last chunk, whose rows are in x
			if all {
				part = part[:min(m.pace.rows, len(part))]
			}
			err := m.prefill(ctx, part, at, s.sequence, nil, toTheEnd, func(start, n int) error {
				s.cached, count = append(s.cached, ids[start:start+n]...), n
				return nil
			})
			if err != nil {
				return err
			}
			at += len(part)
			first := count - 1
			if all {
				first = 0
			}
			for ; first < count; first += m.plan.rows {
				n := min(m.plan.rows, count-first)
				if err := m.readLogits(buffer, first, n); err != nil {
					return err
				}
				for i := range n {
					if err := emit(at-count+first+i, buffer[i*m.cfg.Vocab:][:m.cfg.Vocab]); err != nil {
						return err
					}
				}
			}
		}
		return nil
	})
}

// readLogits computes and reads the logits of n rows from row first of x.
func (m *Model) readLogits(dst []float32, first, n int) error {
	c, err := m.commands("logits", func(c *vk.Commands) { m.head(c, step{}, first, n, false) })
	if err != nil {
		return err
	}
	defer c.Free()
	t, err := m.submitCommands(shaders.Lengths{}, c)
	if err == nil {
		err = m.wait(t)
	}
	if err != nil {
		return err
	}
	if err := m.dev.Read(bytesOf(dst[:n*m.cfg.Vocab]...), m.act.logits.Part(0, 4*int64(n)*int64(m.cfg.Vocab))); err != nil {
		return fmt.Errorf("engine: logits: %w", err)
	}
	return nil
}
