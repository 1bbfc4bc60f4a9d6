package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// alone is the answers that Generate gives to requests one after the other.
func alone(t *testing.T, s *Session, requests []Request) (results []Result) {
	t.Helper()
	for _, r := range requests {
		s.Reset()
		result, err := s.Generate(context.Background(), r)
		if err != nil {
			t.Fatal(err)
		}
		results = append(results, result)
	}
	return results
}

func sessions(t *testing.T, m *Model, n int) (all []*Session) {
	t.Helper()
	for range n {
		all = append(all, session(t, m))
	}
	return all
}

// in lets requests run in sessions in turn.
func in(sessions []*Session, requests ...Request) []Request {
	requests = slices.Clone(requests)
	for i := range requests {
		requests[i].Session = sessions[i%len(sessions)]
	}
	return requests
}

// mixed is requests over prompts and ends of different lengths, greedy and drawn, with tokens chosen in
// all ways.
func mixed(t *testing.T, n int) (requests []Request) {
	cases := greedyCases(t)
	for i := range n {
		c := cases[(7*i)%len(cases)]
		r := Request{Prompt: c.PromptIDs, MaxTokens: 3 + 5*i%11, StopTokens: []int32{1}}
		if i%2 == 1 {
			r.Sampling = Sampling{Temperature: 1.5, TopK: 50, TopP: 0.98, MinP: 0.001, Seed: uint64(i)}
		}
		if i%4 == 3 {
			r.Sampling.TopK = 0
		}
		if i%8 == 5 {
			r.Sampling = Sampling{Temperature: 1.5, Seed: uint64(i)}
		}
		if i%7 == 6 {
			r.LogitBias = map[int32]float32{7: -100, 300 + int32(i): 4}
		}
		if i%3 == 2 {
			r.Sampling.RepeatPenalty, r.Sampling.PresencePenalty, r.Sampling.FrequencyPenalty = 1.3, 0.2, -0.1
			r.Sampling.RepeatLastN = 4 + i
		}
		requests = append(requests, r)
	}
	return requests
}

// A batch of any size gives each sequence the tokens that it gives alone, while others come
// and go, and leaves its session as if it had been alone.
func TestBatchIsAsAlone(t *testing.T) {
	const most = 16
	m := load(t, nano, Options{Sequences: most, Context: 256})
	all := sessions(t, m, most)
	requests := mixed(t, most+2)
	want := alone(t, all[0], requests)
	for _, n := range []int{2, 5, most} {
		for _, s := range all {
			s.Reset()
		}
		asked := requests
		if n < most {
			asked = requests[:n+1] // one waits for a place
		}
		got, err := m.GenerateBatch(context.Background(), in(all[:n], asked...))
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range got {
			if !slices.Equal(r.Tokens, want[i].Tokens) || r.Finish != want[i].Finish {
				t.Errorf("%d sessions, request %d: %v %s, alone %v %s", n, i, r.Tokens, r.Finish, want[i].Tokens, want[i].Finish)
			}
		}
		for i, s := range all[:n] {
			if len(s.cached) == 0 {
				t.Fatalf("%d sessions: session %d holds nothing", n, i)
			}
			next := Request{Prompt: append(slices.Clone(s.cached), 50, 60), MaxTokens: 3}
			held := len(s.cached)
			r, err := s.Generate(context.Background(), next)
			if err != nil || r.CachedTokens != held {
				t.Errorf("%d sessions: session %d held %d, then %d of its own ids were cached (%v)", n, i, held, r.CachedTokens, err)
			}
			if i == 0 {
				if again := alone(t, s, []Request{next}); !slices.Equal(again[0].Tokens, r.Tokens) {
					t.Errorf("%d sessions: session %d goes on with %v, from scratch %v", n, i, r.Tokens, again[0].Tokens)
				}
			}
		}
	}
}

