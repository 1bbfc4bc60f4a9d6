package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"

	"sealvk/cli/chats"
)

// chatFlags are those of a chat.
type chatFlags struct {
	model    *modelFlags
	sampling *samplingFlags
	files    chatFileFlags
	overflow choice
	plain    bool
	given    func(name string) bool // whether the flag was
	own      map[string]bool        // by the names of options that /set changed: whether to another value than the default
}

func newChatFlags() *chatFlags {
	return &chatFlags{
		model: newModelFlags(), sampling: newSamplingFlags(),
		overflow: choice{chats.OverflowStop, []string{chats.OverflowStop, chats.OverflowShift}},
		own:      map[string]bool{},
	}
}

func (f *chatFlags) all() []cli.Flag {
	return append(slices.Concat(f.model.all(), f.sampling.all(), f.files.all()),
		f.overflowFlag(),
		toggleFlag(&f.plain, "", "plain", "show answers as the model writes them, without drawing their Markdown"),
	)
}

func (f *chatFlags) overflowFlag() cli.Flag {
	return valueFlag(&f.overflow, "", "overflow", "`WHAT` to do where the context is full: stop, or shift to leave out the oldest turns")
}

func (p *program) chatCommand() *cli.Command {
	f := newChatFlags()
	return &cli.Command{
		Name:      "chat",
		Usage:     "talk with the model",
		ArgsUsage: "[FIRST TURN]",
		Description: "Commands: " + strings.ReplaceAll(chatHelp(), "\n", "\n          ") +
			"\n\nThe arguments, joined by blanks, are the first turn. Without a terminal every line of\nstandard input is a turn.",
		Flags: f.all(),
		Action: func(c *cli.Context) error {
			f.given = c.IsSet
			if err := f.sampling.finish(c); err != nil {
				return err
			}
			return p.chat(f, strings.Join(c.Args().Slice(), " "))
		},
	}
}

// chat is one conversation. The session keeps the KV cache between turns: each
// turn hands over the whole conversation, and what the cache holds of it is
// not computed again.
type chat struct {
	*program
	flags  *chatFlags
	opened *opened

	lines       lines
	interactive bool
	signals     chan os.Signal
	interrupts  int // Ctrl-C since the last line, the second one leaves

	conversation chats.Chat
	files        chatFiles
	attached     readFiles
	last         *answer // for /stats
	failed       bool    // a turn without a terminal got no answer
	unknown      string  // a line whose command nobody knows: if it comes again it is a turn
}

// chat talks, of first at first unless that is empty.
func (p *program) chat(f *chatFlags, first string) (err error) {
	if err := checkUTF8("the first turn", first); err != nil {
		return err
	}
	named, err := namedTemplate(f.sampling.template)
	if err != nil {
		return err
	}
	c := &chat{program: p, flags: f, conversation: chats.New(modelName(f.model.path))}
	loaded, err := c.openFiles()
	defer c.files.leave()
	if err != nil {
		return err
	}
	ctx, release := stoppable()
	o, err := p.open(ctx, f.model, named, false)
	release()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.end(ctx)) }()
	c.opened = o
	if err := o.checkSystem(f.sampling.system); err != nil {
		return fmt.Errorf("--system: %w", err)
	}
	c.conversation.System = f.sampling.system
	c.lines, c.interactive = p.openLines(p.historyFile(f.files.noHistory))
	defer c.lines.close()
	c.signals = make(chan os.Signal, 2)
	signal.Notify(c.signals, chatSignals()...)
	defer signal.Stop(c.signals)
	if c.interactive {
		fmt.Fprintf(p.stderr, "%s on %s. /help shows the commands.\n", o.file.Path, o.device.Caps().Name)
	}
	if loaded != nil {
		if f.given("system") {
			loaded.System = f.sampling.system
		}
		if err := c.goOn(loaded); err != nil {
			return err
		}
	}
	if f.model.verbose && f.sampling.temperature.value > 0 {
		p.note("seed %d", f.sampling.seed.value)
	}
	if strings.TrimSpace(first) != "" {
		if err := c.turn(first); err != nil {
			return err
		}
	}
	return c.loop()
}

