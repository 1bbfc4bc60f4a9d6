package engine

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sealvk/vk"
)

// heard is a request whose answer can be waited for, and told of while it grows.
type heard struct {
	Request
	tokens chan int    // how many there are, one element for each; never full
	result chan Result // when it has ended
}

// hear is a request for so many tokens of a golden's answer, whose Emit then calls each, unless nil,
// on the model's goroutine.
func hear(c greedyCase, tokens int, each func(n int)) *heard {
	h := &heard{tokens: make(chan int, 1000), result: make(chan Result, 2)}
	n := 0
	h.Request = Request{
		Prompt: c.PromptIDs, MaxTokens: tokens,
		Emit: func(Token) error {
			n++
			h.tokens <- n
			if each != nil {
				each(n)
			}
			return nil
		},
		Done: func(r Result) { h.result <- r },
	}
	return h
}

// ended waits for the answer.
func (h *heard) ended(t *testing.T) Result {
	t.Helper()
	select {
	case r := <-h.result:
		return r
	case <-time.After(time.Minute):
		t.Fatal("the answer does not end")
		panic("unreachable")
	}
}

// whole wants the golden's first tokens.
func (h *heard) whole(t *testing.T, name string, c greedyCase) {
	t.Helper()
	if r := h.ended(t); r.Err != nil || r.Finish != FinishLength || !slices.Equal(r.Tokens, c.Answer.IDs[:h.MaxTokens]) {
		t.Errorf("%s: %+v, want %v", name, r, c.Answer.IDs[:h.MaxTokens])
	}
}

func submit(t *testing.T, m *Model, ctx context.Context, requests ...Request) {
	t.Helper()
	if err := m.Submit(ctx, requests...); err != nil {
		t.Fatal(err)
	}
}

// longCases are goldens with answers of so many tokens at least, of different prompts.
func longCases(t *testing.T, tokens, n int) (cases []greedyCase) {
	t.Helper()
	for _, c := range greedyCases(t) {
		if len(c.Answer.IDs) >= tokens && len(cases) < n {
			cases = append(cases, c)
		}
	}
	if len(cases) < n {
		t.Fatalf("%d answers of %d tokens, want %d", len(cases), tokens, n)
	}
	return cases
}

// A request that comes while others decode is computed beside them from the next step on, and all
// get the tokens that they get alone. One for which there is no session waits for it.
func TestSubmitWhileOthersDecode(t *testing.T) {
	m := load(t, nano, Options{Sequences: 2, Context: 256})
	cases := longCases(t, 40, 3)
	second, third := hear(cases[1], 20, nil), hear(cases[2], 10, nil)
	var both atomic.Int32
	first := hear(cases[0], 40, func(n int) {
		if n == 5 { // from a callback
			if err := m.Submit(context.Background(), second.Request, third.Request); err != nil {
				t.Error(err)
			}
		}
		both.Store(max(both.Load(), int32(len(m.batch.active))))
		if n == 15 && len(second.tokens) < 8 {
			t.Errorf("the second request has %d tokens when the first has 15", len(second.tokens))
		}
		if n == 15 && len(third.tokens) > 0 {
			t.Error("the third request began without a session")
		}
	})
	submit(t, m, context.Background(), first.Request)
	for i, h := range []*heard{first, second, third} {
		h.whole(t, []string{"first", "second", "third"}[i], cases[i])
	}
	if both.Load() != 2 {
		t.Errorf("up to %d decoded together, want 2", both.Load())
	}
}

// A request can be cancelled while it waits, in its prompt and in decode; the others get theirs.
func TestCancelOneOfMany(t *testing.T) {
	m := load(t, nano, Options{Sequences: 2, Context: 512, Chunk: 20})
	m.Steady(true)
	cases := longCases(t, 40, 3)
	background := context.Background()

	queued, cancelQueued := context.WithCancel(background)
	first, second, third := hear(cases[0], 40, nil), hear(cases[1], 40, nil), hear(cases[2], 5, nil)
	inFirst := first.Emit
	first.Emit = func(tok Token) error {
		if len(first.tokens) == 5 {
			cancelQueued()
		}
		return inFirst(tok)
	}
	submit(t, m, background, first.Request, second.Request)
	submit(t, m, queued, third.Request)
	if r := third.ended(t); r.Err != nil || r.Finish != FinishCancelled || len(r.Tokens) > 0 {
		t.Errorf("cancelled in the queue: %+v", r)
	}
	select {
	case <-first.result:
		t.Error("what is cancelled in the queue waits for others")
	default:
	}
	first.whole(t, "beside one that waited", cases[0])
	second.whole(t, "beside one that waited", cases[1])

	long := cases[2]
	long.PromptIDs = slices.Repeat(long.PromptIDs, 1+200/len(long.PromptIDs))
	prompted, cancelPrompted := context.WithCancel(background)
	chunks := 0
	if err := m.Trace(vk.TraceOff, func(s Submission) {
		if s.Lengths.Longest > 100 {
			chunks++
			cancelPrompted()
		}
	}); err != nil {
		t.Fatal(err)
	}
	first, third = hear(cases[0], 40, nil), hear(long, 5, nil)
	submit(t, m, background, first.Request)
	<-first.tokens
	submit(t, m, prompted, third.Request)
	if r := third.ended(t); r.Err != nil || r.Finish != FinishCancelled || len(r.Tokens) > 0 || chunks == 0 {
		t.Errorf("cancelled in the prompt, after %d submissions: %+v", chunks, r)
	}
	first.whole(t, "beside one that was in its prompt", cases[0])

	decoding, cancelDecoding := context.WithCancel(background)
	first, second = hear(cases[0], 40, nil), hear(cases[1], 40, func(n int) {
		if n == 7 {
			cancelDecoding()
		}
	})
	submit(t, m, background, first.Request)
	submit(t, m, decoding, second.Request)
	if r := second.ended(t); r.Err != nil || r.Finish != FinishCancelled || !slices.Equal(r.Tokens, cases[1].Answer.IDs[:7]) {
		t.Errorf("cancelled in decode: %+v", r)
	}
	first.whole(t, "beside one that decoded", cases[0])
}

