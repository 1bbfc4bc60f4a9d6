package main

import (
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
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

func TestAChatGoesOnWhereItWasLeft(t *testing.T) {
	told, answer, asked, name := remembers(t)
	state, folder := t.TempDir(), t.TempDir()
	t.Setenv("XDG_STATE_HOME", state)
	store := chats.Store{Folder: filepath.Join(state, "sealvk", "chats")}
	file, readable := filepath.Join(folder, "a b.json"), filepath.Join(folder, "chat.md")

	if got := mustOnDevice(t, told+"\n/save ที่ 1\n", "chat", "--temp", "0", "--top-k", "7"); got != answer+"\n" {
		t.Fatalf("%q, want %q", got, answer)
	}
	o := onDevice(t, "/undo\n"+told+"\n"+asked+"\n/save "+file+"\n/save ที่ 1\n/export md "+readable+"\n/export md "+readable+"\n/list\n/load 1\n",
		"chat", "--continue", "--top-k", "8")
	if o.stdout != answer+"\n"+name+"\n" {
		t.Errorf("%q, want %q", o.stdout, name)
	}
	title := told[:min(len(told), 20)]
	inOrder(t, o.stderr, "Going on with \""+title, "1 turn.", "0 turns left", "kept as ที่ 1", "written to "+file, "The chat is in "+readable,
		readable+" exists already", "*  1", "2 turns  "+nanoName+"  ที่ 1: "+title, "that is this chat")

	kept := readOne(t, filepath.Join(store.Folder, "ที่ 1.json"))
	last := kept.Messages[len(kept.Messages)-1]
	if len(kept.Messages) != 4 || *kept.Settings.Temperature != 0 || *kept.Settings.TopK != 8 || kept.Model != nanoName ||
		last.Content != name || last.FinishReason != "stop" || last.Usage.Completion == 0 || last.Model != nanoName {
		t.Errorf("kept %+v", kept)
	}
	same := func(path string, want string) {
		t.Helper()
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("%v: %s has\n%s\nwant\n%s", err, path, got, want)
		}
	}
	same(file, encoded(t, kept))
	if b, err := os.ReadFile(readable); err != nil || !strings.HasPrefix(string(b), "# "+title) || !strings.Contains(string(b), "## "+nanoName+"\n\n"+name) {
		t.Errorf("%v:\n%s", err, b)
	}

	// A chat that is open is gone on with in a copy.
	held, err := chats.Hold(filepath.Join(store.Folder, "ที่ 1.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	o = onDevice(t, "Hello!\n", "chat", "--load", "ที่ 1", "-n", "2")
	inOrder(t, o.stderr, "2 turns.", "kept as a copy")
	entries, err := store.List()
	if err != nil || len(entries) != 2 || entries[0].Named() || entries[1].Name != "ที่ 1" {
		t.Fatalf("the store has %+v, %v", entries, err)
	}
	same(held.Path, encoded(t, kept))
	copied := readOne(t, entries[0].Path)
	copied.Drop(4)
	if copied.Settings = kept.Settings; encoded(t, copied) != encoded(t, kept) { // but for -n
		t.Errorf("the copy is %+v", copied)
	}
}

// What the page exported is gone on with, its other versions and settings among it.
func TestAPagesChatGoesOn(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	file := filepath.Join(t.TempDir(), "chat.json")
	page := readOne(t, "chats/testdata/page.json")
	o := onDevice(t, thailand+"\n", "chat", "--load", "chats/testdata/page.json", "--save", file, "-n", "3")
	if o.code != 0 || strings.Count(o.stdout, "\n") != 1 {
		t.Fatalf("%+v", o)
	}
	got := readOne(t, file)
	limit := int64(3)
	page.Settings.MaxTokens = &limit
	if len(got.Messages) != len(page.Messages)+2 || !reflect.DeepEqual(got.Messages[:len(page.Messages)], page.Messages) ||
		!reflect.DeepEqual(got.Branches, page.Branches) || !reflect.DeepEqual(got.Settings, page.Settings) || got.System != page.System || got.Title != page.Title {
		t.Errorf("%+v, want %+v", got, page)
	}
}

func TestFilesThatNoChatCanHave(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	file := filepath.Join(t.TempDir(), "chat.json")
	if err := os.WriteFile(file, []byte(`{"format":"sealvk-chat","version":1,"messages":[5]}`), 0o600); err != nil {
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
		{[]string{"--continue"}, []string{"no chat to continue"}},
		{[]string{"--continue", "--load", "x"}, []string{"--continue", "--load", "one of them"}},
		{[]string{"--load", "x"}, []string{"no chat x", "./x"}},
		{[]string{"--load", "3"}, []string{"no chat 3"}},
		{[]string{"--load", "nowhere.json"}, []string{"nowhere.json"}},
		{[]string{"--load", file}, []string{file, "messages[0] is a number"}},
		{[]string{"--load", "chats/testdata/page-all.json"}, []string{"2 chats", "#1 สวัสดี, #2 New chat"}},
		{[]string{"--load", "chats/testdata/page-all.json#3"}, []string{"has 2 chats, not 3"}},
		{[]string{"--save", file}, []string{file, "exists already"}},
		{[]string{"--save", filepath.Join(file, "x.json")}, []string{"folder"}},
		{[]string{"--save", held.Path}, []string{"held.json", "another chat is writing it"}},
	} {
		sealvk("", append([]string{"chat"}, c.args...)...).wantError(t, c.want...)
	}
}

func TestReadFilesGoInFrontOfATurn(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	export := filepath.Join(folder, "out.json")
	first, second := write("my notes.txt", byteOrderMark+"Bangkok is hot.\r\n"), write("more.txt", "ฮานอย")
	o := onDevice(t, strings.Join([]string{
		"/read", "/read " + filepath.Join(folder, "none.txt"), "/read " + folder, "/read \"" + first, "/read " + write("zero.bin", "a\x00b"),
		"/read " + write("latin.txt", "caf\xe9"), "/read " + write("empty.txt", " \n"), "/read " + write("long.txt", strings.Repeat("ก ข ", 2000)),
		"/copy", "/export pdf", "/export json", "/save", "/load",
		"/read " + second, "/read -", "/read " + second, "/read '" + first + "'   What is hot? ", "Hello!", "/export json " + export,
	}, "\n")+"\n", "chat", "-n", "2")
	inOrder(t, o.stderr, "/read wants a file", "none.txt", folder+" is no file of text", `quote " has no end`, "byte 1 is zero",
		"not UTF-8", "empty", "tokens, and the context holds 1024", "needs a terminal", "md or json", "nothing to export", "nothing to save", "/load wants",
		"in front of the next turn", "only what you type", "in front of the next turn", "my notes.txt: 9 tokens.")
	c := readOne(t, export)
	if want := "ฮานอย\n\nBangkok is hot.\n\nWhat is hot?"; len(c.Messages) != 4 || c.Messages[0].Content != want || c.Messages[2].Content != "Hello!" {
		t.Errorf("%+v, want %q", c.Messages, want)
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
