package report

import (
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
	width := make([]int, len(c.titles))
	for i, title := range c.titles {
		width[i] = utf8.RuneCountInString(strings.TrimPrefix(title, "<"))
		for _, row := range c.rows {
			width[i] = max(width[i], utf8.RuneCountInString(row[i]))
		}
	}
	head := make([]string, len(c.titles))
	for i, title := range c.titles {
		head[i] = strings.TrimPrefix(title, "<")
	}
	for _, row := range append([][]string{head}, c.rows...) {
		var line strings.Builder
		for i, cell := range row {
			space := strings.Repeat(" ", width[i]-utf8.RuneCountInString(cell))
			if i > 0 {
				line.WriteString("  ")
			}
			if strings.HasPrefix(c.titles[i], "<") {
				line.WriteString(cell + space)
			} else {
				line.WriteString(space + cell)
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
}
