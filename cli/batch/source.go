package batch

import (
	"context"
	"errors"
	"io"
)

// Input says what to read and how.
type Input struct {
	Names  []string  // paths in order, "-" is Stdin; none is Stdin alone
	Stdin  io.Reader // read only if it is asked for
	Format Format

	// Column names the column that holds the prompt in CSV, or counts it from 1; "" is the
	// one called prompt.
	Column string
	// Template is whether a template makes the prompt of all columns: none is named then.
	Template bool
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

// Source gives the lines of its inputs one after the other, in memory that does not grow with
// them. It has one reader.
type Source struct{}

// Open checks the inputs, as far as they are files: that they are there, can be read, and
// begin as they should. An error names the first that doesn't.
func Open(in Input) (*Source, error) { return nil, errors.New("batch: not yet") }

// Next waits for the next line that isn't blank, reading no further than that takes. io.EOF is
// the end of the last input. Another error ends the input: ctx's cause (the line that was waited
// for comes with the next call), or that of a damaged or unreadable file, with its name and place.
func (s *Source) Next(ctx context.Context) (*Line, error) { return nil, io.EOF }

// Progress tells the bytes read so far, compressed as they are, and the bytes of all inputs: -1
// if one of them is a pipe. It may be called at any time.
func (s *Source) Progress() (read, total int64) { return 0, -1 }

// Close closes the inputs; it does not wait for one that hangs in a read.
func (s *Source) Close() {}