// chatSignals are the stop signals and the end of the terminal, unless who started the chat wants it to outlive that.
func chatSignals() []os.Signal {
	if signal.Ignored(syscall.SIGHUP) {
		return stopSignals
	}
	return append([]os.Signal{syscall.SIGHUP}, stopSignals...)
}

// loop reads and answers until the input ends.
func (c *chat) loop() error {
	for c.stdout.err == nil {
		said, err := c.readLine()
		switch {
		case errors.Is(err, io.EOF):
			if c.failed {
				return errors.New("not every line got an answer, see above")
			}
			return nil
		case errors.Is(err, errInterrupt):
			if said.text != "" { // which that took away: nobody loses a draft and the chat by one key
				c.interrupts = 0
			}
			if c.interrupts++; c.interrupts > 1 {
				return stoppedError{os.Interrupt}
			}
			fmt.Fprintln(c.stderr, "Ctrl-C again or Ctrl-D leaves.")
			continue
		case err != nil:
			return err
		}
		if c.interactive {
			c.interrupts = 0
		}
		if strings.TrimSpace(said.text) == "" {
			continue
		}
		if leave, err := c.said(said); leave || err != nil {
			return err
		}
	}
	return c.stdout.err
}

// said runs a command or answers a turn. Only an error that ends the conversation comes back.
func (c *chat) said(t turn) (leave bool, err error) {
	unknown := c.unknown
	c.unknown = ""
	if err := checkUTF8("the line", t.text); err != nil {
		c.complain(err)
		return false, nil
	}
	if !t.typed || t.text[0] != '/' || t.text == unknown {
		return false, c.turn(t.text)
	}
	command, rest := commandOf(t.text)
	switch {
	case command != nil:
		leave, err := command.run(c, rest)
		if err != nil && !leave {
			c.complain(err)
			err = nil
		}
		return leave, err
	case c.interactive:
		name, _, _ := strings.Cut(t.text, " ")
		fmt.Fprintf(c.stderr, "There is no command %s; /help lists them. The same line again is sent as it is.\n", visible(name))
		c.lines.offer(t.text)
		c.unknown = t.text
		return false, nil
	}
	return false, c.turn(t.text)
}

// readLine waits for a turn or a signal.
func (c *chat) readLine() (turn, error) {
	type result struct {
		turn
		err error
	}
	if c.interactive { // a Ctrl-C that came just after an answer's end
		select {
		case s := <-c.signals:
			if s == os.Interrupt {
				return turn{}, errInterrupt
			}
			return turn{}, stoppedError{s}
		default:
		}
	}
	read := make(chan result, 1)
	go func() {
		said, err := c.lines.next("> ")
		read <- result{said, err}
	}()
	select {
	case r := <-read:
		return r.turn, r.err
	case s := <-c.signals:
		if c.interactive {
			fmt.Fprintln(c.stderr) // the prompt's line is open
		}
		return turn{}, stoppedError{s}
	}
}

// complain tells why a line had no effect; the conversation stays as it was.
func (c *chat) complain(err error) {
	c.note("%s", oneLine(err))
	c.failed = !c.interactive
}

// stopOnSignal gives a context for one answer that the first signal cancels. A
// second signal leaves at once, whatever the device is doing, and a third one
// does where the terminal takes nothing (Ctrl-S).
func (c *chat) stopOnSignal() (ctx context.Context, release func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	done := make(chan struct{})
	second := c.interrupts > 0
	go func() {
		for {
			select {
			case s := <-c.signals:
				if second || ctx.Err() != nil {
					signal.Stop(c.signals)
					c.lines.close()
					os.Exit(stoppedError{s}.code())
				}
				cancel(stoppedError{s})
			case <-done:
				return
			}
		}
	}()
	return ctx, func() {
		close(done)
		cancel(nil) // the first cause stays
	}
}
