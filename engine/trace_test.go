package engine

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"sealvk/shaders"
	"sealvk/vk"
	"sealvk/weights/format"
)

// Taking times changes neither the answer nor, at sections, the schedule.
func TestTrace(t *testing.T) {
	m := load(t, nano, Options{Context: 256})
	s := session(t, m)
	prompt := greedyCases(t)[0].PromptIDs
	const tokens = 6
	answer := func() []int32 {
		t.Helper()
		s.Reset()
		r, err := s.Generate(context.Background(), Request{Prompt: prompt, MaxTokens: tokens})
		if err != nil {
			t.Fatal(err)
		}
		return r.Tokens
	}
	want := answer()
	m.Steady(true)
	var barriers [3]int
	for _, mode := range []vk.TraceMode{vk.TraceOff, vk.TraceSections, vk.TraceCommands} {
		var seen []Submission
		if err := m.Trace(mode, func(s Submission) { seen = append(seen, s) }); err != nil {
			t.Fatal(err)
		}
		if got := answer(); !slices.Equal(got, want) {
			t.Errorf("mode %d: %v, want %v", mode, got, want)
		}
		steps := map[int]int{} // dispatches of each decode step, by its length
		for i, sub := range seen {
			if sub.Submitted.Before(sub.Submit) || sub.Woken.Before(sub.Wait) || sub.Woken.Before(sub.Submitted) || sub.Read.Before(sub.Woken) {
				t.Errorf("mode %d: %s: host times %v %v %v %v %v", mode, sub.Name, sub.Submit, sub.Submitted, sub.Wait, sub.Woken, sub.Read)
			}
			if i > 0 && sub.Lengths.Longest < seen[i-1].Lengths.Longest {
				t.Errorf("mode %d: length %d behind %d", mode, sub.Lengths.Longest, seen[i-1].Lengths.Longest)
			}
			if !strings.HasPrefix(sub.Name, "decode step") {
				continue
			}
			steps[sub.Lengths.Longest] += len(sub.Dispatches)
			barriers[mode] += sub.Barriers
			switch mode {
			case vk.TraceOff:
				if sub.Spans != nil {
					t.Errorf("%s: times without being asked", sub.Name)
				}
			case vk.TraceSections:
				for _, span := range sub.Spans {
					if span.Label != "" || span.Section == "" || device.Between(span.Begin, span.End) < 0 {
						t.Errorf("%s: %+v", sub.Name, span)
					}
				}
			case vk.TraceCommands:
				if len(sub.Spans) != len(sub.Dispatches) {
					t.Fatalf("%s: %d times of %d dispatches", sub.Name, len(sub.Spans), len(sub.Dispatches))
				}
				for i, span := range sub.Spans {
					if span.Label != sub.Dispatches[i].Label {
						t.Errorf("%s: time %d is of %s, the dispatch is %s", sub.Name, i, span.Label, sub.Dispatches[i].Label)
					}
				}
			}
		}
		if len(steps) != tokens-1 {
			t.Errorf("mode %d: decode steps %v, want %d", mode, steps, tokens-1)
		}
		for length, n := range steps {
			if length <= len(prompt) || length >= len(prompt)+tokens || n < 5*m.cfg.Layers {
				t.Errorf("mode %d: step at length %d: %d dispatches", mode, length, n)
			}
		}
	}
	if barriers[vk.TraceSections] != barriers[vk.TraceOff] {
		t.Errorf("sections: %d barriers, untraced %d", barriers[vk.TraceSections], barriers[vk.TraceOff])
	}
	if err := m.Trace(vk.TraceOff, nil); err != nil {
		t.Fatal(err)
	}
	m.Steady(false)
	if got := answer(); !slices.Equal(got, want) {
		t.Errorf("after tracing: %v, want %v", got, want)
	}
	m.Close()
	if err := m.Trace(vk.TraceOff, nil); err == nil {
		t.Error("a closed model is traced")
	}
}

