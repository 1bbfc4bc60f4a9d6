package engine

import (
	"encoding/binary"
	"fmt"

	"sealvk/shaders"
)

// Session is one sequence: its pages of the KV cache and the ids that they hold.
type Session struct {
	m        *Model
	sequence uint32
	pages    []uint32
	cached   []int32 // ids whose K and V are in the cache, from position 0
}

// NewSession opens a sequence; ErrNoSession if Options.Sequences are open.
func (m *Model) NewSession() (*Session, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, s := range m.sessions {
		if s == nil {
			m.sessions[i] = &Session{m: m, sequence: uint32(i)}
			return m.sessions[i], nil
		}
	}
	return nil, fmt.Errorf("engine: %w: %d", ErrNoSession, len(m.sessions))
}

// Close gives the session's pages back.
func (s *Session) Close() {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	s.release()
	if s.m.sessions[s.sequence] == s {
		s.m.sessions[s.sequence] = nil
	}
}

// Reset forgets the sequence.
func (s *Session) Reset() {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	s.release()
}

func (s *Session) release() {
	s.m.pool.give(s.pages)
	s.pages, s.cached = nil, nil
}

// hold makes the session own pages for up to positions, as far as there are
// free ones, and returns the positions that it may use.
func (s *Session) hold(positions int) (int, error) {
	m := s.m
	if want := pagesFor(min(positions, m.context)) - len(s.pages); want > 0 {
		taken := m.pool.take(want)
		table := make([]byte, 4*len(taken))
		for i, page := range taken {
			binary.LittleEndian.PutUint32(table[4*i:], page)
		}
		at := 4 * (int64(s.sequence)*int64(pagesFor(m.context)) + int64(len(s.pages)))
		s.pages = append(s.pages, taken...)
		if len(taken) > 0 {
			to := m.state.pages.Buffer.Range(m.state.pages.Offset+at, int64(len(table)))
			if err := m.dev.Write(to, table); err != nil {
				return 0, fmt.Errorf("engine: page table: %w", err)
			}
		}
	}
	return min(len(s.pages)*shaders.PageTokens, m.context), nil
}

// restart empties the cache and makes it hold so many positions.
func (s *Session) restart(positions int) error {
	s.cached = nil
	limit, err := s.hold(positions)
	if err == nil && positions > limit {
		err = fmt.Errorf("engine: %w: %d tokens, and other sessions leave room for %d", ErrContextFull, positions, limit)
	}
	return err
}

// reuse returns how many of the prompt's ids need not be computed again: those
// that the cache holds, but for the last one, whose logits are wanted.
func (s *Session) reuse(prompt []int32) int {
	n := 0
	for n < len(s.cached) && n < len(prompt)-1 && s.cached[n] == prompt[n] {
		n++
	}
	return n
}

// writeSampling sets the session's sampling parameters on the device.
func (s *Session) writeSampling(p Sampling) error {
	d := p.device()
	to := s.m.state.sampling
	if err := s.m.dev.Write(to.Buffer.Range(to.Offset+32*int64(s.sequence), 32), bytesOf(&d)); err != nil {
		return fmt.Errorf("engine: sampling parameters: %w", err)
	}
	return nil
}

// checkPrompt refuses ids that the model cannot take, and any once it is closed.
func (m *Model) checkPrompt(ids []int32) error {
	if m.kernels == nil {
		return errClosed
	}
	if len(ids) == 0 {
		return fmt.Errorf("engine: the prompt is empty")
	}
	if len(ids) > m.context {
		return fmt.Errorf("engine: %w: %d tokens, %d fit; use a larger --ctx or a shorter prompt", ErrContextFull, len(ids), m.context)
	}
	for i, id := range ids {
		if id < 0 || int(id) >= m.cfg.Vocab {
			return fmt.Errorf("engine: token %d of the prompt is %d: the vocabulary has 0 to %d", i, id, m.cfg.Vocab-1)
		}
	}
	return nil
}
