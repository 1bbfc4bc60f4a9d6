package markdown

import (
	"bytes"
	"slices"
	"strings"

	"sealvk/cli/cells"
)

// maxKept is the longest word that is not broken in a table. One that has no room for them is drawn as a list.
const maxKept = 16

// fit gives the columns the widths that their cells want, or less where a line hasn't got those.
func (t *table) fit() {
	columns := max(8, t.layout.width())
	room := columns - t.layout.prefix(columns).width() - 3*len(t.alignments) - 1
	wanted, words := slices.Repeat([]int{1}, len(t.alignments)), slices.Repeat([]int{1}, len(t.alignments))
	for _, row := range t.rows {
		for k, cell := range row {
			for line := range bytes.SplitSeq(cell.text, []byte("\n")) {
				wanted[k] = max(wanted[k], cells.Width(string(line)))
			}
			for _, word := range strings.Fields(string(cell.text)) {
				words[k] = max(words[k], min(maxKept, cells.Width(word)))
			}
		}
	}
	t.widths = between(words, wanted, room)
	for _, row := range t.rows {
		for k, cell := range row {
			t.ruled = t.ruled || len(t.widths) > 0 && len(wrap(cell, t.widths[k])) > 1
		}
	}
}

// between gives each width what it wants but no more than as much as the widest of the others, so that
// the sum is at most room; nil if that takes less than the minimum of one.
func between(minimum, wanted []int, room int) (widths []int) {
	for most := 1; most <= max(room, 1); most++ {
		next := make([]int, len(wanted))
		sum := 0
		for k := range next {
			next[k] = max(minimum[k], min(wanted[k], most))
			sum += next[k]
		}
		if sum > room {
			break
		}
		widths = next
	}
	return widths
}

// wrap breaks a cell into lines of width cells.
func wrap(cell styled, width int) (lines []styled) {
	for {
		n := bytes.IndexByte(cell.text, '\n')
		line, rest := cell, styled{}
		if n >= 0 {
			line, rest = cell.cut(n)
			_, rest = rest.cut(1)
		}
		for {
			head, tail := line.cut(cells.Break(string(line.text), width))
			lines = append(lines, head.trimRight())
			if line = tail; len(line.text) == 0 {
				break
			}
		}
		if cell = rest; n < 0 {
			return lines
		}
	}
}

// drawRow draws a row, over as many lines as its fullest cell takes.
func (t *table) drawRow(row []styled) {
	if len(t.widths) == 0 {
		t.drawList(row)
		return
	}
	if t.ruled && t.begun {
		t.line("├", "┼", "┤")
	}
	t.begun = true
	wrapped := make([][]styled, len(row))
	height := 1
	for k, cell := range row {
		wrapped[k] = wrap(cell, t.widths[k])
		height = max(height, len(wrapped[k]))
	}
	for h := range height {
		line := styled{}
		for k, lines := range wrapped {
			cell := styled{}
			if h < len(lines) {
				cell = lines[h]
			}
			blanks := max(0, t.widths[k]-cell.width())
			before := [...]int{alignLeft: 0, alignCenter: blanks / 2, alignRight: blanks}[t.alignments[k]]
			line.addString("│ ", dim)
			line.addString(strings.Repeat(" ", before), 0)
			line.append(cell)
			line.addString(strings.Repeat(" ", blanks-before+1), 0)
		}
		line.addString("│", dim)
		t.layout.line(line)
	}
}

// drawList draws a row as lines of header and cell.
func (t *table) drawList(row []styled) {
	if t.begun {
		t.layout.rule(t.layout.prefix(t.layout.width()), "")
	}
	t.begun = true
	for k, cell := range row {
		if len(cell.text) == 0 {
			continue
		}
		line := styled{}
		line.append(t.rows[0][k])
		line.addString(": ", bold)
		line.append(cell)
		for n, r := range string(line.text) {
			t.layout.put(r, line.styles[n])
		}
		t.layout.end()
	}
}

// line draws a line between rows.
func (t *table) line(begin, between, end string) {
	parts := make([]string, len(t.widths))
	for k, width := range t.widths {
		parts[k] = strings.Repeat("─", width+2)
	}
	line := styled{}
	line.addString(begin+strings.Join(parts, between)+end, dim)
	t.layout.line(line)
}
