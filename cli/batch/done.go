package batch

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
)

// Done keeps the hash of each line that is done, by the line's index: eight bytes each, in memory
// up to a million, beyond that in a temporary file. One goroutine uses it.
type Done struct {
	dir      string
	inMemory int64
	memory   []Hash // of the lines up to inMemory
	end      int64

	// Of those behind, of which one page is in memory.
	file  *os.File // nil if there are none
	page  int64
	bytes [pageHashes * 8]byte
	dirty bool
}

const pageHashes = 512

// NewDone is empty; dir is as in NewSeen.
func NewDone(dir string) *Done { return &Done{dir: dir, inMemory: 1 << 20} }

// Set keeps the hash of the line at index. An error is of the file, as when the disk is full.
func (d *Done) Set(index int64, h Hash) (err error) {
	d.end = max(d.end, index+1)
	if index < d.inMemory {
		if n := index + 1 - int64(len(d.memory)); n > 0 {
			d.memory = append(d.memory, make([]Hash, n)...)
		}
		d.memory[index] = h
		return nil
	}
	if d.file == nil {
		if d.file, err = temporary(d.dir); err != nil {
			return doneError(err)
		}
	}
	b, err := d.at(index - d.inMemory)
	if err != nil {
		return doneError(err)
	}
	binary.LittleEndian.PutUint64(b, uint64(h))
	d.dirty = true
	return nil
}

// End is behind the last line whose hash is kept.
func (d *Done) End() int64 { return d.end }

// Get gives the hash of the line at index, 0 if none is kept. An error is as of Set.
func (d *Done) Get(index int64) (Hash, error) {
	switch {
	case index < int64(len(d.memory)):
		return d.memory[index], nil
	case index < d.inMemory || d.file == nil:
		return 0, nil
	}
	b, err := d.at(index - d.inMemory)
	if err != nil {
		return 0, doneError(err)
	}
	return Hash(binary.LittleEndian.Uint64(b)), nil
}

// at gives the bytes of the hash with this number in the file.
func (d *Done) at(n int64) ([]byte, error) {
	if page := n / pageHashes; page != d.page {
		if d.dirty {
			if _, err := d.file.WriteAt(d.bytes[:], d.page*int64(len(d.bytes))); err != nil {
				return nil, err
			}
		}
		got, err := d.file.ReadAt(d.bytes[:], page*int64(len(d.bytes)))
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		clear(d.bytes[got:]) // behind the file's end none is kept
		d.page, d.dirty = page, false
	}
	return d.bytes[n%pageHashes*8:], nil
}

func doneError(err error) error { return fmt.Errorf("batch: lines that are done: %w", err) }

// Close frees the file.
func (d *Done) Close() { closeTemporary(d.file) }

// temporary is a file without a name, which goes with the process whatever ends that; on Windows,
// which doesn't let an open file be removed, it has one until closeTemporary.
func temporary(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, ".sealvk-*")
	if err == nil {
		_ = os.Remove(f.Name())
	}
	return f, err
}

func closeTemporary(f *os.File) {
	if f != nil {
		f.Close() // nobody reads it again
		if runtime.GOOS == "windows" {
			_ = os.Remove(f.Name())
		}
	}
}
