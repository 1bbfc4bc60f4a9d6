package profile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"sealvk/engine"
	"sealvk/engine/profile/roofline"
	"sealvk/shaders"
	"sealvk/vk"
)

// MeasureOptions say what to measure.
type MeasureOptions struct {
	Phases []string        // "decode", "prefill"
	Depths []int           // positions in the KV cache before the first step, from 0
	Tokens int             // of a prompt, in prefill
	Steps  int             // of each mode; 0: as many as take some seconds, at least 5
	Roofs  *roofline.Roofs // nil: shares of the roofs are 0
	// Progress, unless nil, is called with what is measured next.
	Progress func(what string)
}

const (
	leastSteps, mostSteps = 5, 60
	enough                = 4 * time.Second // of steps, in each mode
	rounds, fewRounds     = 5, 2            // in which the modes take turns; few where steps are slow
	slow                  = enough / 10     // of a step
	mostWarm              = 4               // first steps of an answer, not measured: they fill the queue
)

// Positions is the context that a model needs for the options.
func (o *MeasureOptions) Positions() int {
	return slices.Max(append([]int{1}, o.Depths...)) + max(o.Tokens, max(o.Steps, mostSteps)) + 2*mostWarm
}

// Measure runs the model, which nobody else may use meanwhile. The model should have been
// loaded with engine.Options.Statistics.
func Measure(ctx context.Context, d *vk.Device, m *engine.Model, o MeasureOptions) (_ *Profile, err error) {
	s, err := m.NewSession()
	if err != nil {
		return nil, fmt.Errorf("profile: %w", err)
	}
	defer s.Close()
	defer func() { err = errors.Join(err, m.Trace(vk.TraceOff, nil)) }()
	defer m.Steady(false)
	p := newProfile(d.Caps(), m)
	p.Roofs = o.Roofs
	table := pipelines{p, map[*shaders.Pipeline]int{}}
	for _, phase := range o.Phases {
		for _, depth := range o.Depths {
			r := &runner{
				dev: d, model: m, session: s, options: &o, pipelines: &table,
				run: Run{Phase: phase, Depth: depth, Tokens: 1},
			}
			if phase == "prefill" {
				r.run.Tokens = o.Tokens
			}
			if err := r.measure(ctx); err != nil {
				return nil, fmt.Errorf("profile: %s at depth %d: %w", phase, depth, err)
			}
			p.Runs = append(p.Runs, r.run)
		}
	}
	for i := range p.Runs {
		p.Runs[i].Operations = p.Runs[i].Groups(p, ByOperation)
	}
	return p, nil
}

func newProfile(c *vk.Caps, m *engine.Model) *Profile {
	cfg := m.Config()
	weights, _, _ := m.Memory()
	p := &Profile{Format: Format, Version: Version, Created: time.Now().UTC().Truncate(time.Second)}
	p.Device = DeviceOf(c)
	p.Device.Clock = "estimated"
	if c.Features.CalibratedTimestamps {
		p.Device.Clock = "calibrated"
	}
	p.Model = Model{
		Name: cfg.Name, KV: m.KV().String(), Numerics: m.Numerics().String(), IntDot: m.IntDot(), Layers: cfg.Layers, Dim: cfg.Dim, FFNDim: cfg.FFNDim,
		Heads: cfg.Heads, KVHeads: cfg.KVHeads, HeadDim: cfg.HeadDim, Vocab: cfg.Vocab,
		WeightsBytes: weights, BytesPerToken: m.BytesPerToken(),
	}
	return p
}

// runner measures one run.
type runner struct {
	dev       *vk.Device
	model     *engine.Model
	session   *engine.Session
	options   *MeasureOptions
	pipelines *pipelines
	run       Run

	ids    []int32 // of the cache's positions, and behind them those of the prompt
	answer int     // answers so far: the prompt to compute differs each time
	warm   int     // first steps of an answer that are not measured
}

var modes = []struct {
	mode vk.TraceMode
	name string
}{{vk.TraceOff, "unprofiled"}, {vk.TraceSections, "concurrent"}, {vk.TraceCommands, "serialized"}}

