//go:build unix

package terminal

import (
	"errors"
	"fmt"
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
}

func (s *signals) watch(t *Terminal) {
	s.stop, s.others, s.continued = make(chan os.Signal, 1), make(chan os.Signal, 4), make(chan struct{}, 1)
	signal.Notify(s.others, unix.SIGWINCH, unix.SIGCONT)
	s.notifyStop()
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

func (s *signals) end() {
	signal.Stop(s.others)
	signal.Stop(s.stop)
}

// notifyStop listens to SIGTSTP, unless the shell has no way to go on.
func (s *signals) notifyStop() {
	if !signal.Ignored(unix.SIGTSTP) {
		signal.Notify(s.stop, unix.SIGTSTP)
	}
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

// stopWait is how long after its SIGTSTP a program may still run. One that no
// shell waits for is not stopped at all.
const stopWait = 100 * time.Millisecond

// stopped gives the terminal back, stops the program's process group, as Ctrl-Z does to a program that has the
// users' modes, and takes the terminal over again when the shell continues it.
func (t *Terminal) stopped() error {
	t.mu.Lock()
	before := t.mode
	err := t.set(users)
	t.signals.stopping = true
	signal.Reset(unix.SIGTSTP)
	t.mu.Unlock()
	if err := unix.Kill(0, unix.SIGTSTP); err != nil {
		return fmt.Errorf("terminal: stopping: %w", err)
	}
	select {
	case <-t.signals.continued:
	case <-time.After(stopWait):
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.signals.stopping = false; len(t.signals.continued) > 0 { // it came after all
		<-t.signals.continued
	}
	t.signals.notifyStop()
	t.resumed.Store(true)
	t.redraw()
	return errors.Join(err, t.set(before))
}
