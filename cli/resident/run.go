package resident

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"sealvk/engine"
	"sealvk/vk"
)

// stay is one time that the model is on a device. What changes is guarded by the Model.
type stay struct {
	model   *engine.Model
	close   func() error
	running int           // requests
	rested  chan struct{} // holds one element where the last of those has ended
	lost    chan struct{} // closed with the device's loss
	err     error         // of the loss, nil: none
}

// run loads the model as often as it takes, and gives it back, until it is closed or has failed.
func (m *Model) run() {
	defer close(m.ended)
	var losses Losses
	lost := false // the load follows a loss
	for {
		s, err := m.load()
		loaded := err == nil
		if loaded {
			err = m.attend(s)
		}
		switch {
		case m.life.Err() != nil:
			return
		case err == nil:
			lost = false
			m.await()
		case loaded || lost || errors.Is(err, vk.ErrDeviceLost):
			if lost = true; !loaded {
				m.missing(err)
			}
			if err := losses.Again(m.life, err, loaded); m.life.Err() == nil && err != nil {
				m.fail(err)
				return
			}
		case m.woken():
			m.set(Unloaded, err)
			m.await()
		default:
			m.fail(err)
			return
		}
	}
}

// load has the model ready.
func (m *Model) load() (*stay, error) {
	model, give, err := m.open(m.life)
	if err != nil {
		return nil, err
	}
	s := &stay{model: model, close: give, rested: make(chan struct{}, 1), lost: make(chan struct{})}
	m.mu.Lock()
	m.stay, m.counted = s, model
	m.become(Ready, "", nil)
	m.mu.Unlock()
	m.tell()
	return s, nil
}

// attend lets a model answer until the device is lost, whose error comes back, it is unloaded, or Close ends it.
// Then all of it is given back.
func (m *Model) attend(s *stay) error {
	idle := time.NewTimer(m.options.IdleUnload)
	if m.options.IdleUnload == 0 {
		idle.Stop()
	}
	defer idle.Stop()
	for going := true; going; {
		select {
		case <-s.rested:
			if m.options.IdleUnload > 0 {
				idle.Reset(m.options.IdleUnload)
			}
		case <-idle.C:
			going = !m.unload(s)
		case <-s.lost:
			m.tell()
			going = false
		case <-m.life.Done():
			going = false
		}
	}
	m.mu.Lock()
	m.stay = nil
	m.mu.Unlock()
	closed := s.close()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.past.Add(m.counted.Counters())
	m.counted = nil
	m.closing = closed
	if m.status.State == Unloaded && closed != nil {
		m.status.Reason += "; " + oneLine(closed)
	}
	return s.err
}

// unload takes the model away from requests, unless some run.
func (m *Model) unload(s *stay) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s.running > 0 || len(s.rested) > 0 || m.stay != s {
		return false
	}
	m.stay = nil
	m.become(Unloaded, fmt.Sprintf("nobody asked for anything for %v", m.options.IdleUnload), nil)
	return true
}

// await waits for a request of an unloaded model.
func (m *Model) await() {
	m.tell()
	select {
	case <-m.wanted:
	case <-m.life.Done():
		return
	}
	m.mu.Lock()
	select {
	case <-m.wanted: // of another that came meanwhile
	default:
	}
	m.become(Loading, "a request came while it was unloaded", nil)
	m.waking = true
	m.mu.Unlock()
	m.tell()
}

// woken reports whether the load is for requests that wait, which then go without.
func (m *Model) woken() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.waking {
		m.missed++
	}
	return m.waking
}

func (m *Model) fail(err error) {
	m.set(Failed, err)
	close(m.failed)
}

// missing notes that the device did not come back, or was lost again by then.
func (m *Model) missing(err error) {
	if errors.Is(err, vk.ErrDeviceLost) {
		m.mu.Lock()
		m.status.Losses++
		m.mu.Unlock()
	}
	m.set(Loading, fmt.Errorf("the device was lost, and does not come back yet: %w", err))
}

// losing notes a loss. The Model is locked.
func (m *Model) losing(err error) {
	m.stay = nil
	m.status.Losses++
	m.become(Loading, "the device was lost, and is opened again: "+oneLine(err), err)
}

func (m *Model) set(s State, err error) {
	m.mu.Lock()
	m.become(s, oneLine(err), err)
	m.mu.Unlock()
	m.tell()
}

// become changes the status. The Model is locked.
func (m *Model) become(s State, reason string, cause error) {
	m.status.State, m.status.Reason, m.status.Since = s, reason, time.Now()
	m.cause, m.waking = cause, false
	close(m.changed)
	m.changed = make(chan struct{})
}

// tell tells of the status, if it is another than it told of last. Only run's goroutine calls it.
func (m *Model) tell() {
	status := m.Status()
	if status == m.told {
		return
	}
	if m.told = status; m.options.Changed != nil {
		m.options.Changed(status)
	}
}

func oneLine(err error) string {
	return strings.Join(strings.FieldsFunc(err.Error(), func(r rune) bool { return r == '\n' || r == '\r' }), "; ")
}
