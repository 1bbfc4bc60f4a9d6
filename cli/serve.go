package main

import (
	"context"
	"errors"
	"strconv"

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
	idle     long
	guard    *guardFlags
}

func (p *program) serveCommand() *cli.Command {
	f := &serveFlags{
		model: newModelFlags(), sampling: newSamplingFlags(), parallel: whole{mostTogether, 1, 4096}, queue: whole{256, 0, 1 << 20},
		idle: long{none: "never"}, guard: newGuardFlags(),
	}
	f.model.numerics.value = numericsModes[1] // invariant
	f.sampling.speculate.value = 0            // other answers fill a step
	return &cli.Command{
		Name:  "serve",
		Usage: "answer OpenAI's API over HTTP, with a page to chat",
		Description: "The flags of sampling are what requests get that say nothing else. The server answers\n" +
			"this machine alone unless --host says otherwise.",
		Flags: append(append(append(f.model.all(), f.sampling.all()...), f.guard.all()...),
			&cli.StringSliceFlag{Name: "alias", Destination: &f.aliases, Category: categoryServer,
				Usage: "`NAME` of the model in results, instead of the file's (may be given several times)"},
			valueFlag(&f.parallel, categoryServer, "parallel", "compute `N` answers together, fewer if they do not fit"),
			valueFlag(&f.queue, categoryServer, "queue", "let `N` more wait; what comes beyond them is told to come again (429)"),
			valueFlag(&f.idle, categoryServer, "idle-unload",
				"give the device's memory back after so `LONG` without a request, such as 10m; the next one loads the model again"),
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
	return nil
}

// serve answers requests until a signal ends it, or the model does not come any more.
func (p *program) serve(f *serveFlags) (err error) {
	named, err := namedTemplate(f.sampling.template)
	if err != nil {
		return err
	}
	log := p.logger(f.guard.log.value)
	guard, err := f.guard.guard(log)
	if err != nil {
		return err
	}
	ctx, release := stoppable()
	defer release()
	file, err := p.openFile(f.model.path)
	if err != nil {
		return err
	}
	o := &opened{file: file, kv: f.model.kvType(), numerics: f.model.numericsMode()}
	defer func() { err = errors.Join(err, o.closeFile()) }()
	if err := o.readText(f.model, named, false); err != nil {
		return err
	}
	if file.Size <= checkedFirst {
		if err := file.CheckFinite(); err != nil {
			return err
		}
	}
	listener, err := f.guard.listen(len(guard.Keys) > 0)
	if err != nil {
		return err
	}
	defer listener.Close() // where Run did not
	f.model.sessions = int(f.parallel.value)
	defer keepDriver()()
	model := resident.Keep(func(ctx context.Context) (*engine.Model, func() error, error) { return p.bringAgain(ctx, o, f.model) },
		resident.Options{IdleUnload: f.idle.value, Changed: p.changed})
	defer func() { err = errors.Join(err, model.Close()) }()
	names := f.aliases.Value()
	if len(names) == 0 {
		names = []string{modelName(f.model.path)}
	}
	server := serve.New(serve.Config{
		Model: model, File: file, Job: *o.requests(f.sampling, false, false, 0), Aliases: names, Queue: int(f.queue.value), Version: version(),
		Guard: guard, Log: log,
	})
	p.note("%s", whereItListens(listener, guard.TLS != nil))
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		select {
		case <-model.Failed():
			stop()
		case <-ctx.Done():
		}
	}()
	err = server.Run(ctx, listener, f.guard.grace.value)
	if cut := (*serve.CutOffError)(nil); errors.As(err, &cut) {
		p.note("%s cut off by the end of --grace %v", counted(int64(cut.Requests), "request"), f.guard.grace.value)
		err = nil
	}
	if s := model.Status(); err == nil && s.State == resident.Failed {
		err = errors.New(s.Reason)
	}
	return err // nil behind a signal: a service that is stopped has done what it should
}

// bringAgain has the model of text's file on a device that is opened anew.
func (p *program) bringAgain(ctx context.Context, text *opened, f *modelFlags) (*engine.Model, func() error, error) {
	o := &opened{file: text.file, kv: text.kv, numerics: text.numerics}
	give := func() error {
		err := o.close(ctx)
		text.left = text.left || o.left // then the file is in use to the end
		return err
	}
	err := p.openDevice(o, f)
	if err == nil {
		err = p.load(ctx, o, o.file, f)
	}
	if err != nil {
		return nil, nil, errors.Join(err, give())
	}
	_ = f.context.Set(strconv.Itoa(o.model.Context())) // the next time too, whatever part of the memory is free by then
	return o.model, give, nil
}

// changed tells the user how the model is. How it failed is the command's error.
func (p *program) changed(s resident.Status) {
	switch {
	case s.State == resident.Failed:
	case s.Reason == "":
		p.note("the model is %v", s.State)
	default:
		p.note("the model is %v: %s", s.State, s.Reason)
	}
}
