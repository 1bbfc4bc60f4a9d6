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
