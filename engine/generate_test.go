package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"sealvk/shaders"
	"sealvk/vk"
)

// word turns ids into visible text without a tokenizer.
func word(id int32) string { return fmt.Sprintf("<%d>", id) }

// A decode step records, allocates and updates nothing: it is submitted,
// waited for and polled.
func TestDecodeOnlySubmitsAndWaits(t *testing.T) {
	m := load(t, nano, Options{})
	s := session(t, m)
	c := greedyCases(t)[0]
	generate := func(n int, emit func(Token) error) {
		t.Helper()
		s.Reset()
		if _, err := s.Generate(context.Background(), Request{Prompt: c.PromptIDs, MaxTokens: n, Emit: emit}); err != nil {
			t.Fatal(err)
		}
	}
	generate(10, nil) // records the step and settles its pace
	before := device.Counters()
	tokens := 0
	generate(30, func(Token) error {
		now := device.Counters()
		if tokens++; tokens > 1 {
			changed := now
			changed.Submit, changed.Wait, changed.Poll = before.Submit, before.Wait, before.Poll
			if changed != before {
				return fmt.Errorf("token %d: other calls than submit, wait and poll: %+v, before %+v", tokens, now, before)
			}
			plan := &m.decode.plans[1]
			most := uint64(plan.depth * segments(m, recording{decode: true, count: 1})) // a slow step is several submissions
			if n := now.Submit - before.Submit; n > most {
				return fmt.Errorf("token %d: %d submissions, at most %d", tokens, n, most)
			}
		}
		before = now
		return nil
	})
	if tokens != 30 {
		t.Fatalf("%d tokens", tokens)
	}
}

// segments is how many recordings there are of r, of whichever layers, by the kernels of a lone row or others.
func segments(m *Model, r recording) (n int) {
	for k := range m.recordings {
		k.from, k.to, k.lone = 0, 0, r.lone
		if k == r {
			n++
		}
	}
	return n
}

// pacedSteps makes decode steps of n rows be submissions of so many layers, and so many steps
// be in flight, however long they take.
func pacedSteps(m *Model, n, layers, depth int) {
	m.Steady(true)
	plan := &m.decode.plans[n]
	m.forget(func(r recording) bool { return r.decode && r.count == n })
	plan.layers, plan.depth, plan.timed = layers, depth, true
}

// watch lets m.tracer.pending tell what is in flight.
func watch(t *testing.T, m *Model) {
	t.Helper()
	if err := m.Trace(vk.TraceOff, func(Submission) {}); err != nil {
		t.Fatal(err)
	}
}

// The same seed gives the same answer, whatever was generated before and
// however many steps are in flight; another seed gives another one.
func TestSeed(t *testing.T) {
	m := load(t, nano, Options{})
	s := session(t, m)
	prompt := greedyCases(t)[0].PromptIDs
	watch(t, m)
	run := func(seed uint64, inFlight int) []int32 {
		t.Helper()
		ahead := 0 // of the step whose token is handed out
		r, err := s.Generate(context.Background(), Request{Prompt: prompt, MaxTokens: 12,
			Sampling: Sampling{Temperature: 20, TopK: 200, TopP: 0.9999, MinP: 1e-6, RepeatPenalty: 1.1, Seed: seed},
			Emit: func(Token) error {
				ahead = max(ahead, len(m.tracer.pending))
				return nil
			}})
		if err != nil {
			t.Fatal(err)
		}
		if ahead != inFlight-1 {
			t.Errorf("up to %d submissions ahead of what is read, want %d", ahead, inFlight-1)
		}
		return r.Tokens
	}
	pacedSteps(m, 1, m.cfg.Layers, stepsInFlight)
	first, other, again := run(7, stepsInFlight), run(1<<40, stepsInFlight), run(7, stepsInFlight)
	if !slices.Equal(first, again) {
		t.Errorf("seed 7 gave %v, then %v", first, again)
	}
	if slices.Equal(first, other) {
		t.Errorf("two seeds gave the same %v", first)
	}
	pacedSteps(m, 1, 2, 1)
	if slow := run(7, 1); !slices.Equal(first, slow) {
		t.Errorf("one step in flight gave %v, three %v", slow, first)
	}
	if got := segments(m, recording{decode: true, choice: shaders.ByMass, count: 1}); got != 2 {
		t.Errorf("%d submissions a step, want 2", got)
	}
}

