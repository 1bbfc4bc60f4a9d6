package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// turn is what a person or a pipe says at once.
type turn struct {
	text  string
	typed bool // not pasted: a slash at its begin makes it a command
}

// lines is where a chat's turns come from: an editor on a terminal, else the
// lines of standard input. next gives io.EOF at the end and errInterrupt for
// a Ctrl-C that the editor saw, with what had been entered. After offer, the next prompt holds that text to
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
	if !isTerminal(p.stdin) || !isTerminal(p.stdout.w) {
		return newStream(p.stdin), false
	}
	if os.Getenv("TERM") != "dumb" {
		e, err := p.openEditor(history)
		if err == nil {
			return e, true
		}
		p.note("%s; lines can't be edited", oneLine(err))
	}
	s := newStream(p.stdin)
	s.prompts = p.stdout
	return s, true
}

// byteOrderMark is what Windows' programs put in front of UTF-8; it is no part of a text.
const byteOrderMark = "\ufeff"

// stream reads lines of any length up to maxPromptBytes.
type stream struct {
	*bufio.Scanner
	mark    string    // that the next line may begin with
	prompts io.Writer // where a person types the lines, without an editor
}

func newStream(r io.Reader) *stream {
	s := bufio.NewScanner(r)
	s.Buffer(nil, maxPromptBytes)
	return &stream{Scanner: s, mark: byteOrderMark}
}

func (s *stream) next(prompt string) (turn, error) {
	if s.prompts != nil {
		io.WriteString(s.prompts, prompt)
	}
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

func (s *stream) edit(string) error { return errors.New("an editor needs a terminal that is not dumb") }

func (s *stream) close() {}
