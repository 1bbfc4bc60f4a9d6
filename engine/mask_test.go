package engine

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"sealvk/shaders"
	"sealvk/vk"
)

// asked is a mask by a rule, and what it was asked.
type asked struct {
	rule func(last int32, id int) bool
	last []int32
}

func (a *asked) mask(last int32, allowed []uint32) error {
	for i, word := range allowed {
		if word != 0 {
			return fmt.Errorf("word %d is %#x at first", i, word)
		}
	}
	a.last = append(a.last, last)
	for id := range 32 * len(allowed) { // behind the vocabulary too
		if a.rule(last, id) {
			allowed[id/32] |= 1 << (id % 32)
		}
	}
	return nil
}

// once wants a call for each token, with the one in front of it.
func (a *asked) once(t *testing.T, name string, tokens []int32) {
	t.Helper()
	if want := append([]int32{-1}, tokens[:len(tokens)-1]...); !slices.Equal(a.last, want) {
		t.Errorf("%s: asked behind %v, the tokens are %v", name, a.last, tokens)
	}
}

func even(_ int32, id int) bool { return id%2 == 0 }
func anything(int32, int) bool  { return true }
func one(last int32, id int) bool {
	return id == int(7*last+613)%600
}

// turning allows two thirds of the tokens, others behind others.
func turning(last int32, id int) bool { return (id+int(last))%3 != 0 }

// byAllWays is a request for each way to choose a token.
func byAllWays() (requests []Request) {
	for i, r := range drawn(6) {
		r.MaxTokens = 10
		if i%2 == 0 {
			r.LogitBias = map[int32]float32{7: 100, 8: -100, 301: 30}
		}
		requests = append(requests, r)
	}
	return append(requests, Request{Prompt: []int32{2, 3, 4}, MaxTokens: 10}, Request{Prompt: []int32{2, 3, 4}, MaxTokens: 10, Sampling: Sampling{Temperature: 2, Seed: 5}})
}

// inCompany is the results of requests in company.
func inCompany(t *testing.T, m *Model, requests ...Request) []Result {
	t.Helper()
	results, err := m.GenerateBatch(context.Background(), requests)
	if err != nil {
		t.Fatal(err)
	}
	return results
}

// Whichever way a token is chosen, what is forbidden counts as if it had no probability: as if a bias had taken it. A mask
// that allows everything changes nothing, one that allows a single token leaves no choice, be there biases or penalties against it.
func TestMaskedTokens(t *testing.T) {
	m := tiny(t, Options{Sequences: 8, Context: 64})
	requests := byAllWays()
	var all, some, biased, single []Request
	var asks []*asked
	masked := func(r Request, rule func(int32, int) bool) Request {
		a := &asked{rule: rule}
		asks, r.Mask = append(asks, a), a.mask
		return r
	}
	for _, r := range requests {
		all, some, single = append(all, masked(r, anything)), append(some, masked(r, even)), append(single, masked(r, one))
		b := map[int32]float32{}
		for id := int32(1); id < 600; id += 2 {
			b[id] = -1e30
		}
		for id, bias := range r.LogitBias {
			b[id] += bias
		}
		r.LogitBias = b
		biased = append(biased, r)
	}
	plain, reference := inCompany(t, m, requests...), inCompany(t, m, biased...)
	for i, r := range inCompany(t, m, all...) {
		if !slices.Equal(r.Tokens, plain[i].Tokens) {
			t.Errorf("%+v, all allowed: %v, without a mask %v", requests[i], r.Tokens, plain[i].Tokens)
		}
		asks[3*i].once(t, "all", r.Tokens)
	}
	for i, r := range inCompany(t, m, some...) {
		if !slices.Equal(r.Tokens, reference[i].Tokens) || slices.ContainsFunc(r.Tokens, func(id int32) bool { return id%2 > 0 }) {
			t.Errorf("%+v, even ones allowed: %v, with biases %v", requests[i], r.Tokens, reference[i].Tokens)
		}
		asks[3*i+1].once(t, "even", r.Tokens)
	}
	for i, r := range inCompany(t, m, single...) {
		last := int32(-1)
		for _, id := range r.Tokens {
			if !one(last, int(id)) {
				t.Errorf("%+v, a single one allowed: %v", requests[i], r.Tokens)
				break
			}
			last = id
		}
		asks[3*i+2].once(t, "one", r.Tokens)
	}
}

