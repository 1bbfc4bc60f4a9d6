package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync"
)

// batch is some whole lines and what they became.
type batch struct {
	lines []byte
	first int // line number of the first, from 1
	out   []byte
	err   error
	done  chan struct{}
}

const (
	// batchBytes is what is read at a time, and at least handed to a worker
	// unless a reader gives less.
	batchBytes = 256 << 10

	// maxLineBytes bounds a line, which is in memory as a whole.
	maxLineBytes = 64 << 20
)

// mapLines calls a worker's function for every line of r on all cores and
// writes what they append in the order of the lines. newWorker makes the
// function of one worker, which may keep working memory. The first line that
// fails ends it with an error that names the line; what the lines in front of
// it became is written, as whole lines. A fixed number of batches bounds the
// memory.
func mapLines(ctx context.Context, r io.Reader, w io.Writer, newWorker func() func(out, line []byte) ([]byte, error)) error {
	ctx, cancel := context.WithCancel(ctx)
	workers := runtime.GOMAXPROCS(0)
	free := make(chan *batch, 2*workers+1)
	for range cap(free) {
		free <- &batch{}
	}
	work, ordered := make(chan *batch, cap(free)), make(chan *batch, cap(free))
	var group sync.WaitGroup
	defer group.Wait()
	defer cancel() // ahead of Wait
	for range workers {
		do := newWorker()
		group.Go(func() {
			for {
				select {
				case b := <-work:
					b.run(do)
					close(b.done)
				case <-ctx.Done():
					return
				}
			}
		})
	}
	go cutBatches(ctx, r, free, work, ordered) // it may hang in Read: nobody waits for it
	for {
		b, err := nextBatch(ctx, ordered)
		if b == nil || err != nil {
			return err
		}
		if _, err := w.Write(b.out); err != nil || b.err != nil {
			return errors.Join(err, b.err)
		}
		free <- b
	}
}

// nextBatch waits for the next batch to be done; nil after the last.
func nextBatch(ctx context.Context, ordered <-chan *batch) (*batch, error) {
	select {
	case b, ok := <-ordered:
		if !ok {
			return nil, nil
		}
		select {
		case <-b.done:
			return b, nil
		case <-ctx.Done():
		}
	case <-ctx.Done():
	}
	return nil, context.Cause(ctx)
}

// run turns the batch's lines into its output, up to one that fails.
func (b *batch) run(do func(out, line []byte) ([]byte, error)) {
	n := b.first
	for line := range bytes.Lines(b.lines) {
		out, err := do(b.out, bytes.TrimSuffix(line, []byte("\n")))
		if err != nil {
			b.err = fmt.Errorf("line %d: %w", n, err)
			return
		}
		b.out = out
		n++
	}
}

// cutBatches reads r into batches of whole lines and hands each of them to
// the workers and to the writer.
func cutBatches(ctx context.Context, r io.Reader, free <-chan *batch, work, ordered chan<- *batch) {
	defer close(ordered)
	var rest []byte // of a line that is not whole yet
	line := 1
	for more := true; more; {
		var b *batch
		select {
		case b = <-free:
		case <-ctx.Done():
			return
		}
		if cap(b.lines) > 16*batchBytes { // of one long line
			*b = batch{}
		}
		*b = batch{lines: append(b.lines[:0], rest...), out: b.out[:0], first: line, done: make(chan struct{})}
		var err error
		if more, err = b.fill(r); err != nil {
			b.err = fmt.Errorf("line %d: %w", line, err)
			close(b.done)
			ordered <- b
			return
		}
		cut := len(b.lines)
		if more {
			cut = bytes.LastIndexByte(b.lines, '\n') + 1
		}
		rest = append(rest[:0], b.lines[cut:]...)
		b.lines = b.lines[:cut]
		line += bytes.Count(b.lines, []byte("\n"))
		ordered <- b
		work <- b
	}
}

// fill reads until a line has ended, or r has (more is false then).
func (b *batch) fill(r io.Reader) (more bool, err error) {
	for empty := 0; empty < 100; empty++ {
		b.lines = slices.Grow(b.lines, batchBytes)
		start := len(b.lines)
		n, err := r.Read(b.lines[start:cap(b.lines)])
		b.lines = b.lines[:start+n]
		switch {
		case errors.Is(err, io.EOF):
			return false, nil
		case err != nil:
			return false, err
		case bytes.IndexByte(b.lines[start:], '\n') >= 0:
			return true, nil
		case len(b.lines) > maxLineBytes:
			return false, fmt.Errorf("it is longer than %d MiB", maxLineBytes>>20)
		case n > 0:
			empty = 0
		}
	}
	return false, io.ErrNoProgress
}
