package engine

import (
	"context"
	"slices"
	"testing"
	"time"

	"sealvk/shaders"
)

// How many tokens are drafted follows what steps cost and how likely the guesses are.
func TestGuess(t *testing.T) {
	const built = 16
	ms := func(v float64) time.Duration { return time.Duration(v * float64(time.Millisecond)) }
	type costs map[int]float64 // ms of a step of so many rows
	for _, c := range []struct {
		name   string
		costs  costs
		chance float64
		tokens int // that the answer may still get
		active int
		want   int // drafted tokens, of all answers together
	}{
		{"rows are free", costs{1: 10, 2: 10, 4: 10, 8: 10, 16: 10}, 0.9, 100, 1, 15},
		{"a small step pays best", costs{1: 10, 2: 13, 4: 17, 8: 60, 16: 120}, 0.9, 100, 1, 3},
		{"no row is cheap", costs{1: 10, 2: 20, 4: 40, 8: 80, 16: 160}, 0.9, 100, 1, 0},
		{"it gains less than a twentieth", costs{1: 10, 2: 18.5, 4: 40, 8: 80, 16: 160}, 0.9, 100, 1, 0},
		{"it gains a little more", costs{1: 10, 2: 18, 4: 40, 8: 80, 16: 160}, 0.9, 100, 1, 1},
		{"the guesses are bad", costs{1: 10, 2: 13, 4: 17, 8: 30, 16: 60}, 0.25, 100, 1, 0},
		{"the answer ends soon", costs{1: 10, 2: 10, 4: 10, 8: 10, 16: 10}, 0.9, 5, 1, 3},
		{"nothing was measured", nil, 0.9, 100, 1, 0},
		{"only plain steps were measured", costs{1: 10}, 0.9, 100, 1, 7},
		{"three answers", costs{3: 10, 4: 10, 8: 10, 16: 10}, 0.9, 100, 3, 13},
		{"all rows are taken", costs{16: 10}, 0.9, 100, 16, 0},
	} {
		m := &Model{plan: &plan{rows: built}, kernels: &shaders.Kernels{}}
		m.decode.spent = settled + 1
		for n, cost := range c.costs {
			m.decode.plans[n] = decodePlan{took: ms(cost), samples: 2}
		}
		b := &batch{m: m}
		for range c.active {
			a := &answer{total: c.tokens, request: Request{Speculate: SpeculateAuto}}
			a.result.Tokens = make([]int32, 1)
			a.drafter.Begin([]int32{1, 2, 3, 1, 2}, 10)
			for i := range a.drafter.Tries {
				a.drafter.Tries[i], a.drafter.Right[i] = 1, c.chance
			}
			b.active = append(b.active, a)
		}
		any, got := b.guess(), 0
		for _, a := range b.active {
			got += a.draft
		}
		if got != c.want || any != (c.want > 0) {
			t.Errorf("%s: %d tokens drafted (%v), want %d", c.name, got, any, c.want)
		}
	}
}

// What a step of several rows took counts for a thousand plain steps; then it may have been
// disturbed, and what plain steps take says how much less it may be.
func TestCostsGrowOld(t *testing.T) {
	m := &Model{}
	m.decode.plans[1] = decodePlan{took: 10 * time.Second, samples: 2}
	m.decode.plans[2] = decodePlan{took: 20 * time.Second, samples: 2}
	m.decode.checked = 7
	for plain, want := range map[int]float64{7: 20, 1006: 20, 1007: 11.25} {
		if m.decode.plain = plain; m.stepCost(2) != want {
			t.Errorf("after %d plain steps: %v s, want %v", plain-7, m.stepCost(2), want)
		}
	}
	m.decode.plain, m.decode.plans[2].samples = 7, 1
	if got := m.stepCost(2); got != 11.25 {
		t.Errorf("measured once: %v s, want 11.25", got)
	}
}

