package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"sealvk/engine"
	"sealvk/shaders"
)

// Suite is tests, and how to run them.
type Suite struct {
	Tests       []Test
	Repetitions int           // of each test, at least 1
	NoWarmup    bool          // the first repetition of a test is its first run
	Delay       time.Duration // between a test and the next, so that a device may cool down
	Meters      []*Meter
	// Progress, unless nil, is called with what is run next.
	Progress func(what string)
}

// Sequences is the number of sessions that the tests need together, engine.Options.Sequences.
func (s *Suite) Sequences() int {
	n := 1
	for _, t := range s.Tests {
		n = max(n, t.Parallel)
	}
	return n
}

// Positions is the context that the tests need, engine.Options.Context.
func (s *Suite) Positions() int {
	n := 1
	for _, t := range s.Tests {
		n = max(n, t.Positions())
	}
	return n
}

// Result is what a test gave.
type Result struct {
	Test
	Begun   time.Time
	Samples []time.Duration // of each repetition
	// FirstTokens is, of each repetition, the time until the first token was there; of several
	// sequences, until the last one had its first.
	FirstTokens []time.Duration
	Cold        time.Duration // of the first answer of all, until its first token; 0: not the first test
	Joules      map[string]float64

	// Read from device memory for a token, at least; 0 of tests that process a prompt.
	WeightBytes, KVBytes float64
}

// warmTokens of a generation warm up: the steps in flight find their number and are recorded.
const warmTokens = 8

// A prompt warms up again, while that is quick: chunks find their size from one to the next.
const (
	warmPrompts = 4
	warmEnough  = time.Second
)