// What ends one answer of a batch leaves the others alone.
func TestBatchEnds(t *testing.T) {
	m := load(t, nano, Options{Sequences: 3, Context: 64})
	all := sessions(t, m, 3)
	c := greedyCases(t)[0]
	plain := Request{Prompt: c.PromptIDs, MaxTokens: 20}
	broken := errors.New("the pipe is closed")
	failing, stopping, long := plain, plain, plain
	taken := 0
	failing.Emit = func(Token) error {
		if taken++; taken == 5 {
			return broken
		}
		return nil
	}
	stopping.StopStrings, stopping.Decode = []string{word(c.Answer.IDs[7])}, word
	long.Prompt = make([]int32, 65)
	full := Request{Prompt: c.PromptIDs}

	got, err := m.GenerateBatch(context.Background(), in(all, failing, stopping, plain, long, Request{}, full))
	if !errors.Is(err, broken) || !errors.Is(err, ErrContextFull) || !strings.Contains(err.Error(), "request 4: ") || len(got) != 6 {
		t.Fatalf("%d results, %v", len(got), err)
	}
	if r := got[0]; !errors.Is(r.Err, broken) || !slices.Equal(r.Tokens, c.Answer.IDs[:5]) {
		t.Errorf("a failing Emit: %v after %v", r.Err, r.Tokens)
	}
	if r := got[1]; r.Err != nil || r.Finish != FinishStop || !slices.Equal(r.Tokens, c.Answer.IDs[:8]) || r.Text != strings.Join(words(c.Answer.IDs[:7]), "") {
		t.Errorf("a stop string: %+v", r)
	}
	if r := got[2]; r.Err != nil || r.Finish != FinishLength || !slices.Equal(r.Tokens, c.Answer.IDs[:20]) {
		t.Errorf("20 tokens: %+v", r)
	}
	if !errors.Is(got[3].Err, ErrContextFull) || got[4].Err == nil {
		t.Errorf("bad requests: %v, %v", got[3].Err, got[4].Err)
	}
	if r := got[5]; r.Err != nil || r.Finish != FinishContext || len(r.Tokens) != 64-len(c.PromptIDs)+1 {
		t.Errorf("until the context is full: %+v", r)
	}

	ctx, cancel := context.WithCancel(context.Background())
	watch(t, m)
	pacedSteps(m, 2, m.cfg.Layers, stepsInFlight)
	taken = 0
	failing.Emit = func(Token) error {
		if taken++; taken == 5 {
			cancel()
			if n := len(m.tracer.pending); n != stepsInFlight-1 {
				t.Errorf("cancelled with %d steps in flight, the test wants %d", n, stepsInFlight-1)
			}
		}
		return nil
	}
	got, err = m.GenerateBatch(ctx, in(all[:2], failing, plain, plain))
	if err != nil || taken != 5 {
		t.Fatalf("cancelled after %d tokens: %v", taken, err)
	}
	if n := len(m.tracer.pending); n > 0 {
		t.Errorf("cancelled: %d steps were not waited for", n)
	}
	for i, r := range got {
		if r.Finish != FinishCancelled || !slices.Equal(r.Tokens, c.Answer.IDs[:len(r.Tokens)]) || i < 2 && len(r.Tokens) < 4 || i == 2 && len(r.Tokens) > 0 {
			t.Errorf("cancelled, request %d: %+v", i, r)
		}
	}
	if got, err := m.GenerateBatch(context.Background(), in(all[:2], plain, plain)); err != nil || !slices.Equal(got[1].Tokens, c.Answer.IDs[:20]) {
		t.Errorf("afterwards: %v, %v", got, err)
	}

	if got, err := m.GenerateBatch(context.Background(), in(all[:1], plain, plain)); err != nil || got[1].CachedTokens != len(c.PromptIDs)-1 || !slices.Equal(got[1].Tokens, c.Answer.IDs[:20]) {
		t.Errorf("one session twice: %v, %v", got, err)
	}
	if _, err := m.GenerateBatch(context.Background(), []Request{plain}); !errors.Is(err, ErrNoSession) {
		t.Errorf("no session: %v", err)
	}
}

// A request without a session of its own gets a free one, unless others wait for that.
func TestFreeSessions(t *testing.T) {
	m := &Model{plan: &plan{rows: 16}, pool: newPagePool(8)}
	add := func() *Session {
		s := &Session{m: m, sequence: uint32(len(m.sessions))}
		m.sessions = append(m.sessions, s)
		return s
	}
	own, first, second := add(), add(), add()
	own.owned = true
	place := func(r Request, blocked bool) (*Session, error) {
		r.Prompt = []int32{1, 2, 3, 4, 5}
		return m.place(&answer{ctx: context.Background(), request: r}, blocked)
	}
	if got, err := place(Request{}, true); got != nil || err != nil {
		t.Errorf("while others wait in front of it: %+v (%v)", got, err)
	}
	for _, want := range []*Session{first, second, nil} {
		got, err := place(Request{}, false)
		if err != nil || got != want {
			t.Fatalf("%+v (%v), want %+v", got, err, want)
		}
		if got != nil {
			got.busy = make(chan struct{})
		}
	}
	if got, err := place(Request{Session: own}, true); got != own || err != nil {
		t.Errorf("a request's own session: got %+v (%v)", got, err)
	}
	own.busy = make(chan struct{})
	if got, err := place(Request{Session: own}, false); got != nil || err != nil {
		t.Errorf("its own session is busy: got %+v (%v)", got, err)
	}
	m.sessions[own.sequence] = &Session{m: m, sequence: own.sequence}
	if _, err := place(Request{Session: own}, false); err == nil {
		t.Error("in a session that is closed")
	}
}

func words(ids []int32) (texts []string) {
	for _, id := range ids {
		texts = append(texts, word(id))
	}
	return texts
}

// In a batch too, a step records and allocates nothing once its size has been met, masked or not.
func TestBatchOnlySubmitsAndWaits(t *testing.T) {
	const n = 3
	m := load(t, nano, Options{Sequences: n, Context: 256})
	all := sessions(t, m, n)
	masked := false
	generate := func(tokens int, emit func(Token) error) {
		t.Helper()
		requests := make([]Request, n)
		for i := range requests {
			requests[i] = Request{Prompt: greedyCases(t)[0].PromptIDs, MaxTokens: tokens}
		}
		if requests[n-1].Emit = emit; masked {
			requests[0].Mask = (&asked{rule: turning}).mask
		}
		if _, err := m.GenerateBatch(context.Background(), in(all, requests...)); err != nil {
			t.Fatal(err)
		}
	}
	for _, masked = range []bool{false, true} {
		generate(10, nil)
		before := device.Counters()
		tokens := 0
		generate(20, func(Token) error {
			now := device.Counters()
			if tokens++; tokens > 2 { // the second one begins with a copy of the rows
				changed := now
				changed.Submit, changed.Wait, changed.Poll = before.Submit, before.Wait, before.Poll
				if changed != before {
					return fmt.Errorf("token %d: other calls than submit, wait and poll: %+v, before %+v", tokens, now, before)
				}
			}
			before = now
			return nil
		})
		if tokens != 20 {
			t.Fatalf("%d tokens", tokens)
		}
	}
}
