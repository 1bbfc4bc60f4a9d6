package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"sealvk/engine"
	"sealvk/prompt"
	"sealvk/tokenize"
	"sealvk/vk"
	"sealvk/weights"
	"sealvk/weights/hub"
)

// openFile opens the model that a user names: a file, a folder, org/repo[:quant] in
// the Hugging Face cache, or ollama:NAME in Ollama's; "" is the embedded demo (and says so). What is odd about the file is told.
func (p *program) openFile(name string) (*weights.Model, error) {
	file, err := openQuietly(name)
	switch {
	case err != nil:
		return nil, err
	case name == "":
		p.note(nanoNotice)
	}
	p.warn(name, file.Warnings)
	return file, nil
}

// openQuietly is openFile without notices.
func openQuietly(name string) (*weights.Model, error) {
	if name == "" {
		return weights.Parse(nanoName, nanoGGUF)
	}
	if name, ok := strings.CutPrefix(name, ollamaPrefix); ok {
		return openOllama(name)
	}
	path, err := resolveModel(name)
	if errors.Is(err, hub.ErrNotCached) && strings.HasPrefix(name, "hf.co/") { // as Ollama names what it pulled from the Hub
		if file, e := openOllama(name); e == nil {
			return file, nil
		}
	}
	if err != nil {
		return nil, err
	}
	return weights.Open(path)
}

// warn tells what is odd about a file.
func (p *program) warn(name string, warnings []string) {
	for _, w := range warnings {
		p.note("%s: %s", name, w)
	}
}

// openInstance loads Vulkan, with the validation layers if asked for.
func (p *program) openInstance(validate bool) (*vk.Instance, error) {
	config := vk.Config{Validation: validate, Fault: p.faults}
	if validate {
		config.OnMessage = func(m vk.Message) {
			if m.Newer { // says nothing about this program
				return
			}
			p.validationMessages.Add(1)
			p.note("vulkan %v: %s: %s", m.Severity, m.ID, m.Text)
		}
	}
	return vk.Open(config)
}

// checkedFirst is the size in bytes up to which a file's values are checked
// before the device is opened, which takes milliseconds: a damaged file then
// ends at once. Larger files are checked while they are uploaded.
const checkedFirst = 64 << 20

// opened is a model on its device.
type opened struct {
	file      *weights.Model // stays open, for a device that is opened again
	tokenizer *tokenize.Tokenizer
	template  prompt.Template
	kv        engine.KVType
	numerics  engine.Numerics
	model     *engine.Model
	session   *engine.Session // nil where requests share them
	load      time.Duration   // from the file to the ready session
	loaded    engine.Loaded
	left      bool // a load that was stopped, and still uses file, device and instance

	kept     *kept // for reopen
	instance *vk.Instance
	device   *vk.Device
	note     func(format string, args ...any)
	tuning   *engine.Tuning // nil: the device's own
}

// open brings a model to its device, for chats by the template named, nil for the file's
// own. raw leaves the chat template out, which a file may then lack. The device is opened while what is
// on disk is looked at, whose errors come first.
func (p *program) open(ctx context.Context, f *modelFlags, named *prompt.Template, raw bool) (*opened, error) {
	start := time.Now()
	file, err := p.openFile(f.path)
	if err != nil {
		return nil, err
	}
	o := &opened{file: file}
	err = p.bring(ctx, o, f, func() error { return o.readText(f, named, raw) })
	o.load = time.Since(start)
	return o, err
}

// readText makes the tokenizer and the template of the open file.
func (o *opened) readText(f *modelFlags, named *prompt.Template, raw bool) (err error) {
	if o.tokenizer, err = tokenizerOf(o.file, f.marks); err != nil || raw {
		return err
	}
	if err = checkMarks(o.file.Path, o.tokenizer); err == nil {
		o.template, err = chooseTemplate(named, o.file, o.tokenizer)
	}
	return err
}