// Run measures the tests in order and hands each result to done. The model, which nobody else
// may use meanwhile, must hold Suite.Sequences of Suite.Positions. When ctx ends, its error
// comes back, and the test that was running yields nothing.
func (s *Suite) Run(ctx context.Context, m *engine.Model, done func(*Result) error) error {
	r := &runner{model: m, suite: s, random: rand.New(rand.NewPCG(1, 2))}
	defer m.Steady(false)
	defer func() {
		for _, s := range r.sessions {
			s.Close()
		}
	}()
	for range s.Sequences() {
		session, err := m.NewSession()
		if err != nil {
			return fmt.Errorf("bench: %w", err)
		}
		r.sessions = append(r.sessions, session)
	}
	for i, t := range s.Tests {
		if i > 0 {
			if err := s.pause(ctx); err != nil {
				return err
			}
		}
		result, err := r.measure(ctx, t, i == 0)
		if err == nil {
			err = done(result)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// pause waits for Delay, or until ctx ends.
func (s *Suite) pause(ctx context.Context) error {
	select {
	case <-time.After(s.Delay):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

type runner struct {
	model    *engine.Model
	suite    *Suite
	sessions []*engine.Session
	random   *rand.Rand
	prompts  [][]int32 // of the sessions of the test, with what their caches hold
}

func (r *runner) measure(ctx context.Context, t Test, first bool) (*Result, error) {
	if err := r.fill(t); err != nil {
		return nil, fmt.Errorf("bench: %v: %w", t, err)
	}
	result := &Result{Test: t, Joules: map[string]float64{}}
	r.model.Steady(false) // submissions find their size
	if !r.suite.NoWarmup {
		warm := t
		warm.Gen = min(t.Gen, warmTokens)
		var total time.Duration
		for i := 0; i < warmPrompts && (i == 0 || t.Prompt > 0 && total < warmEnough); i++ {
			r.progress("%v: warm-up", t)
			elapsed, firstToken, err := r.once(ctx, warm)
			if err != nil {
				return nil, err
			}
			if first && i == 0 {
				result.Cold = firstToken
			}
			total += elapsed
		}
		r.model.Steady(true)
	}
	result.Begun = time.Now()
	for i := range r.suite.Repetitions {
		r.progress("%v: %d of %d", t, i+1, r.suite.Repetitions)
		if err := r.metered(ctx, result); err != nil {
			return nil, err
		}
	}
	if r.suite.NoWarmup && first {
		result.Cold = result.FirstTokens[0]
	}
	r.bytes(result)
	return result, nil
}

func (r *runner) progress(format string, args ...any) {
	if r.suite.Progress != nil {
		r.suite.Progress(fmt.Sprintf(format, args...))
	}
}

// fill gives each sequence of a test its depth, of other ids than the next one's: caches may
// share what is equal.
func (r *runner) fill(t Test) error {
	r.prompts = make([][]int32, t.Parallel)
	for i, s := range r.sessions {
		s.Reset()
		if i >= t.Parallel {
			continue
		}
		prompt, _ := t.request()
		r.prompts[i] = make([]int32, prompt)
		r.randomize(r.prompts[i])
		if t.Depth == 0 {
			continue
		}
		if err := s.Fill(r.prompts[i][:t.Depth]); err != nil {
			return err
		}
	}
	return nil
}

// randomize replaces ids by random ones, the first by another one.
func (r *runner) randomize(ids []int32) {
	before := ids[0]
	for i := range ids {
		ids[i] = int32(r.random.IntN(r.model.Config().Vocab))
	}
	if ids[0] == before {
		ids[0] = (before + 1) % int32(r.model.Config().Vocab)
	}
}

// metered runs one repetition.
func (r *runner) metered(ctx context.Context, result *Result) error {
	stops := make([]func() float64, len(r.suite.Meters))
	for i, m := range r.suite.Meters {
		stops[i] = m.start()
	}
	elapsed, first, err := r.once(ctx, result.Test)
	for i, m := range r.suite.Meters {
		result.Joules[m.Of] += stops[i]()
	}
	result.Samples, result.FirstTokens = append(result.Samples, elapsed), append(result.FirstTokens, first)
	return err
}

// once runs a test once. The prompt behind the depth is new each time, so that no cache has it.
func (r *runner) once(ctx context.Context, t Test) (elapsed, firstToken time.Duration, err error) {
	_, tokens := t.request()
	requests := make([]engine.Request, t.Parallel)
	for i, prompt := range r.prompts {
		r.randomize(prompt[t.Depth:])
		requests[i] = engine.Request{Session: r.sessions[i], Prompt: prompt, MaxTokens: tokens}
	}
	var results []engine.Result
	begun := time.Now()
	if t.Parallel == 1 {
		var one engine.Result
		one, err = r.sessions[0].Generate(ctx, requests[0])
		results = []engine.Result{one}
	} else {
		results, err = r.model.GenerateBatch(ctx, requests)
	}
	elapsed = time.Since(begun)
	if err = errors.Join(err, context.Cause(ctx)); err != nil {
		return 0, 0, fmt.Errorf("bench: %v: %w", t, err)
	}
	for _, result := range results {
		if len(result.Tokens) != tokens || result.CachedTokens != t.Depth {
			return 0, 0, fmt.Errorf("bench: %v: %d tokens of %d (%s), %d of them behind a cache of %d, want %d",
				t, len(result.Tokens), tokens, result.Finish, result.PromptTokens, result.CachedTokens, t.Depth)
		}
		firstToken = max(firstToken, result.Prefill)
	}
	return elapsed, firstToken, nil
}

// bytes counts what a token of a generation reads: every matrix once a step, whose cost all
// sequences share, and the sequence's own keys and values.
func (r *runner) bytes(result *Result) {
	t := result.Test
	if t.Prompt > 0 {
		return
	}
	_, kv, _ := r.model.Memory() // of whole pages
	pages := (r.model.Context() + shaders.PageTokens - 1) / shaders.PageTokens
	position := float64(kv) / float64(len(r.sessions)*pages*shaders.PageTokens)
	result.WeightBytes = float64(r.model.BytesPerToken()) / float64(t.Parallel)
	result.KVBytes = position * t.kvPositions()
}
