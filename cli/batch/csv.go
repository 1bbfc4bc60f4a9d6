package batch

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// csvReader reads records as RFC 4180 has them: fields in quotes may hold separators, line
// breaks and doubled quotes. A quote inside a field that doesn't begin with one is text, as for
// Python's csv and pandas. The first record is the header.
//
// encoding/csv is not used because it changes CR LF inside of quotes, and because a quote that
// is never closed makes it read the rest of the file into memory.
type csvReader struct {
	f         *file
	separator byte
	header    []string
	prompt    int // of header, -1: none

	at place // behind what was read of a record
}

// maxColumns bounds a header.
const maxColumns = 10_000

// begin reads the header and finds the column of the prompt.
func (c *csvReader) begin(s *Source) error {
	c.f.lines.open = c.follow
	number, text, err := c.record()
	fail := func(format string, args ...any) error {
		return fmt.Errorf("batch: %s: line %d: %w", c.f.name, number, fmt.Errorf(format, args...))
	}
	switch {
	case err == io.EOF:
		return fmt.Errorf("batch: %s is empty; its first line names the columns", c.f.name)
	case err != nil:
		return err
	}
	if err := c.f.lines.check("header", text); err != nil {
		return fail("%w", err)
	}
	if c.header, err = c.split(text, maxColumns); err != nil {
		return fail("%w", err)
	}
	for i, name := range c.header {
		if j := slices.Index(c.header[:i], name); j >= 0 {
			return fail("columns %d and %d are both called %.60q: give one another name", j+1, i+1, name)
		}
	}
	if s.header != nil && !slices.Equal(s.header, c.header) {
		return fail("the columns are %s, and those of another input are %s: give inputs with other columns to a run of their own",
			quoted(c.header), quoted(s.header))
	}
	s.header = c.header
	if c.prompt, err = s.in.promptColumn(c.header); err != nil {
		return fail("%w", err)
	}
	return nil
}

// promptColumn finds the column that holds the prompt.
func (in *Input) promptColumn(header []string) (int, error) {
	if in.Template {
		return -1, nil
	}
	want := in.Column
	if want == "" {
		want = "prompt"
	}
	if i := slices.Index(header, want); i >= 0 {
		return i, nil
	}
	if n, err := strconv.Atoi(want); err == nil && n >= 1 && n <= len(header) {
		return n - 1, nil
	}
	hint := ""
	if len(header) == 1 {
		for _, sep := range [...]string{";", "\t", "|", ","} {
			if strings.Contains(header[0], sep) {
				hint = fmt.Sprintf("; is %q what separates them? CSV has commas, TSV tabs", sep)
				break
			}
		}
	}
	return 0, fmt.Errorf("which column holds the prompt? None is called %.60q; there are %s%s", want, quoted(header), hint)
}

// quoted lists names for an error.
func quoted(names []string) string {
	var b strings.Builder
	for i, name := range names {
		if i == 20 {
			fmt.Fprintf(&b, " and %d more", len(names)-i)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%.60q", name)
	}
	return b.String()
}

// next reads the next record that isn't a blank line.
func (c *csvReader) next() (*Line, error) {
	number, text, err := c.record()
	if err != nil {
		return nil, err
	}
	line := &Line{Name: c.f.name, Number: number, Prompt: c.prompt}
	if line.Text, line.Columns, line.Err = c.columns(text); line.Err != nil {
		line.Text, line.Columns, line.Hash = nil, make([]Column, len(c.header)), c.f.lines.hash(text)
		for i, name := range c.header { // a record of the output has them all the same
			line.Columns[i].Name = name
		}
		return line, nil
	}
	line.Hash = hashText(line.Text)
	return line, nil
}

// columns gives a record's fields, and their JSON object.
func (c *csvReader) columns(text []byte) (object []byte, columns []Column, err error) {
	if err := c.f.lines.check("record", text); err != nil {
		return nil, nil, err
	}
	fields, err := c.split(text, len(c.header))
	switch {
	case err != nil:
		return nil, nil, err
	case len(fields) < len(c.header):
		return nil, nil, fmt.Errorf("the record has %d fields, and the header names %d", len(fields), len(c.header))
	}
	object = append(object, '{')
	columns = make([]Column, len(fields))
	for i, value := range fields {
		columns[i] = Column{c.header[i], value}
		if i > 0 {
			object = append(object, ',')
		}
		for j, s := range [...]string{c.header[i], value} {
			if object, err = jsontext.AppendQuote(object, s); err != nil {
				return nil, nil, err // never: it is UTF-8
			}
			if j == 0 {
				object = append(object, ':')
			}
		}
	}
	return append(object, '}'), columns, nil
}

// What a byte of a record stands in.
type place int

const (
	atStart  place = iota // of a field
	inPlain               // a field without quotes
	inQuotes              // a field in quotes
	behind                // a quote that closes the field, or is the first of two
)

// record reads a record, without its last break, and gives the number of its first line. Blank
// lines are passed over.
func (c *csvReader) record() (number int64, text []byte, err error) {
	for {
		c.at = atStart
		text, number, err := c.f.lines.read()
		switch {
		case err == io.EOF:
			return 0, nil, err
		case err != nil:
			return 0, nil, c.f.damaged(err)
		}
		if text = chomp(text); len(bytes.Trim(text, " ")) > 0 || c.f.lines.long {
			return number, text, nil
		}
	}
}

// follow moves at behind a piece of a record, and tells whether quotes are open there.
func (c *csvReader) follow(piece []byte) bool {
	at := c.at
	for _, b := range piece {
		switch {
		case b == '"' && (at == atStart || at == behind):
			at = inQuotes
		case b == '"' && at == inQuotes:
			at = behind
		case at == inQuotes:
		case b == c.separator:
			at = atStart
		default:
			at = inPlain
		}
	}
	c.at = at
	return at == inQuotes
}

// split gives the fields of a record, of which there may be most.
func (c *csvReader) split(text []byte, most int) (fields []string, err error) {
	for {
		if len(fields) == most {
			return nil, fmt.Errorf("the record has more than %d fields, the most that there may be", most)
		}
		var field []byte
		if len(text) > 0 && text[0] == '"' {
			if field, text, err = unquote(text[1:]); err != nil {
				return nil, fmt.Errorf("field %d %w", len(fields)+1, err)
			}
			if len(text) > 0 && text[0] != c.separator {
				return nil, fmt.Errorf("field %d goes on with %.20q behind its closing quote: write a quote inside of quotes twice",
					len(fields)+1, text)
			}
		} else {
			end := bytes.IndexByte(text, c.separator)
			if end < 0 {
				end = len(text)
			}
			field, text = text[:end], text[end:]
		}
		fields = append(fields, string(field))
		if len(text) == 0 {
			return fields, nil
		}
		text = text[1:]
	}
}

// unquote gives what stands in front of the closing quote of text, and what stands behind it.
func unquote(text []byte) (field, rest []byte, err error) {
	for {
		end := bytes.IndexByte(text, '"')
		switch {
		case end < 0:
			return nil, nil, errors.New("begins with a quote that is never closed: close it, or write it twice inside of quotes")
		case end+1 < len(text) && text[end+1] == '"':
			field = append(field, text[:end+1]...)
			text = text[end+2:]
		default:
			return append(field, text[:end]...), text[end+1:], nil
		}
	}
}
