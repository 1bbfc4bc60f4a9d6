package main

import (
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

func TestReadmeTellsEveryCommandAndFlag(t *testing.T) {
	readme := string(readFile(t, "../README.md"))
	app := (&program{stdout: &output{w: io.Discard}, stderr: io.Discard}).app()
	for _, c := range app.Commands {
		for _, sub := range c.Subcommands {
			sub.Name = c.Name + " " + sub.Name
		}
	}
	eachCommand(app.Commands, func(c *cli.Command) {
		if !strings.Contains(readme, "sealvk "+c.Name) {
			t.Errorf("no example of sealvk %s", c.Name)
		}
		for _, f := range c.Flags {
			shown := f.(cli.VisibleFlag).IsVisible()
			told := slices.ContainsFunc(f.Names(), func(name string) bool { return strings.Contains(readme, dashed(name)) })
			if shown && !told {
				t.Errorf("sealvk %s %s is not told", c.Name, dashed(f.Names()[0]))
			}
		}
	})
}
