//go:build unix

package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"
)

var widths = []int{20, 37, 80, 300}

// shownOn is what a terminal shows, without blanks and lines at the end.
func shownOn(e *vt.Emulator) string {
	var lines []string
	for line := range strings.Lines(e.String()) {
		lines = append(lines, strings.TrimRight(line, " \n"))
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}

// A text is cut to the terminal's line as it is now, and leaves nothing, even where a terminal that was made narrower
// has broken it.
func TestStatusLine(t *testing.T) {
	text := strings.Repeat("0123456789", 40)
	for i, width := range widths {
		e := vt.NewEmulator(width, 24)
		line := &statusLine{w: e, columns: e.Width}
		io.WriteString(e, "$ sealvk\r\n")
		for _, text := range []string{text, "short"} {
			line.show(text)
			if got, want := shownOn(e), "$ sealvk\n"+text[:min(len(text), width-1)]; got != want {
				t.Errorf("%d columns: %q, want %q", width, got, want)
			}
		}
		narrower := widths[max(0, i-1)]
		line.show(text)
		e.Resize(narrower, 24)
		broken := text[:width-1] // as some terminals have it now
		io.WriteString(e, erase+"\x1b7"+broken+"\x1b8")
		line.show(text)
		if got, want := shownOn(e), "$ sealvk\n"+text[:narrower-1]; got != want {
			t.Errorf("%d columns, then %d: %q, want %q", width, narrower, got, want)
		}
		line.wipe()
		if got := shownOn(e); got != "$ sealvk" || e.CursorPosition().X != 0 || e.CursorPosition().Y != 1 {
			t.Errorf("%d columns, then %d: %q is left, the cursor at %v", width, narrower, got, e.CursorPosition())
		}
	}
}

// A command's bar is on its terminal while it runs; afterwards only its notes are.
func TestProgressOnATerminal(t *testing.T) {
	dir := t.TempDir()
	in := filepath.Join(dir, "in.gguf")
	if err := os.WriteFile(in, nanoGGUF, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, width := range widths {
		master, tty, err := pty.Open()
		if err != nil {
			t.Fatal(err)
		}
		if err := pty.Setsize(tty, &pty.Winsize{Rows: 24, Cols: uint16(width)}); err != nil {
			t.Fatal(err)
		}
		e := vt.NewEmulator(width, 24)
		var raw bytes.Buffer
		read := make(chan struct{})
		go func() {
			defer close(read)
			_, _ = io.Copy(io.MultiWriter(e, &raw), master) // ends with an error where the other end is closed
		}()
		code := run([]string{"quantize", in, filepath.Join(dir, "out.gguf"), "--type", "Q8_0"}, strings.NewReader(""), io.Discard, tty)
		tty.Close()
		<-read
		master.Close()
		note := "sealvk: " + in + " has Q"
		shown := strings.ReplaceAll(shownOn(e), "\n", "")
		if code != 0 || !strings.HasPrefix(shown, note) || !strings.HasSuffix(shown, "BF16 or F16") || !strings.Contains(raw.String(), " %") {
			t.Errorf("%d columns: exit code %d, shown %q of %q", width, code, shown, raw.String())
		}
	}
}
