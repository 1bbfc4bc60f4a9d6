package hub

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// commit gives the commit that a revision means by what the cache knows; "" if it does not.
func (h *Hub) commit(repo, revision string) string {
	if commitName.MatchString(revision) {
		return revision
	}
	if b, err := readSmall(filepath.Join(h.folder(repo), "refs", filepath.FromSlash(revision)), 1024); err == nil {
		if c := strings.TrimSpace(string(b)); commitName.MatchString(c) {
			return c
		}
	}
	return h.abbreviated(repo, revision)
}

// abbreviated gives the one commit of the cache that begins with a revision of at
// least 7 digits.
func (h *Hub) abbreviated(repo, revision string) (commit string) {
	if len(revision) < 7 {
		return ""
	}
	entries, err := os.ReadDir(filepath.Join(h.folder(repo), "snapshots"))
	if err != nil {
		return ""
	}
	for _, e := range entries {
		if name := e.Name(); commitName.MatchString(name) && strings.HasPrefix(name, revision) {
			if commit != "" {
				return ""
			}
			commit = name
		}
	}
	return commit
}

// readSmall reads a regular file of at most limit bytes; opening a named pipe would wait.
func readSmall(path string, limit int64) ([]byte, error) {
	if fileSize(path) < 0 {
		return nil, fmt.Errorf("%s: not a file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fmt.Errorf("%s: longer than %d bytes", path, limit)
	}
	return b, err
}

func (h *Hub) snapshot(repo, commit string) string {
	return filepath.Join(h.folder(repo), "snapshots", commit)
}

// snapshotFiles gives the names, with slashes, of the files of a snapshot that are
// there: links whose blob is gone are not.
func snapshotFiles(dir string) (names []string) {
	walk(dir, func(path, name string) {
		if fileSize(path) >= 0 {
			names = append(names, name)
		}
	})
	return names
}

// walk visits what lies below a folder, with its name below it. What cannot be read, or
// has no valid name, is left out.
func walk(dir string, visit func(path, name string)) {
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil
		}
		rel, err := filepath.Rel(dir, path)
		if name := filepath.ToSlash(rel); err == nil && validName(name) {
			visit(path, name)
		}
		return nil
	})
}

// fileSize is the size in bytes of a regular file, also behind links; -1 if there is none.
func fileSize(path string) int64 {
	if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
		return info.Size()
	}
	return -1
}

// link puts a blob into a snapshot. On systems without symbolic links the snapshot gets
// the file itself, as huggingface_hub does it: a blob that fresh says nobody else has
// is moved, another one is copied.
func (h *Hub) link(blob, pointer string, fresh bool) error {
	if err := os.MkdirAll(filepath.Dir(pointer), 0o777); err != nil {
		return err
	}
	target, err := filepath.Rel(filepath.Dir(pointer), blob)
	if err != nil {
		return err
	}
	if err := os.Remove(pointer); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	err = h.symlink(target, pointer)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrExist): // another process was as fast
		if got, e := os.Readlink(pointer); e == nil && got == target {
			return nil
		}
		return err
	case fresh:
		return os.Rename(blob, pointer)
	}
	return copyFile(blob, pointer)
}

func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	return replaceFile(to, func(w io.Writer) error {
		_, err := io.Copy(w, in)
		return err
	})
}

// replaceFile writes a file that appears under its name when it is complete. Its mode
// is what the umask says, which os.CreateTemp's is not: a group may share the cache.
func replaceFile(path string, write func(io.Writer) error) error {
	return writeVia(fmt.Sprintf("%s.%08x.tmp", path, rand.Uint32()), path, write)
}

// writeVia is replaceFile with a name for the meantime, which must not be there.
func writeVia(temporary, path string, write func(io.Writer) error) error {
	f, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	err = errors.Join(write(f), f.Close())
	if err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		os.Remove(temporary)
	}
	return err
}

// setRef notes which commit a branch or tag is.
func (h *Hub) setRef(repo, revision, commit string) error {
	if revision == commit {
		return nil
	}
	path := filepath.Join(h.folder(repo), "refs", filepath.FromSlash(revision))
	if b, err := readSmall(path, 1024); err == nil && string(b) == commit {
		return nil // the cache may be read-only
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	return replaceFile(path, func(w io.Writer) error {
		_, err := io.WriteString(w, commit)
		return err
	})
}
