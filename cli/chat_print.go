package main

import (
	"io"
	"os"

	"sealvk/cli/markdown"
)

// printed is an answer on standard output. end ends its last line.
type printed struct {
	write func(text string) error
	end   func() error
}

// printer shows an answer: drawn, where a person reads it on a terminal that takes attributes.
func (c *chat) printer() printed {
	if c.flags.plain || !c.interactive || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return printed{c.program.printer(), func() error { _, err := io.WriteString(c.stdout, "\n"); return err }}
	}
	m := markdown.New(c.stdout, func() int { return columns(c.stdout.w) })
	return printed{m.Write, m.Close}
}
