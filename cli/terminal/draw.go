package terminal

import (
	"fmt"
	"io"
	"strings"

	"sealvk/cli/cells"
	"sealvk/cli/edit"
)

// Around a drawing: the terminal shows it all at once where it can, and no row
// that it takes for wider than it is goes on in the next one.
const (
	drawBegin = "\x1b[?2026h\x1b[?7l"
	drawEnd   = "\x1b[?7h\x1b[?2026l"
)

// drawing is what an editor's rows look like on the screen.
type drawing struct {
	w        io.Writer
	rows     []string
	row, col int // of the cursor
}

// show draws view where the cursor is, or over what was shown before.
func (d *drawing) show(view edit.View) error {
	rows, row := make([]string, 0, len(view.Rows)+2), view.Row
	if view.Above > 0 {
		rows, row = append(rows, more(view.Above, "above")), row+1
	}
	for _, r := range view.Rows {
		rows = append(rows, r.Prompt+r.Text)
	}
	if view.Below > 0 {
		rows = append(rows, more(view.Below, "below"))
	}
	b := new(strings.Builder)
	b.WriteString(drawBegin)
	up(b, d.row)
	for i, text := range rows {
		if i > 0 {
			b.WriteString("\r\n")
		}
		if i >= len(d.rows) || d.rows[i] != text {
			b.WriteString("\r" + text + "\x1b[K")
		}
	}
	if len(d.rows) > len(rows) {
		b.WriteString("\r\n\x1b[J")
		up(b, 1)
	}
	up(b, len(rows)-1-row)
	// The cursor goes where the terminal has it after the text in front of it, by whatever width.
	at := view.Rows[view.Row]
	b.WriteString("\r" + at.Prompt + at.Text[:view.Offset] + drawEnd)
	d.rows, d.row, d.col = rows, row, view.Col
	return d.write(b.String())
}

// more tells of rows that are not shown.
func more(n int, where string) string {
	if n == 1 {
		return "… 1 more line " + where
	}
	return fmt.Sprintf("… %d more lines %s", n, where)
}

// forget has the next drawing begin where the cursor is.
func (d *drawing) forget() { d.rows, d.row, d.col = nil, 0, 0 }

// leave puts the cursor below what is shown, which stays.
func (d *drawing) leave() error {
	if d.rows == nil {
		return nil
	}
	text := strings.Repeat("\r\n", len(d.rows)-d.row)
	d.forget()
	return d.write(text)
}

// resized forgets what is shown and clears it, in a terminal that is width
// cells wide now: where it reflows its lines, each row may have become several.
func (d *drawing) resized(width int, reflows bool) error {
	if d.rows == nil {
		return nil
	}
	above := d.row
	if reflows && width > 0 {
		above = max(0, d.col-1) / width
		for _, text := range d.rows[:d.row] {
			above += max(1, (cells.Width(text)+width-1)/width)
		}
	}
	b := new(strings.Builder)
	up(b, above)
	b.WriteString("\r\x1b[J")
	d.forget()
	return d.write(b.String())
}

// clear empties the screen.
func (d *drawing) clear() error {
	d.forget()
	return d.write("\x1b[H\x1b[2J")
}

func (d *drawing) write(text string) error {
	if _, err := io.WriteString(d.w, text); err != nil {
		return fmt.Errorf("terminal: %w", err)
	}
	return nil
}

func up(b *strings.Builder, rows int) {
	if rows > 0 {
		fmt.Fprintf(b, "\x1b[%dA", rows)
	}
}
