package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
)

const (
	// batchBytes is what is read at a time, and what a goroutine gets at most but
	// for a line that is longer.
	batchBytes = 256 << 10

	// maxLineBytes bounds a line, which is in memory as a whole.
	maxLineBytes = 64 << 20
)

// lineFunc appends to out what a line, without its break, becomes. It is called from many
// goroutines.
type lineFunc func(out, line []byte) ([]byte, error)

// mapLines calls do for every line of r that isn't blank, behind a byte order mark, on all cores and writes what it appends in the order
// of the lines. The first line that fails ends it with an error that names the line; what the
// lines in front of it became is written, as whole lines. A fixed number of batches bounds the
// memory.
func mapLines(ctx context.Context, r io.Reader, w io.Writer, do lineFunc) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ordered := make(chan *portion, 2*runtime.GOMAXPROCS(0))
	var ended error // of reading
	go func() {     // it may hang in Read: nobody waits for it
		defer close(ordered)
		ended = cutBatches(ctx, r, ordered, do)
	}()
	for {
		select {
		case b, more := <-ordered:
			if !more {
				return ended
			}
			<-b.done
			if _, err := w.Write(b.out); err != nil || b.err != nil {
				return errors.Join(err, b.err)
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// cutBatches reads r into batches of whole lines, each of which a goroutine works on.
func cutBatches(ctx context.Context, r io.Reader, ordered chan<- *portion, do lineFunc) error {
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, batchBytes), maxLineBytes)
	s.Split(wholeLines)
	line := 1
	mark := []byte(byteOrderMark)
	for s.Scan() && s.Err() == nil { // with an error comes a line that was cut by it
		b := &portion{lines: bytes.Clone(bytes.TrimPrefix(s.Bytes(), mark)), first: line, done: make(chan struct{})}
		mark = nil
		line += bytes.Count(b.lines, []byte("\n"))
		select {
		case ordered <- b:
			go b.run(do)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	err := s.Err()
	if errors.Is(err, bufio.ErrTooLong) {
		err = fmt.Errorf("it is longer than %d MiB", maxLineBytes>>20)
	}
	if err != nil {
		err = fmt.Errorf("line %d: %w", line, err)
	}
	return err
}

// wholeLines is a bufio.SplitFunc for all lines that are there.
func wholeLines(data []byte, atEOF bool) (advance int, token []byte, err error) {
	end := bytes.LastIndexByte(data, '\n') + 1
	if atEOF {
		end = len(data)
	}
	if end == 0 {
		return 0, nil, nil
	}
	return end, data[:end], nil
}

// portion is some whole lines and what they became.
type portion struct {
	lines []byte
	first int // line number of the first, from 1
	out   []byte
	err   error
	done  chan struct{}
}

// run turns the batch's lines into its output, up to one that fails.
func (b *portion) run(do lineFunc) {
	defer close(b.done)
	n := b.first
	for line := range bytes.Lines(b.lines) {
		if len(bytes.TrimSpace(line)) > 0 {
			out, err := do(b.out, bytes.TrimSuffix(line, []byte("\n")))
			if err != nil {
				b.err = fmt.Errorf("line %d: %w", n, err)
				return
			}
			b.out = out
		}
		n++
	}
}