// Masks leave the bits of all others alone, and a masked answer has its own alone, in company and behind pages that are found:
// its log-probabilities are those before the mask. It takes no drafts, where others do.
func TestMaskedCompany(t *testing.T) {
	m := tiny(t, Options{Sequences: 8, Context: 128})
	var requests []Request
	var asks []*asked
	for i, r := range drawn(8) {
		r.Prompt, r.MaxTokens = slices.Concat(someIDs(m, 9, 40), r.Prompt), 12+i
		r.Logprobs, r.Likeliest = true, MaxLikeliest
		a := &asked{rule: turning}
		if asks = append(asks, a); i%2 == 0 {
			r.Mask = a.mask
		}
		if i > 4 {
			r.Speculate, r.draft = 2, func([]int32, int) []int32 { return []int32{1, 2} }
		}
		requests = append(requests, r)
	}
	got := inCompany(t, m, requests...)
	for i, r := range got {
		if requests[i].Mask == nil {
			continue
		}
		asks[i].once(t, "in company", r.Tokens)
		if r.Drafted > 0 {
			t.Errorf("request %d: %d tokens of a masked answer were drafted", i, r.Drafted)
		}
		last := int32(-1)
		for j, l := range r.Logprobs {
			allowed := slices.DeleteFunc(slices.Clone(l.Likeliest), func(l Likely) bool { return !turning(last, int(l.ID)) })
			if s := requests[i].Sampling; s.Temperature == 0 && s.FrequencyPenalty == 0 && s.PresencePenalty == 0 && l.ID != allowed[0].ID {
				t.Errorf("request %d, token %d: %d, the likeliest that is allowed is %d of %+v", i, j, l.ID, allowed[0].ID, l.Likeliest)
			}
			if len(l.Likeliest) != MaxLikeliest || len(allowed) == MaxLikeliest {
				t.Errorf("request %d, token %d: of %d likeliest tokens %d are allowed", i, j, len(l.Likeliest), len(allowed))
			}
			last = l.ID
		}
		asks[i].last = nil
	}
	sameAlone(t, m, requests, got)
	for i, r := range got {
		if requests[i].Mask != nil {
			asks[i].once(t, "alone", r.Tokens)
		}
	}
	s := session(t, m)
	for i := range requests[:3] {
		requests[i].Session = s
	}
	sameAlone(t, m, requests[:3], got)
}

// What goes wrong with a mask ends its answer alone, at the first token as at a later one, with what there is of it.
func TestMaskFails(t *testing.T) {
	m := tiny(t, Options{Sequences: 5, Context: 128})
	broken := errors.New("the grammar is at its end")
	plain := drawn(1)[0]
	want := inCompany(t, m, plain)[0].Tokens
	at := func(call int, fail func(allowed []uint32) error) Request {
		r, n := drawn(1)[0], 0
		r.Mask = func(_ int32, allowed []uint32) error {
			for i := range allowed {
				allowed[i] = ^uint32(0)
			}
			if n++; n > call {
				return errors.New("asked behind a failure")
			} else if n == call {
				return fail(allowed)
			}
			return nil
		}
		return r
	}
	fails := func([]uint32) error { return broken }
	nothing := func(allowed []uint32) error { clear(allowed); return nil }
	beyond := func(allowed []uint32) error { clear(allowed); allowed[600/32] = 0xff000000; return nil }
	for _, c := range []struct {
		calls     [3]int // that fail
		speculate int    // of the others
	}{{[3]int{1, 1, 1}, 0}, {[3]int{4, 7, 7}, 0}, {[3]int{2, 1, 9}, 0}, {[3]int{2, 7, 3}, 1}} {
		plain.Speculate, plain.draft = c.speculate, func([]int32, int) []int32 { return []int32{3} }
		requests := []Request{at(c.calls[0], fails), plain, at(c.calls[1], nothing), plain, at(c.calls[2], beyond)}
		got, _ := m.GenerateBatch(context.Background(), requests)
		for i, r := range got {
			tokens, problem := len(want), ""
			if i%2 == 0 {
				tokens, problem = c.calls[i/2]-1, "engine: the mask allows no token"
			}
			if i == 0 {
				problem = broken.Error()
			}
			if !slices.Equal(r.Tokens, want[:tokens]) || (r.Err == nil) != (problem == "") || r.Err != nil && r.Err.Error() != problem {
				t.Errorf("calls %v, request %d: %v, %v; want %v, %q", c.calls, i, r.Tokens, r.Err, want[:tokens], problem)
			}
		}
	}
	// The only one of its chunk.
	if got, err := m.GenerateBatch(context.Background(), []Request{at(1, fails)}); !errors.Is(err, broken) || len(got[0].Tokens) > 0 {
		t.Errorf("alone: %+v, %v", got, err)
	}
	free(t, m)

	ctx, cancel := context.WithCancel(context.Background())
	got, err := m.GenerateBatch(ctx, []Request{at(5, func([]uint32) error { cancel(); return nil })})
	if r := got[0]; err != nil || r.Finish != FinishCancelled || len(r.Tokens) > 5 || !slices.Equal(r.Tokens, want[:len(r.Tokens)]) {
		t.Errorf("cancelled in a mask: %+v, %v", got, err)
	}
	free(t, m)
}

