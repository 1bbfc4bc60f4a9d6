package engine

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"sealvk/shaders"
	"sealvk/vk"
	"sealvk/weights"
	"sealvk/weights/format"
)

// Before anything is measured a chunk is what the slowest devices of a class can take, or cores of
// their number; and a device that has been measured takes what it can.
func TestStartPace(t *testing.T) {
	seallm := weights.Config{Layers: 28, Dim: 3072, FFNDim: 24576, Heads: 16, KVHeads: 16, HeadDim: 256}
	nano := weights.Config{Layers: 6, Dim: 256, FFNDim: 1024, Heads: 4, KVHeads: 4, HeadDim: 64}
	matrices := shaders.Prefill{CoopMat: shaders.CoopMat{M: 16, N: 16, K: 16, Subgroup: 32}, Narrow: shaders.Tiling{Tokens: 32}}
	for _, c := range []struct {
		name    string
		class   vk.DeviceType
		cores   int
		known   speed // in prefill by matrices
		prefill shaders.Prefill
		cfg     weights.Config
		weights int64
		chunk   int
		want    pace
		decode  int
	}{
		{"discrete, with matrices", vk.Discrete, 0, speed{}, matrices, seallm, 5 << 30, 1024, pace{rows: 512, least: 32, layers: 1}, 28},
		{"discrete", vk.Discrete, 0, speed{}, shaders.Prefill{}, seallm, 5 << 30, 1024, pace{rows: 64, least: 16, layers: 1}, 26},
		{"integrated", vk.Integrated, 0, speed{}, matrices, seallm, 5 << 30, 1024, pace{rows: 32, least: 32, layers: 1}, 5},
		{"an H100", vk.Discrete, 132, speed{}, matrices, seallm, 5 << 30, 1024, pace{rows: 1024, least: 32, layers: 2}, 28},
		{"an H100 that was measured", vk.Discrete, 132, speed{2e14, 1.5e12}, matrices, seallm, 5 << 30, 1024, pace{rows: 1024, least: 32, layers: 26}, 28},
		{"few cores", vk.Discrete, 10, speed{}, matrices, seallm, 5 << 30, 1024, pace{rows: 512, least: 32, layers: 1}, 28},
		{"measured for slow", vk.Discrete, 132, speed{5e11, 1e10}, matrices, seallm, 5 << 30, 1024, pace{rows: 64, least: 32, layers: 1}, 3},
		{"a CPU", vk.CPU, 0, speed{}, shaders.Prefill{}, seallm, 17 << 30, 256, pace{rows: 32, least: 32, layers: 1}, 1},
		{"a small model", vk.Discrete, 0, speed{}, shaders.Prefill{}, nano, 4 << 20, 1024, pace{rows: 1024, least: 16, layers: 6}, 6},
		{"a small context", vk.Discrete, 0, speed{}, matrices, seallm, 5 << 30, 100, pace{rows: 100, least: 32, layers: 9}, 28},
	} {
		tuning := shaders.Tuning{Product: shaders.ProductTuning{Tokens: 16}, Prefill: c.prefill}
		caps := &vk.Caps{Type: c.class, ShaderCores: c.cores}
		known := speeds{ByArithmetic: map[string]speed{"f16 matrices": c.known}}
		p := &plan{chunk: c.chunk, weights: c.weights, tiled: c.prefill != shaders.Prefill{}}
		got, decode := startPace(caps, tuning, c.cfg, p, known.of("f16 matrices", guessed(caps, tuning)))
		if got != c.want || decode != c.decode {
			t.Errorf("%s: %+v and %d layers a decode step, want %+v and %d", c.name, got, decode, c.want, c.decode)
		}
	}
}

