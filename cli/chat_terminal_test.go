//go:build unix

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"sealvk/cli/chats"
	"sealvk/cli/terminal/screen"
)

// asSealvk makes the test binary the program.
const asSealvk = "SEALVK_TEST_AS_SEALVK"

func init() {
	if os.Getenv(asSealvk) != "" {
		os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
}

// A person's session in a shell's terminal: syllables and emoji are corrected, the window is resized, text is
// pasted, an answer is stopped, the chat is suspended, and left.
func TestChatOnATerminal(t *testing.T) {
	s, state := screen.New(t, 60, 24), t.TempDir()
	before := s.Modes()
	shell := exec.Command("sh", "-i")
	shell.Env = append(os.Environ(), "PS1=shell: ", "TERM=xterm-256color", "XTERM_VERSION=as one that does not reflow", "TMUX=", "VISUAL=false", "SEALVK="+os.Args[0], asSealvk+"=1", "XDG_STATE_HOME="+state)
	s.Start(shell)
	defer func() {
		if err := unix.Kill(-shell.Process.Pid, unix.SIGKILL); err != nil {
			t.Error(err)
		}
		err := shell.Wait()
		_ = err // killed
	}()
	s.WaitAt("shell:", 7)
	// Answers of any tokens don't end by themselves.
	s.Type("$SEALVK chat --temp 100 --top-k 0 --top-p 1 --min-p 0 --seed 1\r")
	s.WaitAt(">", 2)
	for _, c := range []struct {
		sent, row string
		col       int
	}{
		{"ที่ค่ะ", "> ที่ค่ะ", 5},
		{"\x7f\x7f\x7f\x7f", "> ที", 3},
		{"\x15ខ្ញុំ\x7f\x7f", "> ខ្ញ", 3},
		{"\x15🇹🇭👨‍👩‍👧b\x1b[D\x7f", "> 🇹🇭b", 4},
		{"\x05\x15/exit", "> /exit", 7},
		{"\x15สวัสดีครับ" + strings.Repeat("7", 70), "  " + strings.Repeat("7", 20), 22},
	} {
		s.Type(c.sent)
		s.WaitAt(c.row, c.col)
	}
	s.Resize(30, 24)
	if v := s.WaitAt("  "+strings.Repeat("7", 23), 25); strings.Count(v.Text(), "สวัสดี") != 1 {
		t.Errorf("the screen:\n%s", v.Text())
	}
	s.Resize(60, 24)
	s.WaitAt("  "+strings.Repeat("7", 20), 22)
	s.Type("\x15")
	s.WaitAt(">", 2)

	s.Paste("/exit\r\nis no command")
	s.WaitAt("  is no command", 15)
	s.Type("\r")
	s.Wait("an answer", func(v screen.View) bool { // that has begun: else its turn is taken back
		_, after, _ := strings.Cut(s.Output(), "is no command")
		_, answer, _ := strings.Cut(v.Text(), "  is no command\n")
		return strings.Contains(after, "\x1b[<u") && strings.TrimSpace(answer) != ""
	})
	s.Type("ahead\x03") // now a signal
	s.WaitFor("(stopped; Ctrl-C again leaves)\n> ahead")

	s.Type("\x1a")
	s.Wait("the shell", func(v screen.View) bool { return v.Last() == "shell:" && strings.Contains(v.Text(), "Stopped") })
	if s.Modes() != before {
		t.Error("stopped: the terminal's modes are not what they were")
	}
	s.Type("fg\r")
	s.WaitAt("> ahead", 7)
	s.Type("\x03") // behind the one that stopped the answer; a line with text is all that it ends
	s.WaitAt(">", 2)
	s.Type("\x1b[A")
	s.WaitAt("  is no command", 15)
	s.Type("\x15\x15\x15draft\x18\x05") // to an editor that fails
	s.WaitFor("es another editor\n> draft")
	for range 3 { // takes what was typed, but not the chat
		s.Type("\x03")
		s.WaitAt(">", 2)
		s.Type("again")
		s.WaitAt("> again", 7)
	}
	s.Type("\x15\x04")
	s.WaitAt("shell:", 7)
	if s.Modes() != before {
		t.Error("left: the terminal's modes are not what they were")
	}
	s.Type("echo code $?\r")
	s.WaitFor("code 0\n")
	kept, err := chats.Store{Folder: filepath.Join(state, "sealvk", "chats")}.List()
	if err != nil || len(kept) != 1 || kept[0].Named() {
		t.Fatalf("kept %+v, %v", kept, err)
	}
	if m := readOne(t, kept[0].Path).Messages; len(m) != 2 || m[0].Content != "/exit\nis no command" || m[1].FinishReason != "stopped" {
		t.Errorf("kept %+v", m)
	}
}

func TestChatsOfATerminalAreKept(t *testing.T) {
	s := screen.New(t, 60, 24)
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	for _, keeps := range []bool{true, false} {
		c := &chat{program: &program{stdin: s.Terminal, stdout: &output{w: s.Terminal}}, flags: newChatFlags()}
		c.flags.files.noHistory = !keeps
		if _, err := c.openFiles(); err != nil || c.files.auto != keeps || (c.historyFile(!keeps) != "") != keeps {
			t.Errorf("keeps %v: %v, %v, history %q", keeps, err, c.files.auto, c.historyFile(!keeps))
		}
	}
}
