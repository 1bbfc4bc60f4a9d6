package terminal

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// modes are a console's settings.
type modes struct{ in, out uint32 }

func readModes(in, out *os.File) (m modes, err error) {
	return m, errors.Join(windows.GetConsoleMode(windows.Handle(in.Fd()), &m.in), windows.GetConsoleMode(windows.Handle(out.Fd()), &m.out))
}

// writeModes sets what m changes of the modes before: keys and drawing are the
// sequences that other terminals have (Windows 10 and newer).
func writeModes(in, out *os.File, before modes, m mode) error {
	input, output := before.in, before.out
	if m != users {
		input &^= windows.ENABLE_LINE_INPUT | windows.ENABLE_ECHO_INPUT | windows.ENABLE_QUICK_EDIT_MODE
		input |= windows.ENABLE_VIRTUAL_TERMINAL_INPUT | windows.ENABLE_PROCESSED_INPUT
		output |= windows.ENABLE_PROCESSED_OUTPUT | windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING
	}
	if m == raw {
		input &^= windows.ENABLE_PROCESSED_INPUT
	}
	return errors.Join(windows.SetConsoleMode(windows.Handle(in.Fd()), input), windows.SetConsoleMode(windows.Handle(out.Fd()), output))
}
