package selfcheck

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/gofrs/flock"

	"sealvk/shaders"
	"sealvk/vk"
)

// State is what is known of a way.
type State string

const (
	Unchecked State = "not checked yet"
	Checking  State = "being checked" // or the program ended in it
	Right     State = "right"
	Wrong     State = "wrong"
)

// Result is what was found of a way.
type Result struct {
	Way   string `json:"way"`
	State State  `json:"state"`
	Why   string `json:"why,omitempty"` // Wrong: what happened
	Fresh bool   `json:"-"`             // it was found by this very call
}

// entry is the result of a way with certain cases.
type entry struct {
	Result
	Cases string `json:"cases"` // their hash
}

// record is what was found on a device by the kernels of this program.
type record struct {
	Program string  `json:"program"` // the kernels' hash
	Checks  []entry `json:"checks"`
}

// maxFile is far more than a record takes.
const maxFile = 1 << 20

// store is where the record of a device is kept: in a file, or for the life of the process where
// there is no folder for it or nothing can be written.
type store struct {
	path  string // without a folder a name alone
	filed bool   // there is a folder
}

// unfiled is the records that are not in a file, by the store's path. It is guarded by mutex.
var unfiled = map[string]record{}

func storeOf(dir string, c *vk.Caps) *store {
	return &store{filepath.Join(dir, c.CacheName("checks")+".json"), dir != ""}
}

// read gives the record, an empty one where there is none that can be used.
func (s *store) read() record {
	if r, ok := s.file(); ok {
		return r
	}
	if r, ok := unfiled[s.path]; ok {
		return record{r.Program, slices.Clone(r.Checks)}
	}
	return record{Program: shaders.Digest()}
}

func (s *store) file() (r record, ok bool) {
	if !s.filed {
		return r, false
	}
	if info, err := os.Stat(s.path); err != nil || !info.Mode().IsRegular() || info.Size() > maxFile {
		return r, false
	}
	text, err := os.ReadFile(s.path)
	if err != nil || json.Unmarshal(text, &r) != nil || r.Program != shaders.Digest() {
		return r, false
	}
	r.Checks = slices.DeleteFunc(r.Checks, func(e entry) bool { return !slices.Contains([]State{Checking, Right, Wrong}, e.State) })
	return r, true
}

// write replaces the record.
func (s *store) write(r record) {
	delete(unfiled, s.path)
	text, err := json.MarshalIndent(r, "", "  ")
	if err == nil && s.filed && vk.WriteAtomic(s.path, append(text, '\n')) == nil {
		return
	}
	unfiled[s.path] = r
}

// forget removes the record.
func (s *store) forget() error {
	delete(unfiled, s.path)
	if !s.filed {
		return nil
	}
	if err := os.Remove(s.path); err != nil && !os.IsNotExist(err) {
		return err
	}
	return nil
}

// lock waits until no other process checks the device. Where files cannot be locked, it goes on:
// of two that start together one may then take the other for having crashed.
func (s *store) lock(ctx context.Context) (unlock func(), err error) {
	if !s.filed {
		return func() {}, nil
	}
	l := flock.New(s.path + ".lock")
	if _, err := l.TryLockContext(ctx, 20*time.Millisecond); ctx.Err() != nil {
		l.Close()
		return nil, context.Cause(ctx)
	} else if err != nil {
		return func() {}, nil
	}
	return func() { l.Close() }, nil
}

// find gives what is known of a way with certain cases, nil for nothing.
func (r *record) find(way, hash string) *Result {
	for i := range r.Checks {
		if e := &r.Checks[i]; e.Way == way && e.Cases == hash {
			return &e.Result
		}
	}
	return nil
}

// set makes a result known; Unchecked takes it back.
func (r *record) set(result Result, hash string) {
	r.Checks = slices.DeleteFunc(r.Checks, func(e entry) bool { return e.Way == result.Way && e.Cases == hash })
	if result.State != Unchecked {
		r.Checks = append(r.Checks, entry{result, hash})
	}
}

// Known tells what was found of a device, by what dir keeps, of each way that was checked there or
// that the device's own tuning uses. What is wrong in one tuning is wrong.
func Known(dir string, c *vk.Caps) []Result {
	mutex.Lock()
	defer mutex.Unlock()
	r, t := storeOf(dir, c).read(), shaders.DefaultTuning(c)
	list := []Result{}
	for _, w := range ways {
		result := Result{Way: w.Name, State: Unchecked}
		for _, e := range r.Checks {
			if e.Way == w.Name && (result.State == Unchecked || e.State != Right) {
				result = e.Result
			}
		}
		if result.State != Unchecked || w.uses(&t) {
			list = append(list, result)
		}
	}
	return list
}
