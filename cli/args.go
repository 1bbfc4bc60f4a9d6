package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// arrange moves flags in front of the arguments, because people type
// `generate "hi" --temp 0` and urfave/cli stops at the first argument:
// [flags] COMMAND [flags] [arguments] in any order becomes
// COMMAND [flags] -- [arguments], where COMMAND may be two words as in profile diff. What follows a "--" is never a flag. Unknown
// flags are taken for flags without a value; urfave/cli then rejects them.
func arrange(app *cli.App, args []string) []string {
	takesValue := make(map[string]bool)
	eachCommand(app.Commands, func(c *cli.Command) {
		for _, f := range c.Flags {
			d, ok := f.(cli.DocGenerationFlag)
			for _, name := range f.Names() {
				takesValue[name] = ok && d.TakesValue()
			}
		}
	})
	var flags, rest []string
	complete := true
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if arg == "--" {
			rest = append(rest, args[i+1:]...)
			break
		}
		if len(arg) < 2 || arg[0] != '-' {
			rest = append(rest, arg)
			continue
		}
		flags = append(flags, arg)
		name := strings.TrimLeft(arg, "-")
		if !takesValue[name] {
			continue
		}
		if i++; i == len(args) {
			complete = false
			break
		}
		flags = append(flags, args[i])
	}
	if len(rest) == 0 || app.Command(rest[0]) == nil {
		return args
	}
	words := 1
	if len(rest) > 1 && slices.ContainsFunc(app.Command(rest[0]).Subcommands, func(c *cli.Command) bool { return c.HasName(rest[1]) }) {
		words = 2
	}
	arranged := append(slices.Clone(rest[:words]), flags...)
	if len(rest) > words && complete { // urfave/cli must see that the last flag lacks its value
		arranged = append(append(arranged, "--"), rest[words:]...)
	}
	return arranged
}

// eachCommand calls f with the commands and theirs.
func eachCommand(commands []*cli.Command, f func(*cli.Command)) {
	for _, c := range commands {
		f(c)
		eachCommand(c.Subcommands, f)
	}
}
