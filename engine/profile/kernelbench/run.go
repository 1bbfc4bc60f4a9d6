package kernelbench

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"time"

	"sealvk/engine/profile/roofline"
	"sealvk/shaders"
	"sealvk/shaders/cases"
	"sealvk/vk"
)

// Options say how a Workbench measures.
type Options struct {
	Reps  int   // timed runs of a case; 0: none, the cases are only checked
	Warm  bool  // leave the caches as the run before left them
	Flush int64 // bytes that go through the caches between two runs; 0: 256 MiB, on a CPU 128 MiB
	// RoofsFolder is where roofline.Save keeps those of devices. Results tell their share of them
	// where they are there; nothing is measured.
	RoofsFolder string
}

// patience is for devices that have hung.
const patience = 5 * time.Minute

// Workbench is a device, and what stays from case to case.
type Workbench struct {
	d     *vk.Device
	o     Options
	sets  map[string]*shaders.Kernels
	flush *flush
	roofs *roofline.Roofs // nil: unknown
	clock *clock          // nil before the first timed run
	hung  bool            // freeing what a device still uses is undefined
}

// New makes a workbench. It fails where the device has no timestamps to measure with.
func New(d *vk.Device, o Options) (*Workbench, error) {
	caps := d.Caps()
	if err := d.CheckTimestamps(); o.Reps > 0 && err != nil {
		return nil, fmt.Errorf("kernelbench: %w; use another device", err)
	}
	if o.Flush = flushBytes(d, o.Flush); o.Warm || o.Reps == 0 {
		o.Flush = 0
	}
	w := &Workbench{d: d, o: o, sets: map[string]*shaders.Kernels{}}
	if o.RoofsFolder != "" {
		if r, err := roofline.Load(o.RoofsFolder, caps); err == nil {
			w.roofs = r
		}
	}
	return w, nil
}

// Free gives everything back, unless the device has hung.
func (w *Workbench) Free() {
	if w.hung {
		return
	}
	for _, s := range w.sets {
		s.Free()
	}
	clear(w.sets)
	if w.flush != nil {
		w.flush.free()
		w.flush = nil
	}
	if w.clock != nil {
		w.clock.free()
		w.clock = nil
	}
}

// Run runs the cases and calls done with each result. Before the first, all of them are
// compared with the device's limits and its free memory. A case that fails afterwards is a Result
// with an Error, and the others go on, unless the device is lost or hangs. ctx ends it between two
// runs.
func (w *Workbench) Run(ctx context.Context, list []Case, done func(*Result) error) error {
	for i := range list {
		if _, err := w.plan(&list[i]); err != nil {
			return tell(&list[i], err)
		}
	}
	for i := range list {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		r, err := w.run(ctx, &list[i])
		switch {
		case context.Cause(ctx) != nil:
			return context.Cause(ctx)
		case w.hung || errors.Is(err, vk.ErrDeviceLost):
			return tell(&list[i], err)
		case err != nil:
			r = w.failed(&list[i], err)
		}
		if err := done(r); err != nil {
			return err
		}
	}
	return nil
}

// tell puts the case in front of what went wrong with it.
func tell(c *Case, err error) error { return fmt.Errorf("kernelbench: %s: %w", text(c), err) }

// plan checks a case and says what it takes.
func (w *Workbench) plan(c *Case) (*cases.Bench, error) {
	b, err := cases.Plan(w.d, c)
	if err != nil {
		return nil, err
	}
	reserve := w.o.Flush
	if w.flush != nil {
		reserve = 0
	}
	return b, b.Fits(reserve)
}

// set finds the set of the case's kernel, or makes it.
func (w *Workbench) set(c *Case) (*shaders.Kernels, error) {
	cfg := shaders.Config{KV: c.KV, Tuning: c.Variant.Tuning, Statistics: true}
	key := fmt.Sprint(cfg)
	if w.sets[key] == nil {
		s, err := shaders.New(w.d, cfg)
		if err != nil {
			return nil, err
		}
		w.sets[key] = s
	}
	return w.sets[key], nil
}

