package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"syscall"

	"github.com/urfave/cli/v2"

	"sealvk/vk"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// program holds one run's streams. stdout is unbuffered and remembers its
// first error, so that printing code need not check every write.
type program struct {
	args   []string // as they were given
	stdin  io.Reader
	stdout *output
	stderr io.Writer
	line   *statusLine // on stderr; nil where that is no terminal

	faults func(vk.Op) error // vk.Config.Fault, in tests

	// validationMessages counts what the validation layers said (--validate).
	validationMessages atomic.Int64
}

// run is the whole program: args without the program's name, the exit code
// back. It leaves the process as it was, so tests may call it again and again.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	return (&program{args: args, stdin: stdin, stdout: &output{w: stdout}, stderr: stderr}).run()
}

func (p *program) run() int {
	if isTerminal(p.stderr) {
		p.line = &statusLine{w: p.stderr, columns: func() int { return columns(p.stderr) }}
	}
	app := p.app()
	err := app.Run(append([]string{app.Name}, arrange(app, p.args)...))
	if err == nil && p.stdout.err != nil {
		err = fmt.Errorf("standard output: %w", p.stdout.err)
	}
	if n := p.validationMessages.Load(); n > 0 && err == nil {
		err = fmt.Errorf("--validate: %d messages from the validation layers, see above", n)
	}
	return p.exitCode(err)
}

// exitCode prints err, if there is one, as one line.
func (p *program) exitCode(err error) int {
	var stopped stoppedError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &stopped):
		return stopped.code()
	case errors.Is(p.stdout.err, syscall.EPIPE), errors.Is(p.stdout.err, io.ErrClosedPipe):
		// The reader closed the pipe, as head does: no error.
		return 128 + int(syscall.SIGPIPE)
	}
	p.note("%s", oneLine(err))
	if slower := (slowerError{}); errors.As(err, &slower) {
		return slowerCode
	}
	return 1
}

// oneLine is the error's text without line breaks; the operating system's
// path errors already name the file, their operation ("open") does not help.
func oneLine(err error) string {
	text := err.Error()
	var path *fs.PathError
	if errors.As(err, &path) {
		text = strings.ReplaceAll(text, path.Error(), path.Path+": "+path.Err.Error())
	}
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' }), "; ")
}

// note prints one line for the user on standard error.
func (p *program) note(format string, args ...any) {
	if p.line != nil {
		p.line.wipe()
	}
	fmt.Fprintf(p.stderr, "sealvk: %s\n", printable(fmt.Sprintf(format, args...)))
}

// app is built anew for every run: flags write into the closures' options.
func (p *program) app() *cli.App {
	app := &cli.App{
		Name:      "sealvk",
		Usage:     "chat with SeaLLM-7B-v2.5 on any GPU with Vulkan",
		UsageText: "sealvk COMMAND [FLAGS] [ARGUMENTS]\nsealvk COMMAND --help",
		Description: "Without -m MODEL the commands use seallm-nano, a tiny demo model that\n" +
			"comes inside this program. SeaLLM's weights come under the SeaLLMs terms of use.",
		Version: version(),
		Commands: []*cli.Command{
			p.chatCommand(), p.generateCommand(), p.batchCommand(), p.devicesCommand(), p.inspectCommand(),
			p.tokenizeCommand(), p.logitsCommand(), p.synthCommand(), p.quantizeCommand(), p.pullCommand(), p.listCommand(), p.profileCommand(), p.benchCommand(),
			p.scoreCommand(), p.perplexityCommand(), p.serveCommand(),
		},
		Action:                    unknownCommand,
		Writer:                    p.stdout,
		ErrWriter:                 p.stderr,
		OnUsageError:              usageError,
		ExitErrHandler:            func(*cli.Context, error) {}, // run decides about the exit
		DisableSliceFlagSeparator: true,                         // a --stop may hold a comma
	}
	eachCommand(app.Commands, func(c *cli.Command) {
		c.OnUsageError = usageError
		c.HideHelpCommand = true // "help" may be a prompt
		c.Before = noEmptyNames
	})
	return app
}

func unknownCommand(c *cli.Context) error {
	if c.NArg() == 0 {
		return cli.ShowAppHelp(c)
	}
	return fmt.Errorf("unknown command %q: see sealvk --help", c.Args().First())
}

func usageError(c *cli.Context, err error, _ bool) error {
	const unknown = "flag provided but not defined: -"
	where := "sealvk --help"
	if c.Command != nil && c.Command.HelpName != "" && c.Command.HelpName != "sealvk" {
		where = c.Command.HelpName + " --help"
	}
	if name, ok := strings.CutPrefix(err.Error(), unknown); ok {
		return fmt.Errorf("unknown flag %s: see %s; text that begins with a dash goes after --", dashed(name), where)
	}
	text := err.Error()
	for _, before := range []string{"for flag -", "flag needs an argument: -"} {
		if start, rest, ok := strings.Cut(text, before); ok {
			name, end, _ := strings.Cut(rest, ":")
			text = start + strings.TrimSuffix(before, "-") + dashed(name)
			if end != "" {
				text += ":" + end
			}
		}
	}
	return fmt.Errorf("%s; see %s", text, where)
}

// noEmptyNames is an error if a flag for a file is given and empty: a script's unset variable
// must not mean the demo.
func noEmptyNames(c *cli.Context) error {
	for _, f := range c.Command.Flags {
		s, ok := f.(*cli.StringFlag)
		if ok && s.TakesFile && c.IsSet(s.Name) && c.String(s.Name) == "" {
			return fmt.Errorf("%s is empty; see %s --help", dashed(s.Name), c.Command.HelpName)
		}
	}
	return nil
}

// dashed spells a flag as the help does.
func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// output is a writer that keeps its first error and then swallows the rest.
type output struct {
	w   io.Writer
	err error
}

func (o *output) Write(b []byte) (int, error) {
	if o.err != nil {
		return 0, o.err
	}
	n, err := o.w.Write(b)
	o.err = err
	return n, err
}

// version is the module's version or the commit it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := info.Main.Version
	if v == "" || v == "(devel)" {
		v = "devel"
	}
	if commit := revision(12); !strings.Contains(v, commit) {
		v += " " + commit
	}
	return v + " (" + info.GoVersion + ")"
}

// revision is the first digits of the commit of the source that the program was built from, ""
// if it was built without it.
func revision(digits int) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value[:min(digits, len(s.Value))]
		}
	}
	return ""
}

func init() {
	// -v is --verbose here.
	cli.VersionFlag = &cli.BoolFlag{Name: "version", Usage: "print the version", DisableDefaultText: true}
}