func (r *runner) measure(ctx context.Context) error {
	depth, tokens := r.run.Depth, r.run.Tokens
	if r.run.Phase == "decode" {
		depth, tokens = max(depth, 1), 0 // a step needs a token in front of it
	}
	r.ids = make([]int32, depth+tokens)
	for i := range r.ids {
		r.ids[i] = int32(i % 100)
	}
	if err := r.session.Fill(r.ids[:depth]); err != nil {
		return err
	}
	r.progress("warming up")
	r.model.Steady(false) // submissions find their size
	r.warm = 1
	var elapsed time.Duration
	for range 4 { // a first prefill knows nothing of the device's speed
		begun := time.Now()
		if _, err := r.series(ctx, vk.TraceOff, r.pick(3, 1)); err != nil {
			return err
		}
		if elapsed = time.Since(begun); r.run.Phase == "decode" || elapsed > enough/4 {
			break
		}
	}
	r.model.Steady(true)
	perStep := elapsed / time.Duration(r.pick(1+r.warm+3, 1))
	steps := r.options.Steps
	if steps == 0 {
		steps = min(max(leastSteps, int(enough/max(perStep, time.Microsecond))), mostSteps)
	}

	r.run.Schedule.InFlight = 1
	if r.run.Phase == "decode" {
		r.run.Schedule.InFlight = r.model.InFlight()
	}
	r.warm = min(r.run.Schedule.InFlight, mostWarm)
	done := map[vk.TraceMode][]*series{}
	perRound := (steps + rounds - 1) / rounds
	if perStep > slow {
		perRound = (steps + fewRounds - 1) / fewRounds
	}
	for from := 0; from < steps; from += perRound {
		n := min(perRound, steps-from)
		for i := range modes {
			mode := modes[(i+from/perRound)%len(modes)]
			r.progress(fmt.Sprintf("%s, steps %d to %d of %d", mode.name, from+1, from+n, steps))
			b, err := r.series(ctx, mode.mode, n)
			if err != nil {
				return err
			}
			done[mode.mode] = append(done[mode.mode], b)
		}
	}
	return r.evaluate(done)
}

func (r *runner) progress(what string) {
	if r.options.Progress != nil {
		r.options.Progress(fmt.Sprintf("%s at depth %d: %s", r.run.Phase, r.run.Depth, what))
	}
}

func (r *runner) pick(decode, prefill int) int {
	if r.run.Phase == "decode" {
		return decode
	}
	return prefill
}

// series is steps in one mode, one after the other.
type series struct {
	steps       []step
	submissions []engine.Submission // those of warm-up steps too
	clock       clock
}

// step is one step: a token of decode or a prompt of prefill.
type step struct {
	begin, end  time.Time // of its wall time
	submissions []engine.Submission
}

// series runs n steps and some to warm up in front.
func (r *runner) series(ctx context.Context, mode vk.TraceMode, n int) (*series, error) {
	b := &series{}
	var observe func(engine.Submission)
	if mode != vk.TraceOff {
		observe = func(s engine.Submission) { b.submissions = append(b.submissions, s) }
	}
	if err := r.model.Trace(mode, observe); err != nil {
		return nil, err
	}
	c, err := startClock(r.dev)
	if err != nil {
		return nil, err
	}
	if r.run.Phase == "decode" {
		err = r.decode(ctx, b, n)
	} else {
		err = r.prefill(ctx, b, n)
	}
	if err != nil {
		return nil, err
	}
	b.clock, err = c.stop(b.submissions)
	return b, err
}

// generate answers a prompt and returns the moment of each token.
func (r *runner) generate(ctx context.Context, prompt []int32, tokens int) ([]time.Time, error) {
	var moments []time.Time
	result, err := r.session.Generate(ctx, engine.Request{Prompt: prompt, MaxTokens: tokens, Emit: func(engine.Token) error {
		moments = append(moments, time.Now())
		return nil
	}})
	switch {
	case err != nil:
		return nil, err
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case len(moments) != tokens:
		return nil, fmt.Errorf("%d tokens of %d: %s", len(moments), tokens, result.Finish)
	}
	return moments, nil
}

func (r *runner) decode(ctx context.Context, b *series, n int) error {
	moments, err := r.generate(ctx, r.ids, 1+r.warm+n)
	if err != nil {
		return err
	}
	for i := r.warm + 1; i < len(moments); i++ {
		s := step{begin: moments[i-1], end: moments[i]}
		for _, sub := range b.submissions { // the i-th step stands at position len(ids)+i-1
			if sub.Lengths.Longest == len(r.ids)+i {
				s.submissions = append(s.submissions, sub)
			}
		}
		b.steps = append(b.steps, s)
	}
	return nil
}

// prefill warms up, unless a prompt takes long, since the first one is recorded anew.
func (r *runner) prefill(ctx context.Context, b *series, n int) error {
	for i := 0; i <= n; i++ {
		r.answer++
		r.ids[r.run.Depth] = int32(100 + r.answer%100) // not in the cache
		before := len(b.submissions)
		begun := time.Now()
		moments, err := r.generate(ctx, r.ids, 1)
		if err != nil {
			return err
		}
		if i == 0 && n > 0 && moments[0].Sub(begun) < enough/4 {
			continue
		}
		if b.steps = append(b.steps, step{begun, moments[0], b.submissions[before:]}); len(b.steps) == n {
			break
		}
	}
	return nil
}
