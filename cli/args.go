package main

import (
	"strings"

	"github.com/urfave/cli/v2"
)

// arrange moves flags in front of the arguments, because people type
// `generate "hi" --temp 0` and urfave/cli stops at the first argument:
// [flags] COMMAND [flags] [arguments] in any order becomes
// COMMAND [flags] -- [arguments]. What follows a "--" is never a flag. Unknown
// flags are taken for flags without a value; urfave/cli then rejects them.
func arrange(app *cli.App, args []string) []string {
	takesValue := make(map[string]bool)
	for _, c := range app.Commands {
		for _, f := range c.Flags {
			d, ok := f.(cli.DocGenerationFlag)
			for _, name := range f.Names() {
				takesValue[name] = ok && d.TakesValue()
			}
		}
	}
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
	arranged := append([]string{rest[0]}, flags...)
	if len(rest) > 1 && complete { // urfave/cli must see that the last flag lacks its value
		arranged = append(append(arranged, "--"), rest[1:]...)
	}
	return arranged
}