// A chunk is submitted while the device works on the one before, whether the pace is known or changes from one
// to the next.
func TestChunksFollowEachOther(t *testing.T) {
	m := load(t, nano, Options{Context: 256})
	s := session(t, m)
	var chunks []Submission
	err := m.Trace(vk.TraceOff, func(s Submission) {
		if strings.HasPrefix(s.Name, "layers ") {
			chunks = append(chunks, s)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	prompt := make([]int32, 5*24+7)
	for i := range prompt {
		prompt[i] = int32(10 + i)
	}
	for _, c := range []struct {
		name    string
		steady  bool
		pace    pace
		changes []time.Duration // of what a layer is taken to have taken, behind each chunk
	}{
		{"recorded", true, pace{rows: 24, least: 24, layers: m.cfg.Layers}, nil},
		{"kept", true, pace{rows: 24, least: 24, layers: m.cfg.Layers}, nil},
		{"first of all", false, pace{rows: 2, least: 1, layers: 1}, nil},
		{"slower and slower", true, pace{rows: 24, least: 1, layers: m.cfg.Layers}, []time.Duration{submission / 2, submission, 2 * submission}},
	} {
		s.Reset()
		chunks, m.pace = nil, c.pace
		m.Steady(c.steady)
		if err := s.restart(prompt); err != nil {
			t.Fatal(err)
		}
		next := 0
		err := m.prefill(context.Background(), prompt, 0, s.sequence, nil, toTheEnd, func(start, count int) error {
			if start != next {
				t.Errorf("%s: chunk from %d, want %d", c.name, start, next)
			}
			if next += count; len(c.changes) > 0 {
				m.pace = m.pace.adapted(c.changes[0], count, m.cfg.Layers, m.plan.chunk)
				c.changes = c.changes[1:]
			}
			return nil
		})
		if err != nil || next != len(prompt) {
			t.Fatalf("%s: %v, %d tokens computed", c.name, err, next)
		}
		if c.steady && c.changes == nil && len(chunks) != 6 {
			t.Fatalf("%s: %d submissions, want 6 chunks", c.name, len(chunks))
		}
		if !c.steady && !m.pace.settled {
			t.Errorf("%s: nothing was learned", c.name)
		}
		for i := 1; i < len(chunks); i++ {
			if chunks[i].Submit.After(chunks[i-1].Woken) {
				t.Errorf("%s: submission %d was sent after %d was waited for", c.name, i, i-1)
			}
			if i > 1 && chunks[i].Submit.Before(chunks[i-2].Woken) {
				t.Errorf("%s: submission %d was sent before %d was waited for", c.name, i, i-2)
			}
		}
	}
}

// A prompt that is cancelled between two chunks keeps what was computed, and no more.
func TestCancelBetweenChunks(t *testing.T) {
	m := load(t, nano, Options{Context: 256})
	s := session(t, m)
	m.pace = pace{rows: 20, least: 20, layers: 1, settled: true}
	m.Steady(true)
	c := greedyCases(t)[0]
	prompt := append(make([]int32, 0, 100), c.PromptIDs...)
	for len(prompt) < 100 {
		prompt = append(prompt, int32(7+len(prompt)))
	}
	want, err := s.Generate(context.Background(), Request{Prompt: prompt, MaxTokens: 5})
	if err != nil {
		t.Fatal(err)
	}
	s.Reset()
	ctx, cancel := context.WithCancel(context.Background())
	seen := 0
	err = m.Trace(vk.TraceOff, func(Submission) {
		if seen++; seen == 2*m.cfg.Layers+1 { // in the third chunk
			cancel()
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Generate(ctx, Request{Prompt: prompt, MaxTokens: 5})
	if err != nil || r.Finish != FinishCancelled || len(s.cached) != 40 {
		t.Errorf("%v, %s, %d cached, want the 40 tokens of two chunks", err, r.Finish, len(s.cached))
	}
	r, err = s.Generate(context.Background(), Request{Prompt: prompt, MaxTokens: 5})
	if err != nil || r.CachedTokens != 40 || fmt.Sprint(r.Tokens) != fmt.Sprint(want.Tokens) {
		t.Errorf("afterwards %v, %d cached, %v; want %v", err, r.CachedTokens, r.Tokens, want.Tokens)
	}
}

// A chunk behind one that failed does not count as computed, though it was in flight already.
func TestNothingCountsBehindAFailure(t *testing.T) {
	m := load(t, nano, Options{Context: 256})
	s := session(t, m)
	if err := s.restart(make([]int32, 100)); err != nil {
		t.Fatal(err)
	}
	m.pace = pace{rows: 20, least: 20, layers: m.cfg.Layers, settled: true}
	m.Steady(true) // the third chunk is in flight when the second is told of
	broken := errors.New("the second chunk is not wanted")
	var told []int
	err := m.prefill(context.Background(), make([]int32, 100), 0, s.sequence, nil, toTheEnd, func(start, _ int) error {
		if told = append(told, start); len(told) == 2 {
			return broken
		}
		return nil
	})
	if !errors.Is(err, broken) || !slices.Equal(told, []int{0, 20}) {
		t.Errorf("%v; told of the chunks at %v", err, told)
	}
}

// Recording, which may build kernels, is no part of the time that a step takes: else the first
// one would be taken for slow, and cut into submissions for good.
func TestRecordingIsNotTimed(t *testing.T) {
	const pause = 20 * time.Millisecond // for each dispatch that is recorded
	m := loadFile(t, oneLayer(t), Options{Context: 64, Sequences: 2})
	recorded := 0
	m.kernels.Observe(func(shaders.Dispatch) {
		recorded++
		time.Sleep(pause)
	})
	requests := []Request{{Prompt: []int32{2, 5}, MaxTokens: 4}, {Prompt: []int32{2, 6}, MaxTokens: 4}}
	if _, err := m.GenerateBatch(context.Background(), requests); err != nil {
		t.Fatal(err)
	}
	p := &m.decode.plans[2]
	if p.samples == 0 || recorded < 10 {
		t.Fatalf("%d steps of two sequences, %d dispatches recorded", p.samples, recorded)
	}
	if slept := 10 * pause; p.took > slept {
		t.Errorf("a step is said to take %v: that is recording", p.took)
	}
}

// Everything that prompts, steps and small batches take is built at load, on the devices that
// batches are worth it on: no answer waits for a compiler. What they take shows when it is recorded.
// On CPU devices it is at least what whole chunks, one sequence and a full check of drafts take.
func TestNothingIsBuiltAfterLoad(t *testing.T) {
	mixed, rng := firstLayers(t, 1), rand.New(rand.NewPCG(1, 1))
	randomize(mixed.Tensor("blk.0.ffn_gate.weight"), format.Q5_1, rng) // so that gate and up are no one matrix
	whole := firstLayers(t, 1)
	tiled, plain := gpuPrefill, gpuTuning
	for _, tuning := range []*shaders.Tuning{&tiled, &plain} {
		tuning.Product.Tokens = 4     // a small one compiles soon
		tuning.Product.MaxLanes = 128 // matrices of few rows take larger workgroups
	}
	for name, c := range map[string]struct {
		file   *weights.Model
		tuning *shaders.Tuning
		dot    bool
		cpu    bool
	}{
		"GPU": {mixed, &tiled, false, false}, "without tiles": {whole, &plain, false, false}, "integer dot products": {whole, &tiled, true, false},
		"CPU": {mixed, &plain, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			if c.dot && !device.Caps().Features.IntegerDotProduct {
				t.Skip("the device has no integer dot products")
			}
			o := Options{Context: 256, Tuning: c.tuning, IntDot: c.dot, batches: !c.cpu}
			o.kernels = ownKernels(t, o) // of which other models have built nothing
			t.Cleanup(o.kernels.Free)
			m := loadFile(t, c.file, o)
			if err := m.Complete(t.Context()); err != nil {
				t.Fatal(err)
			}
			before := m.kernels.Pipelines()
			for n := 1; n <= shaders.DecodeRows; n++ {
				if m.class(n) != n || c.cpu && n != 1 && n != c.tuning.Product.Tokens {
					continue
				}
				for _, kind := range []stepKind{{rows: n}, {rows: n, choice: shaders.ByRank}, {rows: n, choice: shaders.ByMass}, {rows: n, lone: n == 1}} {
					if _, err := m.recorded(kind, 0); err != nil {
						t.Fatal(err)
					}
				}
				c, err := m.commands("first tokens", func(c *vk.Commands) { m.sample(c, step{}, 0, n, shaders.ByMass) })
				if err != nil {
					t.Fatal(err)
				}
				c.Free()
			}
			for _, n := range []int{1, 2, 3, 5, 16, 17, 40, 100, 132, 180} {
				if c.cpu && n <= 4 { // tokens of which products and attention take fewer than a lane does
					continue
				}
				chunk := m.chunk(0, piece{ids: make([]int32, n)})
				c, err := m.record(recording{count: n, to: m.cfg.Layers}, chunk.step, func(c *vk.Commands, s step) { m.sample(c, s, n-1, 1, shaders.ByMass) })
				if err != nil {
					t.Fatal(err)
				}
				c.Free()
			}
			for _, p := range m.kernels.Pipelines() {
				if !slices.Contains(before, p) {
					t.Errorf("built on the way: %s %v, %s", p.Kernel, p.Type, p.Variant)
				}
			}
		})
	}
}
