package batch

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"

	"github.com/klauspost/compress/zstd"
)

// file is an input that is being read.
type file struct {
	name   string // for errors
	own    *os.File
	zstd   *zstd.Decoder
	read   *atomic.Int64 // bytes of all inputs
	begun  int64         // of them, before this one
	packed bool
	lines  *lineReader
	next   func() (*Line, error) // without Index; io.EOF at the end
}

// open opens the input of this name, counts in read what it reads, and looks at how it begins.
func (s *Source) open(name string, read *atomic.Int64) (f *file, err error) {
	f = &file{name: name, read: read, begun: read.Load()}
	raw := s.in.Stdin
	if name == stdin {
		f.name = "standard input"
	} else {
		if f.own, err = os.Open(name); err != nil {
			return nil, fmt.Errorf("batch: %w", err)
		}
		if info, err := f.own.Stat(); err == nil && info.IsDir() {
			f.own.Close()
			return nil, fmt.Errorf("batch: %s is a folder; name the files in it", name)
		}
		raw = f.own
	}
	if err = f.begin(&counter{raw, read}, s.in.of(name), s); err != nil {
		f.close()
		return nil, err
	}
	return f, nil
}

// begin reads what stands in front of the lines.
func (f *file) begin(raw io.Reader, format Format, s *Source) error {
	text, err := f.unpack(bufio.NewReaderSize(raw, readBytes))
	if err != nil {
		return f.damaged(err)
	}
	switch {
	case begins(text, "\xef\xbb\xbf"):
		_, _ = text.Discard(3) // of what was looked at
	case begins(text, "\xff\xfe"), begins(text, "\xfe\xff"):
		return fmt.Errorf("batch: %s is UTF-16, and UTF-8 is wanted: convert it (iconv -f UTF-16 -t UTF-8), or save it as UTF-8", f.name)
	}
	f.lines = &lineReader{r: text, most: cmp.Or(s.in.maxLine, maxLine)}
	switch format {
	case JSONL:
		f.next = f.jsonl
	case CSV, TSV:
		c := &csvReader{f: f, separator: ','}
		if format == TSV {
			c.separator = '\t'
		}
		f.next = c.next
		return c.begin(s)
	default:
		return fmt.Errorf("batch: %q is no format of inputs: want %s, %s or %s", format, JSONL, CSV, TSV)
	}
	return nil
}

const (
	// readBytes is what is read at a time.
	readBytes = 64 << 10

	// maxLine bounds a line or record in bytes.
	maxLine = 64 << 20

	// maxWindow is how far back zstd may refer, in bytes: what its own program takes without --long.
	maxWindow = 128 << 20
)

// strangers are compressed and binary files by how they begin.
var strangers = []struct{ magic, what string }{
	{"\xfd7zXZ\x00", "compressed by xz"},
	{"BZh91AY&SY", "compressed by bzip2"},
	{"\x04\x22\x4d\x18", "compressed by lz4"},
	{"PK\x03\x04", "a zip archive (or a spreadsheet)"},
	{"7z\xbc\xaf\x27\x1c", "a 7z archive"},
	{"PAR1", "a Parquet file"},
	{"SQLite format 3\x00", "an SQLite database"},
}

// unpack gives the text of what may be compressed.
func (f *file) unpack(r *bufio.Reader) (*bufio.Reader, error) {
	var plain io.Reader
	var err error
	switch {
	case begins(r, "\x1f\x8b"):
		plain, err = gzip.NewReader(r)
	case begins(r, "\x28\xb5\x2f\xfd") || skippable(r):
		f.zstd, err = zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(maxWindow))
		plain = f.zstd
	default:
		for _, s := range strangers {
			if begins(r, s.magic) {
				return nil, fmt.Errorf("it is %s: unpack it first (what .gz and .zst hold is read as it is)", s.what)
			}
		}
		return r, nil
	}
	f.packed = true
	return bufio.NewReaderSize(plain, readBytes), err
}

// begins looks no further than it must: what comes behind may take its time.
func begins(r *bufio.Reader, magic string) bool {
	for n := 1; n <= len(magic); n++ {
		if head, _ := r.Peek(n); string(head) != magic[:n] {
			return false
		}
	}
	return true
}

// skippable tells whether r begins with a frame that zstd passes over, as pzstd writes first.
func skippable(r *bufio.Reader) bool {
	head, _ := r.Peek(1)
	return len(head) == 1 && head[0]&0xf0 == 0x50 && begins(r, string(head[0])+"\x2a\x4d\x18")
}

// damaged says where in the input err came up.
func (f *file) damaged(err error) error {
	place := ""
	if f.lines != nil && f.lines.number > 0 {
		place = fmt.Sprintf(" behind line %d", f.lines.number)
	}
	var remedy string
	switch {
	case f.packed && errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("batch: %s ends%s in the middle of its compressed text, at byte %d: copy it again", f.name, place, f.read.Load()-f.begun)
	case errors.Is(err, zstd.ErrWindowSizeExceeded):
		remedy = fmt.Sprintf("; it was compressed with a window of more than %d MiB: compress it again without --long", maxWindow>>20)
	case f.packed:
		remedy = "; the file is damaged: copy it again"
	}
	return fmt.Errorf("batch: %s%s, near byte %d: %w%s", f.name, place, f.read.Load()-f.begun, err, remedy)
}

func (f *file) close() {
	if f.zstd != nil {
		f.zstd.Close()
	}
	if f.own != nil {
		f.own.Close() // it was only read
	}
}

// counter counts the bytes that are read through it.
type counter struct {
	io.Reader
	n *atomic.Int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// jsonl reads the next line that isn't blank.
func (f *file) jsonl() (*Line, error) {
	for {
		text, number, err := f.lines.read()
		switch {
		case err == io.EOF:
			return nil, err
		case err != nil:
			return nil, f.damaged(err)
		}
		text = chomp(text)
		if len(bytes.Trim(text, " \t\r")) == 0 && !f.lines.long {
			continue
		}
		line := &Line{Name: f.name, Number: number, Prompt: -1, Hash: f.lines.hash(text)}
		if line.Err = f.lines.check("line", text); line.Err == nil {
			line.Text = bytes.Clone(text)
		}
		return line, nil
	}
}
