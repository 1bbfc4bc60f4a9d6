package resident

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sealvk/engine"
	"sealvk/vk"
	"sealvk/weights"
)

// devices opens the demo model's file on devices of its own, under the validation layers.
type devices struct {
	t      *testing.T
	file   *weights.Model
	losing atomic.Bool // the next time that a device is waited for it is lost
}

func newDevices(t *testing.T) *devices {
	file, err := weights.Open("../nano/seallm-nano-Q4_K_M.gguf")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return &devices{t: t, file: file}
}

func (d *devices) open(ctx context.Context) (*engine.Model, func() error, error) {
	in, err := vk.Open(vk.Config{Validation: true, OnMessage: func(m vk.Message) {
		if !m.Newer {
			d.t.Errorf("%s: %s", m.Severity, m.Text)
		}
	}, Fault: func(op vk.Op) error {
		if op == vk.OpWait && d.losing.CompareAndSwap(true, false) {
			return vk.ErrDeviceLost
		}
		return nil
	}})
	if err != nil {
		return nil, nil, err
	}
	defer in.Close() // the device keeps it
	pd, _, err := in.Select("")
	if err != nil {
		return nil, nil, err
	}
	dev, err := in.OpenDevice(pd, "")
	if err != nil {
		return nil, nil, err
	}
	m, err := engine.Load(ctx, dev, d.file, engine.Options{Sequences: 2, Context: 128, Numerics: engine.NumericsInvariant}, nil)
	if err != nil {
		return nil, nil, errors.Join(err, dev.Close())
	}
	return m, func() error {
		err := errors.Join(m.Close(), dev.Close())
		if s := dev.Stats(); s != (vk.Stats{}) {
			d.t.Errorf("not given back: %+v", s)
		}
		return err
	}, nil
}

// question is one of several requests with answers of their own.
func question(i int) engine.Request {
	return engine.Request{
		Prompt: []int32{2, int32(100 + i), int32(200 + i), int32(300 + i)}, MaxTokens: 6,
		Sampling: engine.Sampling{Temperature: 1, TopK: 40, TopP: 1, RepeatPenalty: 1, Seed: uint64(i)},
	}
}

// ask submits requests and waits for their ends.
func ask(m *Model, requests ...engine.Request) ([]engine.Result, error) {
	results := make([]engine.Result, len(requests))
	var running sync.WaitGroup
	running.Add(len(requests))
	for i := range requests {
		requests[i].Done = func(r engine.Result) {
			results[i] = r
			running.Done()
		}
	}
	if err := m.Submit(context.Background(), requests...); err != nil {
		return nil, err
	}
	running.Wait()
	return results, nil
}

// Answers keep their bits in front of a loss and behind it, and while the model is unloaded again and again; the
// requests that the lost device was to answer end with its error.
func TestOnDevices(t *testing.T) {
	d := newDevices(t)
	model, giveBack, err := d.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	const questions = 3
	want := make([][]int32, questions)
	for i := range want {
		r, err := model.GenerateBatch(t.Context(), []engine.Request{question(i)})
		if err != nil {
			t.Fatal(err)
		}
		want[i] = r[0].Tokens
	}
	if reflect.DeepEqual(want[0], want[1]) {
		t.Fatal("all answers are alike")
	}

	t.Run("unloaded", func(t *testing.T) {
		var away atomic.Bool
		var unloaded atomic.Int64
		away.Store(true)
		m := Keep(func(context.Context) (*engine.Model, func() error, error) { // what is on the device stays there
			away.Store(false)
			return model, func() error { away.Store(true); unloaded.Add(1); return nil }, nil
		}, Options{IdleUnload: time.Nanosecond})
		if err := m.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		var clients sync.WaitGroup
		for c := range 6 {
			clients.Go(func() {
				for i := range 12 {
					q := (c + i) % questions
					r := question(q)
					r.Emit = func(engine.Token) error {
						if away.Load() {
							t.Error("answered by a model that was given back")
						}
						return nil
					}
					results, err := ask(m, r)
					if err != nil || results[0].Err != nil || !slices.Equal(results[0].Tokens, want[q]) {
						t.Errorf("%v, %+v, want %v", err, results, want[q])
					}
				}
			})
		}
		clients.Wait()
		for m.Status().State != Unloaded {
			time.Sleep(time.Millisecond)
		}
		if _, err := ask(m, question(0)); err != nil {
			t.Error(err)
		}
		if err := m.Close(); err != nil || unloaded.Load() < 2 || !away.Load() {
			t.Errorf("%v, unloaded %d times", err, unloaded.Load())
		}
	})

	t.Run("given up", func(t *testing.T) {
		m := Keep(func(context.Context) (*engine.Model, func() error, error) {
			return model, func() error { return nil }, nil
		}, Options{})
		for i := range most {
			if err := m.Wait(t.Context()); err != nil {
				t.Fatalf("loss %d: %v", i, err)
			}
			r := question(0)
			r.Emit = func(engine.Token) error { return fmt.Errorf("engine: %w", vk.ErrDeviceLost) } // as if it were
			if results, err := ask(m, r); err != nil || !errors.Is(results[0].Err, vk.ErrDeviceLost) {
				t.Fatalf("loss %d: %v, %+v", i, err, results)
			}
		}
		<-m.Failed()
		if s := m.Status(); s.State != Failed || s.Losses != most {
			t.Errorf("%+v", s)
		}
		if _, err := ask(m, question(0)); !errors.Is(err, ErrNotReady) || !errors.Is(err, vk.ErrDeviceLost) {
			t.Error(err)
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})

	t.Run("lost", func(t *testing.T) {
		again := make(chan struct{})
		m := Keep(func(ctx context.Context) (*engine.Model, func() error, error) {
			if <-again; model == nil {
				return d.open(ctx)
			}
			first := model
			model = nil
			return first, giveBack, nil
		}, Options{})
		if _, err := ask(m, question(0)); !errors.Is(err, ErrNotReady) {
			t.Errorf("while it loads: %v", err)
		}
		again <- struct{}{}
		if err := m.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		requests := make([]engine.Request, 4) // of which two wait
		for i := range requests {
			requests[i] = question(i % questions)
			requests[i].MaxTokens = 0
		}
		requests[1].Emit = func(engine.Token) error { d.losing.Store(true); return nil }
		results, err := ask(m, requests...)
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range results {
			if !errors.Is(r.Err, vk.ErrDeviceLost) {
				t.Errorf("request %d: %+v", i, r)
			}
		}
		before := m.Counters()
		if s := m.Status(); s.State != Loading || s.Losses != 1 || s.Reason == "" || m.Loaded() != nil {
			t.Errorf("behind the loss: %+v", s)
		}
		if _, err := ask(m, question(0)); !errors.Is(err, ErrNotReady) || !errors.Is(err, vk.ErrDeviceLost) {
			t.Errorf("behind the loss: %v", err)
		}
		again <- struct{}{}
		if err := m.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		for q := range want {
			if results, err := ask(m, question(q)); err != nil || !slices.Equal(results[0].Tokens, want[q]) {
				t.Errorf("%v, %+v, want %v", err, results, want[q])
			}
		}
		if after := m.Counters(); after.Generated != before.Generated+6*questions || before.Generated == 0 {
			t.Errorf("counted %+v, before %+v", after, before)
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
}
