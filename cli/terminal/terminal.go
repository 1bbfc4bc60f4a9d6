package terminal

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/term"

	"sealvk/cli/edit"
)

// escapeWait is how long the rest of a key's sequence is waited for, after
// which an Escape is the key of that name.
const escapeWait = 50 * time.Millisecond

// mode is how the terminal handles what is typed.
type mode int

const (
	users mode = iota // as Open found it
	quiet             // nothing is shown, whole lines are not waited for; Ctrl-C, Ctrl-Z are signals
	raw               // quiet, and every key is read
)

// Terminal is a terminal that keys are read from and an editor is drawn on.
// Read and Edit are for one goroutine; the other methods are for any.
type Terminal struct {
	in, out *os.File
	reflows bool
	drawing drawing
	decoder decoder
	keys    []edit.Key // decoded and not yet an editor's

	rows int // the height that was drawn for

	want    chan struct{} // asks for one more read
	got     chan input
	asked   bool          // got will give something
	wake    chan struct{} // has Read draw again
	stop    chan struct{} // has Read suspend
	resumed atomic.Bool   // what the screen shows now is not known
	closed  chan struct{}

	mu      sync.Mutex
	mode    mode
	before  modes  // the users' own
	ahead   []byte // what was typed and is not decoded
	signals signals
}

type input struct {
	text []byte
	err  error
}

// Open takes over the terminal that in and out are. reflows says that it breaks lines anew when its width changes, as
// most do. Close gives the terminal back.
func Open(in, out *os.File, reflows bool) (*Terminal, error) {
	before, err := readModes(in, out)
	if err != nil {
		return nil, fmt.Errorf("terminal: %w", err)
	}
	t := &Terminal{in: in, out: out, reflows: reflows, drawing: drawing{w: out}, before: before,
		want: make(chan struct{}), got: make(chan input), wake: make(chan struct{}, 1), stop: make(chan struct{}), closed: make(chan struct{})}
	if err := t.enter(quiet); err != nil {
		return nil, err
	}
	t.signals.watch(t)
	go t.read()
	return t, nil
}

// Close gives the terminal back as Open found it. It may be called twice, and while Read waits, which ends then with
// os.ErrClosed.
func (t *Terminal) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	select {
	case <-t.closed:
		return nil
	default:
	}
	close(t.closed)
	t.signals.end()
	return t.set(users)
}

// Size is the terminal's in cells, 80 by 24 where it does not tell.
func (t *Terminal) Size() (cols, rows int) {
	cols, rows, err := term.GetSize(int(t.out.Fd()))
	if err != nil || cols <= 0 || rows <= 0 {
		return 80, 24
	}
	return cols, rows
}

// read makes one read for each that is wanted, so that none waits for what another program is to get.
func (t *Terminal) read() {
	buffer := make([]byte, 64<<10)
	for {
		select {
		case <-t.want:
		case <-t.closed:
			return
		}
		n, err := t.in.Read(buffer)
		select {
		case t.got <- input{append([]byte(nil), buffer[:n]...), err}:
		case <-t.closed:
			return
		}
	}
}

// enter goes to the mode m.
func (t *Terminal) enter(m mode) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if m == t.mode {
		return nil
	}
	return t.set(m)
}

// What terminals that know them do: put brackets around pasted text, and tell keys apart (kitty's protocol, with
// the key's place on the keyboard).
const (
	pastesOn, pastesOff = "\x1b[?2004h", "\x1b[?2004l"
	keysOn, keysOff     = "\x1b[>5u", "\x1b[<u"
)

// set sets the mode m, whatever the terminal is in. After Close there is only the users'.
func (t *Terminal) set(m mode) error {
	select {
	case <-t.closed:
		m = users
	default:
	}
	text := ""
	if t.mode == raw {
		text += keysOff
	}
	switch {
	case m == users:
		text += pastesOff
	case t.mode == users:
		text += pastesOn
	}
	if m == raw {
		text += keysOn
	}
	err := writeModes(t.in, t.out, t.before, m) // before text, which a terminal that was stopped (Ctrl-S) doesn't take
	_, written := io.WriteString(t.out, text)
	err = errors.Join(err, written)
	t.mode = m
	t.signals.changed(m)
	if err != nil {
		return fmt.Errorf("terminal: %w", err)
	}
	return nil
}

// Read draws e and hands it the keys until one of them is for the caller: edit.Submitted, edit.Interrupted,
// edit.External or edit.Ended, which a terminal that hangs up gives too. The text stays in e. The error is
// os.ErrClosed after Close.
func (t *Terminal) Read(e *edit.Editor) (edit.Event, error) {
	if err := t.enter(raw); err != nil {
		return edit.Ignored, err
	}
	t.mu.Lock()
	t.keys = append(t.keys, t.decoder.feed(t.ahead)...)
	t.ahead = nil
	t.mu.Unlock()
	event, err := t.until(e)
	return event, errors.Join(err, t.drawing.leave(), t.enter(quiet))
}

// until presses keys until one is for Read's caller.
func (t *Terminal) until(e *edit.Editor) (edit.Event, error) {
	for {
		for len(t.keys) > 0 {
			key := t.keys[0]
			t.keys = t.keys[1:]
			switch event := e.Press(key); event {
			case edit.Ignored, edit.Changed:
			case edit.Clear:
				if err := t.drawing.clear(); err != nil {
					return edit.Ignored, err
				}
			case edit.Suspend:
				if err := t.suspend(); err != nil {
					return edit.Ignored, err
				}
			default:
				return event, t.draw(e)
			}
		}
		if err := t.draw(e); err != nil {
			return edit.Ignored, err
		}
		switch err := t.wait(); {
		case errors.Is(err, os.ErrClosed):
			return edit.Ignored, err
		case err != nil: // a terminal has no other end than that it is gone
			return edit.Ended, nil
		}
	}
}

// draw shows e as it is now in the terminal as it is now.
func (t *Terminal) draw(e *edit.Editor) error {
	if t.resumed.Swap(false) {
		t.drawing.forget()
	}
	if cols, rows := t.Size(); cols != e.Width || rows != t.rows {
		if err := t.drawing.resized(cols, t.reflows); err != nil {
			return err
		}
		e.Width, t.rows = cols, rows
	}
	e.Height = max(1, t.rows-2) // two rows tell what is not shown
	return t.drawing.show(e.Layout())
}

// wait waits for keys, or for a signal that has the editor drawn again.
func (t *Terminal) wait() error {
	if !t.asked {
		select {
		case t.want <- struct{}{}:
			t.asked = true
		case <-t.closed:
			return os.ErrClosed
		}
	}
	var expired <-chan time.Time
	if t.decoder.waits() {
		expired = time.After(escapeWait)
	}
	select {
	case in := <-t.got:
		t.asked = false
		t.keys = t.decoder.feed(in.text)
		return in.err
	case <-expired:
		t.keys = t.decoder.expire()
	case <-t.wake:
	case <-t.stop:
		return t.suspend()
	case <-t.closed:
		return os.ErrClosed
	}
	return nil
}

// suspend stops the program with the cursor below what is shown.
func (t *Terminal) suspend() error {
	if err := t.drawing.leave(); err != nil {
		return err
	}
	return t.stopped()
}
