package chats

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
)

// Store is a folder of chats, each in a file NAME.json: those that were named, and those that were kept without. Without
// a folder it stays empty.
type Store struct{ Folder string }

// Entry is a chat of a store, which Read gives.
type Entry struct {
	Name    string
	Path    string
	Changed time.Time
}

// Named reports whether somebody gave the chat its name.
func (e *Entry) Named() bool { return !automatic.MatchString(e.Name) }

// automatic are the names of Create.
var automatic = regexp.MustCompile(`^\d{4}-\d\d-\d\d-\d{6}(-\d+)?$`)

// Ending is that of the files.
const Ending = ".json"

// List gives the chats, the one that was written last first.
func (s Store) List() ([]Entry, error) {
	files, err := os.ReadDir(s.Folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("chats: %w", err)
	}
	var all []Entry
	for _, f := range files {
		name, ok := strings.CutSuffix(f.Name(), Ending)
		if !ok || strings.HasPrefix(name, ".") {
			continue
		}
		if info, err := f.Info(); err == nil && info.Mode().IsRegular() { // another chat may have removed it
			all = append(all, Entry{name, s.path(name), info.ModTime()})
		}
	}
	slices.SortFunc(all, func(a, b Entry) int {
		return cmp.Or(b.Changed.Compare(a.Changed), strings.Compare(b.Name, a.Name))
	})
	return all, nil
}

func (s Store) path(name string) string { return filepath.Join(s.Folder, name+Ending) }

// Create holds a new file for a chat that was begun at a time, which names it.
func (s Store) Create(begun time.Time) (*File, error) {
	if err := s.make(); err != nil {
		return nil, err
	}
	base := begun.Format("2006-01-02-150405")
	name := base
	for n := 2; ; n++ {
		f, err := Hold(s.path(name))
		switch {
		case err == nil && !f.Exists():
			return f, nil
		case err == nil:
			f.Close()
		case !errors.Is(err, ErrHeld):
			return nil, err
		}
		name = fmt.Sprintf("%s-%d", base, n)
	}
}

// Hold takes the chat of a name, which need not exist.
func (s Store) Hold(name string) (*File, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	if err := s.make(); err != nil {
		return nil, err
	}
	return Hold(s.path(name))
}

// make makes the folder, which nobody else may look into.
func (s Store) make() error {
	if s.Folder == "" {
		return errors.New("chats: there is no folder to keep them in")
	}
	if err := os.MkdirAll(s.Folder, 0o700); err != nil {
		return fmt.Errorf("chats: %w", err)
	}
	return nil
}

// longestName is in bytes, which file systems bound with what is put around the name.
const longestName = 200

// checkName is an error if a name can't be that of a file everywhere, or is one that Create gives.
func checkName(name string) error {
	odd := strings.ContainsFunc(name, func(r rune) bool {
		return !unicode.In(r, unicode.L, unicode.M, unicode.N) && !strings.ContainsRune(" -_.,()", r)
	})
	switch {
	case odd, name == "", strings.Trim(name, " .") != name, !filepath.IsLocal(name):
		return fmt.Errorf("chats: %q is no name for a chat: want letters, digits, blanks and -_.,()", name)
	case automatic.MatchString(name):
		return fmt.Errorf("chats: %s is as chats without a name are called: choose another name", name)
	case len(name) > longestName:
		return fmt.Errorf("chats: a name has at most %d bytes, this one has %d", longestName, len(name))
	}
	return nil
}

// Clean removes the oldest chats that nobody named, but for the newest so many.
func (s Store) Clean(most int) error {
	all, err := s.List()
	if err != nil {
		return err
	}
	unnamed := slices.DeleteFunc(all, func(e Entry) bool { return e.Named() })
	for _, e := range unnamed[min(most, len(unnamed)):] {
		f, err := Hold(e.Path)
		if errors.Is(err, ErrHeld) {
			continue
		} else if err == nil {
			err = f.Remove()
		}
		if err != nil {
			return err
		}
	}
	return nil
}