// The masks of several answers are made at once, while the device computes the layers of the step.
func TestMasksBesideLayers(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2))
	m := load(t, nano, Options{Sequences: 2, Context: 256})
	cases := longCases(t, 20, 2)
	var submitted []string
	for _, c := range []struct{ layers, depth int }{{m.cfg.Layers, stepsInFlight}, {m.cfg.Layers, 1}, {2, stepsInFlight}} {
		if err := m.Trace(vk.TraceOff, func(s Submission) {
			if !strings.HasPrefix(s.Name, "layers") && s.Name != "first tokens" {
				submitted = append(submitted, s.Name)
			}
		}); err != nil {
			t.Fatal(err)
		}
		submitted = nil
		if err := m.BetweenSteps(func() error { pacedSteps(m, 2, c.layers, c.depth); return nil }); err != nil {
			t.Fatal(err)
		}
		parts := m.cfg.Layers / c.layers
		meet := make(chan int)
		var requests []Request
		for i, q := range cases {
			r := Request{Prompt: q.PromptIDs, MaxTokens: 10}
			r.Mask = func(last int32, allowed []uint32) error {
				select { // one that waits for the other
				case meet <- i:
				case <-meet:
				case <-time.After(time.Minute):
					return errors.New("the other's mask does not begin")
				}
				if last >= 0 { // the first beside the prompt, which goes on
					if n := len(m.tracer.pending); n != parts {
						return fmt.Errorf("behind %d: %d submissions are pending, want the %d of the layers", last, n, parts)
					}
				}
				for i := range allowed {
					allowed[i] = ^uint32(0)
				}
				return nil
			}
			r.Emit = func(Token) error {
				ahead := parts
				if complete := len(submitted) / (parts + 1); c.depth == 1 || complete == 9 {
					ahead = 0
				}
				if n := len(m.tracer.pending); len(submitted) > 0 && n != ahead {
					return fmt.Errorf("%d submissions are pending behind %d, want %d", n, len(submitted), ahead)
				}
				return nil
			}
			requests = append(requests, r)
		}
		for i, r := range inCompany(t, m, requests...) {
			if !slices.Equal(r.Tokens, cases[i].Answer.IDs[:10]) {
				t.Errorf("%+v, answer %d: %v, want %v", c, i, r.Tokens, cases[i].Answer.IDs[:10])
			}
		}
		var want []string
		for range 9 {
			for from := 0; from < m.cfg.Layers; from += c.layers {
				want = append(want, recording{decode: true, count: 2, from: from, to: from + c.layers}.String())
			}
			want = append(want, "sampling of 2 rows")
		}
		if !reflect.DeepEqual(submitted, want) {
			t.Errorf("%+v: submitted %q, want %q", c, submitted, want)
		}
	}
}

// A prompt that makes way for a request that comes has its first mask made once.
func TestMaskOfACutPrompt(t *testing.T) {
	m := tiny(t, Options{Sequences: 2, Context: 256, Chunk: 8})
	m.Steady(true)
	a := asked{rule: turning}
	r := Request{Prompt: someIDs(m, 1, 240), MaxTokens: 3}
	r.Mask = a.mask
	plain := inCompany(t, m, r)[0]
	a.last = nil
	other := drawn(1)[0]
	r.Mask = func(last int32, allowed []uint32) error {
		if last < 0 {
			if err := m.Submit(context.Background(), other); err != nil {
				return err
			}
		}
		return a.mask(last, allowed)
	}
	cold(t, m)
	if got := inCompany(t, m, r)[0]; !slices.Equal(got.Tokens, plain.Tokens) {
		t.Errorf("%v, in one piece %v", got.Tokens, plain.Tokens)
	}
	a.once(t, "cut", plain.Tokens)
}

// Sampling that cannot be submitted ends the answers of the step, once the layers that are on their way are complete.
func TestFailingSampling(t *testing.T) {
	m := tiny(t, Options{Context: 128})
	watch(t, m)
	pacedSteps(m, 1, m.cfg.Layers, stepsInFlight)
	r := Request{Prompt: []int32{2, 3}, MaxTokens: 9, Mask: (&asked{rule: even}).mask}
	want := inCompany(t, m, r)[0].Tokens
	n := 0
	r.Emit = func(Token) error {
		if n++; n == 3 {
			m.recordings[recording{decode: true, masked: true, choice: shaders.ByRank, count: 1, from: m.cfg.Layers, to: m.cfg.Layers}].Free()
		}
		return nil
	}
	r.Done = func(Result) {
		if n := len(m.tracer.pending); n > 0 {
			t.Errorf("%d submissions are in flight when the answer ends", n)
		}
	}
	got, err := m.GenerateBatch(context.Background(), []Request{r})
	if err == nil || !slices.Equal(got[0].Tokens, want[:3]) {
		t.Errorf("%v, %v; want %v and an error", got[0].Tokens, err, want[:3])
	}
	if err := m.Trace(vk.TraceOff, nil); err != nil { // which forgets what is recorded
		t.Fatal(err)
	}
	r.Emit, r.Done = nil, nil
	if again := inCompany(t, m, r)[0].Tokens; !slices.Equal(again, want) {
		t.Errorf("afterwards: %v, want %v", again, want)
	}
}
