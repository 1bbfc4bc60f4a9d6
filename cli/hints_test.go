package main

import (
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

// Flags and commands of other programs are refused with ours.
func TestHints(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"generate -m x.gguf -p hi -n 20", "unknown flag -p: the prompt is an argument: sealvk generate 'TEXT'; see sealvk generate --help"},
		{"generate -f prompt.txt", "standard input: sealvk generate < FILE"},
		{"chat -c 4096", "unknown flag -c: here it is --ctx; see sealvk chat --help"},
		{"chat -s 1", "here it is --seed"},
		{"chat -cnv", "unknown flag --cnv: sealvk chat talks"},
		{"generate hi --n_predict 3", "here it is -n;"},
		{"generate hi --no-cnv", "here it is --raw"},
		{"chat -ngl 99", "all layers run on one device"},
		{"chat -t 8 -fa on", "unknown flag -t: the device computes"},
		{"devices -fa", "leave it out"},
		{"serve --max-model-len=4096", "here it is --ctx"},
		{"serve --served-model-name x", "here it is --alias"},
		{"generate hi --tmep 0", "unknown flag --tmep: is --temp meant? Else see sealvk generate --help"},
		{"generate hi -x", "unknown flag -x: see sealvk generate --help; text that begins with a dash goes after --"},
		{"generate hi -n -1", `invalid value "-1" for flag -n: want a whole number from 0 to 1048576; 0 sets no limit; see`},
		{"generate hi --seed=-1", "without the flag it is random"},
		{"-m x.gguf -p hi", "unknown flag -m: no command is given; sealvk chat talks"},
		{"run seallm", `unknown command "run": here it is sealvk chat -m MODEL; see sealvk --help`},
		{"generte hi", "is generate meant? Else see sealvk --help"},
		{"serve x.gguf", `serve takes no argument, got "x.gguf"; a model is named by -m`},
	} {
		sealvk("", strings.Fields(c.args)...).wantError(t, c.want)
	}
}

// What hints name is there, and no name is hinted at twice.
func TestHintsNameWhatThereIs(t *testing.T) {
	app := (&program{stdout: &output{w: io.Discard}, stderr: io.Discard}).app()
	var commands, flags []string
	eachCommand(app.Commands, func(c *cli.Command) {
		commands = append(commands, c.Name)
		for _, f := range c.Flags {
			flags = append(flags, f.Names()...)
		}
	})
	command, flag := regexp.MustCompile(`sealvk ([a-z]+)`), regexp.MustCompile(`(?:^| )--?([a-z][a-z-]*)`)
	check := func(text string) {
		for _, m := range command.FindAllStringSubmatch(text, -1) {
			if !slices.Contains(commands, m[1]) {
				t.Errorf("%q: no command %s", text, m[1])
			}
		}
		for _, m := range flag.FindAllStringSubmatch(text, -1) {
			if !slices.Contains(flags, m[1]) && m[1] != "version" {
				t.Errorf("%q: no flag %s", text, m[1])
			}
		}
	}
	seen := map[string]bool{}
	for _, f := range foreigns {
		check(f.text)
		for _, ours := range f.ours {
			check(dashed(ours))
		}
		for _, name := range strings.Fields(f.names) {
			if seen[name] || f.ours == nil && f.text == "" {
				t.Errorf("%s: hinted at twice, or not at all", name)
			}
			seen[name] = true
		}
	}
	for name, ours := range foreignCommands {
		check(ours)
		if slices.Contains(commands, name) && app.Command(name) != nil {
			t.Errorf("%s is a command", name)
		}
	}
	for name := range minusOne {
		check(dashed(name))
	}
}
