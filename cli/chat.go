package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"

	"sealvk/engine"
	"sealvk/prompt"
)

func (p *program) chatCommand() *cli.Command {
	model, sampling := newModelFlags(), newSamplingFlags()
	return &cli.Command{
		Name:  "chat",
		Usage: "talk with the model",
		Description: "Commands: " + strings.ReplaceAll(chatHelp(), "\n", "\n          ") +
			"\n\nWithout a terminal every line of standard input is a turn.",
		Flags: append(model.all(), sampling.all()...),
		Action: func(c *cli.Context) error {
			if c.NArg() > 0 {
				return fmt.Errorf("chat takes no argument, got %q; sealvk generate answers one prompt", c.Args().First())
			}
			if err := sampling.finish(c); err != nil {
				return err
			}
			return p.chat(model, sampling)
		},
	}
}

// chat is one conversation. The session keeps the KV cache between turns: each
// turn hands over the whole conversation, and what the cache holds of it is
// not computed again.
type chat struct {
	*program
	opened   *opened
	sampling *samplingFlags
	verbose  bool

	lines       lines
	interactive bool
	signals     chan os.Signal
	interrupts  int // Ctrl-C since the last line, the second one leaves

	system string
	turns  []prompt.Message
	last   *answer // for /stats
	failed bool    // a turn without a terminal got no answer
}

func (p *program) chat(model *modelFlags, sampling *samplingFlags) (err error) {
	named, err := namedTemplate(sampling.template)
	if err != nil {
		return err
	}
	ctx, release := stoppable()
	o, err := p.open(ctx, model, named, false)
	release()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.end(ctx)) }()
	c := &chat{program: p, opened: o, sampling: sampling, verbose: model.verbose, system: sampling.system}
	if c.verbose && sampling.temperature.value > 0 {
		p.note("seed %d", sampling.seed.value)
	}
	c.lines, c.interactive = p.openLines("")
	defer c.lines.close()
	c.signals = make(chan os.Signal, 2)
	signal.Notify(c.signals, stopSignals...)
	defer signal.Stop(c.signals)
	if c.interactive {
		fmt.Fprintf(p.stderr, "%s on %s. /help shows the commands.\n", o.file.Path, o.device.Caps().Name)
	}
	return c.loop()
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
		if said.typed && said.text[0] == '/' {
			if leave, err := c.command(said.text); leave {
				return err
			} else if err != nil {
				c.complain(err)
			}
			continue
		}
		if err := c.turn(said.text); err != nil {
			return err
		}
	}
	return c.stdout.err
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

// turn answers one line. Only an error that ends the conversation comes back.
func (c *chat) turn(line string) error {
	if err := checkUTF8("the line", line); err != nil {
		return c.complain(err)
	}
	turns := append(c.turns, prompt.Message{Role: "user", Content: line})
	ids, err := c.opened.template.Encode(c.opened.tokenizer, messages(c.system, turns...), true)
	if err != nil {
		return c.complain(err)
	}
	ctx, release := c.stopOnSignal()
	a, err := c.opened.ask(ctx, ids, c.sampling, false, c.printer())
	release()
	stopped := stopCause(ctx, nil)
	var tooLong tooLongError
	switch {
	case errors.As(err, &tooLong):
		return c.complain(fmt.Errorf("the conversation has %d tokens now and the context holds %d: /clear forgets it, --ctx makes the context larger",
			tooLong.tokens, tooLong.context))
	case err != nil && (stopped == nil || c.opened.gone()): // stopped while the device was opened again
		return cmp.Or(stopped, err)
	}
	if a.Text != "" || stopped == nil {
		io.WriteString(c.stdout, "\n")
	}
	c.turns = append(turns, prompt.Message{Role: "assistant", Content: a.Text})
	c.last = &a
	switch {
	case errors.Is(stopped, stoppedError{syscall.SIGTERM}):
		return stopped
	case stopped != nil:
		c.interrupts++
		fmt.Fprintln(c.stderr, "(stopped; Ctrl-C again leaves)")
	case a.Finish == engine.FinishContext:
		c.note("the answer was cut: the context of %d tokens is full; /clear forgets the conversation, --ctx makes the context larger", c.opened.model.Context())
	}
	if c.verbose {
		c.note("%s", a.summary(c.opened))
	}
	return nil
}

// complain tells why a line had no effect; the conversation stays as it was.
func (c *chat) complain(err error) error {
	c.note("%s", oneLine(err))
	c.failed = !c.interactive
	return nil
}

// stopOnSignal gives a context for one answer that the first signal cancels. A
// second signal leaves at once, whatever the device is doing.
func (c *chat) stopOnSignal() (ctx context.Context, release func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	done := make(chan struct{})
	second := c.interrupts > 0
	go func() {
		for {
			select {
			case s := <-c.signals:
				if second || ctx.Err() != nil {
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
