package batch

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strconv"
)

// Line is one line of the input, or one record of a CSV file. It belongs to whoever got it.
type Line struct {
	Index  int64  // from 0, of the lines that are not blank, over all inputs in order
	Name   string // of the input, for errors
	Number int64  // of the line in its input, from 1, blank ones counted; a record's is that of its first line
	Hash   Hash

	// Text is the line's bytes without its break and the input's byte order mark: valid
	// UTF-8 without NUL. Of a record it is the JSON object of its columns. It is nil where
	// Err is set.
	Text []byte

	// Columns are a record's fields in the order of the header, empty ones where Err is set; nil if
	// the input is not CSV.
	Columns []Column

	// Prompt is which of Columns holds the prompt, -1 if none does.
	Prompt int

	// Err says what is wrong with this line; the lines behind it are not concerned.
	Err error
}

// Column is a field of a record and its name in the header.
type Column struct{ Name, Value string }

// Where names the line's place in its input.
func (l *Line) Where() string { return fmt.Sprintf("%s: line %d", l.Name, l.Number) }

// Hash tells a line's content from any other: the first eight bytes of the SHA-256 of Text,
// or of what the line holds instead where that isn't text. It is never 0.
type Hash uint64

// String gives the 16 hexadecimal digits that an output line shows.
func (h Hash) String() string { return fmt.Sprintf("%016x", uint64(h)) }

// ParseHash is the inverse of String.
func ParseHash(digits string) (Hash, error) {
	h, err := strconv.ParseUint(digits, 16, 64)
	if err != nil || len(digits) != 16 || h == 0 || Hash(h).String() != digits {
		return 0, fmt.Errorf("batch: %.40q is no hash of a line: want 16 hexadecimal digits", digits)
	}
	return Hash(h), nil
}

// hashText is the hash of a text.
func hashText(text []byte) Hash { return hashOf(sha256.Sum256(text)) }

// hashOf takes the first bytes of a digest; 0 stands for no hash where hashes are kept.
func hashOf(sum [sha256.Size]byte) Hash {
	return Hash(max(1, binary.BigEndian.Uint64(sum[:])))
}
