package terminal

import "golang.org/x/sys/unix"

const (
	getModes = unix.TCGETS
	setModes = unix.TCSETS
	disabled = 0 // a control character that is none
)