// A second turn computes only what is new, and answers as from scratch.
func TestTurnsReuseTheCache(t *testing.T) {
	m := load(t, nano, Options{KV: KVF32, Sequences: 2})
	chat, fresh := session(t, m), session(t, m)
	cases := greedyCases(t)
	conversation := slices.Clone(cases[0].PromptIDs)
	for turn, c := range cases[1:4] {
		answer, err := chat.Generate(context.Background(), Request{Prompt: conversation, MaxTokens: 12, StopTokens: []int32{1}})
		if err != nil {
			t.Fatal(err)
		}
		if turn > 0 && answer.CachedTokens == 0 {
			t.Errorf("turn %d computes the whole conversation again", turn)
		}
		fresh.Reset()
		want, err := fresh.Generate(context.Background(), Request{Prompt: conversation, MaxTokens: 12, StopTokens: []int32{1}})
		if err != nil {
			t.Fatal(err)
		}
		if want.CachedTokens != 0 || !slices.Equal(answer.Tokens, want.Tokens) {
			t.Errorf("turn %d: %v, from scratch %v", turn, answer.Tokens, want.Tokens)
		}
		conversation = append(append(conversation, answer.Tokens...), c.PromptIDs[1:]...)
	}
	if _, err := m.NewSession(); !errors.Is(err, ErrNoSession) {
		t.Errorf("a third session: %v", err)
	}
}

func TestFinish(t *testing.T) {
	c := greedyCases(t)[0] // answers with more than 100 tokens
	m := load(t, nano, Options{Context: 64})
	s := session(t, m)
	ctx := context.Background()
	ask := func(r Request) Result {
		t.Helper()
		r.Prompt = c.PromptIDs
		result, err := s.Generate(ctx, r)
		if err != nil {
			t.Fatal(err)
		}
		return result
	}
	n := len(c.PromptIDs)

	if r := ask(Request{}); r.Finish != FinishContext || len(r.Tokens) != 64-n+1 || !slices.Equal(r.Tokens, c.Answer.IDs[:len(r.Tokens)]) {
		t.Errorf("context end: %s after %d tokens, want context after %d", r.Finish, len(r.Tokens), 64-n+1)
	}
	if r := ask(Request{MaxTokens: 5}); r.Finish != FinishLength || !slices.Equal(r.Tokens, c.Answer.IDs[:5]) {
		t.Errorf("5 tokens: %s %v", r.Finish, r.Tokens)
	}
	if r := ask(Request{MaxTokens: 1}); r.Finish != FinishLength || !slices.Equal(r.Tokens, c.Answer.IDs[:1]) {
		t.Errorf("1 token: %s %v", r.Finish, r.Tokens)
	}
	if r := ask(Request{MaxTokens: 20, StopTokens: c.Answer.IDs[3:4]}); r.Finish != FinishStop || !slices.Equal(r.Tokens, c.Answer.IDs[:4]) {
		t.Errorf("stop token: %s %v", r.Finish, r.Tokens)
	}

	stop := word(c.Answer.IDs[5]) + word(c.Answer.IDs[6])[:2]
	shown := ""
	r := ask(Request{MaxTokens: 20, StopStrings: []string{"never", stop}, Decode: word, Emit: func(tok Token) error {
		shown += tok.Text
		return nil
	}})
	want := ""
	for _, id := range c.Answer.IDs[:5] {
		want += word(id)
	}
	if r.Finish != FinishStop || r.Text != want || shown != want {
		t.Errorf("stop string: %s, text %q, shown %q, want %q", r.Finish, r.Text, shown, want)
	}

	_, err := s.Generate(ctx, Request{Prompt: make([]int32, 65)})
	if !errors.Is(err, ErrContextFull) {
		t.Errorf("65 tokens in a context of 64: %v", err)
	}
	full := slices.Concat(c.PromptIDs, c.Answer.IDs)[:64]
	if r, err := s.Generate(ctx, Request{Prompt: full}); err != nil || r.Finish != FinishContext || len(r.Tokens) != 1 {
		t.Errorf("a prompt that fills the context: %v %v", r, err)
	}
}

func TestBadRequests(t *testing.T) {
	m := load(t, nano, Options{})
	s := session(t, m)
	for _, c := range []struct {
		request Request
		says    string
	}{
		{Request{}, "empty"},
		{Request{Prompt: []int32{2, 2048}}, "token 1 of the prompt is 2048"},
		{Request{Prompt: []int32{-1}}, "-1"},
		{Request{Prompt: []int32{2}, Sampling: Sampling{Temperature: -1}}, "temperature"},
		{Request{Prompt: []int32{2}, Sampling: Sampling{TopP: 2}}, "top-p"},
		{Request{Prompt: []int32{2}, StopStrings: []string{"x"}}, "detokenizer"},
	} {
		if _, err := s.Generate(context.Background(), c.request); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %v, want an error about %q", c.request, err, c.says)
		}
	}
}

