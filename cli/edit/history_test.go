package edit

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gofrs/flock"
)

func open(t *testing.T, path string) (h *History, warnings string) {
	t.Helper()
	h, all, err := OpenHistory(path)
	if err != nil {
		t.Fatal(err)
	}
	return h, strings.Join(all, "\n")
}

func add(t *testing.T, h *History, turns ...Turn) {
	t.Helper()
	for _, turn := range turns {
		if err := h.Add(turn); err != nil {
			t.Fatal(err)
		}
	}
}

func TestHistoryOverSessions(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state", "history.jsonl")
	turns := []Turn{{"one", false}, {"/two\n\tสวัสดี <&>", true}, {"one", false}}
	h, warning := open(t, path)
	if warning != "" || len(h.turns) != 0 {
		t.Error(warning, h.turns)
	}
	add(t, h, turns[0], turns[0], turns[1], turns[2], turns[2])
	if h, warning := open(t, path); warning != "" || !slices.Equal(h.turns, turns) {
		t.Errorf("%q %+v", warning, h.turns)
	}
	if text, err := os.ReadFile(path); err != nil || !strings.Contains(string(text), `{"text":"/two\n\tสวัสดี <&>","pasted":true}`+"\n") {
		t.Errorf("%s %v", text, err)
	}
	e := New("> ", "  ", h)
	press(e, "three", Enter)
	if _, err := e.Take(); err != nil {
		t.Error(err)
	}
	press(e, "  ", Enter)
	if turn, err := e.Take(); err != nil || turn.Text != "  " {
		t.Error(turn, err)
	}
	if h, _ := open(t, path); len(h.turns) != 4 || h.turns[3].Text != "three" {
		t.Errorf("%+v", h.turns)
	}
	for path, want := range map[string]fs.FileMode{path: 0o600, path + ".lock": 0o600, filepath.Dir(path): 0o700} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want && runtime.GOOS != "windows" {
			t.Errorf("%s: mode %v, %v", path, info.Mode(), err)
		}
	}
}

func TestHistoriesAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.jsonl")
	var all sync.WaitGroup
	const chats, each = 4, 40
	for chat := range chats {
		all.Go(func() {
			h, _, err := OpenHistory(path)
			for i := 0; i < each && err == nil; i++ {
				err = h.Add(Turn{Text: fmt.Sprint(chat, "\n", i)})
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	h, warning := open(t, path)
	if warning != "" || len(h.turns) != chats*each {
		t.Errorf("%q, %d turns", warning, len(h.turns))
	}
	next := map[string]int{}
	for _, turn := range h.turns {
		chat, i, _ := strings.Cut(turn.Text, "\n")
		if i != fmt.Sprint(next[chat]) {
			t.Errorf("%q comes after %d others", turn.Text, next[chat])
		}
		next[chat]++
	}
}

func TestHistoryWithBrokenLines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.jsonl")
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("{\"text\":\"one\"}\n\nnone\n{\"text\":\"two\",\"time\":1}\n{\"text\":\"thr")
	h, warning := open(t, path)
	if want := path + ": lines that can't be read were left out: 2, line 3 first"; warning != want || len(h.turns) != 2 {
		t.Errorf("%q, want %q; %+v", warning, want, h.turns)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 && runtime.GOOS != "windows" {
		t.Error(info.Mode(), err)
	}
	add(t, h, Turn{Text: "three"})
	if h, _ := open(t, path); len(h.turns) != 3 || h.turns[2].Text != "three" {
		t.Errorf("%+v", h.turns)
	}
	write("[]\n{\"text\":\"a\\u0007b\\r\\nc\"}\n")
	h, warning = open(t, path)
	if want := path + ": lines that can't be read were left out: 1, line 1 first"; warning != want {
		t.Errorf("%q, want %q", warning, want)
	}
	e := New("> ", "  ", h)
	if press(e, Up); e.Text() != "ab\nc" {
		t.Errorf("%q", e.Text())
	}
}

func TestHistoryIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.jsonl")
	if err := os.WriteFile(path, []byte(strings.Repeat("{\"text\":\"old\"}\n", maxTurns+500)+"{\"text\":\"new\"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	h, _ := open(t, path)
	if len(h.turns) != maxTurns || h.turns[maxTurns-1].Text != "new" {
		t.Error(len(h.turns))
	}
	big := Turn{Text: strings.Repeat("x", maxTurnBytes)}
	var file strings.Builder
	for range 2*maxBytes/maxTurnBytes + 1 {
		if err := encode(&file, big); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(path, []byte(file.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	add(t, h, Turn{Text: "longer" + big.Text}, Turn{Text: "last"}) // the first is only kept here
	if n := len(h.turns); n != maxTurns || !strings.HasPrefix(h.turns[n-2].Text, "longer") {
		t.Error(n)
	}
	add(t, h, Turn{Text: strings.Repeat("x", 2*maxBytes)})
	if n := len(h.turns); n < 3 || h.turns[n-2].Text != "last" {
		t.Error(n)
	}
	if info, err := os.Stat(path); err != nil || info.Size() > maxBytes+maxBytes/10 {
		t.Error(info.Size(), err)
	}
	if h, _ := open(t, path); !slices.Equal(h.turns, []Turn{big, big, big, {Text: "last"}}) {
		t.Error(len(h.turns))
	}
	if names, err := filepath.Glob(path + "*"); err != nil || len(names) != 2 {
		t.Error(names, err)
	}
}

func TestHistoryFails(t *testing.T) {
	dir := t.TempDir()
	long := filepath.Join(dir, "long")
	if err := os.WriteFile(long, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(long, maxFileBytes+1); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		dir:                            "is no regular file",
		long:                           "is longer than 64 MiB: move it away",
		filepath.Join(long, "history"): "edit: the history's folder: ",
	} {
		if _, _, err := OpenHistory(path); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), filepath.Base(path)) && path != filepath.Join(long, "history") {
			t.Errorf("%s: %v, want %q", path, err, want)
		}
	}
	h, _ := open(t, filepath.Join(dir, "held"))
	held := flock.New(filepath.Join(dir, "held.lock"))
	if err := held.Lock(); err != nil {
		t.Fatal(err)
	}
	e := New("> ", "  ", h)
	press(e, "one", Enter)
	if turn, err := e.Take(); turn.Text != "one" || err == nil || !strings.Contains(err.Error(), "kept in memory from here on") {
		t.Error(turn, err)
	}
	press(e, "two", Enter)
	if _, err := e.Take(); err != nil { // said once
		t.Error(err)
	}
	if press(e, Up, Up); e.Text() != "one" {
		t.Error(e.Text())
	}
	if err := held.Unlock(); err != nil {
		t.Error(err)
	}
}
