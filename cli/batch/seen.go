package batch

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"slices"
	"sort"
)

// Seen is a set of texts, of each of which it keeps 16 bytes of its SHA-256: in memory up to
// some 900,000, which are then written to a temporary file that nobody else sees as a sorted run.
// Of a run there is a filter in memory, 1.2 bytes a text, so that one that is new is hardly ever
// looked for on disk. One goroutine uses it.
type Seen struct {
	dir   string
	most  int   // of keys in memory
	table []key // open addressing; a key of zeroes is a place that is free
	count int   // of table
	file  *os.File
	runs  []run
	block [blockKeys * keyBytes]byte // of a run, read last
}

type key [16]byte

const (
	firstKeys  = 1 << 12
	memoryKeys = 1 << 20 // 16 MiB
	blockKeys  = 256     // of a run that are read together
	keyBytes   = len(key{})
)

// NewSeen is an empty set; dir is where its file goes, "" the system's folder for such.
func NewSeen(dir string) *Seen {
	return &Seen{dir: dir, most: memoryKeys, table: make([]key, firstKeys)}
}

// Add tells whether text was not there yet, and adds it. An error is of its file, as when the
// disk is full; the set can't be used after it.
func (s *Seen) Add(text string) (fresh bool, err error) {
	sum := sha256.Sum256([]byte(text))
	k := key(sum[:])
	if k == (key{}) {
		k[0] = 1
	}
	place := s.place(k)
	if s.table[place] == k {
		return false, nil
	}
	for _, r := range s.runs {
		if there, err := r.contains(s.file, k, s.block[:]); there || err != nil {
			return false, seenError(err)
		}
	}
	s.table[place] = k
	if s.count++; s.count > len(s.table)/8*7 {
		return true, seenError(s.grow())
	}
	return true, nil
}

func seenError(err error) error {
	if err != nil {
		return fmt.Errorf("batch: ids that were seen: %w", err)
	}
	return nil
}

// place is where k is in the table, or would be.
func (s *Seen) place(k key) uint64 {
	last := uint64(len(s.table) - 1)
	i := k.high() & last
	for s.table[i] != k && s.table[i] != (key{}) {
		i = (i + 1) & last
	}
	return i
}

// grow makes room in the table, which is nearly full.
func (s *Seen) grow() (err error) {
	if len(s.table) < s.most {
		old := s.table
		s.table = make([]key, 4*len(old))
		for _, k := range old {
			if k != (key{}) {
				s.table[s.place(k)] = k
			}
		}
		return nil
	}
	if s.file == nil {
		if s.file, err = temporary(s.dir); err != nil {
			return err
		}
	}
	keys := slices.DeleteFunc(s.table, func(k key) bool { return k == key{} }) // in the table's memory, and so is the sort
	slices.SortFunc(keys, func(a, b key) int { return bytes.Compare(a[:], b[:]) })
	r, err := writeRun(s.file, s.at(), keys)
	if err != nil {
		return err
	}
	s.runs = append(s.runs, r)
	clear(s.table)
	s.count = 0
	return nil
}

// at is where the runs end in the file.
func (s *Seen) at() int64 {
	if len(s.runs) == 0 {
		return 0
	}
	last := s.runs[len(s.runs)-1]
	return last.at + int64(last.count*keyBytes)
}

// Close frees the file.
func (s *Seen) Close() { closeTemporary(s.file) }

func (k *key) high() uint64 { return binary.BigEndian.Uint64(k[:]) }
func (k *key) low() uint64  { return binary.BigEndian.Uint64(k[8:]) }

// run is sorted keys in a file.
type run struct {
	at     int64 // byte of the first
	count  int
	firsts []key    // of each block
	filter []uint64 // a Bloom filter
}

// Bits of a filter for each place of a table in memory, which is 7/8 full; and how many of them a
// key sets: one new key in 75 is taken for one of the run.
const (
	filterBits = 8
	filterSets = 6
)

// bits calls each with the bits of k in the filter, until that is false.
func (r *run) bits(k *key, each func(word *uint64, bit uint64) bool) bool {
	last := uint64(len(r.filter)*64 - 1)
	step := k.high() | 1
	for i := range uint64(filterSets) {
		n := (k.low() + i*step) * 0x9e3779b97f4a7c15 >> 20 & last
		if !each(&r.filter[n/64], 1<<(n%64)) {
			return false
		}
	}
	return true
}

// writeRun writes sorted keys, which lie in the memory of a table.
func writeRun(file *os.File, at int64, keys []key) (run, error) {
	r := run{at: at, count: len(keys), filter: make([]uint64, cap(keys)*filterBits/64)}
	w := bufio.NewWriterSize(io.NewOffsetWriter(file, at), 1<<16)
	for i := range keys {
		k := &keys[i]
		if i%blockKeys == 0 {
			r.firsts = append(r.firsts, *k)
		}
		r.bits(k, func(word *uint64, bit uint64) bool { *word |= bit; return true })
		if _, err := w.Write(k[:]); err != nil {
			return r, err
		}
	}
	return r, w.Flush()
}

// contains looks for k in the one block that may have it, which it reads into buffer.
func (r *run) contains(file *os.File, k key, buffer []byte) (bool, error) {
	if !r.bits(&k, func(word *uint64, bit uint64) bool { return *word&bit != 0 }) {
		return false, nil
	}
	block := sort.Search(len(r.firsts), func(i int) bool { return bytes.Compare(r.firsts[i][:], k[:]) > 0 }) - 1
	if block < 0 {
		return false, nil
	}
	begin := block * blockKeys
	keys := buffer[:min(blockKeys, r.count-begin)*keyBytes]
	if _, err := file.ReadAt(keys, r.at+int64(begin*keyBytes)); err != nil {
		return false, err
	}
	for ; len(keys) > 0; keys = keys[keyBytes:] {
		if key(keys) == k {
			return true, nil
		}
	}
	return false, nil
}
