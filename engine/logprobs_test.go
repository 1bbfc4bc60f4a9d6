package engine

import (
	"context"
	"math"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

const logprobTolerance = 1e-4 // f32 activations and KV cache

// scored is the log-probabilities of prompts, of which nothing else is asked.
func scored(t *testing.T, m *Model, prompts ...[]int32) (all [][]Logprob) {
	t.Helper()
	var requests []Request
	for _, p := range prompts {
		requests = append(requests, Request{Prompt: p, MaxTokens: NoTokens, PromptLogprobs: true})
	}
	results, err := m.GenerateBatch(context.Background(), requests)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range results {
		if len(r.Tokens) > 0 || r.Finish != FinishLength || len(r.PromptLogprobs) != len(prompts[i])-1 {
			t.Fatalf("prompt %d of %d tokens: %d tokens, %d log-probabilities, %q", i, len(prompts[i]), len(r.Tokens), len(r.PromptLogprobs), r.Finish)
		}
		all = append(all, r.PromptLogprobs)
	}
	return all
}

// The log-probabilities of prompts' tokens are transformers'; with -short of prompts up to 100 tokens.
func TestPromptLogprobs(t *testing.T) {
	dir := goldenDir("logits-nano")
	var index struct {
		Prompts []prompt
		Models  map[string]struct{ Logprobs string }
	}
	readJSON(t, filepath.Join(dir, "index.json"), &index)
	files := nanoFiles()[:2]
	if testing.Short() {
		files = files[:1]
	}
	for _, file := range files {
		t.Run(file.name, func(t *testing.T) {
			want := readFloats(t, filepath.Join(dir, index.Models[file.golden].Logprobs))
			m := load(t, file.path, Options{KV: KVF32, Numerics: NumericsExact, Sequences: 2})
			var prompts [][]int32
			for _, p := range index.Prompts {
				if n := len(p.IDs); n <= 100 || n == 600 && file.path == nano && !testing.Short() {
					prompts = append(prompts, p.IDs)
				} else {
					prompts = append(prompts, p.IDs[:1])
				}
			}
			worst, compared := 0.0, 0
			got := scored(t, m, prompts...)
			for i, p := range index.Prompts {
				for j, l := range got[i] {
					off := math.Abs(float64(l.Value) - want[j])
					worst = max(worst, off)
					if compared++; l.ID != p.IDs[j+1] || !(off <= logprobTolerance) {
						t.Fatalf("prompt %d, token %d is %d with %v, want %d with %v", i, j+1, l.ID, l.Value, p.IDs[j+1], want[j])
					}
				}
				want = want[len(p.IDs)-1:]
			}
			if len(want) > 0 || compared < 200 {
				t.Errorf("%d were compared, %d are left", compared, len(want))
			}
			t.Logf("worst %.2g of %d", worst, compared)
		})
	}
}

// A prompt's log-probabilities have the same bits wherever it is cut, and whatever the session holds.
func TestPromptLogprobsOfChunks(t *testing.T) {
	m := load(t, nano, Options{Context: 128})
	s, ids := session(t, m), greedyCases(t)[0].PromptIDs
	var first []Logprob
	for _, chunk := range []int{128, 128, 7} {
		if err := m.BetweenSteps(func() error { m.pace.rows, m.pace.least = min(chunk, m.plan.chunk), 1; return nil }); err != nil {
			t.Fatal(err)
		}
		m.Steady(true)
		r, err := s.Generate(context.Background(), Request{Prompt: ids, MaxTokens: 1, PromptLogprobs: true, Likeliest: 3})
		if err != nil || r.CachedTokens > 0 {
			t.Fatal(r.CachedTokens, err)
		}
		if first == nil {
			first = r.PromptLogprobs
		}
		if !reflect.DeepEqual(r.PromptLogprobs, first) {
			t.Errorf("chunks of %d tokens: other log-probabilities", chunk)
		}
	}
}

// answersOfAllKinds are requests whose tokens are chosen in all ways, after what changes logits.
func answersOfAllKinds(t *testing.T) (requests []Request) {
	for i, c := range longCases(t, 20, 4) {
		r := Request{Prompt: c.PromptIDs, MaxTokens: 12, Logprobs: true, Likeliest: 5 * i, StopTokens: []int32{1}}
		if i > 0 {
			r.LogitBias = map[int32]float32{c.Answer.IDs[0]: -50, c.Answer.IDs[3]: -50, 300: 8}
			r.Sampling = Sampling{RepeatPenalty: 1.5, PresencePenalty: 1}
		}
		if i > 1 {
			r.Sampling.Temperature, r.Sampling.Seed = 0.8, 7
		}
		if r.Sampling.TopP = 0.9; i == 2 {
			r.Sampling.TopK = 40
		}
		requests = append(requests, r)
	}
	return requests
}

// The log-probabilities of an answer are by the logits as the model gives them, whatever its tokens were
// chosen by, have the same bits alone, in a batch and behind drafts, and come with the tokens.
func TestLogprobs(t *testing.T) {
	m := load(t, nano, Options{KV: KVF32, Numerics: NumericsExact, Sequences: 4, Context: 256})
	requests := answersOfAllKinds(t)
	var alone []Result
	var wholes [][]int32
	for i, r := range requests {
		var emitted []Logprob
		r.Emit = func(t Token) error { emitted = append(emitted, *t.Logprob); return nil }
		results, err := m.GenerateBatch(context.Background(), []Request{r})
		if err != nil {
			t.Fatal(err)
		}
		if got := results[0]; len(got.Logprobs) != len(got.Tokens) || !reflect.DeepEqual(emitted, got.Logprobs[:len(emitted)]) || len(emitted) < 5 {
			t.Errorf("request %d: %d log-probabilities of %d tokens, %d emitted", i, len(got.Logprobs), len(got.Tokens), len(emitted))
		}
		alone = append(alone, results[0])
		wholes = append(wholes, slices.Concat(r.Prompt, results[0].Tokens))
	}
	greedy := 0
	for i, want := range scored(t, m, wholes...) {
		want = want[len(requests[i].Prompt)-1:]
		for j, l := range alone[i].Logprobs {
			if off := math.Abs(float64(l.Value - want[j].Value)); l.ID != want[j].ID || !(off <= logprobTolerance) || l.Greedy != want[j].Greedy {
				t.Errorf("request %d, token %d: %+v, as a prompt's %+v", i, j, l, want[j])
			}
			if l.Greedy {
				greedy++
			}
			checkLikeliest(t, l, requests[i].Likeliest)
		}
	}
	if greedy < 12 || greedy > 44 { // the first request's all, others' some
		t.Errorf("%d tokens are the likeliest", greedy)
	}
	compare := func(name string, requests []Request) {
		t.Helper()
		together, err := m.GenerateBatch(context.Background(), requests)
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range together {
			if !reflect.DeepEqual(r.Logprobs, alone[i].Logprobs) {
				t.Errorf("%s, request %d: other log-probabilities", name, i)
			}
		}
	}
	compare("in a batch", requests)
	for i := range requests { // half of the drafts are right
		answer := alone[i].Tokens
		requests[i].Speculate, requests[i].draft = 3, func(ids []int32, n int) []int32 {
			draft := slices.Repeat([]int32{3}, n)
			copy(draft, answer[min(len(answer), len(ids)-len(requests[i].Prompt)):][:1])
			return draft
		}
	}
	compare("behind drafts", requests)
}

func checkLikeliest(t *testing.T, l Logprob, n int) {
	t.Helper()
	sorted := slices.IsSortedFunc(l.Likeliest, func(a, b Likely) int {
		if a.Value > b.Value || a.Value == b.Value && a.ID < b.ID {
			return -1
		}
		return 1
	})
	if len(l.Likeliest) != n || !sorted {
		t.Errorf("%d likeliest tokens, want %d in order: %+v", len(l.Likeliest), n, l)
	}
	for i, other := range l.Likeliest {
		if other.ID == l.ID && other.Value != l.Value || i == 0 && (other.Value == l.Value) != l.Greedy || other.Value > 0 {
			t.Errorf("%+v", l)
		}
	}
}

// An answer that is put back keeps the log-probabilities that it has, and gets the rest as it would have.
func TestLogprobsAfterPutBack(t *testing.T) {
	m := load(t, nano, Options{Sequences: 4, Pages: 8, Context: 160})
	var requests []Request
	var want []Result
	for _, c := range longCases(t, 80, 4) {
		r := Request{Prompt: c.PromptIDs, MaxTokens: 80, Logprobs: true, PromptLogprobs: true, Likeliest: 2}
		alone, err := m.GenerateBatch(context.Background(), []Request{r})
		if err != nil {
			t.Fatal(err)
		}
		requests, want = append(requests, r), append(want, alone[0])
	}
	got, err := m.GenerateBatch(context.Background(), requests)
	if err != nil {
		t.Fatal(err)
	}
	putBack := 0
	for i, r := range got {
		putBack += r.PutBack
		if !reflect.DeepEqual(r.Logprobs, want[i].Logprobs) || !reflect.DeepEqual(r.PromptLogprobs, want[i].PromptLogprobs) || len(r.Logprobs) != 80 {
			t.Errorf("request %d, put back %d times: other log-probabilities", i, r.PutBack)
		}
	}
	if putBack == 0 {
		t.Error("no answer was put back")
	}
}

// What is there when an answer is cancelled stays.
func TestLogprobsOfCancelled(t *testing.T) {
	m := load(t, nano, Options{Context: 256})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	h := hear(longCases(t, 40, 1)[0], 40, func(n int) {
		if n == 5 {
			cancel()
		}
	})
	h.Logprobs, h.PromptLogprobs = true, true
	submit(t, m, ctx, h.Request)
	if r := h.ended(t); r.Err != nil || r.Finish != FinishCancelled || len(r.Logprobs) != len(r.Tokens) || len(r.Tokens) < 5 || len(r.PromptLogprobs) != len(h.Prompt)-1 {
		t.Errorf("%q, %v: %d log-probabilities of %d tokens, %d of the prompt", r.Finish, r.Err, len(r.Logprobs), len(r.Tokens), len(r.PromptLogprobs))
	}
}

func TestLogprobsRefused(t *testing.T) {
	m := &Model{}
	m.cfg.Vocab, m.plan = 10, &plan{context: 10}
	for want, r := range map[string]Request{
		"at most -2 tokens":                   {MaxTokens: -2},
		"the -1 likeliest tokens: want 0":     {Logprobs: true, Likeliest: -1},
		"the 21 likeliest tokens: want 0":     {Logprobs: true, Likeliest: 21},
		"want Logprobs or PromptLogprobs too": {Likeliest: 1},
		"":                                    {PromptLogprobs: true, Likeliest: MaxLikeliest, MaxTokens: NoTokens},
	} {
		r.Prompt = []int32{2}
		if err := m.checkRequest(&r); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", r, err, want)
		}
	}
}
