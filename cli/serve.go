package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/urfave/cli/v2"

	"sealvk/cli/resident"
	"sealvk/cli/serve"
	"sealvk/engine"
)

type serveFlags struct {
	model    *modelFlags
	sampling *samplingFlags
	parallel whole
	queue    whole
	aliases  cli.StringSlice
	host     string
	port     whole
	idle     time.Duration
}

const categoryServer = "Server:"

func (p *program) serveCommand() *cli.Command {
	f := &serveFlags{
		model: newModelFlags(), sampling: newSamplingFlags(), parallel: whole{mostTogether, 1, 4096}, queue: whole{256, 0, 1 << 20},
		port: whole{8080, 0, 1<<16 - 1},
	}
	f.model.numerics.value = numericsModes[1] // invariant
	f.sampling.speculate.value = 0            // other answers fill a step
	return &cli.Command{
		Name:  "serve",
		Usage: "answer OpenAI's API over HTTP, with a page to chat",
		Description: "The flags of sampling are what requests get that say nothing else. The server answers\n" +
			"this machine alone unless --host says otherwise.",
		Flags: append(append(f.model.all(), f.sampling.all()...),
			&cli.StringFlag{Name: "host", Value: "127.0.0.1", Destination: &f.host, Category: categoryServer, Usage: "listen on `ADDRESS`"},
			valueFlag(&f.port, categoryServer, "port", "listen on `PORT`; 0: any that is free"),
			&cli.StringSliceFlag{Name: "alias", Destination: &f.aliases, Category: categoryServer,
				Usage: "`NAME` of the model in results, instead of the file's (may be given several times)"},
			valueFlag(&f.parallel, categoryServer, "parallel", "compute `N` answers together, fewer if they do not fit"),
			valueFlag(&f.queue, categoryServer, "queue", "let `N` more wait; what comes beyond them is told to come again (429)"),
			&cli.DurationFlag{Name: "idle-unload", Destination: &f.idle, Category: categoryServer, DefaultText: "never",
				Usage: "give the device's memory back after so `LONG` without a request, such as 10m; the next one loads the model again"},
		),
		Action: func(c *cli.Context) error {
			if err := noArguments(c); err != nil {
				return err
			}
			if err := f.finish(c); err != nil {
				return err
			}
			return p.serve(f)
		},
	}
}

// finish checks what no single flag can.
func (f *serveFlags) finish(c *cli.Context) error {
	if err := f.sampling.finish(c); err != nil {
		return err
	}
	if f.model.numerics.value == numericsModes[0] { // auto would have a lone answer's bits depend on being alone
		f.model.numerics.value = numericsModes[1]
	}
	for _, name := range f.aliases.Value() {
		if name == "" {
			return errors.New("--alias is empty: want a name")
		}
	}
	if f.idle < 0 {
		return errors.New("--idle-unload is negative: want a time such as 10m")
	}
	return nil
}

// serve answers requests until a signal ends it, or the model does not come any more.
func (p *program) serve(f *serveFlags) (err error) {
	named, err := namedTemplate(f.sampling.template)
	if err != nil {
		return err
	}
	ctx, release := stoppable()
	defer release()
	file, err := p.openFile(f.model.path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	o := &opened{file: file, kv: f.model.kvType(), numerics: f.model.numericsMode()}
	if err := o.readText(named, false); err != nil {
		return err
	}
	if file.Size <= checkedFirst {
		if err := file.CheckFinite(); err != nil {
			return err
		}
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(f.host, strconv.FormatUint(f.port.value, 10)))
	if err != nil {
		return fmt.Errorf("--port: %w", err)
	}
	f.model.sessions = int(f.parallel.value)
	model := resident.Keep(func(ctx context.Context) (*engine.Model, func() error, error) { return p.bringAgain(ctx, o, f.model) },
		resident.Options{IdleUnload: f.idle, Changed: p.changed})
	defer func() { err = errors.Join(err, model.Close()) }()
	names := f.aliases.Value()
	if len(names) == 0 {
		names = []string{modelName(f.model.path)}
	}
	server := serve.New(serve.Config{
		Model: model, File: file, Job: *o.requests(f.sampling, false, false, 0), Aliases: names, Queue: int(f.queue.value), Version: version(),
	})
	p.note("listening on http://%s (chat page), OpenAI's API at http://%[1]s/v1", listener.Addr())
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		select {
		case <-model.Failed():
			stop()
		case <-ctx.Done():
		}
	}()
	if err := server.Run(ctx, listener, 30*time.Second); err != nil {
		return err
	}
	if s := model.Status(); s.State == resident.Failed {
		return errors.New(s.Reason)
	}
	return stopCause(ctx, nil)
}

// bringAgain has the model of a file that stays open on a device that is opened anew.
func (p *program) bringAgain(ctx context.Context, text *opened, f *modelFlags) (*engine.Model, func() error, error) {
	o := &opened{file: text.file, kv: text.kv, numerics: text.numerics}
	err := p.openDevice(o, f)
	if err == nil {
		err = p.load(ctx, o, o.file, f)
	}
	if err != nil {
		return nil, nil, errors.Join(err, o.close(ctx))
	}
	return o.model, func() error { return o.close(ctx) }, nil
}

// changed tells the user how the model is.
func (p *program) changed(s resident.Status) {
	if s.Reason == "" {
		p.note("the model is %v", s.State)
		return
	}
	p.note("the model is %v: %s", s.State, s.Reason)
}
