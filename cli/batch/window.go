package batch

import (
	"context"
	"sync"
)

// Order is that of the output's lines.
type Order string

const (
	InputOrder      Order = "input"
	CompletionOrder Order = "completion"
)

const (
	windowLines = 1024     // between the oldest line without its record in the output, and the newest that was read
	windowBytes = 64 << 20 // of their text and their records
)

// entry is a line between input and output.
type entry struct {
	index   int64 // of the line
	work    Work
	results []Result
	waiting int        // requests that have not ended
	model   *submitter // that was asked
	record  []byte     // once it is made
	failed  bool
	ended   bool  // all requests have
	cut     bool  // some request was cancelled, or lost its device: there is no record
	bytes   int64 // that the window counts
}

// window holds the lines between input and output. One goroutine reads lines into it and asks for them as
// there is room, one takes those that have ended; the engine's tells of ends. An oldest line whose
// answer takes long stops the reading once as many others wait for it as the window holds.
type window struct {
	places int // requests that may be in the engine

	mu      sync.Mutex
	changed sync.Cond
	lines   int // read, and not left yet
	bytes   int64
	asked   int      // requests in the engine, and those whose line has no record yet
	ended   []*entry // in the order of their ends, not taken yet
	closed  bool     // nothing will be read any more
}

func newWindow(places int) *window {
	w := &window{places: max(1, places)}
	w.changed.L = &w.mu
	return w
}

// waitFor waits until room says yes; the error is the cause of ctx's end.
func (w *window) waitFor(ctx context.Context, room func() bool) error {
	for !room() {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		w.changed.Wait()
	}
	return nil
}

// enter waits for room for a line of so many bytes. One always fits into an empty window.
func (w *window) enter(ctx context.Context, bytes int64) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	err := w.waitFor(ctx, func() bool {
		return w.lines == 0 || w.lines < windowLines && w.bytes+bytes <= windowBytes
	})
	if err == nil {
		w.lines++
		w.bytes += bytes
	}
	return err
}

// ask waits until the engine has room for n requests; those of a line that has more than there
// ever is room for wait for an empty engine.
func (w *window) ask(ctx context.Context, n int) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	err := w.waitFor(ctx, func() bool { return w.asked == 0 || w.asked+n <= w.places })
	if err == nil {
		w.asked += n
	}
	return err
}

// end notes the end of a request of e, or of the line itself where it asked for none.
func (w *window) end(e *entry, i int, r *Result) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if r != nil {
		e.waiting--
		e.results[i] = *r
	}
	if e.waiting == 0 {
		w.ended = append(w.ended, e)
	}
	w.changed.Broadcast()
}

// next waits for a line that has ended; nil once the input is closed and all of its lines have come.
func (w *window) next() *entry {
	w.mu.Lock()
	defer w.mu.Unlock()
	for {
		if len(w.ended) > 0 {
			e := w.ended[0]
			w.ended = w.ended[1:]
			return e
		}
		if w.closed && w.asked == 0 {
			return nil
		}
		w.changed.Wait()
	}
}

// made notes that an entry has its record, of so many bytes, in place of its text and its results.
func (w *window) made(e *entry, bytes int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked -= len(e.results)
	e.results = nil
	w.bytes += bytes - e.bytes
	e.bytes = bytes
	w.changed.Broadcast()
}

// leave gives a line's room back.
func (w *window) leave(e *entry) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lines--
	w.bytes -= e.bytes
	w.changed.Broadcast()
}

// close notes that nothing will be read any more.
func (w *window) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	w.changed.Broadcast()
}

// wake has all waits look at their context.
func (w *window) wake() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.changed.Broadcast()
}
