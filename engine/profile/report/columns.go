package report

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// columns is a table whose columns are as wide as their widest cell. A title that begins
// with "<" heads a column of text, set to the left; figures are set to the right.
type columns struct {
	titles []string
	rows   [][]string
}

func (c *columns) add(cells ...string) { c.rows = append(c.rows, cells) }

func (c *columns) write(b *strings.Builder) {
	head, sign, width := make([]string, len(c.titles)), make([]int, len(c.titles)), make([]int, len(c.titles))
	for i, title := range c.titles {
		sign[i] = 1
		text, left := strings.CutPrefix(title, "<")
		if head[i] = text; left {
			sign[i] = -1 // to fmt a negative width is one of text set to the left
		}
	}
	rows := append([][]string{head}, c.rows...)
	for _, row := range rows {
		for i, cell := range row {
			width[i] = max(width[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = fmt.Sprintf("%*s", sign[i]*width[i], cell)
		}
		b.WriteString(strings.TrimRight(strings.Join(cells, "  "), " ") + "\n")
	}
}
