//go:build unix

package main

import (
	"bytes"
	"encoding/base64"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"sealvk/cli/chats"
	pty "sealvk/cli/terminal/screen"
)

func TestChatsAtATerminalAreKept(t *testing.T) {
	state := t.TempDir()
	t.Setenv("XDG_STATE_HOME", state)
	t.Setenv("TMUX", "")
	t.Setenv("TERM", "xterm-256color")
	const answer = "Hello! How can I help you today?"
	talk := func(args ...string) *pty.Screen {
		t.Helper()
		s := pty.New(t, 80, 24)
		ended := make(chan int)
		go func() {
			ended <- run(append([]string{"chat", "--temp", "0"}, args...), s.Terminal, s.Terminal, s.Terminal)
		}()
		s.WaitFor("/help shows the commands.")
		s.Type("Hello!\r")
		s.WaitFor(answer)
		s.Type("/copy\r")
		s.WaitFor("32 characters handed to the terminal's clipboard")
		s.Type("/exit\r")
		if code := <-ended; code != 0 {
			t.Errorf("exit code %d\n%s", code, s.View().Text())
		}
		return s
	}
	store := chats.Store{Folder: filepath.Join(state, "sealvk", "chats")}
	s := talk("--no-history")
	if entries, err := store.List(); err != nil || len(entries) != 0 {
		t.Errorf("--no-history kept %+v, %v", entries, err)
	}
	if _, err := os.Stat(filepath.Join(state, "sealvk", "history")); err == nil {
		t.Error("--no-history kept the lines")
	}
	if !strings.Contains(s.Output(), "\x1b]52;c;"+base64.StdEncoding.EncodeToString([]byte(answer))+"\a") {
		t.Errorf("the clipboard did not get the answer: %q", s.Output())
	}
	talk()
	s = talk("--continue")
	if !strings.Contains(s.View().Text(), `Going on with "Hello!": 1 turn.`) {
		t.Errorf("the screen shows\n%s", s.View().Text())
	}
	entries, err := store.List()
	if err != nil || len(entries) != 1 || entries[0].Named() {
		t.Fatalf("kept %+v, %v", entries, err)
	}
	if c := readOne(t, entries[0].Path); len(c.Messages) != 4 || c.Messages[1].Content != answer {
		t.Errorf("kept %+v", c)
	}
}

// What there is of an answer is kept when a signal ends the chat.
func TestASignalKeepsTheBeginningOfAnAnswer(t *testing.T) {
	guard := make(chan os.Signal, 8)
	signal.Notify(guard, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(guard)
	story := readGreedy(t)[0]
	for sent, code := range map[syscall.Signal]int{syscall.SIGTERM: 143, syscall.SIGHUP: 129} {
		file := filepath.Join(t.TempDir(), "chat.json")
		stdout := &interrupter{signal: sent}
		var stderr bytes.Buffer
		got := run([]string{"chat", "--temp", "0", "--save", file}, strings.NewReader(story.Messages[0].Content+"\nnever read\n"), stdout, &stderr)
		c := readOne(t, file)
		if len(c.Messages) != 2 || got != code {
			t.Fatalf("%v: exit code %d, %+v\n%s", sent, got, c, stderr.String())
		}
		if last := c.Messages[1]; last.FinishReason != "stopped" || last.Content == "" || last.Content == story.Q4KM.Text ||
			!strings.HasPrefix(story.Q4KM.Text, last.Content) || strings.TrimSuffix(stdout.String(), "\n") != last.Content {
			t.Errorf("%v: kept %+v, shown %q", sent, last, stdout.String())
		}
	}
}
