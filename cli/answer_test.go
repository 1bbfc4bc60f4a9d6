package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"sealvk/engine"
	"sealvk/prompt"
)

// fixedAnswer has numbers whose rates are easy to tell: 20 computed tokens in a quarter of
// a second, then 4 in two seconds, in steps whose median is neither their mean nor in the middle.
func fixedAnswer() answer {
	return answer{
		Result: engine.Result{
			Text: "a <b>", Tokens: []int32{5, 6, 7, 8, 1}, Finish: engine.FinishStop, PromptTokens: 30, CachedTokens: 10,
			Prefill: 250 * time.Millisecond, Decode: 2 * time.Second,
			Steps:   []time.Duration{2 * time.Millisecond, 16 * time.Millisecond, time.Millisecond},
			Drafted: 7, Accepted: 3,
		},
		firstToken: 500 * time.Millisecond,
	}
}

// openDemo opens the demo with a context of so many positions under the validation layers,
// whose every message fails the test.
func openDemo(t *testing.T, positions uint64) *opened {
	t.Helper()
	var stderr bytes.Buffer
	p := &program{stdout: &output{w: io.Discard}, stderr: &stderr}
	f := newModelFlags()
	f.validate, f.context.value = true, positions
	o, err := p.open(t.Context(), f, nil, true)
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	t.Cleanup(func() {
		if err := o.end(context.Background()); err != nil || p.validationMessages.Load() != 0 {
			t.Errorf("%v\n%s", err, stderr.String())
		}
	})
	return o
}

func TestAnswer(t *testing.T) {
	const context = 16
	o := openDemo(t, context)
	o.load, o.template = 1500*time.Millisecond, prompt.SeaLLM
	greedy := newSamplingFlags()
	greedy.temperature.value = 0
	ids := prompt.Raw(o.tokenizer, "Once upon a time there was a turtle that lived in a small pond", false)[:context]

	greedily := func(ids []int32) func() (engine.Request, error) {
		return func() (engine.Request, error) { return o.request(ids, greedy, true) }
	}

	t.Run("a prompt fills the context", func(t *testing.T) {
		// The last token of an answer takes no position. (The answer of two lets the driver
		// compile ahead of what is timed below.)
		for want, n := range map[int]int{1: context, 2: context - 1} {
			a, err := o.ask(t.Context(), greedily(ids[:n]), func(string) error { return nil })
			if err != nil || len(a.Tokens) != want || a.Finish != engine.FinishContext {
				t.Errorf("a prompt of %d: %+v (%v), want tokens: %d", n, a, err, want)
			}
		}
		_, err := o.ask(t.Context(), greedily(append(ids, ids[0])), func(string) error { return nil })
		if want := (tooLongError{context + 1, context}); !errors.Is(err, want) {
			t.Errorf("one token more: %v, want %v", err, want)
		}
	})

	t.Run("request", func(t *testing.T) {
		r, err := o.request(ids[:3], newSamplingFlags(), true)
		if err != nil {
			t.Fatal(err)
		}
		// The manual's defaults.
		if want := (engine.Sampling{Temperature: 0.8, TopK: 40, TopP: 0.95, MinP: 0.05, RepeatPenalty: 1}); r.Sampling != want || r.MaxTokens != 0 || r.Speculate != engine.SpeculateAuto {
			t.Errorf("%+v, at most %d tokens, %d drafted; want %+v", r.Sampling, r.MaxTokens, r.Speculate, want)
		}
		f := newSamplingFlags()
		f.temperature.value, f.topP.value, f.minP.value, f.repeatPenalty.value = 0.5, 0.25, 0.125, 2
		f.topK.value, f.seed.value, f.tokens.value, f.speculate.value = 7, 5<<32|9, 11, 3
		if r, err = o.request(ids[:3], f, true); err != nil {
			t.Fatal(err)
		}
		if want := (engine.Sampling{Temperature: 0.5, TopK: 7, TopP: 0.25, MinP: 0.125, RepeatPenalty: 2, Seed: 5<<32 | 9}); r.Sampling != want || r.MaxTokens != 11 || r.Speculate != 3 {
			t.Errorf("%+v, at most %d tokens, %d drafted; want %+v", r.Sampling, r.MaxTokens, r.Speculate, want)
		}
		if want := []int32{o.tokenizer.EOS()}; !slices.Equal(r.StopTokens, want) || len(r.StopStrings) != 0 || !slices.Equal(r.Prompt, ids[:3]) {
			t.Errorf("stops at %v and %q, want %v", r.StopTokens, r.StopStrings, want)
		}
		o.file.Stops = []int32{7, 8}
		defer func() { o.file.Stops = nil }()
		if r, err = o.request(ids[:3], f, false); err != nil || !slices.Equal(r.StopTokens[len(r.StopTokens)-2:], []int32{7, 8}) {
			t.Errorf("stops at %v (%v), want those of the file too", r.StopTokens, err)
		}
	})

	t.Run("first token", func(t *testing.T) {
		begun, texts := time.Now(), 0
		var first time.Duration
		a, err := o.ask(t.Context(), greedily(ids[:4]), func(string) error {
			if texts++; texts == 1 {
				first = time.Since(begun)
				for time.Since(begun) <= 2*first { // so that what comes later took longer, however late asking began
				}
			}
			return nil
		})
		if err != nil || texts < 2 {
			t.Fatalf("%d texts (%v): %+v", texts, err, a)
		}
		if a.firstToken < a.Prefill || a.firstToken > first {
			t.Errorf("the first token after %v; prefill took %v, and its text was there after %v", a.firstToken, a.Prefill, first)
		}
	})

	t.Run("summary", func(t *testing.T) {
		// Every step reads the 2.96 MB of the demo's matrices.
		a, one := fixedAnswer(), answer{Result: engine.Result{Tokens: []int32{5}, PromptTokens: 30, Prefill: 250 * time.Millisecond}}
		for _, c := range []struct {
			answer answer
			want   string
		}{
			{a, "load 1500 ms; prompt 30 tokens (10 cached), 80.0 tok/s; first token 500 ms; answer 5 tokens, 2.0 tok/s" +
				" (median step 2.0 ms, reading weights at 1.48 GB/s); 3 of 7 drafted tokens accepted"},
			{one, "load 1500 ms; prompt 30 tokens, 120.0 tok/s; first token 0 ms; answer 1 tokens, 0.0 tok/s"},
		} {
			want := fmt.Sprintf("%s; %s; KV f16", c.want, o.device.Caps().Name)
			if got := c.answer.summary(o); got != want {
				t.Errorf("%s\nwant %s", got, want)
			}
		}
	})
}
