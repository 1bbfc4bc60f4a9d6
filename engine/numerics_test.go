package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"sealvk/shaders"
	"sealvk/vk"
)

// The tuning of each mode: exact has neither integers nor matrices.
func TestTuningOfNumerics(t *testing.T) {
	fast := gpuPrefill
	fast.LoneGain, fast.Product.IntDot = true, true
	fast.Prefill.CoopMat = shaders.CoopMat{M: 16, N: 16, K: 16, Subgroup: 32}
	for _, mode := range []Numerics{NumericsAuto, NumericsInvariant, NumericsExact} {
		got := tuningOf(device.Caps(), Options{Tuning: &fast, Numerics: mode})
		exact := mode == NumericsExact
		if got.Product.IntDot == exact || got.LoneGain == exact || (got.Prefill.CoopMat == shaders.CoopMat{}) != exact {
			t.Errorf("%v: %+v", mode, got)
		}
		if err := got.Prefill.Check(device.Caps()); exact && err != nil {
			t.Error(err)
		}
	}
	if _, err := Load(context.Background(), device, openNano(t), Options{IntDot: true, Numerics: NumericsExact}, nil); err == nil {
		t.Error("integer dot products are taken for exact")
	}
}

// A single sequence's own kernels are taken in auto alone, by lone rows alone, and not where drafts
// are asked for by number.
func TestLoneSteps(t *testing.T) {
	tuning := gpuTuning
	tuning.LoneGain = true
	for _, c := range []struct {
		mode      Numerics
		sequences int
		speculate int
		mask      func(int32, []uint32) error
		want      bool
	}{
		{NumericsAuto, 1, 0, nil, true}, {NumericsAuto, 1, SpeculateAuto, (&asked{rule: anything}).mask, true}, {NumericsAuto, 1, 4, nil, false},
		{NumericsAuto, 2, 0, nil, false}, {NumericsInvariant, 1, 0, nil, false}, {NumericsExact, 1, 0, nil, false},
	} {
		m := loadFile(t, oneLayer(t), Options{Context: 64, Tuning: &tuning, Numerics: c.mode, Sequences: c.sequences})
		if _, err := session(t, m).Generate(context.Background(), Request{Prompt: []int32{2, 5}, MaxTokens: 4, Speculate: c.speculate, Mask: c.mask}); err != nil {
			t.Fatal(err)
		}
		some := false
		for r := range m.recordings {
			if r.decode && r.count == 1 && r.from < r.to { // else it is what masked rows are sampled by
				some = true
				if r.lone != c.want || r.masked != (c.mask != nil) {
					t.Errorf("%v, %d sequences: recorded %+v", c.mode, c.sequences, r)
				}
			} else if r.lone {
				t.Errorf("%v, %d sequences: recorded %+v", c.mode, c.sequences, r)
			}
		}
		if !some {
			t.Errorf("%v, %d sequences: no step of one row", c.mode, c.sequences)
		}
	}
}

// modes are those of a device that differ from the ones before them.
func modes(caps *vk.Caps) (list []Numerics) {
	var seen []string
	for _, mode := range []Numerics{NumericsAuto, NumericsInvariant, NumericsExact} {
		tuning := tuningOf(caps, Options{Numerics: mode})
		tuning.LoneGain = tuning.LoneGain && mode == NumericsAuto
		if key := fmt.Sprint(tuning); !slices.Contains(seen, key) {
			seen, list = append(seen, key), append(list, mode)
		}
	}
	return list
}

// Every mode is close to f32, in prefill and in decode.
func TestNumericsAgreeWithF32(t *testing.T) {
	some := conversations(t, 2)
	if testing.Short() {
		some = [][]int32{some[0][:40]}
	}
	list := modes(device.Caps())
	if len(list) == 1 {
		t.Logf("all modes are one on %s", device.Caps().Name)
	}
	want := allLogits(t, load(t, nano, Options{KV: KVF32, Numerics: NumericsExact}), some)
	for _, mode := range list {
		t.Run(fmt.Sprintf("decode, %v", mode), func(t *testing.T) {
			m := load(t, nano, Options{KV: KVF32, Numerics: mode})
			tokenByToken(m)
			diverge(want, allLogits(t, m, some)).check(t)
		})
		if len(list) > 1 {
			t.Run(fmt.Sprintf("prefill, %v", mode), func(t *testing.T) {
				diverge(want, allLogits(t, load(t, nano, Options{KV: KVF32, Numerics: mode}), some)).check(t)
			})
		}
	}
}

func TestNumericsNames(t *testing.T) {
	var names []string
	for n := NumericsAuto; n <= NumericsExact; n++ {
		names = append(names, n.String())
	}
	if got := strings.Join(names, " "); got != "auto invariant exact" {
		t.Error(got)
	}
}

// In invariant mode a model of one sequence and one of several, plain steps and checks of drafts give the
// same tokens, drawn at a temperature at which the last digits count.
func TestBatchWhenInvariant(t *testing.T) {
	tuning := gpuPrefill
	tuning.LoneGain = true
	ask := func(sequences, drafts int) (results []Result) {
		t.Helper()
		m := loadFile(t, oneLayer(t), Options{Context: 64, Tuning: &tuning, Numerics: NumericsInvariant, Sequences: sequences})
		requests := several(6)
		for i := range requests {
			requests[i].Speculate, requests[i].MaxTokens = drafts, 12
			requests[i].draft = func(ids []int32, n int) []int32 { return slices.Repeat(ids[len(ids)-1:], n) }
		}
		if sequences == 1 {
			return alone(t, session(t, m), requests)
		}
		results, err := m.GenerateBatch(context.Background(), requests)
		if err != nil {
			t.Fatal(err)
		}
		return results
	}
	want := ask(1, 0)
	for name, got := range map[string][]Result{"drafts": ask(1, 4), "in a batch": ask(6, 0), "drafts in a batch": ask(6, 3)} {
		for i, r := range got {
			if !slices.Equal(r.Tokens, want[i].Tokens) {
				t.Errorf("%s, request %d: %v, alone %v", name, i, r.Tokens, want[i].Tokens)
			}
		}
	}
}
