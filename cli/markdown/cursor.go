package markdown

import "strings"

// cursor goes over the columns of a line: a tab goes to the next multiple of 4, and part of one can be passed.
type cursor struct {
	line   string
	at     int // in line
	column int
	blanks int // of a tab that was passed in part
}

const tab = 4

// indent is how many columns of blanks follow, and next where they end in the line.
func (c *cursor) indent() (columns, next int) {
	column := c.column + c.blanks
	for next = c.at; next < len(c.line); next++ {
		switch c.line[next] {
		case ' ':
			column++
		case '\t':
			column += tab - column%tab
		default:
			return column - c.column, next
		}
	}
	return column - c.column, next
}

// skip passes up to n columns of blanks.
func (c *cursor) skip(n int) {
	for n > 0 {
		if c.blanks == 0 && c.at < len(c.line) {
			switch c.line[c.at] {
			case ' ':
				c.blanks = 1
			case '\t':
				c.blanks = tab - c.column%tab
			}
			c.at += min(1, c.blanks)
		}
		if c.blanks == 0 {
			return
		}
		passed := min(n, c.blanks)
		c.blanks -= passed
		c.column += passed
		n -= passed
	}
}

// pass passes blanks and n bytes behind them.
func (c *cursor) pass(n int) {
	columns, next := c.indent()
	c.at, c.column, c.blanks = next+n, c.column+columns+n, 0
}

// rest is what was not passed.
func (c *cursor) rest() string { return strings.Repeat(" ", c.blanks) + c.line[c.at:] }
