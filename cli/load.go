package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"sealvk/engine"
	"sealvk/vk"
	"sealvk/weights"
)

// load uploads the file.
func (p *program) load(ctx context.Context, o *opened, file *weights.Model, f *modelFlags) (err error) {
	bar, end := p.progress("loading")
	show, _ := p.status()
	start := time.Now()
	compiling := newCompileNotice(show, start)
	options := engine.Options{
		Context: f.context.number(engine.ContextAuto), KV: o.kv, Sequences: f.sessions, Tuning: o.tuning, Numerics: o.numerics, IntDot: f.intDot,
		Built: compiling.built, Fault: p.fault(o.device, f.verbose),
	}
	err = o.loadModel(ctx, func() (*engine.Model, error) {
		options, err := engine.Trusted(ctx, o.device, options)
		if err != nil {
			return nil, err
		}
		if f.sessions > 1 {
			options.Sequences = engine.FitSequences(o.device.Caps(), file, options)
		}
		return engine.Load(ctx, o.device, file, options, func(done, total int64) {
			bar(done, total)
			compiling.uploaded(done == total)
		})
	})
	file.Rest()
	compiling.end()
	end()
	if err != nil || !f.verbose {
		return whatFits(err)
	}
	weights, kv, activations := o.model.Memory()
	p.note("%s in %.2f s: weights uploaded in %.2f s, %.2f GB/s, kernels built in %.2f s; on the device: weights %s, KV cache for %d positions %s, activations %s",
		vk.SizeText(file.Size), time.Since(start).Seconds(), o.loaded.Upload.Seconds(), o.loaded.GBPerS(), o.loaded.Build.Seconds(),
		vk.SizeText(weights), o.model.Context(), vk.SizeText(kv), vk.SizeText(activations))
	decode, prefill := o.model.Arithmetic()
	p.note("numerics %v: decode by %s, prompts by %s", o.numerics, decode, prefill)
	return nil
}

// leaveAfter is how long a command that was stopped waits for a model that is being loaded.
const leaveAfter = 200 * time.Millisecond

// loadModel has do load the model. A driver that compiles cannot be interrupted: when ctx ends, do
// has a moment to end too, and is left alone then, with all that it uses. The process is about to end.
func (o *opened) loadModel(ctx context.Context, do func() (*engine.Model, error)) (err error) {
	if o.model, o.left, err = unlessStopped(ctx, leaveAfter, do); err == nil {
		o.loaded = o.model.Loaded()
	}
	return err
}

// unlessStopped gives what do gives. If ctx ends and do does not in a while, it gives the cause of that, and
// that do was left alone.
func unlessStopped[T any](ctx context.Context, while time.Duration, do func() (T, error)) (result T, left bool, err error) {
	ended := make(chan struct{})
	var theirs T
	var theirError error
	go func() {
		defer close(ended)
		theirs, theirError = do()
	}()
	select {
	case <-ended:
		return theirs, false, theirError
	case <-ctx.Done():
	}
	select {
	case <-ended:
		return theirs, false, theirError
	case <-time.After(while):
		return result, true, context.Cause(ctx)
	}
}

// compileNotice shows how many kernels are compiled once that has taken a second and the weights are there:
// what is compiled behind the upload costs no time.
type compileNotice struct {
	show  func(what string)
	begun time.Time
	timer *time.Timer

	mu          sync.Mutex
	done, total int
	weights     bool // are there
	ended       bool
}

// patience is how long a user waits without a word.
const patience = time.Second

func newCompileNotice(show func(what string), begun time.Time) *compileNotice {
	n := &compileNotice{show: show, begun: begun}
	n.timer = time.AfterFunc(patience, func() { n.change(func() {}) })
	return n
}

// built is told of every kernel, from several goroutines.
func (n *compileNotice) built(done, total int) {
	n.change(func() { n.done, n.total = max(n.done, done), total })
}

// uploaded is told of every piece of weights, likewise.
func (n *compileNotice) uploaded(all bool) {
	if all {
		n.change(func() { n.weights = true })
	}
}

func (n *compileNotice) change(do func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	do()
	if !n.ended && n.weights && n.done < n.total && time.Since(n.begun) >= patience {
		n.show(fmt.Sprintf("compiling kernels: %d of %d, first run on this driver", n.done, n.total))
	}
}

func (n *compileNotice) end() {
	n.timer.Stop()
	n.change(func() { n.ended = true })
}
