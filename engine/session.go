package engine

import (
	"errors"
	"fmt"

	"sealvk/shaders"
)

// Session is one sequence: its pages of the KV cache and the ids that they hold.
type Session struct {
	m        *Model
	sequence uint32
	pages    []uint32
	cached   []int32       // ids of prompts whose K and V are in the cache, from position 0
	owned    bool          // by who called NewSession; else any request may have it
	busy     chan struct{} // of the request that it runs, closed when that has ended; nil: none
}

// NewSession takes a sequence for requests that name it; ErrNoSession if Options.Sequences are
// taken, or run requests that name none.
func (m *Model) NewSession() (s *Session, err error) {
	err = m.BetweenSteps(func() error {
		for i, free := range m.sessions {
			if !free.owned && free.busy == nil {
				s = &Session{m: m, sequence: uint32(i), owned: true}
				m.sessions[i] = s
				return nil
			}
		}
		return fmt.Errorf("engine: %w: %d", ErrNoSession, len(m.sessions))
	})
	return s, err
}

// Close gives the sequence back, once no request runs in the session. Those that wait for it
// fail, and a second time does nothing.
func (s *Session) Close() {
	_ = s.idle(func() error {
		s.forget()
		s.m.sessions[s.sequence] = &Session{m: s.m, sequence: s.sequence}
		return nil
	}) // one that is closed already, or its model, has nothing to give
}

// Reset forgets the sequence, once no request runs in it.
func (s *Session) Reset() {
	_ = s.idle(func() error { s.forget(); return nil }) // what is closed has forgotten
}

// check is the error of a session that was closed.
func (s *Session) check() error {
	if s.m.sessions[s.sequence] != s {
		return errors.New("engine: the session is closed")
	}
	return nil
}

// idle is BetweenSteps once no request runs in the session.
func (s *Session) idle(do func() error) error {
	for {
		var busy chan struct{}
		err := s.m.BetweenSteps(func() error {
			err := s.check()
			if busy = s.busy; err != nil || busy != nil {
				return err
			}
			return do()
		})
		if busy == nil {
			return err
		}
		<-busy
	}
}

func (s *Session) forget() {
	s.m.pool.give(s.pages)
	s.pages, s.cached = nil, nil
}

// restart empties the cache and makes room for ids.
func (s *Session) restart(ids []int32) error {
	if err := s.m.checkPrompt(ids); err != nil {
		return err
	}
	s.cached = nil
	_, err := s.room(ids, len(ids))
	return err
}

// room makes the session own pages for up to so many positions, as far as there are free ones, and
// returns the positions that it may use: as many as the prompt's at least.
func (s *Session) room(prompt []int32, positions int) (int, error) {
	m := s.m
	s.hold(min(positions, m.context))
	limit := min(len(s.pages)*shaders.PageTokens, m.context)
	if len(prompt) > limit {
		return 0, fmt.Errorf("engine: %w: %d tokens, and other sessions leave room for %d", ErrContextFull, len(prompt), limit)
	}
	return limit, nil
}

// hold makes the session own pages for so many positions, as far as there are free ones, and reports
// whether it does.
func (s *Session) hold(positions int) bool {
	if want := pagesFor(positions) - len(s.pages); want > 0 {
		s.add(s.m.pool.take(want))
	}
	return len(s.pages) >= pagesFor(positions)
}

// add puts pages behind those of the session.
func (s *Session) add(pages []uint32) {
	s.m.state.pages.set(s.sequence, len(s.pages), pages)
	s.pages = append(s.pages, pages...)
}

// trim gives back the pages behind what the cache holds.
func (s *Session) trim() {
	held := pagesFor(len(s.cached))
	s.m.pool.give(s.pages[held:])
	s.pages = s.pages[:held]
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

// Holds is how many of a prompt's tokens need not be computed again.
func (s *Session) Holds(prompt []int32) (n int) {
	_ = s.idle(func() error { n = s.reuse(prompt); return nil }) // what is closed holds nothing
	return n
}

// writeSampling sets the session's sampling parameters on the device.
func (s *Session) writeSampling(r *Request) error {
	m, at := s.m, int64(s.sequence)
	err := m.dev.Write(m.state.sampling.Part(samplingBytes*at, samplingBytes), bytesOf(r.sampling()))
	if err == nil && len(r.LogitBias) > 0 {
		var biases []shaders.Bias
		for id, value := range r.LogitBias {
			biases = append(biases, shaders.Bias{ID: uint32(id), Value: value})
		}
		err = m.dev.Write(m.state.biases.Part(biasesBytes*at, 8*int64(len(biases))), bytesOf(biases...))
	}
	if err != nil {
		return fmt.Errorf("engine: sampling parameters: %w", err)
	}
	return nil
}

// checkPrompt refuses ids that the model cannot take.
func (m *Model) checkPrompt(ids []int32) error {
	if len(ids) == 0 {
		return fmt.Errorf("engine: the prompt is empty")
	}
	if len(ids) > m.context {
		return fmt.Errorf("engine: %w: %d tokens, %d fit", ErrContextFull, len(ids), m.context)
	}
	for i, id := range ids {
		if id < 0 || int(id) >= m.cfg.Vocab {
			return fmt.Errorf("engine: token %d of the prompt is %d: the vocabulary has 0 to %d", i, id, m.cfg.Vocab-1)
		}
	}
	return nil
}
