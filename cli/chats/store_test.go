package chats

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// names of the store's files, hidden ones too.
func files(t *testing.T, folder string) (names []string) {
	t.Helper()
	for _, f := range must[[]os.DirEntry](t)(os.ReadDir(folder)) {
		names = append(names, f.Name())
	}
	return names
}

func TestStoreListsTheNewestFirstAndCleansTheUnnamed(t *testing.T) {
	s := Store{filepath.Join(t.TempDir(), "chats")}
	if all, err := s.List(); len(all) != 0 || err != nil {
		t.Fatalf("an empty store: %v, %v", all, err)
	}
	if _, err := (Store{}).Hold("x"); err == nil {
		t.Error("a store without a folder takes a chat")
	}
	begun := time.Date(2026, 11, 27, 22, 15, 3, 0, time.Local)
	c := said(1)
	write := func(f *File, at time.Time) {
		t.Helper()
		if err := f.Write(&c); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(f.Path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	first, second := must[*File](t)(s.Create(begun)), must[*File](t)(s.Create(begun)) // in the same second
	write(first, begun)
	write(second, begun.Add(time.Second))
	first.Close()
	third := must[*File](t)(s.Create(begun))
	write(third, begun.Add(2*time.Second))
	third.Close()
	named := must[*File](t)(s.Hold("ที่ 1 (Hanoi)"))
	write(named, begun.Add(-time.Hour))
	named.Close()
	listed := func(want ...string) {
		t.Helper()
		var got []string
		for _, e := range must[[]Entry](t)(s.List()) {
			got = append(got, e.Name)
			if e.Named() != (e.Name == "ที่ 1 (Hanoi)") {
				t.Errorf("%s: named %v", e.Name, e.Named())
			}
			if all, err := Read(e.Path); err != nil || all[0].Turns() != 1 {
				t.Errorf("%s: %v", e.Name, err)
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("the store lists %q, want %q", got, want)
		}
	}
	listed("2026-11-27-221503-3", "2026-11-27-221503-2", "2026-11-27-221503", "ที่ 1 (Hanoi)")
	if err := s.Clean(1); err != nil {
		t.Fatal(err)
	}
	listed("2026-11-27-221503-3", "2026-11-27-221503-2", "ที่ 1 (Hanoi)") // the second is still open
	second.Close()
	if err := s.Clean(0); err != nil {
		t.Fatal(err)
	}
	listed("ที่ 1 (Hanoi)")
	if names := files(t, s.Folder); len(names) != 1 {
		t.Errorf("the store is left with %q", names)
	}
	if runtime.GOOS != "windows" {
		for path, want := range map[string]os.FileMode{s.Folder: 0o700, named.Path: 0o600} {
			if got := must[os.FileInfo](t)(os.Stat(path)).Mode().Perm(); got != want {
				t.Errorf("%s has mode %o, want %o", path, got, want)
			}
		}
	}
	for _, name := range []string{"", ".", "..", "a/b", `a\b`, ".hidden", "a\x1b[1m", "blank ", "a:b", "x*", "2026-11-27-221503", strings.Repeat("x", 201)} {
		if f, err := s.Hold(name); err == nil {
			t.Errorf("%q is taken for a name: %s", name, f.Path)
		}
	}
}

func TestOneWriterAtATime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "chat.json")
	f := must[*File](t)(Hold(path))
	if _, err := Hold(path); !errors.Is(err, ErrHeld) {
		t.Fatalf("a second writer: %v", err)
	}
	link := filepath.Join(filepath.Dir(path), "link.json")
	c := said(1)
	if err := f.Write(&c); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(path, link); err == nil { // not everybody may on Windows
		if _, err := Hold(link); !errors.Is(err, ErrHeld) {
			t.Errorf("a second writer by a link: %v", err)
		}
	}
	f.Close()

	// Of many that come and go, none meets another.
	var inside, most, writes atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 50 {
				f, err := Hold(path)
				if errors.Is(err, ErrHeld) {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				if n := inside.Add(1); n > 1 {
					most.Store(n)
				}
				writes.Add(1)
				for range 100 {
					runtime.Gosched() // time for another to come in
				}
				inside.Add(-1)
				f.Close()
			}
		})
	}
	all.Wait()
	if most.Load() > 0 || writes.Load() == 0 {
		t.Errorf("%d writers at a time, %d writes", most.Load(), writes.Load())
	}
	again := must[*File](t)(Hold(path))
	defer again.Close()
	if !again.Exists() {
		t.Error("the file is gone")
	}
}

// What a crash leaves of a file that was being written is neither read nor in the way.
func TestACrashWhileWritingKeepsTheOldFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "chat.json")
	f := must[*File](t)(Hold(path))
	c := said(1)
	if err := f.Write(&c); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(f.beside(".part"), []byte(`{"format": "sealvk-`), 0o600); err != nil {
		t.Fatal(err)
	}
	f.lock.Close() // the lock's file stays, as of a process that was killed
	entries := must[[]Entry](t)(Store{filepath.Dir(path)}.List())
	if all, err := Read(path); err != nil || all[0].Turns() != 1 || len(entries) != 1 {
		t.Fatalf("%v, %v, %v", all, err, entries)
	}
	f = must[*File](t)(Hold(path))
	c.Append(Message{Role: User, Content: "more"})
	if err := f.Write(&c); err != nil {
		t.Fatal(err)
	}
	broken := said(2)
	broken.Messages[1].Content = "a\xff" // which JSON can't hold
	if err := f.Write(&broken); err == nil {
		t.Error("a text that is none was written")
	}
	f.Close()
	if all, err := Read(path); err != nil || all[0].Turns() != 2 || len(files(t, filepath.Dir(path))) != 1 {
		t.Errorf("%v, %v, %q", all, err, files(t, filepath.Dir(path)))
	}
}
