package batch

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"unicode/utf8"
)

// lineReader reads lines, or records of several, and of those that are too long only their hash.
type lineReader struct {
	r      *bufio.Reader
	most   int   // bytes of a line or record, which is in memory as a whole
	number int64 // of lines read
	long   bool  // what was read last is longer than most: its text is not there

	// open is told every piece of a record, up to a line break or not, and says whether the
	// record goes on behind a break; nil if records are lines.
	open func(piece []byte) bool

	text []byte
	sum  hash.Hash // of a long line's bytes so far
}

// read gives the next line or record with its last break, which it may lack at the end of the
// input, and the number of its first line. It is valid up to the next call. io.EOF comes with no
// line, any other error in place of one.
func (l *lineReader) read() (text []byte, number int64, err error) {
	l.long = false
	if l.text = l.text[:0]; cap(l.text) > 1<<20 {
		l.text = nil
	}
	number = l.number + 1
	for found, broken := false, false; ; {
		piece, err := l.r.ReadSlice('\n')
		if len(piece) > 0 && (!found || broken) {
			l.number++
		}
		found = found || len(piece) > 0
		broken = err == nil
		l.text = append(l.text, piece...)
		more := l.open != nil && l.open(piece)
		if len(l.text) > l.most+len("\r\n") {
			l.drop()
		}
		switch {
		case err == io.EOF && !found:
			return nil, 0, io.EOF
		case err == io.EOF || broken && !more:
			return l.text, number, nil
		case err != nil && !errors.Is(err, bufio.ErrBufferFull):
			l.number = number - 1 // nobody gets what there is of it
			return nil, 0, err
		}
	}
}

// drop turns the text so far into its hash.
func (l *lineReader) drop() {
	if !l.long {
		l.long = true
		l.sum = sha256.New()
	}
	l.sum.Write(l.text)
	l.text = l.text[:0]
}

// hash is that of the line read last, of which text is what is there.
func (l *lineReader) hash(text []byte) Hash {
	if !l.long {
		return hashText(text)
	}
	l.sum.Write(text)
	return hashOf([sha256.Size]byte(l.sum.Sum(nil)))
}

// check says why a text can't be read; what is a line or a record.
func (l *lineReader) check(what string, text []byte) error {
	switch {
	case (l.long || len(text) > l.most) && l.open != nil:
		return fmt.Errorf("the %s is longer than %d MiB; is a quote never closed?", what, l.most>>20)
	case l.long || len(text) > l.most:
		return fmt.Errorf("the %s is longer than %d MiB", what, l.most>>20)
	}
	if i := bytes.IndexByte(text, 0); i >= 0 {
		return fmt.Errorf("byte %d of the %s is NUL, which no text has; is the file UTF-16? UTF-8 is wanted", i+1, what)
	}
	if !utf8.Valid(text) {
		return fmt.Errorf("the %s is not UTF-8: byte %d is %#02x", what, notUTF8(text)+1, text[notUTF8(text)])
	}
	return nil
}

// notUTF8 is the place of the first byte of text that is not UTF-8.
func notUTF8(text []byte) int {
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return len(text)
}

// chomp cuts off a line's break.
func chomp(text []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("\n")), []byte("\r"))
}
