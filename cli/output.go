package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/urfave/cli/v2"

	"sealvk/weights"
)

// printable is a text that others made, such as the name of a file, as a terminal may have it: what would command it,
// or turn around the order of what is read, is escaped as Go has it, and so are bytes that are no UTF-8.
func printable(text string) string {
	escaped := func(r rune) bool {
		return unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control, unicode.Zl, unicode.Zp)
	}
	if utf8.ValidString(text) && !strings.ContainsFunc(text, escaped) {
		return text
	}
	var b strings.Builder
	for len(text) > 0 {
		r, n := utf8.DecodeRuneInString(text)
		piece := text[:n]
		if escaped(r) || r == utf8.RuneError && n == 1 {
			piece = strings.Trim(strconv.QuoteToASCII(piece), `"`)
		}
		b.WriteString(piece)
		text = text[n:]
	}
	return b.String()
}

// outputFlags say in which form something is written, and where.
type outputFlags struct {
	form choice
	file string // "": standard output
}

// newOutputFlags takes the names of the forms, that of the default first.
func newOutputFlags(forms ...string) outputFlags { return outputFlags{form: choice{forms[0], forms}} }

// flags are --format and -o; about is said behind the forms.
func (o *outputFlags) flags(about string) []cli.Flag {
	return []cli.Flag{
		valueFlag(&o.form, categoryShow, "format", "`FORM`: "+strings.Join(o.form.words, ", ")+about),
		fileFlag(&o.file, categoryShow, "output, o", "`FILE` to write instead of standard output"),
	}
}

// check finds, before the work, what is wrong with the name of the file to write, or that it is that
// of an input.
func (o *outputFlags) check(inputs ...string) error {
	if o.file == "" {
		return nil
	}
	if err := checkOutput(o.file); err != nil {
		return err
	}
	return checkNotRead(o.file, inputs)
}

// write writes to the file or to standard output. Both keep their first error, so that what
// writes need not look at each.
func (o *outputFlags) write(p *program, write func(io.Writer) error) error {
	if o.file != "" {
		return writeFile(o.file, write)
	}
	if err := write(p.stdout); err != nil {
		return err
	}
	return p.stdout.err
}

// checkOutput finds what is wrong with the name of a file to write, before the work that
// it is for.
func checkOutput(path string) error {
	folder := filepath.Dir(path)
	if info, err := os.Stat(folder); err != nil {
		return fmt.Errorf("%s: its folder %s: %w; make it or choose another", path, folder, bare(err))
	} else if !info.IsDir() {
		return fmt.Errorf("%s: %s is not a folder", path, folder)
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return fmt.Errorf("%s is a folder; want the name of the file to write in it", path)
	}
	return nil
}

// checkNotRead is an error if path is one of the files that are read, which it would replace.
func checkNotRead(path string, inputs []string) error {
	for _, name := range inputs {
		in, errIn := os.Stat(name)
		if out, err := os.Stat(path); err == nil && errIn == nil && out.Mode().IsRegular() && os.SameFile(in, out) {
			return fmt.Errorf("%s is one of the inputs; choose another name for the output", path)
		}
	}
	return nil
}

// checkNotInput is an error if path is a file of the model that is read: one of its
// weights, or anything beside them in the model's folder.
func checkNotInput(path string, m *weights.Model) error {
	out, err := os.Stat(path)
	if err != nil {
		return nil
	}
	files := append([]string{m.Tokenizer}, m.Files...)
	entries, _ := os.ReadDir(m.Path) // none if the model is a file
	for _, e := range entries {
		files = append(files, filepath.Join(m.Path, e.Name()))
	}
	for _, name := range files {
		if in, err := os.Stat(name); err == nil && os.SameFile(in, out) {
			return fmt.Errorf("%s is the input's own file %s; choose another name for the output", path, name)
		}
	}
	return nil
}

// bare is a path error without its operation and path, where the message names another.
func bare(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// writeFile makes the file at path from what write gives: under another name
// first, so that a file of that name is always whole. Devices and pipes are
// written as they are.
func writeFile(path string, write func(io.Writer) error) error {
	name, flags := filepath.Join(filepath.Dir(path), fmt.Sprintf(".%s.%d.part", filepath.Base(path), os.Getpid())), os.O_CREATE|os.O_EXCL // never where a link leads
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		name, flags = path, 0
	} else {
		_ = os.Remove(name) // of a process that had the same number, and crashed
	}
	file, err := os.OpenFile(name, os.O_WRONLY|flags, 0o666)
	if err != nil {
		return fmt.Errorf("%s: %w", path, bare(err))
	}
	w := bufio.NewWriterSize(file, 1<<20)
	err = errors.Join(write(w), w.Flush())
	if e := file.Close(); err == nil && e != nil {
		err = fmt.Errorf("%s: %w", path, bare(e))
	}
	switch {
	case name == path:
		return err
	case err != nil:
		os.Remove(name)
		return err
	}
	return os.Rename(name, path)
}

// openInput opens a file to read; want says what it is, should it be a folder.
func openInput(path, want string) (*os.File, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if info, err := file.Stat(); err == nil && info.IsDir() {
		file.Close()
		return nil, fmt.Errorf("%s is a folder; want %s", path, want)
	}
	return file, nil
}
