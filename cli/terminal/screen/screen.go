//go:build unix

// Package screen is a pseudo-terminal for tests, with a model of what its screen shows.
package screen

import (
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"
	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// deadline is how long the screen may take to show what a test waits for.
const deadline = 2 * time.Minute

// Screen is a terminal that a program under test runs in. It is one that does not reflow its lines when its
// width changes. Its methods are for the test's goroutine.
type Screen struct {
	// Terminal is the program's end.
	Terminal *os.File

	t    testing.TB
	ours *os.File
	done chan struct{} // the program's end is closed everywhere

	mu     sync.Mutex
	before []shown // at earlier sizes
	now    shown
	change chan struct{} // closed when something is written
}

// shown is what was written while the terminal had one size.
type shown struct {
	cols, rows int
	text       []byte
}

// New gives a terminal of that many cells that ends with the test.
func New(t testing.TB, cols, rows int) *Screen {
	t.Helper()
	ours, terminal, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	s := &Screen{Terminal: terminal, t: t, ours: ours, done: make(chan struct{}), now: shown{cols: cols, rows: rows}, change: make(chan struct{})}
	if err := pty.Setsize(ours, &pty.Winsize{Cols: uint16(cols), Rows: uint16(rows)}); err != nil {
		t.Fatal(err)
	}
	go s.read()
	t.Cleanup(func() {
		terminal.Close()
		ours.Close()
		<-s.done
	})
	return s
}

func (s *Screen) read() {
	defer close(s.done)
	b := make([]byte, 64<<10)
	for {
		n, err := s.ours.Read(b)
		s.mu.Lock()
		s.now.text = append(s.now.text, b[:n]...)
		close(s.change)
		s.change = make(chan struct{})
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// Start runs a command in the terminal, in a session of its own that the terminal controls.
func (s *Screen) Start(c *exec.Cmd) {
	s.t.Helper()
	c.Stdin, c.Stdout, c.Stderr = s.Terminal, s.Terminal, s.Terminal
	c.SysProcAttr = &unix.SysProcAttr{Setsid: true, Setctty: true}
	if err := c.Start(); err != nil {
		s.t.Fatal(err)
	}
}

// Type sends what a terminal sends for keys or a paste.
func (s *Screen) Type(text string) {
	s.t.Helper()
	if _, err := s.ours.WriteString(text); err != nil {
		s.t.Fatal(err)
	}
}

// Paste sends text as terminals with bracketed paste do.
func (s *Screen) Paste(text string) {
	s.t.Helper()
	s.Type("\x1b[200~" + text + "\x1b[201~")
}

// Resize changes the terminal's size; the system tells the program.
func (s *Screen) Resize(cols, rows int) {
	s.t.Helper()
	s.mu.Lock()
	s.before = append(s.before, s.now)
	s.now = shown{cols: cols, rows: rows}
	s.mu.Unlock()
	if err := pty.Setsize(s.ours, &pty.Winsize{Cols: uint16(cols), Rows: uint16(rows)}); err != nil {
		s.t.Fatal(err)
	}
}

// Modes are the terminal's settings, to be compared.
func (s *Screen) Modes() term.State {
	s.t.Helper()
	state, err := term.GetState(int(s.Terminal.Fd()))
	if err != nil {
		s.t.Fatal(err)
	}
	return *state
}

// View is what a screen shows: its rows without the blanks at their ends nor empty rows below, and the cursor's cell.
type View struct {
	Rows     []string
	Row, Col int
}

// Text is the rows as one text.
func (v View) Text() string { return strings.Join(v.Rows, "\n") }

// Last is the row that the cursor is in.
func (v View) Last() string {
	if v.Row < len(v.Rows) {
		return v.Rows[v.Row]
	}
	return ""
}

// View is what the screen shows now. The model takes all that was written at once: it would take
// the pieces of a cluster that comes in two writes for two.
func (s *Screen) View() View {
	s.mu.Lock()
	first := append(s.before[:len(s.before):len(s.before)], s.now)
	s.mu.Unlock()
	e := vt.NewEmulator(first[0].cols, first[0].rows)
	defer e.Close()
	for _, at := range first {
		e.Resize(at.cols, at.rows)
		if _, err := e.Write(at.text); err != nil {
			s.t.Error(err)
		}
	}
	rows := strings.Split(e.String(), "\n")
	for i := range rows {
		rows[i] = strings.TrimRight(rows[i], " ")
	}
	for len(rows) > 0 && rows[len(rows)-1] == "" {
		rows = rows[:len(rows)-1]
	}
	at := e.CursorPosition()
	return View{rows, at.Y, at.X}
}

// Output is all that was written since the last Resize.
func (s *Screen) Output() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.now.text)
}

// Wait waits until the screen is as is tells, and fails the test with what it shows else.
func (s *Screen) Wait(what string, is func(View) bool) View {
	s.t.Helper()
	late := time.After(deadline)
	for {
		s.mu.Lock()
		change := s.change
		s.mu.Unlock()
		v := s.View()
		if is(v) {
			return v
		}
		select {
		case <-change:
		case <-late:
			s.t.Fatalf("no %s; the cursor is at %d, %d of the screen:\n%s", what, v.Row, v.Col, v.Text())
		}
	}
}

// WaitFor waits until the screen shows text.
func (s *Screen) WaitFor(text string) View {
	s.t.Helper()
	return s.Wait(text, func(v View) bool { return strings.Contains(v.Text(), text) })
}

// WaitAt waits until the cursor's row is text, without blanks at its end, with the cursor in the cell col.
func (s *Screen) WaitAt(text string, col int) View {
	s.t.Helper()
	return s.Wait(text, func(v View) bool { return v.Last() == text && v.Col == col })
}
