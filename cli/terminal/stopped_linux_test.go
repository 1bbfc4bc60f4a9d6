package terminal_test

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sealvk/cli/terminal"
	"sealvk/cli/terminal/screen"
)

// A terminal whose output is stopped (Ctrl-S) takes no text until it goes on, but gets its modes back.
func TestCloseOfAStoppedTerminal(t *testing.T) {
	s := screen.New(t, 40, 10)
	before := s.Modes()
	taken, err := terminal.Open(s.Terminal, s.Terminal, false)
	if err != nil {
		t.Fatal(err)
	}
	flow := func(action int) {
		if err := unix.IoctlSetInt(int(s.Terminal.Fd()), unix.TCXONC, action); err != nil {
			t.Fatal(err)
		}
	}
	flow(unix.TCOOFF)
	closed := make(chan error, 1)
	go func() { closed <- taken.Close() }()
	for late := time.Now().Add(time.Minute); s.Modes() != before; {
		if time.Now().After(late) {
			t.Error("the terminal's modes are not what they were")
			break
		}
	}
	select {
	case err := <-closed:
		t.Errorf("closed, with %v, while nothing could be written", err)
	default:
	}
	flow(unix.TCOON)
	if err := <-closed; err != nil {
		t.Error(err)
	}
}
