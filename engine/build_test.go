package engine

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"

	"sealvk/shaders"
	"sealvk/vk"
)

// compiler is a driver's, which a test holds up or makes fail.
type compiler struct {
	held  atomic.Bool   // from now on shaders wait for gate
	gate  chan struct{} // closed to let them through
	wrong bool          // what was held is no SPIR-V
	begun atomic.Int32  // of those that were held
}

// open opens a device of its own that compiles by it.
func (c *compiler) open(t *testing.T) *vk.Device {
	t.Helper()
	c.gate = make(chan struct{})
	in, err := vk.Open(vk.Config{Shader: func(_ string, spirv []byte) []byte {
		if !c.held.Load() {
			return spirv
		}
		c.begun.Add(1)
		if <-c.gate; c.wrong {
			return nil
		}
		return spirv
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(in.Close)
	pd, _, err := in.Select("")
	if err != nil {
		t.Fatal(err)
	}
	d, err := in.OpenDevice(pd, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// batches is a model whose kernels of batches are held up from the end of Load on.
func (c *compiler) batches(t *testing.T) *Model {
	t.Helper()
	o := Options{Sequences: 2, Context: 256, Tuning: &gpuPrefill, batches: true, Built: func(done, total int) { c.held.Store(done == total) }}
	m, err := Load(t.Context(), c.open(t), openNano(t), o, nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Prompts and single answers need not wait for the kernels of batches, which the model waits for when it
// ends, and builds no more of.
func TestBatchesAreBuiltBehind(t *testing.T) {
	var c compiler
	m := c.batches(t)
	story := longCases(t, 20, 1)[0]
	first := hear(story, 10, nil)
	submit(t, m, t.Context(), first.Request)
	first.whole(t, "while batches wait", story)
	select {
	case <-m.building.done:
		t.Fatal("nothing was left to build")
	default:
	}
	built := len(m.kernels.Pipelines())
	ended := make(chan error)
	go func() { ended <- m.Close() }()
	<-m.queue.life.Done()
	select {
	case <-ended:
		t.Fatal("the model ended while the driver compiled for it")
	default:
	}
	close(c.gate)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if n := int(c.begun.Load()); n == 0 || n > 2*runtime.GOMAXPROCS(0) || built == 0 {
		t.Errorf("%d pipelines built at load and %d begun behind", built, n)
	}
}

// A kernel of batches that cannot be built is an error of the answers that need it, and of no other.
func TestABatchThatCannotBeBuilt(t *testing.T) {
	c := compiler{wrong: true}
	m := c.batches(t)
	close(c.gate)
	if err := m.Complete(t.Context()); err == nil {
		t.Error("all is built")
	}
	some := longCases(t, 20, 2)
	requests := []Request{{Prompt: some[0].PromptIDs, MaxTokens: 10}, {Prompt: some[1].PromptIDs, MaxTokens: 10}}
	if _, err := m.GenerateBatch(t.Context(), requests); err == nil {
		t.Error("a batch was computed")
	}
	alone := hear(some[0], 10, nil)
	submit(t, m, t.Context(), alone.Request)
	alone.whole(t, "alone", some[0])
	m.decode.spent = 2 * settled
	if m.quick(4) {
		t.Error("guesses would be checked by kernels that are not there")
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
}

// A load that is interrupted waits for what the driver compiles already, and begins no more.
func TestInterruptedWhileCompiling(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2)) // far fewer than there are pipelines
	var c compiler
	d := c.open(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	stopped := errors.New("stopped")
	o := Options{Context: 256, Built: func(done, total int) {
		if done == 0 && total > 4*runtime.GOMAXPROCS(0) {
			c.held.Store(true)
		}
	}}
	go func() {
		for c.begun.Load() == 0 {
			runtime.Gosched()
		}
		cancel(stopped)
		close(c.gate)
	}()
	m, err := Load(ctx, d, openNano(t), o, nil)
	if err == nil {
		m.Close()
	}
	if !errors.Is(err, stopped) {
		t.Errorf("%v, want %v", err, stopped)
	}
	if n := int(c.begun.Load()); n > 2*runtime.GOMAXPROCS(0) {
		t.Errorf("%d pipelines were begun", n)
	}
	if s := d.Stats(); s.Pipelines != 0 || s.Buffers != 0 {
		t.Errorf("it leaves %+v", s)
	}
}

// The kernels of prompts come first, then those of a lone row; those of batches may come later.
func TestNeeded(t *testing.T) {
	o := Options{Sequences: 2, Context: 256, Tuning: &gpuPrefill, batches: true}
	m := load(t, nano, o)
	if err := m.Complete(t.Context()); err != nil {
		t.Fatal(err)
	}
	all, none := m.kernels, ownKernels(t, o)
	m.kernels = none
	defer func() { m.kernels = all; none.Free() }()
	missing := func(decode int) []*shaders.Pipeline {
		return none.Missing(func(c *vk.Commands) {
			if decode > 0 {
				m.decodeDispatches(c, decode)
				return
			}
			m.dispatches(c, recording{to: m.cfg.Layers}, m.chunk(0, piece{ids: make([]int32, m.plan.chunk)}).step, nil)
		})
	}
	first, later := m.needed(1, true)
	if prompt := missing(0); !slices.Equal(first[:len(prompt)], prompt) {
		t.Errorf("the first are not a prompt's")
	}
	for _, p := range missing(1) {
		if !slices.Contains(first, p) {
			t.Errorf("a lone row lacks %s %s", p.Kernel, p.Variant)
		}
	}
	for _, p := range later {
		if slices.Contains(first, p) {
			t.Errorf("%s %s is built twice", p.Kernel, p.Variant)
		}
	}
	for _, p := range missing(m.plan.rows) {
		if !slices.Contains(slices.Concat(first, later), p) {
			t.Errorf("a batch lacks %s %s", p.Kernel, p.Variant)
		}
	}
	if len(later) == 0 {
		t.Error("nothing may come later")
	}
}

// Complete ends with its context.
func TestCompleteEndsWithItsContext(t *testing.T) {
	var c compiler
	m := c.batches(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := m.Complete(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	close(c.gate)
	if err := m.Complete(t.Context()); err != nil {
		t.Error(err)
	}
	if missing := slices.Concat(m.needed(1, true)); len(missing) > 0 {
		t.Errorf("%d pipelines are missing", len(missing))
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
}
