package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"

	"github.com/peterh/liner"
)

// turn is what a person or a pipe says at once.
type turn struct {
	text  string
	typed bool // not pasted: a slash at its begin makes it a command
}

// lines is where a chat's turns come from: an editor on a terminal, else the
// lines of standard input. next gives io.EOF at the end and errInterrupt for
// a Ctrl-C that the editor saw. After offer, the next prompt holds that text to
// be changed or sent; after edit, what the user's editor made of it.
type lines interface {
	next(prompt string) (turn, error)
	offer(text string)
	edit(text string) error
	close()
}

var errInterrupt = errors.New("interrupted")

// openLines also reports whether a person types the lines. The file history
// keeps them for the next chat; "" keeps none.
func (p *program) openLines(history string) (l lines, interactive bool) {
	if isTerminal(p.stdin) && isTerminal(p.stdout.w) {
		return newEditor(), true
	}
	return newStream(p.stdin), false
}

// byteOrderMark is what Windows' programs put in front of UTF-8; it is no part of a text.
const byteOrderMark = "\ufeff"

// stream reads lines of any length up to maxPromptBytes.
type stream struct {
	*bufio.Scanner
	mark string // that the next line may begin with
}

func newStream(r io.Reader) *stream {
	s := bufio.NewScanner(r)
	s.Buffer(nil, maxPromptBytes)
	return &stream{s, byteOrderMark}
}

func (s *stream) next(string) (turn, error) {
	if s.Scan() {
		line := strings.TrimPrefix(s.Text(), s.mark)
		s.mark = ""
		return turn{strings.TrimRight(line, "\r"), true}, nil
	}
	switch err := s.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return turn{}, fmt.Errorf("a line of standard input is longer than %d MiB", maxPromptBytes>>20)
	case err != nil:
		return turn{}, fmt.Errorf("reading standard input: %w", err)
	}
	return turn{}, io.EOF
}

func (s *stream) offer(string) {} // nobody is there to take it

func (s *stream) edit(string) error { return errors.New("an editor needs a terminal") }

func (s *stream) close() {}

// editor edits lines on the terminal. Ctrl-C is a key while a line is edited
// and a signal otherwise: liner switches the terminal accordingly.
type editor struct {
	liner   *liner.State
	stdin   *os.File
	offered string
}

// Bracketed paste: terminals that know it put these around pasted text.
const (
	pasteOn    = "\x1b[?2004h"
	pasteOff   = "\x1b[?2004l"
	pasteBegin = "\x1b[200~"
	pasteEnd   = "\x1b[201~"
)

// lineBreak stands for a line break of pasted text while it is edited.
const lineBreak = "↵"

func newEditor() *editor {
	e := &editor{stdin: os.Stdin}
	if runtime.GOOS != "windows" { // there liner reads key events, not os.Stdin
		if r, w, err := os.Pipe(); err == nil {
			go func() {
				_, err := io.Copy(&pasteFilter{w: w}, e.stdin)
				_ = err // a terminal that fails has hung up: the pipe's end shows it
				w.Close()
			}()
			os.Stdin = r
		}
	}
	e.liner = liner.NewLiner()
	e.liner.SetCtrlCAborts(true)
	e.liner.SetMultiLineMode(true)
	e.liner.SetBeep(false)
	return e
}

func (e *editor) next(prompt string) (turn, error) {
	fmt.Print(pasteOn)
	line, err := e.liner.PromptWithSuggestion(prompt, strings.ReplaceAll(e.offered, "\n", lineBreak), -1)
	e.offered = ""
	fmt.Print(pasteOff)
	switch {
	case errors.Is(err, liner.ErrPromptAborted):
		return turn{}, errInterrupt
	case errors.Is(err, io.EOF):
		fmt.Println()
		return turn{}, io.EOF
	case err != nil:
		return turn{}, fmt.Errorf("reading the terminal: %w", err)
	}
	if strings.TrimSpace(line) != "" {
		e.liner.AppendHistory(line)
	}
	return turn{strings.ReplaceAll(line, lineBreak, "\n"), !strings.Contains(line, lineBreak)}, nil
}

func (e *editor) offer(text string) { e.offered = text }

func (e *editor) edit(string) error { return errors.New("no editor is known yet") }

// close gives the terminal back as it was; it may be called twice.
func (e *editor) close() {
	fmt.Print(pasteOff)
	e.liner.Close()
	os.Stdin = e.stdin
}

// pasteFilter passes what is written to w. Line breaks inside a bracketed
// paste become lineBreak, so that pasted text stays one turn; the brackets go.
type pasteFilter struct {
	w       io.Writer
	pasting bool
	held    []byte // the beginning of a bracket, perhaps
	cr      bool   // the last byte was a CR inside a paste
}

func (f *pasteFilter) Write(b []byte) (int, error) {
	out := make([]byte, 0, len(b)+len(f.held))
	for _, c := range b {
		bracket := pasteBegin
		if f.pasting {
			bracket = pasteEnd
		}
		if c == bracket[len(f.held)] {
			if f.held = append(f.held, c); len(f.held) == len(bracket) {
				f.pasting, f.held = !f.pasting, f.held[:0]
			}
			continue
		}
		out = f.text(out, f.held...)
		if f.held = f.held[:0]; c == bracket[0] {
			f.held = append(f.held, c)
			continue
		}
		out = f.text(out, c)
	}
	if len(f.held) == 1 { // a lone Escape is a key: the editor's time-out decides
		out = f.text(out, f.held...)
		f.held = f.held[:0]
	}
	if _, err := f.w.Write(out); err != nil {
		return 0, err
	}
	return len(b), nil
}

func (f *pasteFilter) text(out []byte, text ...byte) []byte {
	for _, c := range text {
		switch {
		case !f.pasting:
			out = append(out, c)
		case c == '\n' && f.cr: // CR LF is one break
		case c == '\r' || c == '\n':
			out = append(out, lineBreak...)
		default:
			out = append(out, c)
		}
		f.cr = f.pasting && c == '\r'
	}
	return out
}
