package serve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"sealvk/cli/openai"
	"sealvk/engine"
)

// long asks for n answers of as many tokens as the context holds.
func long(n int) string {
	return fmt.Sprintf(`{"prompt":"Hello","ignore_eos":true,"temperature":1,"seed":1,"n":%d,"max_tokens":900}`, n)
}

// askedFor is a body of completions as the model gets it.
func (s *Server) askedFor(t *testing.T, body string) *openai.Asked {
	t.Helper()
	r, err := openai.ParseCompletion([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	a, err := s.ask(r)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// With its context an answer ends, and its places are free within two steps.
func TestACancelledAnswerEndsWithinTwoSteps(t *testing.T) {
	s, _ := serving(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("gone")
	asked := s.askedFor(t, long(8))
	var tokens, steps int64
	decode := asked.Requests[3].Decode
	asked.Requests[3].Decode = func(id int32) string { // on the engine's goroutine
		if tokens++; tokens == 10 {
			steps = s.Model.Counters().Steps + 1 // that of this token is not counted yet
			cancel(gone)
		}
		return decode(id)
	}
	results, err := s.answer(ctx, asked, listener{})
	if more := s.Model.Counters().Steps - steps; !errors.Is(err, gone) || more > 2 || s.inside() != 0 {
		t.Errorf("%v, %d steps more, %d are inside", err, more, s.inside())
	}
	for _, r := range results {
		if r.Finish != engine.FinishCancelled || len(r.Tokens) > 20 {
			t.Errorf("%v, %d tokens", r.Finish, len(r.Tokens))
		}
	}
}

// An error of who listens ends the answer, and is what comes back.
func TestAListenersErrorEndsTheAnswer(t *testing.T) {
	s, _ := serving(t)
	broken := errors.New("broken")
	calls := 0
	results, err := s.answer(t.Context(), s.askedFor(t, long(2)), listener{
		tokens: func(int, []engine.Token) error { calls++; return broken },
		ended:  func(int, engine.Result) error { calls++; return nil },
		pause:  func() error { calls++; return nil },
	})
	if !errors.Is(err, broken) || calls != 1 || len(results) != 2 || s.inside() != 0 {
		t.Errorf("%v, %d calls, %d inside", err, calls, s.inside())
	}
}

// One that listens slowly holds up neither its own answers nor others, and misses nothing.
func TestASlowListenerHoldsUpNobody(t *testing.T) {
	s, url := serving(t)
	texts, got := make([]string, 3), 0
	results, err := s.answer(t.Context(), s.askedFor(t, strings.Replace(long(3), "900", "60", 1)), listener{tokens: func(choice int, tokens []engine.Token) error {
		if got == 0 {
			b := answers[openai.ChatBody](t, url+"/v1/chat/completions", `{"temperature":0,`+thailand+`}`)
			if b.Choices[0].FinishReason != "stop" {
				t.Errorf("%+v", b)
			}
			eventually(t, "the end of all answers", func() bool { return s.inside() == 0 })
		}
		got++
		for _, token := range tokens {
			texts[choice] += token.Text
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range results {
		if len(r.Tokens) != 60 || r.Text != texts[i] {
			t.Errorf("%d tokens, %q, heard %q", len(r.Tokens), r.Text, texts[i])
		}
	}
	if got > 6 { // what had come meanwhile comes at once
		t.Errorf("%d calls", got)
	}
}

// Who comes to a full queue is told when to come again, and is let in once a client that was has left.
func TestAFullQueue(t *testing.T) {
	s, url := serving(t, func(c *Config) { c.Queue = 2 })
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	r := ask(ctx, t, "POST", url+"/v1/completions", strings.Replace(long(10), "{", `{"stream":true,`, 1))
	if _, err := io.ReadFull(r.Body, make([]byte, 10)); err != nil || r.StatusCode != 200 {
		t.Fatal(r.StatusCode, err)
	}
	body := `{"prompt":"Hello","max_tokens":1}`
	refused, text := post(t, url+"/v1/completions", body)
	e := read[openai.ErrorBody](t, text).Error
	if refused.StatusCode != 429 || refused.Header.Get("Retry-After") == "" || e.Code == nil || *e.Code != "rate_limit_exceeded" || !strings.Contains(e.Message, "10") {
		t.Errorf("%d, %v, %s", refused.StatusCode, refused.Header, text)
	}
	before := s.Model.Counters().Generated
	leave()
	eventually(t, "a place", func() bool { r, _ := post(t, url+"/v1/completions", body); return r.StatusCode == 200 })
	eventually(t, "the end of what the client asked for", func() bool { return s.inside() == 0 })
	if more := s.Model.Counters().Generated - before; more > 4000 {
		t.Errorf("%d tokens were computed for nobody", more)
	}
	// What is more than all places comes in while nobody else is there.
	b := answers[openai.TextBody](t, url+"/v1/completions", `{"prompt":"Hello","max_tokens":1,"n":30}`)
	if len(b.Choices) != 30 {
		t.Errorf("%d choices", len(b.Choices))
	}
}
