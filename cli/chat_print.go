package main

import (
	"io"
)

// printed is an answer on standard output. end ends its last line.
type printed struct {
	write func(text string) error
	end   func() error
}

// printer shows an answer.
func (c *chat) printer() printed {
	return printed{c.program.printer(), func() error { _, err := io.WriteString(c.stdout, "\n"); return err }}
}