// Cancelling ends the answer with what there is, and the session goes on.
func TestCancel(t *testing.T) {
	c := greedyCases(t)[0]
	m := load(t, nano, Options{})
	s := session(t, m)
	var ctx context.Context
	for _, last := range []int{1, 7} { // sampled behind the prompt, and behind a step
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(context.Background())
		n := 0
		r, err := s.Generate(ctx, Request{Prompt: c.PromptIDs, Emit: func(Token) error {
			if n++; n == last {
				cancel()
			}
			return nil
		}})
		if err != nil || r.Finish != FinishCancelled || !slices.Equal(r.Tokens, c.Answer.IDs[:last]) {
			t.Errorf("cancelled: %v %s %v", err, r.Finish, r.Tokens)
		}
	}
	if r, err := s.Generate(ctx, Request{Prompt: c.PromptIDs[:9]}); err != nil || r.Finish != FinishCancelled || len(r.Tokens) != 0 {
		t.Errorf("cancelled before: %v %+v", err, r)
	}
	r, err := s.Generate(context.Background(), Request{Prompt: c.PromptIDs, MaxTokens: 10})
	if err != nil || !slices.Equal(r.Tokens, c.Answer.IDs[:10]) {
		t.Errorf("afterwards: %v %v", err, r.Tokens)
	}

	broken := errors.New("the pipe is closed")
	if _, err := s.Generate(context.Background(), Request{Prompt: c.PromptIDs, Emit: func(Token) error { return broken }}); !errors.Is(err, broken) {
		t.Errorf("an error of Emit came back as %v", err)
	}
}

// Two sequences share the pool page by page, in any order.
func TestSequencesDoNotMix(t *testing.T) {
	m := load(t, nano, Options{Sequences: 3})
	cases := greedyCases(t)
	var sessions []*Session
	for range 3 {
		sessions = append(sessions, session(t, m))
	}
	for round := range 3 {
		for i, s := range sessions {
			c := cases[(round+3*i)%len(cases)]
			n := min(8, len(c.Answer.IDs))
			r, err := s.Generate(context.Background(), Request{Prompt: c.PromptIDs, MaxTokens: n})
			if err != nil || !slices.Equal(r.Tokens, c.Answer.IDs[:n]) {
				t.Errorf("round %d session %d: %v %v, want %v", round, i, err, r.Tokens, c.Answer.IDs[:n])
			}
		}
	}
	free := m.pool.left()
	for _, s := range sessions {
		free += len(s.pages)
	}
	if free != m.plan.pages {
		t.Errorf("%d pages accounted for, the pool has %d", free, m.plan.pages)
	}
	for _, s := range sessions {
		s.Close()
	}
	if free := m.pool.left(); free != m.plan.pages {
		t.Errorf("once the sessions are closed %d pages are free of %d", free, m.plan.pages)
	}
}

func TestStopMatcher(t *testing.T) {
	for _, c := range []struct {
		stops  []string
		pieces []string
		shown  []string
		rest   string
		hit    bool
	}{
		{nil, []string{"a", "b"}, []string{"a", "b"}, "", false},
		{[]string{"<|im_start|>"}, []string{"hi <", "|im", "_start|>user"}, []string{"hi ", "", ""}, "", true},
		{[]string{"<|im_start|>"}, []string{"a <|im", " b"}, []string{"a ", "<|im b"}, "", false},
		{[]string{"aab"}, []string{"a", "a", "a", "b"}, []string{"", "", "a", ""}, "", true},
		{[]string{"xyz", "yq"}, []string{"xy"}, []string{""}, "xy", false},
		{[]string{"xyz", "yq"}, []string{"xy", "q!"}, []string{"", "x"}, "", true},
	} {
		m := stopMatcher{stops: c.stops}
		hit := false
		var shown []string
		for _, p := range c.pieces {
			var s string
			s, hit = m.push(p)
			shown = append(shown, s)
		}
		if rest := m.flush(); !slices.Equal(shown, c.shown) || rest != c.rest || hit != c.hit {
			t.Errorf("%q of %q: %q, rest %q, stopped %v; want %q, %q, %v", c.stops, c.pieces, shown, rest, hit, c.shown, c.rest, c.hit)
		}
	}
}
