package main

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"sealvk/cli/chats"
	"sealvk/prompt"
)

// remembers gives the golden conversation that tells a name and asks for it, and the model's answer to that.
func remembers(t *testing.T) (told, answer, asked, name string) {
	t.Helper()
	for _, g := range readGreedy(t) {
		if g.N == 35 {
			return g.Messages[0].Content, g.Messages[1].Content, g.Messages[2].Content, g.Q4KM.Text
		}
	}
	t.Fatal("the golden conversation is missing")
	return
}

func readOne(t *testing.T, path string) chats.Chat {
	t.Helper()
	all, err := chats.Read(path)
	if err != nil || len(all) != 1 {
		t.Fatalf("%s: %d chats, %v", path, len(all), err)
	}
	return all[0]
}

func encoded(t *testing.T, c chats.Chat) string {
	t.Helper()
	var b strings.Builder
	if err := c.Encode(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// inOrder wants the parts in what was said, one behind the other.
func inOrder(t *testing.T, said string, parts ...string) {
	t.Helper()
	rest := said
	for _, part := range parts {
		_, after, ok := strings.Cut(rest, part)
		if !ok {
			t.Fatalf("%q is not told in its turn:\n%s", part, said)
		}
		rest = after
	}
}

// session begins another chat on a device, with flags that hold, and with what they load.
func session(t *testing.T, c *chat, given map[string]bool, flags chatFileFlags) (next *chat, said *bytes.Buffer) {
	t.Helper()
	said = new(bytes.Buffer)
	f := newChatFlags()
	f.given = func(name string) bool { return given[name] }
	f.sampling.temperature.value, f.files = 0, flags
	next = &chat{
		program: &program{stdin: c.stdin, stdout: &output{w: io.Discard}, stderr: said}, flags: f, opened: c.opened, lines: c.lines,
		interactive: true, signals: make(chan os.Signal, 2), conversation: chats.New(nanoName),
	}
	loaded, err := next.openFiles()
	t.Cleanup(func() { next.files.leave() })
	if err == nil && loaded != nil {
		err = next.goOn(loaded)
	}
	if err != nil {
		t.Fatal(err)
	}
	return next, said
}

// One device serves all of these chats, which know nothing of each other but by their files.
func TestChatFiles(t *testing.T) {
	told, answer, asked, name := remembers(t)
	device, _, _ := talk(t, 512)
	state, folder := t.TempDir(), t.TempDir()
	t.Setenv("XDG_STATE_HOME", state)
	store := chats.Store{Folder: filepath.Join(state, "sealvk", "chats")}
	same := func(t *testing.T, path string, want chats.Chat) {
		t.Helper()
		if got, err := os.ReadFile(path); err != nil || string(got) != encoded(t, want) {
			t.Errorf("%v: %s has\n%s\nwant\n%s", err, path, got, encoded(t, want))
		}
	}

	t.Run("go on where they were left", func(t *testing.T) {
		first, _ := session(t, device, map[string]bool{"temp": true}, chatFileFlags{})
		say(t, first, told)
		say(t, first, "/set top-k 7")
		say(t, first, "/save ที่ 1")
		first.files.leave()

		file, readable := filepath.Join(folder, "a b.json"), filepath.Join(folder, "chat.md")
		c, said := session(t, device, map[string]bool{"n": true}, chatFileFlags{resume: true})
		say(t, c, "/undo")
		for _, line := range []string{told, asked, "/save " + file, "/export md " + readable, "/export md " + readable, "/list", "/load 1"} {
			say(t, c, line)
		}
		if got := spoken(c); !slices.Equal(got, []string{told, answer, asked, name}) {
			t.Errorf("%q", got)
		}
		inOrder(t, said.String(), "Going on with \""+told, "1 turn.", "0 turns left", "kept as ที่ 1", "written to "+file, "The chat is in "+readable,
			readable+" exists already", "*  1", "2 turns  "+nanoName+"  ที่ 1: "+told, "that is this chat")
		kept := readOne(t, filepath.Join(store.Folder, "ที่ 1.json"))
		last := kept.Messages[3]
		if *kept.Settings.Temperature != 0 || *kept.Settings.TopK != 7 || kept.Model != nanoName || last.FinishReason != "stop" || last.Usage.Completion == 0 {
			t.Errorf("kept %+v", kept)
		}
		same(t, file, kept)
		if b, err := os.ReadFile(readable); err != nil || !strings.HasPrefix(string(b), "# "+told) || !strings.Contains(string(b), "## "+nanoName+"\n\n"+name) {
			t.Errorf("%v:\n%s", err, b)
		}

		var screen bytes.Buffer
		c.stdout.w = &screen
		say(t, c, "/copy")
		if want := base64.StdEncoding.EncodeToString([]byte(name)); !strings.Contains(screen.String(), "\x1b]52;c;"+want+"\a") {
			t.Errorf("the terminal gets %q", screen.String())
		}

		// While this one is open another goes on in a copy.
		copied, said := session(t, device, nil, chatFileFlags{load: "ที่ 1"})
		say(t, copied, "Hello!")
		inOrder(t, said.String(), "2 turns.", "kept as a copy")
		same(t, c.files.kept.Path, kept)
		entries, err := store.List()
		if err != nil || len(entries) != 2 || entries[0].Named() || entries[1].Name != "ที่ 1" {
			t.Fatalf("the store has %+v, %v", entries, err)
		}
		if got := readOne(t, entries[0].Path); len(got.Messages) != 6 || got.Messages[5].Content != greeting {
			t.Errorf("the copy is %+v", got)
		}
		say(t, c, "/clear")
		inOrder(t, c.stderr.(*bytes.Buffer).String(), file+", which has the last one")
		same(t, file, kept)
		if c.files.kept != nil || c.files.saved != nil {
			t.Error("a new conversation has the files of the old one")
		}
	})

	t.Run("that the page wrote", func(t *testing.T) {
		file := filepath.Join(folder, "page.json")
		c, _ := session(t, device, map[string]bool{"n": true}, chatFileFlags{load: "chats/testdata/page.json", save: file})
		c.flags.sampling.tokens.value = 3
		say(t, c, "Hello!")
		got, page := readOne(t, file), readOne(t, "chats/testdata/page.json")
		limit := int64(3)
		page.Settings.MaxTokens = &limit
		if len(got.Messages) != len(page.Messages)+2 {
			t.Fatalf("%+v", got)
		}
		got.Drop(len(page.Messages))
		if encoded(t, got) != encoded(t, page) {
			t.Errorf("%s\nwant\n%s", encoded(t, got), encoded(t, page))
		}
	})

	t.Run("are kept when a signal ends an answer", func(t *testing.T) {
		file := filepath.Join(folder, "stopped.json")
		c, _ := session(t, device, nil, chatFileFlags{save: file})
		story := readGreedy(t)[0]
		c.stdout.w = &signalling{signals: c.signals}
		if _, err := c.said(turn{story.Messages[0].Content, true}); stopCode(err) != 143 {
			t.Errorf("%v", err)
		}
		m := readOne(t, file).Messages
		if len(m) != 2 || m[1].FinishReason != "stopped" || m[1].Content == "" || m[1].Content == story.Q4KM.Text || !strings.HasPrefix(story.Q4KM.Text, m[1].Content) {
			t.Errorf("kept %+v", m)
		}
	})

	t.Run("are kept when an error ends an answer", func(t *testing.T) {
		file := filepath.Join(folder, "lost.json")
		c, _ := session(t, device, nil, chatFileFlags{save: file})
		c.stdout.w = broken{}
		if _, err := c.said(turn{"Hello!", true}); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("%v", err)
		}
		m := readOne(t, file).Messages
		if len(m) != 2 || m[0].Content != "Hello!" || m[1].FinishReason != "lost" || !strings.HasPrefix(greeting, m[1].Content) {
			t.Errorf("kept %+v", m)
		}
	})

	t.Run("stand in front of a turn", func(t *testing.T) {
		write := func(name, text string) string {
			path := filepath.Join(folder, name)
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			return path
		}
		c, said := session(t, device, nil, chatFileFlags{})
		c.interactive = false
		c.flags.sampling.tokens.value = 2
		first, second := write("my notes.txt", byteOrderMark+"Bangkok is hot.\r\n"), write("more.txt", "ฮานอย")
		for _, line := range []string{
			"/read", "/read " + filepath.Join(folder, "none.txt"), "/read " + folder, "/read \"" + first, "/read " + write("zero.bin", "a\x00b"),
			"/read " + write("latin.txt", "caf\xe9"), "/read " + write("empty.txt", " \n"), "/read " + write("long.txt", strings.Repeat("ก ข ", 2000)),
			"/copy", "/export pdf", "/export json", "/save", "/load",
			"/read " + second, "/read -", "/read " + second, "/read '" + first + "'   What is hot? ", "/save 7", "Hello!",
		} {
			say(t, c, line)
		}
		inOrder(t, said.String(), "/read wants a file", "none.txt", folder+" is no file of text", `quote " has no end`, "byte 1 is zero",
			"not UTF-8", "empty", "tokens, and the context holds 512", "needs a terminal", "md or json", "nothing to export", "nothing to save", "/load wants",
			"in front of the next turn", "only what you type", "in front of the next turn", "my notes.txt: 9 tokens.", "7 is a number")
		if got := spoken(c); len(got) != 4 || got[0] != "ฮานอย\n\nBangkok is hot.\n\nWhat is hot?" || got[2] != "Hello!" {
			t.Errorf("%q", got)
		}
	})
}

// broken is a standard output that takes nothing.
type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// signalling is a standard output at whose first text a polite kill comes.
type signalling struct {
	signals chan<- os.Signal
	sent    bool
}

func (s *signalling) Write(b []byte) (int, error) {
	if !s.sent {
		s.sent = true
		s.signals <- syscall.SIGTERM
	}
	return len(b), nil
}

func TestFilesThatNoChatCanHave(t *testing.T) {
	state := t.TempDir()
	t.Setenv("XDG_STATE_HOME", state)
	sealvk("", "chat", "--continue").wantError(t, "no chat to continue")
	file := filepath.Join(t.TempDir(), "chat.json")
	if err := os.WriteFile(file, []byte(`{"format":"sealvk-chat","version":1,"messages":[5]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	many := filepath.Join(state, "sealvk", "chats", "many.json")
	if err := os.MkdirAll(filepath.Dir(many), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(many, readFile(t, "chats/testdata/page-all.json"), 0o600); err != nil {
		t.Fatal(err)
	}
	held, err := chats.Hold(filepath.Join(filepath.Dir(file), "held.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{"--continue", "--load", "x"}, []string{"--continue", "--load", "one of them"}},
		{[]string{"--load", "x"}, []string{"no chat x", "./x"}},
		{[]string{"--load", "3"}, []string{"no chat 3"}},
		{[]string{"--load", "nowhere.json"}, []string{"nowhere.json"}},
		{[]string{"--load", file}, []string{file, "messages[0] is a number"}},
		{[]string{"--load", "chats/testdata/page-all.json"}, []string{"2 chats", "#1 สวัสดี, #2 New chat"}},
		{[]string{"--load", "chats/testdata/page-all.json#3"}, []string{"has 2 chats, not 3"}},
		{[]string{"--save", file}, []string{file, "exists already"}},
		{[]string{"--load", many + "#1", "--save", many}, []string{many, "exists already"}}, // the others would be lost
		{[]string{"--continue"}, []string{many, "2 chats"}},
		{[]string{"--save", filepath.Join(file, "x.json")}, []string{"folder"}},
		{[]string{"--save", held.Path}, []string{"held.json", "another chat is writing it"}},
	} {
		sealvk("", append([]string{"chat"}, c.args...)...).wantError(t, c.want...)
	}
}

func TestUnansweredTurns(t *testing.T) {
	turn, stopped, answer := chats.Message{Role: chats.User, Content: "q"}, chats.Message{Role: chats.Assistant, FinishReason: "stopped"},
		chats.Message{Role: chats.Assistant, Content: "a", FinishReason: "stopped"}
	for _, c := range []struct {
		messages []chats.Message
		want     int
	}{
		{nil, -1}, {[]chats.Message{turn}, 0}, {[]chats.Message{turn, stopped}, 0}, {[]chats.Message{stopped}, -1},
		{[]chats.Message{turn, answer}, -1}, {[]chats.Message{turn, answer, turn, stopped}, 2},
	} {
		if got := unanswered(c.messages); got != c.want {
			t.Errorf("%+v: %d, want %d", c.messages, got, c.want)
		}
	}
}

func TestFirstWord(t *testing.T) {
	for line, want := range map[string][2]string{
		"a.txt":           {"a.txt", ""},
		"a.txt  b c ":     {"a.txt", "b c"},
		`"a b" c`:         {"a b", "c"},
		`'it"s' what`:     {`it"s`, "what"},
		"~/x\ttell":       {"~/x", "tell"},
		"ข้อมูล.txt สรุป": {"ข้อมูล.txt", "สรุป"},
	} {
		if word, rest, err := firstWord(line); err != nil || word != want[0] || rest != want[1] {
			t.Errorf("%q: %q, %q, %v", line, word, rest, err)
		}
	}
	for name, want := range map[string]string{`"a b"`: "a b", `'ที่ 1'`: "ที่ 1", `a"b"`: `a"b"`, `"a`: `"a`, `"`: `"`, "": "", `""`: ""} {
		if got := unquoted(name); got != want {
			t.Errorf("%s without its quotes: %s, want %s", name, got, want)
		}
	}
	word, _, _ := firstWord(`a\ b c`)
	if want := map[bool]string{true: `a\`, false: "a b"}[runtime.GOOS == "windows"]; word != want {
		t.Errorf("%q, want %q", word, want)
	}
}

func TestWhatIsCopied(t *testing.T) {
	c := &chat{}
	for what, want := range map[string]string{"": "no such answer", "0": "number", "x": "number"} {
		if _, err := c.toCopy(what); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("/copy %s: %v", what, err)
		}
	}
	for _, m := range []prompt.Message{{Role: "user", Content: "q"}, {Role: "assistant", Content: "first"}, {Role: "user", Content: "q"},
		{Role: "assistant", Content: "So:\n\n```go\none\n```\n\n1. then\n\n   ~~~\n   ที่\n\n   two\n   ~~~\n"}} {
		c.conversation.Append(chats.Message{Role: m.Role, Content: m.Content})
	}
	for what, want := range map[string]string{"": c.conversation.Messages[3].Content, "1": c.conversation.Messages[3].Content, "2": "first", "code": "ที่\n\ntwo\n"} {
		if got, err := c.toCopy(what); err != nil || got != want {
			t.Errorf("/copy %s: %q, %v", what, got, err)
		}
	}
	c.conversation.Drop(2)
	if _, err := c.toCopy("code"); err == nil || !strings.Contains(err.Error(), "no code block") {
		t.Error(err)
	}
	const plain = "\x1b]52;c;4LiX4Li14LmI\a"
	for _, at := range []struct {
		tmux bool
		term string
		want string
	}{
		{false, "xterm-256color", plain},
		{true, "tmux-256color", plain + "\x1bPtmux;\x1b" + plain + "\x1b\\"},
		{false, "screen", "\x1bP" + plain + "\x1b\\"},
	} {
		if got := clipboard("ที่", at.tmux, at.term); got != at.want {
			t.Errorf("%+v: %q", at, got)
		}
	}
}

func TestStateFolder(t *testing.T) {
	state, home := t.TempDir(), t.TempDir()
	t.Setenv("XDG_STATE_HOME", state)
	if got, err := stateFolder(); err != nil || got != filepath.Join(state, "sealvk") {
		t.Errorf("%s, %v", got, err)
	}
	t.Setenv("HOME", home)
	t.Setenv("LocalAppData", home)
	t.Setenv("XDG_STATE_HOME", "relative")
	if got, err := stateFolder(); err != nil || !strings.HasPrefix(got, home) {
		t.Errorf("%s, %v", got, err)
	}
	t.Setenv("HOME", "")
	t.Setenv("LocalAppData", "")
	if got, err := stateFolder(); err == nil {
		t.Errorf("without any folder: %s", got)
	}
	if got := (&program{}).historyFile(false); got != "" {
		t.Errorf("history in %s", got)
	}
}
