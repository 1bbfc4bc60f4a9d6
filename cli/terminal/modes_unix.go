//go:build unix

package terminal

import (
	"os"

	"golang.org/x/sys/unix"
)

// modes are a terminal's settings.
type modes struct{ unix.Termios }

func readModes(in, _ *os.File) (modes, error) {
	t, err := unix.IoctlGetTermios(int(in.Fd()), getModes)
	if err != nil {
		return modes{}, err
	}
	return modes{*t}, nil
}

// writeModes sets what m changes of the modes before.
func writeModes(in, _ *os.File, before modes, m mode) error {
	t := before.Termios
	if m != users {
		t.Iflag &^= unix.ICRNL | unix.INLCR | unix.IGNCR | unix.ISTRIP // Enter and Ctrl-J are two keys
		t.Lflag &^= unix.ICANON | unix.ECHO | unix.ECHONL
		t.Lflag |= unix.NOFLSH // a Ctrl-C keeps what is typed ahead
		t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
		t.Cc[unix.VQUIT] = disabled // it would end the program with these modes on
	}
	if m == raw {
		t.Iflag &^= unix.IXON
		t.Lflag &^= unix.ISIG | unix.IEXTEN
	}
	return unix.IoctlSetTermios(int(in.Fd()), setModes, &t)
}

// typed takes what was typed and not read yet from a terminal in quiet mode, up to a mebibyte.
func typed(in *os.File) (text []byte) {
	fd := int(in.Fd())
	var b [4096]byte
	for len(text) < 1<<20 {
		var readable unix.FdSet
		readable.Set(fd)
		if n, err := unix.Select(fd+1, &readable, nil, nil, &unix.Timeval{}); err != nil || n == 0 {
			break
		}
		n, err := unix.Read(fd, b[:])
		if err != nil || n <= 0 {
			break
		}
		text = append(text, b[:n]...)
	}
	return text
}
