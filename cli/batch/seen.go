package batch

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"os"
)

// Seen is a set of texts, of each of which it keeps 16 bytes of its SHA-256: in memory up to
// some 900,000, beyond that in a temporary file that nobody else sees. One goroutine uses it.
//
// It is a hash table of buckets that a key's first bytes number in ascending order; what finds
// its bucket full is in the next one.
type Seen struct {
	dir      string
	inMemory int64 // buckets that may be in memory
	count    int64
	table    table
}

type key [16]byte

const (
	bucketKeys  = 16
	bucketBytes = bucketKeys * int64(len(key{}))

	firstBuckets  = 1 << 8
	memoryBuckets = 1 << 16 // 16 MiB
)

// table is the buckets; a key of zeroes is a place that is free.
type table struct {
	buckets int64
	memory  []byte   // of bucketBytes each
	file    *os.File // in place of memory
	bucket  []byte   // read from it last
}

// NewSeen is an empty set; dir is where its file goes, "" the system's folder for such.
func NewSeen(dir string) *Seen { return &Seen{dir: dir, inMemory: memoryBuckets} }

// Add tells whether text was not there yet, and adds it. An error is of its file, as when the
// disk is full; the set can't be used after it.
func (s *Seen) Add(text string) (fresh bool, err error) {
	if s.count >= s.table.buckets*bucketKeys/8*7 { // few buckets are full then
		if err := s.grow(); err != nil {
			return false, err
		}
	}
	sum := sha256.Sum256([]byte(text))
	k := key(sum[:])
	if k == (key{}) {
		k[15] = 1
	}
	fresh, err = s.table.add(k)
	if fresh {
		s.count++
	}
	return fresh, err
}

// grow takes a table of four times the size.
func (s *Seen) grow() (err error) {
	larger := table{buckets: max(firstBuckets, 4*s.table.buckets)}
	if larger.buckets <= s.inMemory {
		larger.memory = make([]byte, larger.buckets*bucketBytes)
	} else {
		larger.bucket = make([]byte, bucketBytes)
		if larger.file, err = temporary(s.dir); err == nil {
			err = larger.file.Truncate(larger.buckets * bucketBytes)
		}
		if err != nil {
			closeTemporary(larger.file)
			return fmt.Errorf("batch: ids that were seen: %w", err)
		}
	}
	if err := s.table.copyTo(&larger); err != nil {
		closeTemporary(larger.file)
		return err
	}
	closeTemporary(s.table.file)
	s.table = larger
	return nil
}

func (t *table) copyTo(larger *table) error {
	for i := range t.buckets {
		bucket, err := t.read(i)
		if err != nil {
			return err
		}
		for at := 0; at < len(bucket); at += len(key{}) {
			if k := key(bucket[at:]); k != (key{}) {
				if _, err := larger.add(k); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// add tells whether k was not there yet, and adds it. The table has room.
func (t *table) add(k key) (fresh bool, err error) {
	i := int64(binary.BigEndian.Uint32(k[:])) * t.buckets >> 32
	for ; ; i = (i + 1) % t.buckets {
		bucket, err := t.read(i)
		if err != nil {
			return false, err
		}
		for at := 0; at < len(bucket); at += len(k) {
			switch key(bucket[at:]) {
			case k:
				return false, nil
			case key{}:
				return true, t.write(i*bucketBytes+int64(at), k)
			}
		}
	}
}

// read gives a bucket, valid up to the next.
func (t *table) read(i int64) ([]byte, error) {
	if t.file == nil {
		return t.memory[i*bucketBytes:][:bucketBytes], nil
	}
	if _, err := t.file.ReadAt(t.bucket, i*bucketBytes); err != nil {
		return nil, fmt.Errorf("batch: ids that were seen: %w", err)
	}
	return t.bucket, nil
}

func (t *table) write(at int64, k key) error {
	if t.file == nil {
		copy(t.memory[at:], k[:])
		return nil
	}
	if _, err := t.file.WriteAt(k[:], at); err != nil {
		return fmt.Errorf("batch: ids that were seen: %w", err)
	}
	return nil
}

// Close frees the file.
func (s *Seen) Close() { closeTemporary(s.table.file) }

// Done keeps the hash of each line that is done, by the line's index: eight bytes each, in memory
// up to a million, beyond that in a temporary file. One goroutine uses it.
type Done struct {
	dir      string
	inMemory int64
	memory   []Hash   // of the lines up to inMemory
	file     *os.File // of those behind; nil if there are none
}

// NewDone is empty; dir is as in NewSeen.
func NewDone(dir string) *Done { return &Done{dir: dir, inMemory: 1 << 20} }

// Set keeps the hash of the line at index. An error is of the file, as when the disk is full.
func (d *Done) Set(index int64, h Hash) (err error) {
	if index < d.inMemory {
		if n := index + 1 - int64(len(d.memory)); n > 0 {
			d.memory = append(d.memory, make([]Hash, n)...)
		}
		d.memory[index] = h
		return nil
	}
	if d.file == nil {
		if d.file, err = temporary(d.dir); err != nil {
			return fmt.Errorf("batch: lines that are done: %w", err)
		}
	}
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], uint64(h))
	if _, err := d.file.WriteAt(b[:], 8*(index-d.inMemory)); err != nil {
		return fmt.Errorf("batch: lines that are done: %w", err)
	}
	return nil
}

// Get gives the hash of the line at index, 0 if none is kept.
func (d *Done) Get(index int64) (Hash, error) {
	switch {
	case index < int64(len(d.memory)):
		return d.memory[index], nil
	case index < d.inMemory || d.file == nil:
		return 0, nil
	}
	var b [8]byte
	if _, err := d.file.ReadAt(b[:], 8*(index-d.inMemory)); err == io.EOF {
		return 0, nil
	} else if err != nil {
		return 0, fmt.Errorf("batch: lines that are done: %w", err)
	}
	return Hash(binary.LittleEndian.Uint64(b[:])), nil
}

// Close frees the file.
func (d *Done) Close() { closeTemporary(d.file) }

// temporary is a file that goes with the process, whatever ends it, where the system lets an
// open file be removed.
func temporary(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, ".sealvk-*")
	if err == nil {
		_ = os.Remove(f.Name()) // Windows refuses: closeTemporary does it
	}
	return f, err
}

func closeTemporary(f *os.File) {
	if f != nil {
		f.Close() // nobody reads it again
		_ = os.Remove(f.Name())
	}
}
