package engine

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"sealvk/vk"
)

// tiny is a model whose answers cost little.
func tiny(t *testing.T, o Options) *Model {
	t.Helper()
	return loadFile(t, synth(t, "seallm-nano:layers=1,dim=64,ffn=96,heads=2,kv_heads=1,head_dim=32,vocab=600,context=512", "F16"), o)
}

// drawn is n requests over prompts and answers of many lengths, some greedy, some with penalties, over all that
// there is, and by each way to choose a token.
func drawn(n int) (requests []Request) {
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		r := Request{MaxTokens: 36 + rng.IntN(24)}
		for range 24 + rng.IntN(10) {
			r.Prompt = append(r.Prompt, rng.Int32N(600))
		}
		if i%5 > 0 {
			r.Sampling = Sampling{Temperature: 1.5, Seed: uint64(i)}
		}
		switch i % 3 {
		case 1:
			r.Sampling.TopK, r.Sampling.RepeatPenalty, r.Sampling.PresencePenalty, r.Sampling.RepeatLastN = 60, 1.2, 0.3, 500
		case 2:
			r.Sampling.TopP, r.Sampling.FrequencyPenalty, r.Sampling.RepeatLastN = 0.99, 0.2, 70
		}
		requests = append(requests, r)
	}
	return requests
}

// sameAlone wants each answer once more from its request alone.
func sameAlone(t *testing.T, m *Model, requests []Request, got []Result) {
	t.Helper()
	for i, r := range requests {
		want, err := m.GenerateBatch(context.Background(), []Request{r})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got[i].Tokens, want[0].Tokens) || got[i].Finish != want[0].Finish {
			t.Errorf("request %d, put back %d times: %v %s, alone %v %s", i, got[i].PutBack, got[i].Tokens, got[i].Finish, want[0].Tokens, want[0].Finish)
		}
		if !reflect.DeepEqual(got[i].Logprobs, want[0].Logprobs) || !reflect.DeepEqual(got[i].PromptLogprobs, want[0].PromptLogprobs) {
			t.Errorf("request %d, put back %d times: log-probabilities %v and %v, alone %v and %v", i, got[i].PutBack, got[i].PromptLogprobs, got[i].Logprobs, want[0].PromptLogprobs, want[0].Logprobs)
		}
	}
}

