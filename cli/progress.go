package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// isTerminal reports whether a stream is a terminal.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// progress draws a bar of bytes on standard error where that is a terminal.
// update may be called from several goroutines with the bytes done so far; end
// wipes the bar away.
func (p *program) progress(title string) (update func(done, total int64), end func()) {
	if !isTerminal(p.stderr) {
		return func(int64, int64) {}, func() {}
	}
	return bar(p.stderr, title)
}

func bar(w io.Writer, title string) (update func(done, total int64), end func()) {
	var mu sync.Mutex
	var b *progressbar.ProgressBar
	update = func(done, total int64) {
		mu.Lock()
		defer mu.Unlock()
		if b == nil {
			b = progressbar.NewOptions64(total,
				progressbar.OptionSetWriter(w),
				progressbar.OptionSetDescription(title),
				progressbar.OptionShowBytes(true),
				progressbar.OptionShowCount(),
				progressbar.OptionThrottle(100*time.Millisecond),
				progressbar.OptionFullWidth(),
				progressbar.OptionClearOnFinish())
		}
		_ = b.Set64(min(done, total)) // a bar that cannot be drawn harms nothing
	}
	end = func() {
		mu.Lock()
		defer mu.Unlock()
		if b != nil {
			_ = b.Clear()
		}
	}
	return update, end
}

// status prints on standard error, where that is a terminal, what goes on, each line in the
// place of the last. end wipes it away.
func (p *program) status() (progress func(what string), end func()) {
	if !isTerminal(p.stderr) {
		return func(string) {}, func() {}
	}
	const wipe = "\r\x1b[K"
	return func(what string) { fmt.Fprint(p.stderr, wipe, what) }, func() { fmt.Fprint(p.stderr, wipe) }
}