// What is cancelled before it starts, or refused, never reaches the device.
func TestNothingForACancelledRequest(t *testing.T) {
	m := load(t, nano, Options{Context: 64})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	before := device.Counters()
	late, bad := hear(longCases(t, 10, 1)[0], 5, nil), hear(greedyCase{PromptIDs: []int32{-1}}, 5, nil)
	submit(t, m, ctx, late.Request, bad.Request)
	if r := late.ended(t); r.Err != nil || r.Finish != FinishCancelled || r.PromptTokens == 0 {
		t.Errorf("cancelled: %+v", r)
	}
	if r := bad.ended(t); r.Err == nil {
		t.Errorf("refused: %+v", r)
	}
	if after := device.Counters(); after != before {
		t.Errorf("the device was asked for something: %+v, before %+v", after, before)
	}
}

// A function between two steps sees a device with nothing in flight, while answers are on their
// way, which then go on as if nothing had been.
func TestBetweenSteps(t *testing.T) {
	m := load(t, nano, Options{Sequences: 2, Context: 256})
	cases := longCases(t, 60, 2)
	watch(t, m)
	pacedSteps(m, 2, m.cfg.Layers, stepsInFlight)
	first, second := hear(cases[0], 60, nil), hear(cases[1], 60, nil)
	submit(t, m, context.Background(), first.Request, second.Request)
	<-second.tokens
	for n := range 5 {
		<-first.tokens
		broken := errors.New("from the function")
		err := m.BetweenSteps(func() error {
			if a := len(m.batch.active); a != 2 || len(m.tracer.pending) > 0 {
				t.Errorf("call %d: %d answers, %d submissions in flight", n, a, len(m.tracer.pending))
			}
			before := device.Counters()
			time.Sleep(5 * time.Millisecond)
			if after := device.Counters(); after != before {
				t.Errorf("call %d: the device was used: %+v, before %+v", n, after, before)
			}
			return broken
		})
		if err != broken {
			t.Errorf("call %d: %v", n, err)
		}
	}
	first.whole(t, "first", cases[0])
	second.whole(t, "second", cases[1])
}

// What a session's owner asks of it waits for the request that runs there.
func TestSessionWaitsForItsRequest(t *testing.T) {
	m := load(t, nano, Options{Sequences: 2, Context: 256})
	s := session(t, m)
	c := longCases(t, 40, 1)[0]
	for name, do := range map[string]func() error{
		"Reset": func() error { s.Reset(); return nil },
		"Fill":  func() error { return s.Fill(c.PromptIDs) },
		"Logits": func() error {
			return s.Logits(context.Background(), c.PromptIDs, false, func(int, []float32) error { return nil })
		},
	} {
		s.Reset() // what Fill filled is random
		h := hear(c, 40, nil)
		h.Session = s
		submit(t, m, context.Background(), h.Request)
		<-h.tokens
		if err := do(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if len(h.result) == 0 {
			t.Errorf("%s did not wait", name)
		}
		h.whole(t, name, c)
	}
	s.Reset()
	running, waiting := hear(c, 40, nil), hear(c, 40, nil)
	running.Session, waiting.Session = s, s
	submit(t, m, context.Background(), running.Request, waiting.Request)
	<-running.tokens
	s.Close()
	running.whole(t, "Close", c)
	if r := waiting.ended(t); r.Err == nil && !slices.Equal(r.Tokens, c.Answer.IDs[:40]) || r.Err != nil && !strings.Contains(r.Err.Error(), "closed") {
		t.Errorf("one that waited for a session that was closed: %+v", r)
	}
	if _, err := s.Generate(context.Background(), Request{Prompt: c.PromptIDs}); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("in a closed session: %v", err)
	}
}

