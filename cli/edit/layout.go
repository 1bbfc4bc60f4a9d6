package edit

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"sealvk/cli/cells"
)

// View is what is to be drawn.
type View struct {
	Rows []Row // at least one, at most Editor.Height
	// Row and Col are the cursor's place: a row of Rows, and its column in cells from 0, the row's prompt counted.
	Row, Col int
	// Offset is how many bytes of that row's Text stand before the cursor: a terminal whose widths are other ones
	// finds the place after drawing up to there.
	Offset int
	// Above and Below are how many rows of the text are not shown.
	Above, Below int
}

// Row is one row of a View, at most Editor.Width-1 cells wide: the last column is the cursor's. It holds no control
// character: tabs are spaces.
type Row struct {
	Prompt string
	Text   string
}

// Layout lays the text out. Of a text with more rows than Height it shows those around the cursor.
func (e *Editor) Layout() View {
	prompt, b := e.prompt, e.buffer
	if e.search != nil {
		prompt, b = e.search.prompt(e.Width/2), e.search.found
	}
	r := e.layRows(prompt, b.text)
	at := r.of(b.cursor)
	height := max(e.Height, 1)
	e.top = max(0, min(e.top, at, len(r.starts)-height), at-height+1)
	end := min(e.top+height, len(r.starts))
	v := View{Row: at - e.top, Above: e.top, Below: len(r.starts) - end}
	for i := e.top; i < end; i++ {
		text := b.text[r.starts[i]:r.end(i)]
		row := Row{Text: shown(text, r.width), Prompt: r.more}
		switch {
		case i == 0:
			row.Prompt = r.prompt
		case b.text[r.starts[i]-1] != '\n':
			row.Prompt = strings.Repeat(" ", cells.Width(r.more))
		}
		if i == at {
			before := shown(text[:b.cursor-r.starts[i]], r.width)
			v.Offset, v.Col = len(before), cells.Width(row.Prompt)+columnOf(text[:b.cursor-r.starts[i]], r.width)
		}
		v.Rows = append(v.Rows, row)
	}
	return v
}

// rows is where a text is cut for a terminal.
type rows struct {
	text         string
	prompt, more string
	width        int   // cells for text
	starts       []int // of each row
}

// layRows cuts text into rows. Those before the first change since the last time are kept, so that a key takes no longer
// in a long text.
func (e *Editor) layRows(prompt, text string) *rows {
	n := rows{text: text, prompt: prompt, more: e.more}
	n.width = e.Width - 1 - max(cells.Width(prompt), cells.Width(e.more))
	if n.width < 2 { // no room for prompts
		n.prompt, n.more, n.width = "", "", max(e.Width-1, 1)
	}
	n.starts = []int{0}
	if old := &e.rows; old.width == n.width {
		same := samePrefix(old.text, text)
		n.starts = old.starts
		if same < max(len(text), len(old.text)) {
			// The row that the change is in goes, and the one before: a mark may have come to its last cluster.
			n.starts = old.starts[:max(old.of(same), 1)]
		}
	}
	for off, col := n.starts[len(n.starts)-1], 0; off < len(text); {
		if text[off] == '\n' {
			off, col = off+1, 0
			n.starts = append(n.starts, off)
			continue
		}
		size, width := step(text[off:], col, n.width)
		if col+width > n.width {
			col = 0
			n.starts = append(n.starts, off)
			size, width = step(text[off:], col, n.width)
		}
		off, col = off+size, col+width
	}
	e.rows = n
	return &e.rows
}

// samePrefix is how many bytes a and b begin with alike.
func samePrefix(a, b string) int {
	const block = 4096 // compared at once
	n, m := 0, min(len(a), len(b))
	for n+block <= m && a[n:n+block] == b[n:n+block] {
		n += block
	}
	for n < m && a[n] == b[n] {
		n++
	}
	return n
}

// step is the first cluster of s, which is no line break: its bytes, and its cells at column col of width.
func step(s string, col, width int) (size, taken int) {
	if s[0] == '\t' {
		if col == width {
			return 1, 1 // in the next row
		}
		return 1, min(cells.TabStop(col), width) - col
	}
	cluster, taken := cells.Next(s)
	if taken > width { // shown as �
		taken = 1
	}
	if r, _ := utf8.DecodeRuneInString(cluster); taken == 0 && unicode.Is(unicode.M, r) { // shown on ◌
		taken = 1
	}
	return len(cluster), taken
}

// shown is a row's text as it is drawn: tabs are spaces, a mark without a letter stands on a dotted circle, other
// clusters that take no cells, which control the direction of writing say, are left out.
func shown(row string, width int) string {
	var out strings.Builder
	for col := 0; row != ""; {
		size, taken := step(row, col, width)
		switch cluster := row[:size]; {
		case cluster == "\t":
			out.WriteString(strings.Repeat(" ", taken))
		case taken > 0 && cells.Width(cluster) > width:
			out.WriteRune(unicode.ReplacementChar)
		case taken > 0 && cells.Width(cluster) == 0:
			out.WriteString("◌" + cluster)
		case taken > 0:
			out.WriteString(cluster)
		}
		row, col = row[size:], col+taken
	}
	return out.String()
}

// columnOf is the column behind the beginning of a row.
func columnOf(row string, width int) (col int) {
	for row != "" {
		size, taken := step(row, col, width)
		row, col = row[size:], col+taken
	}
	return col
}

// of is the row that off is in; between two rows that no line break parts it is the second.
func (r *rows) of(off int) int {
	lo, hi := 0, len(r.starts)
	for hi-lo > 1 {
		if mid := (lo + hi) / 2; r.starts[mid] <= off {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo
}

// end is where row i ends, without its line break.
func (r *rows) end(i int) int {
	if i+1 == len(r.starts) {
		return len(r.text)
	}
	if end := r.starts[i+1]; r.text[end-1] != '\n' {
		return end
	}
	return r.starts[i+1] - 1
}

// moveRows moves the cursor n rows down, or -n up, as far as there are rows, to the column where it came from.
func (e *Editor) moveRows(n int) Event {
	r := e.layRows(e.prompt, e.text)
	at := r.of(e.cursor)
	to := max(0, min(at+n, len(r.starts)-1))
	if to == at {
		return Ignored
	}
	if e.column < 0 {
		e.column = columnOf(e.text[r.starts[at]:e.cursor], r.width)
	}
	off, end := r.starts[to], r.end(to)
	goesOn := r.of(end) != to // in the next row, which has the place behind the last cluster
	for col := 0; off < end; {
		size, taken := step(e.text[off:], col, r.width)
		if col+taken > e.column || goesOn && off+size == end {
			break
		}
		off, col = off+size, col+taken
	}
	e.cursor = off
	return Changed
}