// Drafts change no token: neither good nor bad ones, greedy or drawn, alone or in a batch.
func TestSpeculationIsLossless(t *testing.T) {
	m := load(t, nano, Options{Sequences: 4, Context: 512})
	all := sessions(t, m, 4)
	var requests []Request
	// A story; and the same where lookup finds the answer in the prompt, but for some words.
	c := greedyCases(t)[0]
	repeating := slices.Concat(c.PromptIDs, c.Answer.IDs[:40], c.PromptIDs)
	for i := len(c.PromptIDs) + 7; i < len(c.PromptIDs)+40; i += 9 {
		repeating[i] = 100
	}
	for _, prompt := range [][]int32{c.PromptIDs, repeating} {
		requests = append(requests, Request{Prompt: prompt, MaxTokens: 30, StopTokens: []int32{1}})
	}
	for i, n := 0, len(requests); i < n; i++ {
		r := requests[i]
		r.Sampling = Sampling{Temperature: 0.7, TopK: 40, TopP: 0.95, MinP: 0.05, RepeatPenalty: 1.1, RepeatLastN: 16, Seed: uint64(i)}
		requests = append(requests, r)
	}
	want := alone(t, all[0], requests)
	never := func(ids []int32, n int) []int32 { // the ids that the model never chooses
		return slices.Repeat([]int32{3}, n)
	}
	check := func(name string, got []Result) (drafted, accepted int) {
		t.Helper()
		for i, r := range got {
			if !slices.Equal(r.Tokens, want[i].Tokens) || r.Finish != want[i].Finish {
				t.Errorf("%s, request %d: %v %s, without drafts %v %s", name, i, r.Tokens, r.Finish, want[i].Tokens, want[i].Finish)
			}
			drafted, accepted = drafted+r.Drafted, accepted+r.Accepted
		}
		return drafted, accepted
	}
	for _, n := range []int{3, 15, SpeculateAuto} {
		for i := range requests {
			requests[i].Speculate, requests[i].draft = n, nil
		}
		drafted, accepted := check("alone", alone(t, all[0], requests))
		t.Logf("%d: %d drafted, %d accepted", n, drafted, accepted)
		if n > 0 && (accepted < 20 || accepted == drafted) {
			t.Errorf("up to %d: %d drafted, %d accepted: the test wants both right and wrong ones", n, drafted, accepted)
		}
	}
	for i := range requests {
		requests[i].Speculate, requests[i].draft = 3, never
	}
	if drafted, accepted := check("wrong drafts", alone(t, all[0], requests)); drafted == 0 || accepted != 0 {
		t.Errorf("wrong drafts: %d, %d accepted", drafted, accepted)
	}
	for i := range requests {
		requests[i].Speculate, requests[i].draft = 3-i, nil
	}
	got, err := m.GenerateBatch(context.Background(), in(all, requests...))
	if err != nil {
		t.Fatal(err)
	}
	if drafted, _ := check("in a batch", got); drafted == 0 {
		t.Error("nothing was drafted in a batch")
	}
}

// An answer that ends inside a draft ends there, and the session goes on.
func TestEndsInsideADraft(t *testing.T) {
	c := greedyCases(t)[0] // answers with more than 100 tokens
	n := len(c.PromptIDs)
	m := load(t, nano, Options{Context: n + 40})
	s := session(t, m)
	right := func(ids []int32, k int) []int32 { return c.Answer.IDs[len(ids)-n:][:k] }
	ask := func(ctx context.Context, r Request) Result {
		t.Helper()
		r.Prompt, r.Speculate, r.draft = c.PromptIDs, 10, right
		result, err := s.Generate(ctx, r)
		if err != nil {
			t.Fatal(err)
		}
		return result
	}
	ctx := context.Background()
	for _, q := range []struct {
		name    string
		request Request
		tokens  int
		finish  Finish
		drafted int
	}{
		{"length", Request{MaxTokens: 15}, 15, FinishLength, 10 + 2}, // 1, 11 more, 3 more
		{"length of 1", Request{MaxTokens: 1}, 1, FinishLength, 0},
		{"length of 2", Request{MaxTokens: 2}, 2, FinishLength, 0},
		{"context", Request{}, 41, FinishContext, 10 + 10 + 10 + 6},
		{"stop token", Request{StopTokens: c.Answer.IDs[5:6]}, 1 + slices.Index(c.Answer.IDs, c.Answer.IDs[5]), FinishStop, 10},
		{"stop string", Request{StopStrings: []string{word(c.Answer.IDs[5])}, Decode: word}, 1 + slices.Index(c.Answer.IDs, c.Answer.IDs[5]), FinishStop, 10},
	} {
		r := ask(ctx, q.request)
		if r.Finish != q.finish || !slices.Equal(r.Tokens, c.Answer.IDs[:q.tokens]) || q.drafted != r.Drafted {
			t.Errorf("%s: %s after %d tokens, %d drafted; want %s, %d, %d", q.name, r.Finish, len(r.Tokens), r.Drafted, q.finish, q.tokens, q.drafted)
		}
		if !slices.Equal(s.cached, c.PromptIDs) {
			t.Errorf("%s: the session holds %v, want the prompt %v", q.name, s.cached, c.PromptIDs)
		}
	}

	ctx, cancel := context.WithCancel(ctx)
	taken := 0
	r := ask(ctx, Request{Emit: func(Token) error {
		if taken++; taken == 7 {
			cancel()
		}
		return nil
	}})
	if r.Finish != FinishCancelled || !slices.Equal(r.Tokens, c.Answer.IDs[:7]) {
		t.Errorf("cancelled: %s after %v", r.Finish, r.Tokens)
	}
	r, err := s.Generate(context.Background(), Request{Prompt: slices.Concat(c.PromptIDs, c.Answer.IDs[:20]), MaxTokens: 10})
	if err != nil || r.CachedTokens != n || !slices.Equal(r.Tokens, c.Answer.IDs[20:30]) {
		t.Errorf("afterwards: %v, %d cached, %v", err, r.CachedTokens, r.Tokens)
	}
}