func (w *Workbench) run(ctx context.Context, c *Case) (_ *Result, err error) {
	b, err := w.plan(c)
	if err != nil {
		return nil, err
	}
	set, err := w.set(c)
	if err != nil {
		return nil, err
	}
	if w.flush == nil && w.o.Flush > 0 {
		if w.flush, err = newFlush(w.d, w.o.Flush); err != nil {
			return nil, err
		}
	}
	defer func() {
		if !w.hung {
			b.Free()
		}
	}()
	if err := b.Make(); err != nil {
		return nil, err
	}
	r, err := w.record(b, set)
	if err != nil {
		return nil, err
	}
	defer func() {
		if !w.hung {
			r.free()
		}
	}()
	if err := w.submit(ctx, r); err != nil {
		return nil, err
	}
	checked, err := b.Check()
	if err != nil {
		return nil, err
	}
	samples, controls, err := w.time(ctx, b, r)
	if err != nil {
		return nil, err
	}
	return w.result(b, r.dispatches, samples, controls, checked)
}

// recorded is a case as it runs again and again.
type recorded struct {
	before     *vk.Commands // gives back what the kernel changed, and flushes the caches
	kernel     *vk.Commands
	dispatches []shaders.Dispatch // of kernel
}

func (r *recorded) free() {
	for _, c := range []*vk.Commands{r.before, r.kernel} {
		if c != nil {
			c.Free()
		}
	}
}

func (w *Workbench) record(b *cases.Bench, set *shaders.Kernels) (_ *recorded, err error) {
	r := &recorded{}
	defer func() {
		if err != nil {
			r.free()
		}
	}()
	if r.before, err = w.d.NewCommands("before " + b.Kernel); err != nil {
		return nil, err
	}
	b.Restore(r.before)
	if w.flush != nil {
		w.flush.record(r.before)
	}
	if err = r.before.End(); err != nil {
		return nil, err
	}
	if r.kernel, err = w.d.NewCommands(b.Kernel); err != nil {
		return nil, err
	}
	if w.o.Reps > 0 {
		if err = r.kernel.Trace(vk.TraceCommands); err != nil {
			return nil, err
		}
	}
	set.Observe(func(d shaders.Dispatch) { r.dispatches = append(r.dispatches, d) })
	b.Record(set, r.kernel)
	set.Observe(nil)
	return r, r.kernel.End()
}

// submit runs a case once.
func (w *Workbench) submit(ctx context.Context, r *recorded) error {
	before, err := w.prepare(ctx, r)
	if err != nil {
		return err
	}
	if before == nil {
		return w.wait(r.kernel)
	}
	return w.wait(before, r.kernel)
}

// prepare does what the host does in front of a run, and gives what is left to the device.
func (w *Workbench) prepare(ctx context.Context, r *recorded) (*vk.Commands, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	if w.flush == nil || w.flush.memory == nil {
		return r.before, nil
	}
	if err := w.wait(r.before); err != nil {
		return nil, err
	}
	w.flush.run()
	return nil, nil
}

// wait submits commands and waits for them.
func (w *Workbench) wait(commands ...*vk.Commands) error {
	ticket, err := w.d.Submit(commands...)
	if err != nil {
		return err
	}
	return w.waitFor(ticket)
}

func (w *Workbench) waitFor(ticket vk.Ticket) error {
	err := w.d.Wait(ticket, patience)
	w.hung = w.hung || errors.Is(err, vk.ErrTimeout)
	return err
}

// took is the device's time for the commands, without what is between them.
func (w *Workbench) took(c *vk.Commands) (took time.Duration, err error) {
	spans, err := c.Spans()
	for _, s := range spans {
		took += w.d.Between(s.Begin, s.End)
	}
	return took, err
}

func microseconds(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// time gives the device's times for the kernel in each run and for the control chain behind it,
// in µs.
func (w *Workbench) time(ctx context.Context, b *cases.Bench, r *recorded) (samples, controls []float64, err error) {
	seed := maphash.MakeSeed()
	first, err := b.Hash(seed)
	if err != nil || w.o.Reps == 0 {
		return nil, nil, err
	}
	if w.clock == nil {
		if w.clock, err = newClock(w); err != nil {
			return nil, nil, err
		}
	}
	if err := w.clock.warm(ctx); err != nil {
		return nil, nil, err
	}
	for range w.o.Reps {
		before, err := w.prepare(ctx, r)
		if err != nil {
			return nil, nil, err
		}
		control, err := w.clock.run(before, r.kernel)
		if err != nil {
			return nil, nil, err
		}
		took, err := w.took(r.kernel)
		if err != nil {
			return nil, nil, err
		}
		samples, controls = append(samples, microseconds(took)), append(controls, control)
	}
	last, err := b.Hash(seed)
	if err == nil && last != first {
		err = fmt.Errorf("%w: the same input gave another output after %d runs", cases.ErrWrong, w.o.Reps)
	}
	return samples, controls, err
}