// What the kernels say of a layer's work against a count by hand: seallm-nano's first
// layer (Dim 256, FFNDim 1024, 4 heads of 64, all matrices Q4_K: 144 bytes for 256
// values) in decode at length 10, f16 cache.
func TestWorkOfALayer(t *testing.T) {
	want := map[string]shaders.Work{
		"attn_qkv":    {Read: 768*144 + 1024 + 256, Written: 1024 + 2*512, FLOPs: 2*768*256 + 3*512}, // the norm, 32 angles; q, two f16 rows
		"attention":   {Read: 1024 + 2*10*512, Written: 1024, FLOPs: 10 * 4 * (4*64 + 4)},
		"attn_output": {Read: 256*144 + 3*1024, Written: 2*1024 + 4*8, FLOPs: 2*256*256 + 4*256}, // input, residual, norm; residual, weighted, squares
		"ffn_gate_up": {Read: 2048*144 + 1024, Written: 4096, FLOPs: 2*2048*256 + 9*1024},
		"ffn_down":    {Read: 256*4*144 + 4096 + 2*1024, Written: 2*1024 + 4*8, FLOPs: 2*256*1024 + 4*256},
	}
	m := load(t, nano, Options{Context: 256})
	s := session(t, m)
	ids := make([]int32, 9)
	for i := range ids {
		ids[i] = int32(i + 10)
	}
	got := map[string]shaders.Work{}
	var all int64 // bytes of weights that the whole step reads
	err := m.Trace(vk.TraceOff, func(sub Submission) {
		if sub.Lengths.Longest != 10 {
			return
		}
		if sub.Lengths.Sum != 10 {
			t.Errorf("lengths %+v", sub.Lengths)
		}
		for _, d := range sub.Dispatches {
			grid, work := d.At(sub.Lengths)
			if grid[0] < 1 || grid[1] < 1 || grid[2] < 1 {
				t.Errorf("%s: grid %v", d.Label, grid)
			}
			if n := len(shaders.FindKernel(d.Pipeline.Kernel).Sizes); n == 0 || n != len(d.Shape) {
				t.Errorf("%s: shape %v, %s has %d sizes", d.Label, d.Shape, d.Pipeline.Kernel, n)
			}
			if name, ok := strings.CutPrefix(d.Label, "blk.0."); ok {
				got[name] = work
			}
			if typ := d.Pipeline.Type; typ != shaders.NoType && d.Pipeline.Kernel != "embed" {
				weights := shaders.DeviceBytes(typ, d.Shape[0], d.Shape[1])
				if all += weights; work.Read < weights+4*int64(d.Shape[1]) {
					t.Errorf("%s reads %d bytes, weights and input have %d", d.Label, work.Read, weights+4*int64(d.Shape[1]))
				}
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Generate(context.Background(), Request{Prompt: ids, MaxTokens: 2}); err != nil {
		t.Fatal(err)
	}
	for name, w := range want {
		if got[name] != w {
			t.Errorf("%s: %+v, by hand %+v", name, got[name], w)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d dispatches, by hand %d", len(got), len(want))
	}
	if all != m.BytesPerToken() {
		t.Errorf("the products read %d bytes of weights, BytesPerToken says %d", all, m.BytesPerToken())
	}
}

// cost is what a step takes beside its work.
type cost struct{ dispatches, barriers int }

// What a layer costs in launches and in waits between them: 5 dispatches and 5 barriers
// where its matrices are of one type. V of another type, as in some layers of Q4_K_M, is one
// more that waits for nothing.
func TestCostOfALayer(t *testing.T) {
	for name, c := range map[string]struct {
		others []string // tensors of another type
		want   cost
	}{
		"one type":                {nil, cost{5, 5}},
		"v of another":            {[]string{"attn_v"}, cost{6, 5}},
		"v and down of another":   {[]string{"attn_v", "ffn_down"}, cost{6, 5}},
		"gate and up not of one":  {[]string{"ffn_up"}, cost{7, 7}},
		"q, k and v not of one":   {[]string{"attn_k"}, cost{7, 5}},
		"nothing of one with all": {[]string{"attn_k", "ffn_up"}, cost{9, 7}},
	} {
		t.Run(name, func(t *testing.T) {
			var steps []cost
			for layers := 1; layers <= 2; layers++ {
				file, rng := firstLayers(t, layers), rand.New(rand.NewPCG(1, 1))
				for _, m := range file.Tensors {
					if isMatrix(m) {
						randomize(m, format.Q5_0, rng)
					}
				}
				for i := range layers {
					for _, tensor := range c.others {
						randomize(file.Tensor(fmt.Sprintf("blk.%d.%s.weight", i, tensor)), format.Q5_1, rng)
					}
				}
				steps = append(steps, costOfAStep(t, loadFile(t, file, Options{Context: 64})))
			}
			if got := (cost{steps[1].dispatches - steps[0].dispatches, steps[1].barriers - steps[0].barriers}); got != c.want {
				t.Errorf("%+v, want %+v", got, c.want)
			}
		})
	}
	// The demo's own mix.
	m := load(t, nano, Options{Context: 64})
	if got, layers := costOfAStep(t, m), m.cfg.Layers; got.dispatches > 7*layers+6 || got.barriers > 5*layers+6 {
		t.Errorf("%+v of %d layers", got, layers)
	}
}

// costOfAStep is that of decode.
func costOfAStep(t *testing.T, m *Model) (c cost) {
	t.Helper()
	s := session(t, m)
	m.Steady(true)
	m.pace.layers = m.cfg.Layers // in one submission
	err := m.Trace(vk.TraceOff, func(sub Submission) {
		if strings.HasPrefix(sub.Name, "decode step") {
			c = cost{len(sub.Dispatches), sub.Barriers}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Generate(context.Background(), Request{Prompt: []int32{2, 5}, MaxTokens: 3}); err != nil {
		t.Fatal(err)
	}
	return c
}

// A filled cache counts as computed, and decode goes on from it.
func TestFill(t *testing.T) {
	for _, kv := range []KVType{KVF16, KVF32} {
		m := load(t, nano, Options{Context: 256, KV: kv})
		s := session(t, m)
		ids := make([]int32, 100)
		for i := range ids {
			ids[i] = int32(i)
		}
		if err := s.Fill(ids); err != nil {
			t.Fatal(err)
		}
		r, err := s.Generate(context.Background(), Request{Prompt: append(ids, 5), MaxTokens: 3})
		if err != nil {
			t.Fatal(err) // so the logits were numbers
		}
		if r.CachedTokens != 100 || len(r.Tokens) != 3 {
			t.Errorf("%v: %d cached, tokens %v", kv, r.CachedTokens, r.Tokens)
		}
		if err := s.Fill(nil); err != nil || len(s.cached) != 0 {
			t.Errorf("filled with nothing: %v, %d cached", err, len(s.cached))
		}
		if err := s.Fill(make([]int32, 257)); err == nil {
			t.Error("filled past the context")
		}
		if err := s.Fill([]int32{-1}); err == nil {
			t.Error("filled with an id that is none")
		}
	}
}
