package markdown

import (
	"fmt"
	"io"
	"unicode"

	"sealvk/cli/cells"
)

// Writer draws one answer. What it is told is drawn as soon as nothing that may still come can change it.
type Writer struct {
	to     io.Writer
	layout layout
	inline inline
	blocks blocks
	table  *table // where the open leaf is one
}

// New draws on w, which takes ANSI attributes. width tells how many cells a line of it has; it is asked
// again for every line, so that what comes after a resize follows it.
func New(w io.Writer, width func() int) *Writer {
	m := &Writer{to: w}
	m.layout.width = width
	m.layout.prefix = m.prefix
	m.inline.put = m.layout.put
	return m
}

// Write takes the next piece of the answer: whole runes, cut anywhere. Control characters but newlines and tabs are
// dropped. No attribute is left on behind a piece. An error is that of the io.Writer.
func (w *Writer) Write(text string) error {
	for _, r := range text {
		if r == '\n' || r == '\t' || !unicode.IsControl(r) {
			w.push(r)
		}
	}
	return w.flush()
}

// Close ends the answer: it draws what was held back and ends the last line where anything was drawn.
func (w *Writer) Close() error {
	if len(w.blocks.line) > 0 || w.blocks.begun {
		w.push('\n')
	}
	w.drawHeader()
	w.closeLeaf()
	return w.flush()
}

// flush writes what is drawn. It leaves no attribute on, as others may write on the terminal before more comes, or
// nothing may.
func (w *Writer) flush() error {
	w.layout.setStyle(0)
	if w.layout.out.Len() == 0 {
		return nil
	}
	_, err := w.to.Write(w.layout.out.Bytes())
	w.layout.out.Reset()
	if err != nil {
		return fmt.Errorf("markdown: %w", err)
	}
	return nil
}

// prefix is what stands in front of a line in the open blocks: an item's marker once, blanks then. At most half
// of the line goes to it.
func (w *Writer) prefix(width int) styled {
	var parts []styled
	sum := 0
	for k := range w.blocks.open {
		parts = append(parts, w.blocks.open[k].prefix())
		sum += parts[k].width()
	}
	for len(parts) > 1 && sum > width/2 {
		sum -= parts[0].width()
		parts = parts[1:]
	}
	all := styled{}
	for _, part := range parts {
		all.append(part)
	}
	return all
}

// prefix is what a container puts in front of its next line.
func (c *container) prefix() styled {
	p := styled{}
	switch {
	case c.quote:
		p.addString("│ ", dim)
	case !c.drawn:
		p.addString(c.marker, 0)
	default:
		for range cells.Width(c.marker) {
			p.add(' ', 0)
		}
	}
	c.drawn = true
	return p
}