// Closing ends what waits, what computes its prompt and what decodes, each with an error; nothing
// hangs and no goroutine is left.
func TestCloseEndsRequests(t *testing.T) {
	before := runtime.NumGoroutine()
	m := load(t, nano, Options{Sequences: 2, Context: 512, Chunk: 20})
	cases := longCases(t, 40, 3)
	first, second, third := hear(cases[0], 0, nil), hear(cases[1], 0, nil), hear(cases[2], 40, nil)
	submit(t, m, context.Background(), first.Request)
	<-first.tokens
	submit(t, m, context.Background(), second.Request, third.Request)
	between := make(chan error, 1)
	go func() { between <- m.BetweenSteps(func() error { return nil }) }()
	closed := make(chan error)
	for range 2 {
		go func() { closed <- m.Close() }()
	}
	for range 2 {
		if err := <-closed; err != nil {
			t.Error(err)
		}
	}
	if err := <-between; err != nil && !errors.Is(err, ErrClosed) {
		t.Errorf("between steps: %v", err)
	}
	for i, h := range []*heard{first, second, third} {
		if r := h.ended(t); !errors.Is(r.Err, ErrClosed) || !slices.Equal(r.Tokens, cases[i].Answer.IDs[:len(r.Tokens)]) {
			t.Errorf("request %d: %+v", i, r)
		}
		if len(h.result) > 0 {
			t.Errorf("request %d: Done was called again", i)
		}
	}
	if err := m.Submit(context.Background(), first.Request); !errors.Is(err, ErrClosed) {
		t.Errorf("afterwards: %v", err)
	}
	if _, err := m.NewSession(); !errors.Is(err, ErrClosed) {
		t.Errorf("afterwards: %v", err)
	}
	for start := time.Now(); runtime.NumGoroutine() > before; time.Sleep(time.Millisecond) {
		if time.Since(start) > 10*time.Second {
			t.Fatalf("%d goroutines, %d before loading", runtime.NumGoroutine(), before)
		}
	}
}

// A step that fails ends the answers that it was for, with its error, once the steps before it are
// complete; those that wait go on.
func TestFailingStep(t *testing.T) {
	m := load(t, nano, Options{Sequences: 1, Context: 256})
	watch(t, m)
	pacedSteps(m, 1, m.cfg.Layers, stepsInFlight)
	c := longCases(t, 40, 1)[0]
	first, second := hear(c, 40, nil), hear(c, 40, nil)
	inFlight := -1
	done := first.Done
	first.Done = func(r Result) {
		inFlight = len(m.tracer.pending)
		done(r)
	}
	submit(t, m, context.Background(), first.Request, second.Request)
	for len(first.tokens) < 3 {
		time.Sleep(time.Millisecond)
	}
	if err := m.BetweenSteps(func() error {
		m.recordings[recording{decode: true, count: 1, slot: 1, to: m.cfg.Layers}].Free() // which cannot be submitted any more
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if r := first.ended(t); r.Err == nil || r.Finish != "" || !slices.Equal(r.Tokens, c.Answer.IDs[:len(r.Tokens)]) {
		t.Errorf("the first: %+v", r)
	}
	if inFlight != 0 {
		t.Errorf("%d steps were in flight when the first ended", inFlight)
	}
	if err := m.Trace(vk.TraceOff, nil); err != nil { // which forgets what is recorded
		t.Fatal(err)
	}
	if r := second.ended(t); r.Err != nil && len(r.Tokens) > 1 || !slices.Equal(r.Tokens, c.Answer.IDs[:len(r.Tokens)]) {
		t.Errorf("the second: %+v", r)
	}
	third := hear(c, 40, nil)
	submit(t, m, context.Background(), third.Request)
	third.whole(t, "afterwards", c)
}

// A device that is lost while answers decode ends all requests with its error, and everything is given back.
func TestLostDevice(t *testing.T) {
	var lost atomic.Bool
	instance, err := vk.Open(vk.Config{Fault: func(vk.Op) error {
		if lost.Load() {
			return vk.ErrDeviceLost
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer instance.Close()
	chosen, _, err := instance.Select("")
	if err != nil {
		t.Fatal(err)
	}
	own, err := instance.OpenDevice(chosen, "")
	if err != nil {
		t.Fatal(err)
	}
	m, err := Load(context.Background(), own, openNano(t), Options{Sequences: 2, Context: 256}, nil)
	if err != nil {
		t.Fatal(err)
	}
	cases := longCases(t, 40, 3)
	all := []*heard{hear(cases[0], 0, nil), hear(cases[1], 0, nil), hear(cases[2], 0, nil)}
	submit(t, m, context.Background(), all[0].Request, all[1].Request, all[2].Request)
	<-all[1].tokens
	lost.Store(true)
	for i, h := range all {
		if r := h.ended(t); !errors.Is(r.Err, vk.ErrDeviceLost) {
			t.Errorf("request %d: %+v", i, r)
		}
	}
	if _, err := m.GenerateBatch(context.Background(), []Request{all[0].Request}); !errors.Is(err, vk.ErrDeviceLost) {
		t.Errorf("afterwards: %v", err)
	}
	if err := errors.Join(m.Close(), own.Close()); err != nil {
		t.Error(err)
	}
	if s := own.Stats(); s != (vk.Stats{}) {
		t.Errorf("not given back: %+v", s)
	}
}
