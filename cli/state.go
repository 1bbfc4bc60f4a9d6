package main

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
)

// stateFolder is where the system keeps what a program remembers from one run to the next: $XDG_STATE_HOME/sealvk, or
// the system's own place for it (https://specifications.freedesktop.org/basedir/latest/). It need not exist.
func stateFolder() (string, error) {
	if state := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(state) { // a relative one is to be ignored
		return filepath.Join(state, "sealvk"), nil
	}
	if runtime.GOOS == "windows" {
		if local := os.Getenv("LocalAppData"); local != "" {
			return filepath.Join(local, "sealvk"), nil
		}
		return "", errors.New("no folder for what sealvk remembers: set LocalAppData or XDG_STATE_HOME")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", errors.New("no folder for what sealvk remembers: set HOME or XDG_STATE_HOME")
	}
	if runtime.GOOS == "darwin" {
		return filepath.Join(home, "Library", "Application Support", "sealvk"), nil
	}
	return filepath.Join(home, ".local", "state", "sealvk"), nil
}

// historyFile keeps the lines that are typed in chats; "" keeps none.
func (p *program) historyFile(off bool) string {
	state, err := stateFolder()
	if off || err != nil {
		return ""
	}
	return filepath.Join(state, "history")
}