// free wants all pages to be nobody's.
func free(t *testing.T, m *Model) {
	t.Helper()
	if err := m.BetweenSteps(func() error {
		if n := m.pool.left(); n != m.plan.pages || len(m.prompts)+len(m.batch.active)+len(m.queue.waiting) > 0 {
			t.Errorf("%d of %d pages are free, %d answers compute prompts, %d decode, %d wait", n, m.plan.pages, len(m.prompts), len(m.batch.active), len(m.queue.waiting))
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// In a pool of a third of the pages that are wanted answers are put back again and again, and each is the
// one that its request gets alone, with and without guesses, masked or not; every token is handed out once, and masked once.
func TestPutBackIsAsAlone(t *testing.T) {
	t.Run("as the device has it", func(t *testing.T) { putBackIsAsAlone(t, Options{}, 70, 50) })
	t.Run("as GPUs do", func(t *testing.T) { putBackIsAsAlone(t, Options{Tuning: &gpuPrefill}, 12, 8) })
}

func putBackIsAsAlone(t *testing.T, o Options, n, least int) {
	o.Sequences, o.Context, o.Pages = 4, 256, 4
	m := tiny(t, o)
	m.plan.rows = 4 // whose kernels are enough
	if p := m.Pages(); p != (Pages{Total: 4}) {
		t.Errorf("at first %+v", p)
	}
	requests, emitted, started, masks := drawn(n), map[int][]int32{}, make([]int, n), map[int]*asked{}
	for i := range requests {
		if i%4 == 1 {
			masks[i] = &asked{rule: turning}
			requests[i].Mask = masks[i].mask
		}
		requests[i].Start = func() { started[i]++ }
		requests[i].Emit = func(tok Token) error {
			if p := m.Pages(); started[i] != 1 || p.Total != 4 || p.Used == 0 || p.Used+p.Kept > p.Total {
				t.Errorf("request %d has started %d times when it has a token; pages %+v", i, started[i], p)
			}
			emitted[i] = append(emitted[i], tok.ID)
			return nil
		}
		if i%4 == 3 {
			requests[i].Speculate = 2
		}
		requests[i].Logprobs, requests[i].PromptLogprobs = i%5 < 3, i%7 == 3
	}
	got, err := m.GenerateBatch(context.Background(), requests)
	if err != nil {
		t.Fatal(err)
	}
	back, tokens := 0, 0
	for i, r := range got {
		if back, tokens = back+r.PutBack, tokens+len(r.Tokens); !slices.Equal(emitted[i], r.Tokens) {
			t.Errorf("request %d: %v were handed out, the answer is %v", i, emitted[i], r.Tokens)
		}
	}
	c := m.Counters()
	t.Logf("put back %d times, %+v", back, c)
	if back < least || c.PutBack != int64(back) {
		t.Errorf("put back %d times, counted %d, the test wants %d", back, c.PutBack, least)
	}
	for i, a := range masks {
		a.once(t, fmt.Sprintf("request %d, put back %d times", i, got[i].PutBack), got[i].Tokens)
	}
	if c.Generated != int64(tokens) || c.Replayed == 0 || c.PromptTokens != c.Reused+c.Computed {
		t.Errorf("%d tokens, %+v", tokens, c)
	}
	free(t, m)
	if err := m.BetweenSteps(func() error {
		if p := m.Pages(); p.Used != 0 {
			t.Errorf("nobody runs, and the pages are %+v", p)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for i := range requests {
		requests[i].Start = nil
		requests[i].Emit = nil
	}
	sameAlone(t, m, requests, got)
}

// What an answer that was put back waits for may never come: it is cancelled then, or the model is closed, and it
// keeps what it has.
func TestPutBackAnswersEnd(t *testing.T) {
	m := tiny(t, Options{Sequences: 3, Context: 256, Pages: 8})
	requests := drawn(3)
	for i := range requests {
		requests[i].Prompt, requests[i].MaxTokens = requests[i].Prompt[:2], 200
	}
	want, err := m.GenerateBatch(context.Background(), requests[:1])
	if err != nil {
		t.Fatal(err)
	}
	for _, end := range []string{"cancelled", "closed"} {
		var results [3]Result
		done := make(chan int, 3)
		ctx, cancel := context.WithCancel(context.Background())
		for i := range requests {
			requests[i].Done = func(r Result) { results[i] = r; done <- i }
		}
		requests[0].Emit = func(Token) error {
			if n := len(m.queue.waiting); n > 0 {
				if end == "cancelled" {
					cancel()
				} else {
					m.queue.end(ErrClosed) // as Close does, which waits
				}
			}
			return nil
		}
		submit(t, m, context.Background(), requests[0], requests[1])
		submit(t, m, ctx, requests[2])
		for range requests {
			<-done
		}
		last := results[2]
		if last.PutBack == 0 || len(last.Tokens) == 0 {
			t.Fatalf("%s: %d tokens, put back %d times: the test wants some of both", end, len(last.Tokens), last.PutBack)
		}
		if end == "cancelled" {
			if last.Finish != FinishCancelled || last.Err != nil {
				t.Errorf("cancelled: %s, %v", last.Finish, last.Err)
			}
			if !slices.Equal(results[0].Tokens, want[0].Tokens) || results[1].Finish != FinishLength {
				t.Errorf("the others: %+v, %+v", results[0], results[1])
			}
			free(t, m)
		} else if !errors.Is(last.Err, ErrClosed) {
			t.Errorf("closed: %v", last.Err)
		}
		cancel()
	}
}

// An answer that the pool cannot hold alone ends as if the context were full, be it alone from the first or with others; so
// does a prompt's, where a session holds the rest of the pool.
func TestPoolIsTheContext(t *testing.T) {
	m := tiny(t, Options{Sequences: 3, Context: 256, Pages: 5})
	requests := drawn(3)
	for i := range requests {
		requests[i].MaxTokens = 0
	}
	got, err := m.GenerateBatch(context.Background(), requests)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range got {
		if n := len(requests[i].Prompt) + len(r.Tokens) - 1; r.Finish != FinishContext || n != 160 || m.Context() != 160 {
			t.Errorf("request %d: %s behind %d positions of %d, want 160", i, r.Finish, n, m.Context())
		}
	}
	sameAlone(t, m, requests, got)

	s := session(t, m)
	if _, err := s.Generate(context.Background(), Request{Prompt: make([]int32, 96), MaxTokens: 1}); err != nil {
		t.Fatal(err)
	}
	got, err = m.GenerateBatch(context.Background(), []Request{{Prompt: []int32{4, 5, 6}}, {Prompt: make([]int32, 65)}})
	if r := got[0]; r.Finish != FinishContext || len(r.Tokens) != 64-3+1 {
		t.Errorf("beside a session of three pages: %s behind %d tokens", r.Finish, len(r.Tokens))
	}
	if !errors.Is(err, ErrContextFull) || !errors.Is(got[1].Err, ErrContextFull) {
		t.Errorf("a prompt of three pages where two are left: %v", err)
	}
}

// A session's request takes the pages of its whole answer from those that have none, and gives back what it did not need.
func TestSessionsComeFirst(t *testing.T) {
	m := tiny(t, Options{Sequences: 3, Context: 128, Pages: 6})
	s := session(t, m)
	requests := drawn(2)
	for i := range requests {
		requests[i].Prompt, requests[i].MaxTokens = requests[i].Prompt[:2], 120
	}
	own, asked := make(chan Result, 1), false
	var every []int32
	for id := range int32(600) {
		every = append(every, id)
	}
	requests[1].Emit = func(Token) error {
		if m.pool.left() == 0 && !asked {
			asked = true
			r := Request{Session: s, Prompt: make([]int32, 40), MaxTokens: 80, StopTokens: every, Done: func(r Result) { own <- r }}
			if err := m.Submit(context.Background(), r); err != nil {
				t.Error(err)
			}
		}
		return nil
	}
	got, err := m.GenerateBatch(context.Background(), requests)
	if err != nil {
		t.Fatal(err)
	}
	if r := <-own; r.Finish != FinishStop || len(r.Tokens) != 1 || len(s.pages) != 2 {
		t.Errorf("the session's: %+v, behind it %d pages, want those of 40 positions", r, len(s.pages))
	}
	sameAlone(t, m, requests, got)
	if got[0].PutBack+got[1].PutBack == 0 {
		t.Error("nobody was put back")
	}
}

// An answer whose next page a session's request has for a while waits for it, as it would among others of no session.
func TestPagesOfASessionComeBack(t *testing.T) {
	m := tiny(t, Options{Sequences: 2, Context: 128, Pages: 4})
	s := session(t, m)
	ask, own, tokens, n := drawn(1), make(chan Result, 1), 0, 0
	ask[0].Prompt, ask[0].MaxTokens = ask[0].Prompt[:2], 80
	enough := errors.New("enough")
	brief := Request{Session: s, Prompt: make([]int32, 10), MaxTokens: 50, Done: func(r Result) { own <- r }} // of two pages
	brief.Emit = func(Token) error {
		if n++; n < 15 {
			return nil
		}
		return enough
	}
	ask[0].Emit = func(Token) error {
		if tokens++; tokens == 58 {
			return m.Submit(context.Background(), brief)
		}
		return nil
	}
	got, err := m.GenerateBatch(context.Background(), ask)
	if err != nil {
		t.Fatal(err)
	}
	if r := <-own; !errors.Is(r.Err, enough) || got[0].PutBack != 1 {
		t.Errorf("the session's: %+v; the other was put back %d times, want 1", r, got[0].PutBack)
	}
	ask[0].Emit = nil
	sameAlone(t, m, ask, got)
}

// While others decode a long prompt is computed a chunk at a time, and they take a step behind each.
// Cancelled, it is gone within two steps.
func TestLongPromptsDelayByAChunk(t *testing.T) {
	const chunk = 16
	m := tiny(t, Options{Sequences: 5, Context: 512, Chunk: chunk})
	m.Steady(true)
	var order []string // of what was submitted
	if err := m.Trace(vk.TraceOff, func(s Submission) { order = append(order, s.Name) }); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	long := Request{Prompt: make([]int32, 400), MaxTokens: 1}
	short, first := Request{Prompt: make([]int32, 5), MaxTokens: 1}, drawn(1)[0]
	results := make(chan Result, 4)
	long.Done = func(r Result) { results <- r }
	short.Done = long.Done
	n := 0
	first.MaxTokens = 60
	first.Emit = func(Token) error {
		switch n++; n {
		case 3:
			order = nil
			if err := errors.Join(m.Submit(ctx, long, long), m.Submit(context.Background(), short, short)); err != nil {
				t.Error(err)
			}
		case 13:
			cancel()
		case 15:
			if len(m.prompts)+len(m.queue.waiting) > 0 {
				t.Errorf("two steps after they were cancelled %d prompts are computed, %d wait", len(m.prompts), len(m.queue.waiting))
			}
		}
		return nil
	}
	if _, err := m.GenerateBatch(context.Background(), []Request{first}); err != nil {
		t.Fatal(err)
	}
	for range 4 {
		if r := <-results; r.Err != nil || (r.Finish == FinishCancelled) != (r.PromptTokens == 400) {
			t.Errorf("%d tokens: %s, %v", r.PromptTokens, r.Finish, r.Err)
		}
	}
	chunks, row := 0, 0
	for i, name := range order {
		switch {
		case strings.HasPrefix(name, "decode"):
			row = 0
		case strings.HasSuffix(name, " 16 rows"):
			if chunks, row = chunks+1, row+1; row > 1 {
				t.Errorf("submission %d is the second chunk without a step between: %q", i, order)
			}
		}
	}
	if chunks < 8 || chunks > 12 {
		t.Errorf("%d chunks in ten steps: %q", chunks, order)
	}
	if two := strings.Count(strings.Join(order, ","), " of 10 rows"); two != 1 {
		t.Errorf("two prompts that are less than a chunk are not computed together: %q", order)
	}
}