// bring has the model of an open file on its device. Meanwhile readText reads what else is wanted of it. After an
// error nothing is open.
func (p *program) bring(ctx context.Context, o *opened, f *modelFlags, readText func() error) (err error) {
	o.kv, o.numerics = f.kvType(), f.numericsMode()
	defer func() {
		if err != nil {
			err = errors.Join(stopCause(ctx, err), o.end(ctx))
		}
	}()
	if o.file.Size <= checkedFirst {
		if err = o.file.CheckFinite(); err != nil {
			return err
		}
	}
	var text sync.WaitGroup
	var textError error
	text.Go(func() { textError = readText() })
	err = p.openDevice(o, f)
	text.Wait()
	if err = cmp.Or(textError, err); err != nil {
		return err
	}
	if err = p.place(ctx, o, f); err != nil {
		return err
	}
	if n := o.file.Config.Context; o.model.Context() > n {
		p.note("the model was trained for %d positions; past them a context of %d gives poor answers", n, o.model.Context())
	}
	o.kept = keepFor(p, f, o.model)
	return nil
}

// place has the model on the open device.
func (p *program) place(ctx context.Context, o *opened, f *modelFlags) error {
	err := p.load(ctx, o, o.file, f)
	if err == nil && f.sessions == 0 {
		o.session, err = o.model.NewSession()
	}
	return err
}

// whatFits adds to the error of a model that does not fit what would.
func whatFits(err error) error {
	var e *engine.DoesNotFitError
	switch {
	case !errors.As(err, &e):
		return err
	case e.Largest > 0:
		return fmt.Errorf("%w; --ctx %d would fit (--ctx auto takes the largest)", err, e.Largest)
	case e.Weights == 0:
		return fmt.Errorf("%w; the activations alone do not fit: use another device", err)
	}
	return fmt.Errorf("%w; with --ctx %d weights of up to %s would: use a smaller file or another device", err, e.Least, vk.SizeText(e.Weights))
}

func (p *program) openDevice(o *opened, f *modelFlags) (err error) {
	if o.instance, err = p.openInstance(f.validate); err != nil {
		return err
	}
	chosen, reason, err := o.instance.Select(f.device)
	if err != nil {
		return err
	}
	if f.verbose {
		p.note("%s", reason)
	}
	if f.restrict != "" {
		if err := chosen.Caps.Restrict(f.restrict); err != nil {
			return fmt.Errorf("--restrict: %w", err)
		}
	}
	if f.intDot && f.numericsMode() == engine.NumericsExact {
		return errors.New("--int-dot and --numerics exact: want one of them")
	}
	if f.intDot && !chosen.Caps.Features.IntegerDotProduct { // before anything is loaded or measured
		return fmt.Errorf("--int-dot: %w", engine.ErrNoIntDot)
	}
	if err := p.applyTuning(o, f, &chosen.Caps); err != nil {
		return err
	}
	o.note = p.note
	o.device, err = o.instance.OpenDevice(chosen, pipelineCache())
	return err
}

// pipelineCache is the folder for compiled pipelines, "" if the system names
// no folder for caches.
func pipelineCache() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "sealvk")
}

// closeFile closes the file, unless a load that was left uses it.
func (o *opened) closeFile() error {
	if o.left {
		return nil
	}
	return o.file.Close()
}

// end gives everything back that open took.
func (o *opened) end(ctx context.Context) error { return errors.Join(o.close(ctx), o.closeFile()) }

// close gives everything back but the file, as far as there is any. Where ctx has ended it waits no longer than
// leaveAfter for what the driver compiles, and keeps what was compiled.
func (o *opened) close(ctx context.Context) error {
	var errs []error
	if o.session != nil && !o.left {
		o.session.Close()
	}
	if o.model != nil && !o.left {
		var err error
		if _, o.left, err = unlessStopped(ctx, leaveAfter, func() (struct{}, error) { return struct{}{}, o.model.Close() }); !o.left {
			errs = append(errs, err)
		}
	}
	if o.left {
		if o.device != nil {
			_, _, _ = unlessStopped(ctx, leaveAfter, func() (struct{}, error) { return struct{}{}, o.device.SavePipelineCache() })
		}
		return nil
	}
	if o.device != nil {
		if err := o.device.SavePipelineCache(); err != nil {
			o.note("compiled kernels are not kept, and every start compiles them again: %s", oneLine(err))
		}
		errs = append(errs, o.device.Close())
	}
	if o.instance != nil {
		o.instance.Close()
	}
	o.session, o.model, o.device, o.instance = nil, nil, nil, nil
	return errors.Join(errs...)
}
