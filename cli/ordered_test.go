package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// doubled writes its line twice.
func doubled(out, line []byte) ([]byte, error) {
	if bytes.Equal(line, []byte("bad")) {
		return nil, errors.New("refused")
	}
	return append(append(append(out, line...), line...), '\n'), nil
}

func manyLines(n int) (in, out string) {
	var a, b strings.Builder
	for i := range n {
		line := "x" + strings.Repeat(fmt.Sprint(i, " "), i*7%300)
		a.WriteString(line + "\n")
		b.WriteString(line + line + "\n")
	}
	return a.String(), b.String()
}

func TestMapLinesKeepsTheOrder(t *testing.T) {
	in, want := manyLines(20000)
	for name, r := range map[string]io.Reader{
		"at once":       strings.NewReader(in),
		"in halves":     iotest.HalfReader(strings.NewReader(in)),
		"end with data": iotest.DataErrReader(strings.NewReader(in)),
		"no last break": strings.NewReader(strings.TrimSuffix(in, "\n")),
	} {
		var out bytes.Buffer
		if err := mapLines(t.Context(), r, &out, doubled); err != nil || out.String() != want {
			t.Errorf("%s: %v, %d bytes, want %d", name, err, out.Len(), len(want))
		}
	}
	in, want = manyLines(50)
	var out bytes.Buffer
	if err := mapLines(t.Context(), iotest.OneByteReader(strings.NewReader(in)), &out, doubled); err != nil || out.String() != want {
		t.Errorf("byte by byte: %v, %q", err, out.String())
	}
	out.Reset()
	if err := mapLines(t.Context(), strings.NewReader(""), &out, doubled); err != nil || out.Len() != 0 {
		t.Errorf("nothing: %v, %q", err, out.String())
	}
	if err := mapLines(t.Context(), strings.NewReader(byteOrderMark+"a\r\n \t\n\n"+byteOrderMark+"b\n\r\n"), &out, doubled); err != nil || out.String() != "a\ra\r\n"+byteOrderMark+"b"+byteOrderMark+"b\n" {
		t.Errorf("a byte order mark, and blank lines: %v, %q", err, out.String())
	}
	out.Reset()
	long := strings.Repeat("x", 20*batchBytes)
	if err := mapLines(t.Context(), strings.NewReader("a\n"+long+"\nb"), &out, doubled); err != nil || out.String() != "aa\n"+long+long+"\nbb\n" {
		t.Errorf("a long line: %v, %d bytes", err, out.Len())
	}
}

func TestMapLinesStops(t *testing.T) {
	in, want := manyLines(3000)
	more, _ := manyLines(30000)
	var out bytes.Buffer
	err := mapLines(t.Context(), strings.NewReader(in+"bad\n"+more), &out, doubled)
	if err == nil || err.Error() != "line 3001: refused" || out.String() != want {
		t.Errorf("a bad line: %v, %d bytes, want %d", err, out.Len(), len(want))
	}
	out.Reset()
	gone := errors.New("gone")
	err = mapLines(t.Context(), io.MultiReader(strings.NewReader(in), iotest.ErrReader(gone)), &out, doubled)
	if !errors.Is(err, gone) || !strings.HasPrefix(err.Error(), "line 3001: ") || out.String() != want {
		t.Errorf("a reader that fails: %v, %d bytes, want %d", err, out.Len(), len(want))
	}
	r, w := io.Pipe()
	r.Close()
	if err := mapLines(t.Context(), strings.NewReader(in), w, doubled); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("a writer that fails: %v", err)
	}
	err = mapLines(t.Context(), endless{}, io.Discard, doubled)
	if err == nil || !strings.Contains(err.Error(), "line 1: it is longer than 64 MiB") {
		t.Errorf("an endless line: %v", err)
	}
}

// endless is one line without an end.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func TestMapLinesCancel(t *testing.T) {
	// The reader hangs: what came before is written, and cancelling ends it.
	ctx, cancel := context.WithCancelCause(t.Context())
	in, inW := io.Pipe()
	defer inW.Close()
	out, outW := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- mapLines(ctx, in, outW, doubled) }()
	go io.WriteString(inW, "one\ntw")
	line := make([]byte, 7)
	if _, err := io.ReadFull(out, line); err != nil || string(line) != "oneone\n" {
		t.Fatalf("%q, %v", line, err)
	}
	stop := errors.New("stop")
	cancel(stop)
	select {
	case err := <-ended:
		if !errors.Is(err, stop) {
			t.Errorf("%v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("it does not end")
	}
}

func TestTokenizeChatClosedPipe(t *testing.T) {
	r, w := io.Pipe()
	r.Close()
	var stderr bytes.Buffer
	code := run([]string{"tokenize", "--chat", "--loss-mask"}, strings.NewReader(`[{"role":"user","content":"Hi"}]`), w, &stderr)
	if code != 141 || strings.Count(stderr.String(), "\n") != 1 {
		t.Errorf("exit code %d, %q", code, stderr.String())
	}
}
