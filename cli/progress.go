package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"sealvk/vk"
)

// isTerminal reports whether a stream is a terminal.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// columns is a terminal's width, in characters.
func columns(stream any) int {
	if f, ok := stream.(*os.File); ok {
		if n, _, err := term.GetSize(int(f.Fd())); err == nil && n > 0 {
			return n
		}
	}
	return 80
}

// statusLine is the last line of a terminal, which says what goes on. The cursor waits at its begin: where the
// terminal is made narrower and breaks the line, all of it lies behind the cursor and can still be erased.
type statusLine struct {
	w       io.Writer
	columns func() int // of the terminal, now

	mu    sync.Mutex
	shown bool
}

// erase clears what is behind the begin of the cursor's line.
const erase = "\r\x1b[J"

// show puts a text, in ASCII, in the place of the last one, as much of it as the terminal's line takes. A line that
// cannot be drawn harms nothing.
func (s *statusLine) show(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text = text[:max(0, min(len(text), s.columns()-1))] // in the last column some terminals go on to the next line
	s.shown = true
	fmt.Fprint(s.w, erase, text, "\r")
}

// wipe leaves an empty line, until the next show.
func (s *statusLine) wipe() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shown {
		fmt.Fprint(s.w, erase)
	}
	s.shown = false
}

// status shows on standard error, where that is a terminal, what goes on; end wipes it away.
func (p *program) status() (show func(what string), end func()) {
	if p.line == nil {
		return func(string) {}, func() {}
	}
	return p.line.show, p.line.wipe
}

// drawn is the time between two pictures of a bar.
const drawn = 100 * time.Millisecond

// progress draws a bar of bytes on standard error where that is a terminal.
// update may be called from several goroutines with the bytes done so far; end
// wipes the bar away.
func (p *program) progress(title string) (update func(done, total int64), end func()) {
	show, end := p.status()
	if p.line == nil {
		return func(int64, int64) {}, end
	}
	b := &bar{title: title}
	return func(done, total int64) {
		if parts, share := b.parts(time.Now(), done, total); parts != nil {
			show(fitted(parts, share, p.line.columns()-1))
		}
	}, end
}

// bar is how far some bytes have come.
type bar struct {
	title string

	mu          sync.Mutex
	begun, last time.Time // the first picture and the newest
	before      int64     // bytes that were there at the first
}

// parts are the words of a new picture, the most important first; nil if it is too early for one.
func (b *bar) parts(now time.Time, done, total int64) (parts []string, share float64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if now.Sub(b.last) < drawn {
		return nil, 0
	}
	if b.last = now; b.begun.IsZero() {
		b.begun, b.before = now, done
	}
	done = min(done, total)
	share = float64(done) / float64(max(total, 1))
	parts = []string{fmt.Sprintf("%s %.0f %%", b.title, 100*share), fmt.Sprintf("%s of %s", vk.SizeText(done), vk.SizeText(total))}
	if rate := float64(done-b.before) / now.Sub(b.begun).Seconds(); rate > 0 { // not a number at first
		left := time.Duration(float64(total-done) / rate * float64(time.Second))
		parts = append(parts, vk.SizeText(int64(rate))+"/s", left.Round(time.Second).String()+" left")
	}
	return parts, share
}

// fitted is a picture of as many parts as fit into so many characters, and of a bar where there is room left for one.
func fitted(parts []string, share float64, room int) string {
	text := ""
	for i, part := range parts {
		longer := part
		if i > 0 {
			longer = text + ", " + part
		}
		if len(longer) > room { // all of it is ASCII
			break
		}
		text = longer
	}
	const least, most = 10, 40 // of the bar
	if size := min(most, room-len(text)-3); share >= 0 && size >= least {
		full := min(size, int(share*float64(size)))
		text = "[" + strings.Repeat("=", full) + strings.Repeat(" ", size-full) + "] " + text
	}
	return text
}
