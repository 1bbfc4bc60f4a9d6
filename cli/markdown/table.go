package markdown

import (
	"strings"
)

const (
	// maxRows and maxBytes are of a table at most before it is drawn; the rows behind them follow in
	// columns of the same widths, each as it comes.
	maxRows, maxBytes = 50, 16 << 10
	maxColumns        = 64
)

type align byte

const (
	alignLeft align = iota
	alignCenter
	alignRight
)

// table holds rows until the widths of its columns are known.
type table struct {
	layout     *layout
	alignments []align
	rows       [][]styled // the first is the header
	bytes      int
	widths     []int // once it is drawn; empty: as a list
	drawn      bool
	begun      bool // a row is drawn
	ruled      bool // there are lines between rows
}

// newTable begins a table with its first two lines.
func newTable(l *layout, header, delimiters string) *table {
	t := &table{layout: l, alignments: alignments(delimiters)}
	t.add(header)
	return t
}

// alignments are those of the columns of a row that tells them; nil if row is none.
func alignments(row string) []align {
	if !strings.Contains(row, "|") {
		return nil
	}
	var all []align
	for _, cell := range splitRow(row) {
		dashes := strings.TrimSuffix(strings.TrimPrefix(cell, ":"), ":")
		if dashes == "" || strings.Trim(dashes, "-") != "" || len(all) == maxColumns {
			return nil
		}
		switch before, behind := cell[0] == ':', cell[len(cell)-1] == ':'; {
		case before && behind:
			all = append(all, alignCenter)
		case behind:
			all = append(all, alignRight)
		default:
			all = append(all, alignLeft)
		}
	}
	return all
}

// splitRow is the cells of a row.
func splitRow(row string) []string {
	row = strings.Trim(row, " \t")
	row = strings.TrimPrefix(row, "|")
	var all []string
	cell := []byte{}
	for k := 0; k < len(row); k++ {
		switch {
		case row[k] == '\\' && k+1 < len(row) && row[k+1] == '|':
			cell = append(cell, '|')
			k++
		case row[k] == '|':
			all = append(all, strings.Trim(string(cell), " \t"))
			cell = cell[:0]
		default:
			cell = append(cell, row[k])
		}
	}
	if len(cell) > 0 {
		all = append(all, strings.Trim(string(cell), " \t"))
	}
	return all
}

// add takes the next row. What it has more than the header stays in its last cell.
func (t *table) add(row string) {
	texts := splitRow(row)
	if n := len(t.alignments); len(texts) > n {
		texts[n-1] = strings.Join(texts[n-1:], " | ")
	}
	all := make([]styled, len(t.alignments))
	for k := range min(len(texts), len(all)) {
		in := inline{put: all[k].add}
		if len(t.rows) == 0 && !t.drawn {
			in.style = bold
		}
		for _, r := range texts[k] {
			in.push(r)
		}
		in.end()
		t.bytes += len(all[k].text)
	}
	if t.drawn {
		t.drawRow(all)
		return
	}
	if t.rows = append(t.rows, all); len(t.rows) > maxRows || t.bytes > maxBytes {
		t.draw()
	}
}

// end draws what is held, and the table's last line.
func (t *table) end() {
	if !t.drawn {
		t.draw()
	}
	if len(t.widths) > 0 {
		t.line("└", "┴", "┘")
	}
}

// draw draws the rows that are held.
func (t *table) draw() {
	t.drawn = true
	t.fit()
	if len(t.widths) > 0 {
		t.line("┌", "┬", "┐")
	}
	for k, row := range t.rows {
		if k == 0 && len(t.widths) == 0 {
			continue // each row of a list tells it
		}
		t.drawRow(row)
		if k == 0 && !t.ruled {
			t.line("├", "┼", "┤")
		}
	}
	t.rows = t.rows[:1]
}
