package batch

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/gofrs/flock"
)

// Header is what all records of a job have in common. It lies in a file beside the output, and is
// there before the first record.
type Header struct {
	Version int    `json:"version"` // of this file's form
	Created int64  `json:"created"` // seconds since 1970, in the records
	Model   string `json:"model"`   // its name in the records
	Seed    uint64 `json:"seed"`    // from which lines get theirs

	// Settings are what may not change, by the names that a user knows: a record would be another.
	Settings map[string]string `json:"settings"`
	// Noted is what may change records' last digits and cannot always be had again, such as the device.
	Noted map[string]string `json:"noted"`
}

const headerVersion = 1

// Differences says of each setting that is not the same what it was and is.
func Differences(was, is map[string]string) (all []string) {
	names := map[string]bool{}
	for _, m := range []map[string]string{was, is} {
		for name := range m {
			names[name] = true
		}
	}
	value := func(m map[string]string, name string) string {
		if v, ok := m[name]; ok && v != "" {
			return v
		}
		return "none"
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if a, b := value(was, name), value(is, name); a != b {
			all = append(all, fmt.Sprintf("%s was %s, is %s", name, a, b))
		}
	}
	return all
}

// HeaderFile is a job's header, locked against another process.
type HeaderFile struct {
	path string
	lock *flock.Flock
}

// LockHeader opens or makes the header beside an output, for this process alone.
func LockHeader(output string) (*HeaderFile, error) {
	h := &HeaderFile{path: output + ".job"}
	h.lock = flock.New(h.path, flock.SetPermissions(0o666), flock.SetFlag(os.O_RDWR|os.O_CREATE))
	switch locked, err := h.lock.TryLock(); {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", h.path, bare(err))
	case !locked:
		return nil, fmt.Errorf("%s: another process is writing it", output)
	}
	return h, nil
}

// Path is the file's.
func (h *HeaderFile) Path() string { return h.path }

// Read gives the header; nil if there is none yet, as in front of the first record.
func (h *HeaderFile) Read() (*Header, error) {
	text, err := os.ReadFile(h.path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", h.path, bare(err))
	}
	if len(strings.TrimSpace(string(text))) == 0 {
		return nil, nil
	}
	var header Header
	if err := json.Unmarshal(text, &header); err != nil {
		return nil, fmt.Errorf("%s is damaged, by which its output could be gone on with; remove both to begin again: %w", h.path, err)
	}
	if header.Version != headerVersion {
		return nil, fmt.Errorf("%s: its form has version %d, this program knows %d: go on with the program that began the job", h.path, header.Version, headerVersion)
	}
	return &header, nil
}

// Write writes the header and waits until it is on the disk.
func (h *HeaderFile) Write(header Header) error {
	header.Version = headerVersion
	text, err := json.MarshalIndent(header, "", "  ")
	if err != nil {
		return err
	}
	file, err := os.OpenFile(h.path, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return fmt.Errorf("%s: %w", h.path, bare(err))
	}
	_, err = io.WriteString(file, string(text)+"\n")
	err = errors.Join(err, file.Sync(), file.Close(), syncFolder(h.path))
	if err != nil {
		return fmt.Errorf("%s: %w", h.path, bare(err))
	}
	return nil
}

// Close lets other processes have the job. A header that was never written goes.
func (h *HeaderFile) Close() error {
	if info, err := os.Stat(h.path); err == nil && info.Size() == 0 {
		os.Remove(h.path)
	}
	return h.lock.Unlock()
}
