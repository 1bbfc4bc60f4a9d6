package edit

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// History is the turns of this chat and of those before. The zero History keeps them in memory alone.
//
// Its file has one JSON object a line, a Turn. Several chats append to it, each line under a lock; what others append
// is there from the next start on.
type History struct {
	path  string // "": in memory alone
	turns []Turn
}

// What is kept, the newest turns; the file is cut to that when it has twice the bytes.
const (
	maxTurns     = 2000
	maxBytes     = 2 << 20
	maxTurnBytes = 512 << 10 // a longer one stays in memory
	maxFileBytes = 64 << 20  // a longer file is none of ours
)

// lockWait is how long another process may hold the file: each does for one line, or to cut the file.
const lockWait = time.Second / 2

// OpenHistory reads the history in the file path, which need not exist yet; it makes its folder. Lines that
// can't be read are left out; warnings tell of them.
func OpenHistory(path string) (h *History, warnings []string, err error) {
	if resolved, err := filepath.EvalSymlinks(path); err == nil {
		path = resolved
	}
	h = &History{path: path}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, nil, fmt.Errorf("edit: the history's folder: %w", err)
	}
	switch info, err := os.Stat(path); {
	case errors.Is(err, fs.ErrNotExist):
		return h, nil, nil
	case err != nil:
		return nil, nil, fmt.Errorf("edit: the history: %w", err)
	case !info.Mode().IsRegular():
		return nil, nil, fmt.Errorf("edit: the history %s is no regular file", path)
	case info.Size() > maxFileBytes:
		return nil, nil, fmt.Errorf("edit: the history %s is longer than %d MiB: move it away", path, maxFileBytes>>20)
	}
	err = h.locked(func() (err error) {
		h.turns, warnings, err = h.read()
		return errors.Join(err, os.Chmod(path, 0o600))
	})
	if err != nil {
		return nil, nil, fmt.Errorf("edit: reading the history %s: %w", path, err)
	}
	return h, warnings, nil
}

// read gives the turns in the file that are kept, and warns of lines that are none.
func (h *History) read() (turns []Turn, warnings []string, err error) {
	file, err := os.ReadFile(h.path)
	if err != nil {
		return nil, nil, err
	}
	bad, firstBad, number := 0, 0, 0
	for line := range bytes.Lines(file) {
		number++
		var t Turn
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		if err := json.Unmarshal(line, &t); err != nil || t.Text == "" {
			if bad++; bad == 1 {
				firstBad = number
			}
			continue
		}
		turns = append(turns, t)
	}
	if bad > 0 {
		warnings = []string{fmt.Sprintf("%s: lines that can't be read were left out: %d, line %d first", h.path, bad, firstBad)}
	}
	return newest(turns), warnings, nil
}

// newest is the end of turns that is kept. A turn that is too long for the file doesn't push others out.
func newest(turns []Turn) []Turn {
	size := 0
	for i := len(turns) - 1; i >= 0; i-- {
		if size += min(len(turns[i].Text), maxTurnBytes); size > maxBytes || len(turns)-i > maxTurns {
			return turns[i+1:]
		}
	}
	return turns
}

// Add puts t at the end, here and in the file, unless it is the last one again. After an error the history goes on in
// memory alone.
func (h *History) Add(t Turn) error {
	if n := len(h.turns); n > 0 && h.turns[n-1] == t {
		return nil
	}
	h.turns = newest(append(h.turns, t))
	if h.path == "" || len(t.Text) > maxTurnBytes {
		return nil
	}
	if err := h.locked(func() error { return h.append(t) }); err != nil {
		h.path = ""
		return fmt.Errorf("edit: the history is kept in memory from here on: %w", err) // which names the file
	}
	return nil
}

// locked does what no two processes may at once. The lock is a file of its own: the history is replaced when it is cut.
func (h *History) locked(do func() error) error {
	ctx, cancel := context.WithTimeout(context.Background(), lockWait)
	defer cancel()
	lock := flock.New(h.path+".lock", flock.SetPermissions(0o600))
	if _, err := lock.TryLockContext(ctx, 10*time.Millisecond); err != nil {
		return fmt.Errorf("locking %s: %w", lock.Path(), err)
	}
	return errors.Join(do(), lock.Close())
}

// append writes t's line; behind a line that was not finished it begins a new one.
func (h *History) append(t Turn) (err error) {
	file, err := os.OpenFile(h.path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	size, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if last := []byte{'\n'}; size > 0 {
		if _, err := file.ReadAt(last, size-1); err != nil {
			return err
		}
		if last[0] != '\n' {
			out.WriteByte('\n')
		}
	}
	if err := encode(&out, t); err != nil {
		return err
	}
	if _, err := file.Write(out.Bytes()); err != nil || size < 2*maxBytes {
		return err
	}
	turns, _, err := h.read()
	if err != nil {
		return err
	}
	return h.rewrite(turns)
}

func encode(w io.Writer, t Turn) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(t)
}

// rewrite replaces the file by turns, whole or not at all.
func (h *History) rewrite(turns []Turn) (err error) {
	file, err := os.CreateTemp(filepath.Dir(h.path), filepath.Base(h.path)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(file.Name()))
		}
	}()
	w := bufio.NewWriter(file)
	for _, t := range turns {
		if err = encode(w, t); err != nil {
			break
		}
	}
	if err = errors.Join(err, w.Flush(), file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), h.path)
}
