package main

import (
	"bufio"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

func TestPasteStaysOneLine(t *testing.T) {
	for _, c := range []struct{ typed, want string }{
		{"abc\r", "abc\r"},
		{"\x1b[Axy\x1b[2~\x1b", "\x1b[Axy\x1b[2~\x1b"}, // up, insert, a lone Escape
		{"a\x1b[200~b\nc\x1b[201~d\r", "ab↵cd\r"},
		{"\x1b[200~1\r\n2\r3\n4\x1b[201~", "1↵2↵3↵4"},
		{"\x1b[200~\x1b[A\x1b[201~\r", "\x1b[A\r"},
		{"\x1b[200~a\x1b[201~\x1b[200~\n\x1b[201~\n", "a↵\n"},
		{"\x1b\x1b[200~a\nb\x1b[201~", "\x1ba↵b"},
	} {
		whole, single := new(strings.Builder), new(strings.Builder)
		if _, err := (&pasteFilter{w: whole}).Write([]byte(c.typed)); err != nil {
			t.Fatal(err)
		}
		if whole.String() != c.want {
			t.Errorf("%q became %q, want %q", c.typed, whole, c.want)
		}
		if strings.HasPrefix(c.typed, "\x1b\x1b") || strings.HasSuffix(c.typed, "\x1b") {
			continue
		}
		// The same in two reads, cut anywhere but after an Escape.
		for cut := range len(c.typed) {
			if cut > 0 && c.typed[cut-1] == '\x1b' {
				continue
			}
			single.Reset()
			f := &pasteFilter{w: single}
			for _, part := range []string{c.typed[:cut], c.typed[cut:]} {
				if _, err := f.Write([]byte(part)); err != nil {
					t.Fatal(err)
				}
			}
			if single.String() != c.want {
				t.Errorf("%q cut at %d became %q, want %q", c.typed, cut, single, c.want)
			}
		}
	}
}

func TestStreamOfLines(t *testing.T) {
	long := strings.Repeat("long ", 100_000)
	s := newStream(strings.NewReader("one\r\n\n" + long + "\nlast"))
	var got []string
	for {
		line, err := s.next("")
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, line.text)
	}
	if want := []string{"one", "", long, "last"}; !slices.Equal(got, want) {
		t.Errorf("%d lines, want %d", len(got), len(want))
	}
	s = newStream(iotest.ErrReader(errors.New("gone")))
	if _, err := s.next(""); err == nil || !strings.Contains(err.Error(), "standard input: gone") {
		t.Errorf("error %v", err)
	}
}

// What a model says commands no terminal, and comes as it is anywhere else.
func TestAnswersCommandNoTerminal(t *testing.T) {
	terminal, screen := openTerminal(t)
	if err := screen.SetReadDeadline(time.Now().Add(time.Minute)); err != nil { // nothing to read would be a hang
		t.Fatal(err)
	}
	reader, pipe, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	defer pipe.Close()
	const said = "a\x1b[2Jb\x07\u009b1m."
	for _, c := range []struct {
		to, from *os.File
		want     string
	}{{terminal, screen, "a[2Jb1m."}, {pipe, reader, said}} {
		p := &program{stdout: &output{w: c.to}}
		if err := p.printer()(said); err != nil {
			t.Fatal(err)
		}
		if got, err := bufio.NewReader(c.from).ReadString('.'); err != nil || got != c.want {
			t.Errorf("%s: %q (%v), want %q", c.to.Name(), got, err, c.want)
		}
	}
}

func TestVisibleKeepsTextAndDropsCommands(t *testing.T) {
	if got := visible("a\x1b[2Jb\n\tñ\u009b1mไทย\x07"); got != "a[2Jb\n\tñ1mไทย" {
		t.Errorf("%q", got)
	}
}
