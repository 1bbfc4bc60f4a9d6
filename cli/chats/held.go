package chats

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/gofrs/flock"
)

// ErrHeld says that another chat writes the file, in this process or another.
var ErrHeld = errors.New("another chat is writing it")

// File is a file that one chat is written to, again and again. A lock beside it keeps others away.
type File struct {
	Path string
	lock *flock.Flock
}

// Hold takes the file of a path, which need not exist, for this chat alone until Close.
func Hold(path string) (*File, error) {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real // a link stays one
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("chats: %s is no regular file", path)
	}
	f := &File{Path: path}
	for { // once more where another chat has just removed its lock
		f.lock = flock.New(f.beside(".lock"), flock.SetPermissions(0o600))
		locked, err := f.lock.TryLock()
		switch {
		case errors.Is(err, errors.ErrUnsupported): // a file system without locks
			return f, nil
		case err != nil:
			return nil, fmt.Errorf("chats: %w", err)
		case !locked:
			f.lock.Close()
			return nil, fmt.Errorf("chats: %s: %w", path, ErrHeld)
		}
		mine, err := f.lock.Stat()
		if err != nil {
			f.lock.Close()
			return nil, fmt.Errorf("chats: %w", err)
		}
		if there, err := os.Stat(f.lock.Path()); err == nil && os.SameFile(mine, there) {
			return f, nil
		}
		f.lock.Close()
	}
}

// beside is a hidden file in the same folder.
func (f *File) beside(ending string) string {
	return filepath.Join(filepath.Dir(f.Path), "."+filepath.Base(f.Path)+ending)
}

// Exists reports whether there is such a file yet.
func (f *File) Exists() bool {
	_, err := os.Lstat(f.Path)
	return !errors.Is(err, fs.ErrNotExist)
}

// Write replaces the file by the chat, for its owner alone to read. Whatever happens on the way, the file is the old or
// the new one, whole.
func (f *File) Write(c *Chat) error {
	part := f.beside(".part") // the lock's holder alone writes it
	err := writeNew(part, c)
	if err == nil {
		err = os.Rename(part, f.Path)
	}
	if err != nil {
		_ = os.Remove(part)
		return fmt.Errorf("chats: %w", err)
	}
	return nil
}

func writeNew(path string, c *Chat) error {
	_ = os.Remove(path)                                                      // of a write that a crash ended
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) // never where a link leads
	if err != nil {
		return err
	}
	w := bufio.NewWriter(file)
	if err = c.Encode(w); err == nil {
		err = w.Flush()
	}
	if err == nil {
		err = file.Sync() // before the name moves, or a crash could leave it with nothing behind
	}
	return errors.Join(err, file.Close())
}

// Close lets others have the file.
func (f *File) Close() {
	_ = os.Remove(f.lock.Path()) // while it is locked: nobody else can have it by this name
	f.lock.Close()
	if runtime.GOOS == "windows" { // where what is open can't be removed
		_ = os.Remove(f.lock.Path())
	}
}

// Remove deletes the file and lets it go.
func (f *File) Remove() error {
	err := os.Remove(f.Path)
	f.Close()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("chats: %w", err)
	}
	return nil
}
