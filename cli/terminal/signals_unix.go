//go:build unix

package terminal

import (
	"bytes"
	"errors"
	"os"
	"os/signal"
	"time"

	"golang.org/x/sys/unix"
)

// signals are those that change the terminal under the program.
type signals struct {
	stop      chan os.Signal // SIGTSTP: Ctrl-Z while an answer runs
	others    chan os.Signal // SIGWINCH, SIGCONT
	continued chan struct{}
	stopping  bool // the next SIGCONT ends stopped
	ahead     *time.Ticker
}

// takeAhead is how often what is typed is taken from a quiet terminal. The system keeps 4 KiB and sees no Ctrl-C behind them.
const takeAhead = 50 * time.Millisecond

func (s *signals) watch(t *Terminal) {
	s.stop, s.others, s.continued = make(chan os.Signal, 1), make(chan os.Signal, 4), make(chan struct{}, 1)
	signal.Notify(s.others, unix.SIGWINCH, unix.SIGCONT)
	if !signal.Ignored(unix.SIGTSTP) {
		signal.Notify(s.stop, unix.SIGTSTP)
	}
	go func() {
		for {
			select {
			case <-s.stop:
				select {
				case t.stop <- struct{}{}: // Read does it
				default:
					err := t.stopped()
					_ = err // a terminal that is gone ends the next Read
				}
			case <-t.closed:
				return
			}
		}
	}()
	t.ahead = bytes.ReplaceAll(typed(t.in), []byte("\n"), []byte("\r")) // which was Enter in the users' modes
	s.ahead = time.NewTicker(takeAhead)
	go func() {
		for {
			select {
			case <-s.ahead.C:
				t.mu.Lock()
				if t.mode == quiet {
					t.ahead = append(t.ahead, typed(t.in)...)
				}
				t.mu.Unlock()
			case <-t.closed:
				return
			}
		}
	}()
	go func() {
		for {
			select {
			case c := <-s.others:
				if c == unix.SIGCONT {
					t.goesOn()
				}
				t.redraw()
			case <-t.closed:
				return
			}
		}
	}()
}

// changed is for a new mode.
func (s *signals) changed(m mode) {
	switch {
	case s.ahead == nil:
	case m == quiet:
		s.ahead.Reset(takeAhead)
	default:
		s.ahead.Stop()
	}
}

func (s *signals) end() {
	signal.Stop(s.others)
	signal.Stop(s.stop)
}

// redraw has Read, now or as soon as it is back, draw again.
func (t *Terminal) redraw() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// goesOn is for a SIGCONT: a shell or a debugger had the terminal.
func (t *Terminal) goesOn() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.signals.stopping {
		t.signals.stopping = false
		t.signals.continued <- struct{}{}
		return
	}
	if t.mode != users {
		err := t.set(t.mode)
		_ = err // a terminal that is gone ends the next Read
	}
	t.resumed.Store(true)
}

// stopped gives the terminal back, stops the program's process group, and takes the terminal over again when the shell
// continues it. Go keeps its handler of a SIGTSTP that was ever listened to, so that the signal is SIGSTOP. That
// stops a group too which nobody would continue, as a session's first is, which a SIGTSTP leaves alone: so does this.
func (t *Terminal) stopped() error {
	if session, err := unix.Getsid(0); err != nil || session == unix.Getpgrp() || signal.Ignored(unix.SIGTSTP) {
		return nil
	}
	t.mu.Lock()
	before := t.mode
	if before == quiet { // else the shell takes it for its commands
		t.ahead = append(t.ahead, typed(t.in)...)
	}
	err := t.set(users)
	t.signals.stopping = true
	t.mu.Unlock()
	if stopped := unix.Kill(0, unix.SIGSTOP); stopped == nil {
		<-t.signals.continued
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.resumed.Store(true)
	t.redraw()
	return errors.Join(err, t.set(before))
}
