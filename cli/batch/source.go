package batch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
)

// Input says what to read and how.
type Input struct {
	Names  []string  // paths in order, "-" is Stdin; none is Stdin alone
	Stdin  io.Reader // read only if it is asked for
	Format Format

	// Column names the column that holds the prompt in CSV, or counts it from 1; "" is the
	// one called prompt.
	Column string
	// Template is whether a template makes the prompt of all columns: none is looked for then.
	Template bool

	maxLine int // for tests; 0 is the constant
}

// Format is what an input's lines are.
type Format string

const (
	// Auto is CSV or TSV by a file's extension, behind which .gz or .zst may stand; other
	// inputs are CSV if Input.Column is set, else JSONL.
	Auto  Format = ""
	JSONL Format = "jsonl"
	CSV   Format = "csv"
	TSV   Format = "tsv"
)

// HasColumns tells whether one of the inputs is CSV or TSV.
func (in *Input) HasColumns() bool {
	if len(in.Names) == 0 {
		return in.of(stdin) != JSONL
	}
	return slices.ContainsFunc(in.Names, func(name string) bool { return in.of(name) != JSONL })
}

// of is the format of the input of this name.
func (in *Input) of(name string) Format {
	if in.Format != Auto {
		return in.Format
	}
	ext := func() string { return strings.ToLower(filepath.Ext(name)) }
	if slices.Contains([]string{".gz", ".zst", ".zstd"}, ext()) {
		name = strings.TrimSuffix(name, filepath.Ext(name))
	}
	switch ext() {
	case ".csv":
		return CSV
	case ".tsv", ".tab":
		return TSV
	case ".jsonl", ".ndjson", ".json":
		return JSONL
	}
	if in.Column != "" {
		return CSV
	}
	return JSONL
}

// Source gives the lines of its inputs one after the other, in memory that does not grow with
// them. It has one reader.
//
// A goroutine reads a line whenever one is asked for: Next may go away from a pipe that is
// silent, but nothing can end the read of it.
type Source struct {
	in    Input
	total int64 // bytes, -1: unknown
	read  atomic.Int64
	ahead atomic.Int64 // of those, what lies behind the lines that were given

	ask    chan struct{}
	given  chan given
	closed chan struct{}
	asked  bool // Next went away from a line

	// What the goroutine has.
	names  []string // that are not open yet
	file   *file    // that is read; nil: the next of names is
	header []string // of all CSV inputs; Open has it of those that are files
	index  int64
	err    error // that ended it
}

// given is what Next gives.
type given struct {
	line *Line
	err  error
}

const stdin = "-"

// Open checks the inputs, as far as they are files: that they are there, can be read, and
// begin as they should. An error names the first that doesn't.
func Open(in Input) (*Source, error) {
	s := &Source{in: in, names: in.Names, ask: make(chan struct{}, 1), given: make(chan given, 1), closed: make(chan struct{})}
	if len(s.names) == 0 {
		s.names = []string{stdin}
	}
	for i, name := range s.names {
		if name == stdin && slices.Contains(s.names[:i], stdin) {
			return nil, errors.New("batch: - stands for standard input, which can be read only once")
		}
		if err := s.check(name); err != nil {
			return nil, err
		}
	}
	go s.serve()
	return s, nil
}

// check looks at an input, without reading what can't be read again.
func (s *Source) check(name string) error {
	info, err := s.stat(name)
	switch {
	case err != nil:
		return fmt.Errorf("batch: %w", err)
	case info == nil || !info.Mode().IsRegular():
		s.total = -1
	case s.total >= 0:
		s.total += info.Size()
	}
	if name == stdin || !info.Mode().IsRegular() && !info.IsDir() { // opening a pipe would wait
		return nil
	}
	f, err := s.open(name, new(atomic.Int64))
	if err != nil {
		return err
	}
	f.close()
	return nil
}

// stat gives nothing of a standard input that is no file.
func (s *Source) stat(name string) (fs.FileInfo, error) {
	if name != stdin {
		return os.Stat(name)
	}
	if f, ok := s.in.Stdin.(*os.File); ok {
		return f.Stat()
	}
	return nil, nil
}

// Next waits for the next line that isn't blank, reading no further than that takes. io.EOF is
// the end of the last input. Another error ends the input: ctx's cause (the line that was waited
// for comes with the next call), or that of a damaged or unreadable file, with its name and place.
func (s *Source) Next(ctx context.Context) (*Line, error) {
	if !s.asked {
		s.ask <- struct{}{}
	}
	s.asked = true
	select {
	case g := <-s.given:
		s.asked = false
		return g.line, g.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// Progress tells the bytes of the lines so far, of compressed files those that were read for them, and the bytes of
// all inputs: -1 if one of them is no file. It may be called at any time.
func (s *Source) Progress() (read, total int64) { return s.read.Load() - s.ahead.Load(), s.total }

// Close closes the inputs; it does not wait for one that hangs in a read. Next must not follow.
func (s *Source) Close() { close(s.closed) }

// serve reads what Next asks for.
func (s *Source) serve() {
	defer func() {
		if s.file != nil {
			s.file.close()
		}
	}()
	for {
		select {
		case <-s.ask:
		case <-s.closed:
			return
		}
		line, err := s.next()
		s.given <- given{line, err} // there is room for one
	}
}

// next reads on, in the next input where one ends.
func (s *Source) next() (*Line, error) {
	for s.err == nil {
		if s.file == nil {
			if len(s.names) == 0 {
				s.err = io.EOF
				break
			}
			name := s.names[0]
			s.names = s.names[1:]
			s.file, s.err = s.open(name, &s.read)
			continue
		}
		line, err := s.file.next()
		switch {
		case err == io.EOF:
			s.file.close()
			s.file = nil
			s.ahead.Store(0)
		case err != nil:
			s.err = err
		default:
			line.Index = s.index
			s.index++
			if !s.file.packed {
				s.ahead.Store(int64(s.file.lines.r.Buffered()))
			}
			return line, nil
		}
	}
	return nil, s.err
}
