package engine

import (
	"context"
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"testing"

	"sealvk/shaders"
	"sealvk/vk"
	"sealvk/weights"
)

// What is off is written out for the kernels, and how the token is chosen follows from it.
func TestSamplingOnTheDevice(t *testing.T) {
	off := shaders.Sampling{TopP: 1, RepeatPenalty: 1, RepeatLastN: 64}
	with := func(change func(s *shaders.Sampling)) shaders.Sampling {
		s := off
		change(&s)
		return s
	}
	for _, c := range []struct {
		asked  Request
		want   shaders.Sampling
		choice shaders.Choice
	}{
		{Request{}, off, shaders.ByTiles},
		{Request{Sampling: Sampling{TopK: 40, TopP: 1, RepeatPenalty: 1}}, with(func(s *shaders.Sampling) { s.TopK = 40 }), shaders.ByTiles},
		{Request{Sampling: Sampling{RepeatPenalty: 1.1}}, with(func(s *shaders.Sampling) { s.RepeatPenalty = 1.1 }), shaders.ByRank},
		{Request{Sampling: Sampling{PresencePenalty: -1}}, with(func(s *shaders.Sampling) { s.PresencePenalty = -1 }), shaders.ByRank},
		{Request{LogitBias: map[int32]float32{3: 1, 5: -100}}, with(func(s *shaders.Sampling) { s.Biases = 2 }), shaders.ByRank},
		{Request{Sampling: Sampling{Temperature: 1, RepeatLastN: 1}}, with(func(s *shaders.Sampling) { s.Temperature, s.RepeatLastN = 1, 1 }), shaders.ByTiles},
		{Request{Sampling: Sampling{Temperature: 1, FrequencyPenalty: 0.5}}, with(func(s *shaders.Sampling) { s.Temperature, s.FrequencyPenalty = 1, 0.5 }), shaders.ByMass},
		{Request{Sampling: Sampling{Temperature: 1, TopK: shaders.MaxTopK}}, with(func(s *shaders.Sampling) { s.Temperature, s.TopK = 1, shaders.MaxTopK }), shaders.ByRank},
		{Request{Sampling: Sampling{Temperature: 1, TopK: shaders.MaxTopK + 1}}, with(func(s *shaders.Sampling) { s.Temperature, s.TopK = 1, shaders.MaxTopK+1 }), shaders.ByMass},
		{Request{Sampling: Sampling{Temperature: 1, MinP: 0.1}}, with(func(s *shaders.Sampling) { s.Temperature, s.MinP = 1, 0.1 }), shaders.ByMass},
		{
			Request{Sampling: Sampling{Temperature: 0.5, TopK: 3, TopP: 0.9, MinP: 0.05, RepeatPenalty: 1.25, PresencePenalty: 1, FrequencyPenalty: 2, RepeatLastN: 7, Seed: 5<<32 | 9}},
			shaders.Sampling{Temperature: 0.5, TopK: 3, TopP: 0.9, MinP: 0.05, RepeatPenalty: 1.25, PresencePenalty: 1, FrequencyPenalty: 2, RepeatLastN: 7, SeedLo: 9, SeedHi: 5}, shaders.ByRank,
		},
	} {
		if got := c.asked.sampling(); got != c.want || c.asked.choice() != c.choice {
			t.Errorf("%+v: %+v, choice %v; want %+v, %v", c.asked, got, c.asked.choice(), c.want, c.choice)
		}
	}
}

// Biases that cannot be added are errors.
func TestBiases(t *testing.T) {
	many := map[int32]float32{}
	for id := range int32(shaders.MaxBiases + 1) {
		many[id] = 1
	}
	for _, c := range []struct {
		biases map[int32]float32
		says   string
	}{
		{nil, ""}, {map[int32]float32{0: 100, 99: -100}, ""}, {map[int32]float32{100: 1}, "token 100"}, {map[int32]float32{-1: 1}, "token -1"},
		{map[int32]float32{4: float32(math.Inf(-1))}, "-Inf"}, {map[int32]float32{4: float32(math.NaN())}, "NaN"}, {many, "1025"},
	} {
		err := checkBiases(c.biases, max(100, len(c.biases)))
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%d biases: %v, want %q", len(c.biases), err, c.says)
		}
	}
}

// A bias keeps a token away or brings it about, and is gone with its request; a frequency penalty
// ends repetition.
func TestBiasAndPenalties(t *testing.T) {
	m := load(t, nano, Options{Context: 256})
	s := session(t, m)
	ask := func(r Request) []int32 {
		t.Helper()
		s.Reset()
		r.Prompt, r.MaxTokens = greedyCases(t)[0].PromptIDs, 6
		result, err := s.Generate(context.Background(), r)
		if err != nil {
			t.Fatal(err)
		}
		return result.Tokens
	}
	plain := ask(Request{})
	if without := ask(Request{LogitBias: map[int32]float32{plain[0]: -100}}); slices.Contains(without, plain[0]) {
		t.Errorf("%v holds %d in spite of its bias", without, plain[0])
	}
	always := map[int32]float32{300: 1000}
	if only := ask(Request{LogitBias: always}); !slices.Equal(only, []int32{300, 300, 300, 300, 300, 300}) {
		t.Errorf("%v, want token 300 alone", only)
	}
	for _, p := range []Sampling{{FrequencyPenalty: 100}, {PresencePenalty: 100}} {
		some := ask(Request{Sampling: p, LogitBias: map[int32]float32{300: 100}})
		if n := len(slices.Compact(slices.Sorted(slices.Values(some)))); n != len(some) {
			t.Errorf("%+v: %v repeats a token", p, some)
		}
	}
	if again := ask(Request{}); !slices.Equal(again, plain) {
		t.Errorf("%v, and behind biases %v", plain, again)
	}
}

// What is no id of the vocabulary is an error: NoToken stands where no logit was a number.
func TestSampledIDs(t *testing.T) {
	ring, err := device.NewBuffer("ring", 4*2*ringSlots, vk.Readback)
	if err != nil {
		t.Fatal(err)
	}
	defer ring.Free()
	m := &Model{cfg: weights.Config{Vocab: 100}}
	m.state.ring = ring
	for i, c := range []struct {
		id    uint32
		is    int32
		valid bool
	}{{0, 0, true}, {99, 99, true}, {100, 0, false}, {shaders.NoToken, 0, false}, {1 << 31, 0, false}} {
		n := ringSlots + 3 + i // of row 1, the second time around
		binary.LittleEndian.PutUint32(ring.Bytes()[4*(ringSlots+3+i):], c.id)
		if got, err := m.sampled(1, n); got != c.is || (err == nil) != c.valid {
			t.Errorf("%#x: %d, %v", c.id, got, err)
		}
	}
}
