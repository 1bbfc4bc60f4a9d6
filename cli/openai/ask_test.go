package openai

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"sealvk/engine"
	"sealvk/prompt"
	"sealvk/tokenize"
)

// testJob is one with nano's vocabulary.
func testJob(t testing.TB) *Job {
	t.Helper()
	tok, err := tokenize.Load("../../testdata/tokenize/nano.model")
	if err != nil {
		t.Fatal(err)
	}
	return &Job{
		Tokenizer: tok, Template: prompt.SeaLLM, Context: 256, Stops: []int32{1, 107}, Model: "nano", Created: 1700000000, Seed: 7,
		Default: engine.Request{
			MaxTokens: 50, StopStrings: []string{"END"}, Speculate: 3,
			Sampling: engine.Sampling{Temperature: 0.8, TopK: 40, TopP: 0.95, MinP: 0.05},
		},
	}
}

// ask is Ask of a line that is good.
func ask(t testing.TB, j *Job, line string, index int64) *Asked {
	t.Helper()
	r, err := Parse([]byte(line))
	if err != nil {
		t.Fatal(line, err)
	}
	a, err := j.Ask(r, index)
	if err != nil {
		t.Fatal(line, err)
	}
	return a
}

// A plain line's prompt goes through the template, behind the job's system message; OpenAI's
// completion does not, and ids are taken as they are.
func TestPrompts(t *testing.T) {
	j := testJob(t)
	j.System = "S"
	turns := func(messages ...prompt.Message) []int32 {
		ids, err := j.Template.Encode(j.Tokenizer, messages, true)
		if err != nil {
			t.Fatal(err)
		}
		return ids
	}
	system, user := prompt.Message{Role: "system", Content: "S"}, prompt.Message{Role: "user", Content: "Xin chào"}
	bare := *j
	bare.Raw = true
	for _, c := range []struct {
		job     *Job
		line    string
		ids     []int32
		strings []string // that end the answer
	}{
		{j, `"Xin chào"`, turns(system, user), []string{"<|im_start|>", "END"}},
		{j, `{"prompt":"Xin chào","stop":"."}`, turns(system, user), []string{"<|im_start|>", "."}},
		{j, `{"messages":[{"role":"user","content":"Xin chào"}],"stop":[]}`, turns(user), []string{"<|im_start|>"}},
		{j, `{"prompt":"Xin chào","ignore_eos":true}`, turns(system, user), []string{"END"}},
		{&bare, `"Xin chào"`, prompt.Raw(j.Tokenizer, "Xin chào", false), []string{"END"}},
		{j, `{"custom_id":"c","method":"POST","url":"/v1/completions","body":{"prompt":"Xin chào"}}`, prompt.Raw(j.Tokenizer, "Xin chào", false), []string{"END"}},
		{j, `{"custom_id":"c","method":"POST","url":"/v1/completions","body":{"prompt":""}}`, []int32{j.Tokenizer.BOS()}, []string{"END"}},
		{j, `{"prompt":[5,6,7]}`, []int32{5, 6, 7}, []string{"<|im_start|>", "END"}},
	} {
		a := ask(t, c.job, c.line, 0)
		if len(a.Requests) != 1 || !slices.Equal(a.Requests[0].Prompt, c.ids) || !slices.Equal(a.Requests[0].StopStrings, c.strings) {
			t.Errorf("%s: %+v, want %v, %q", c.line, a.Requests, c.ids, c.strings)
		}
		stops := []int32{1, 1, 107}
		if strings.Contains(c.line, "ignore_eos") {
			stops = nil
		}
		if !slices.Equal(a.Requests[0].StopTokens, stops) {
			t.Errorf("%s: stops at %v, want %v", c.line, a.Requests[0].StopTokens, stops)
		}
	}
	bare.Special = true
	if got := ask(t, &bare, `"a<eos>"`, 0).Requests[0].Prompt; !slices.Contains(got, j.Tokenizer.EOS()) {
		t.Errorf("special: %v", got)
	}
}

// A line's options override the job's, which stay where it has none.
func TestOptionsOverride(t *testing.T) {
	j := testJob(t)
	r := ask(t, j, `"x"`, 0).Requests[0]
	if want := j.Default.Sampling; r.MaxTokens != 50 || r.Speculate != 3 || r.Logprobs || r.PromptLogprobs || r.Likeliest != 0 || withoutSeed(r.Sampling) != want {
		t.Errorf("no options: %+v", r)
	}
	a := ask(t, j, `{"prompt":"x","max_tokens":5,"temperature":0,"top_p":0,"top_k":-1,"min_p":0,"repetition_penalty":1.5,"presence_penalty":1,"frequency_penalty":-1,
		"logit_bias":{"9":-100},"seed":-1,"n":2,"stop":["a","b"],"stop_token_ids":[4],"logprobs":2,"prompt_logprobs":5}`, 0)
	for i, r := range a.Requests {
		want := engine.Sampling{TopP: leastTopP, RepeatPenalty: 1.5, PresencePenalty: 1, FrequencyPenalty: -1}
		if r.MaxTokens != 5 || withoutSeed(r.Sampling) != want || r.LogitBias[9] != -100 || !slices.Equal(r.StopTokens, []int32{4, 1, 1, 107}) {
			t.Errorf("choice %d: %+v", i, r)
		}
		if r.Sampling.Seed != uint64(i)-1 || !r.Logprobs {
			t.Errorf("choice %d: seed %d, log-probabilities %v", i, r.Sampling.Seed, r.Logprobs)
		}
		if first := i == 0; r.PromptLogprobs != first || r.Likeliest != map[bool]int{true: 5, false: 2}[first] {
			t.Errorf("choice %d: the prompt's log-probabilities %v, the %d likeliest", i, r.PromptLogprobs, r.Likeliest)
		}
		if r.Decode == nil || r.Flush == nil || r.Emit != nil || r.Done != nil {
			t.Errorf("choice %d: its functions", i)
		}
	}
	a.Requests[0].Decode(j.Tokenizer.UNK() + 200)
	if r := ask(t, j, `{"prompt":"x","max_tokens":0,"echo":true,"logprobs":1}`, 0).Requests[0]; r.MaxTokens != engine.NoTokens || !r.PromptLogprobs || r.Likeliest != 1 {
		t.Errorf("echo alone: %+v", r)
	}
	if r := ask(t, j, `{"prompt":"x","max_tokens":0,"echo":true}`, 0).Requests[0]; r.PromptLogprobs || r.Likeliest != 0 {
		t.Errorf("echo without log-probabilities: %+v", r)
	}
}

func withoutSeed(s engine.Sampling) engine.Sampling {
	s.Seed = 0
	return s
}

// Equal prompts draw differently unless they say how, whatever their line, number in it or job.
// What a line draws depends on nothing else.
func TestSeeds(t *testing.T) {
	j := testJob(t)
	seeds := map[uint64]string{}
	take := func(seed uint64, where string) {
		if other, ok := seeds[seed]; ok || seed >= 1<<53 {
			t.Errorf("%s has the seed %d of %s", where, seed, other)
		}
		seeds[seed] = where
	}
	for job := range uint64(3) {
		j.Seed = job
		for index := range int64(100) {
			for i, r := range ask(t, j, `{"prompt":["x","x"],"n":3}`, index).Requests {
				take(r.Sampling.Seed, fmt.Sprint(job, index, i))
			}
		}
	}
	if got := seedOf(7, 3, 1); got != 8410238583171802 {
		t.Errorf("line 3 of a job with seed 7 draws its second choice with %d: no run can be repeated", got)
	}
	given := ask(t, j, `{"prompt":["x","x"],"n":2,"seed":9007199254740993}`, 5).Requests
	for i, r := range given {
		if want := uint64(9007199254740993 + i%2); r.Sampling.Seed != want {
			t.Errorf("a given seed: choice %d has %d, want %d", i, r.Sampling.Seed, want)
		}
	}
}

// What only the vocabulary, the context or the template can refuse.
func TestRefused(t *testing.T) {
	j := testJob(t)
	n := j.Tokenizer.Size()
	for line, want := range map[string]string{
		`""`:                                "prompt is empty",
		`" \n"`:                             "prompt is empty",
		`{"prompt":["a"," "]}`:              "prompt[1] is empty",
		fmt.Sprintf(`{"prompt":[1,%d]}`, n): fmt.Sprintf("prompt[1] names token %d, which is none of the %[1]d", n),
		fmt.Sprintf(`{"prompt":[[1],[2,%d]]}`, n):                                                                         "prompt[1][1] names token",
		fmt.Sprintf(`{"prompt":"x","logit_bias":{"%d":1}}`, n):                                                            "logit_bias names token",
		fmt.Sprintf(`{"prompt":"x","stop_token_ids":[1,%d]}`, n):                                                          "stop_token_ids[1] names token",
		`"` + strings.Repeat("x ", 300) + `"`:                                                                             "prompt has ",
		`{"messages":[{"role":"user","content":"` + strings.Repeat("x ", 300) + `"}]}`:                                    "messages has ",
		`{"custom_id":"c","method":"POST","url":"/v1/completions","body":{"prompt":"` + strings.Repeat("x ", 300) + `"}}`: "body.prompt has ",
	} {
		r, err := Parse([]byte(line))
		if err != nil {
			t.Fatal(line, err)
		}
		_, err = j.Ask(r, 0)
		var field *FieldError
		if !errors.As(err, &field) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.80s: %v, want %s", line, err, want)
			continue
		}
		long := strings.HasSuffix(want, "has ")
		if long != (field.Code == "context_length_exceeded") || long && !strings.Contains(err.Error(), "the context holds 256") {
			t.Errorf("%.80s: %+v", line, field)
		}
	}
	j.Template = prompt.Gemma // whose markers nano lacks
	for line, want := range map[string]string{
		`"x"`: "prompt is refused by the template: ",
		`{"messages":[{"role":"user","content":"x"}]}`: "messages are refused by the template: ",
	} {
		r, err := Parse([]byte(line))
		if err != nil {
			t.Fatal(line, err)
		}
		if _, err := j.Ask(r, 0); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", line, err, want)
		}
	}
}

// A control piece that the model samples has no text, but a text to stop at may still spell it; a character that it cuts
// off is not lost.
func TestControlPiecesHaveNoText(t *testing.T) {
	hidden := testJob(t)
	shown := *hidden
	shown.Control = true
	eos := hidden.Tokenizer.EOS()
	half, ok := hidden.Tokenizer.ID("<0xE0>")
	if !ok {
		t.Fatal("the vocabulary has no bytes")
	}
	for _, c := range []struct {
		job   *Job
		want  string
		stops []int32
	}{{hidden, "\ufffd", []int32{eos}}, {&shown, "\ufffd<eos>", nil}} {
		r := ask(t, c.job, `{"prompt":"x","ignore_eos":true,"stop":["<eos>"]}`, 0).Requests[0]
		if got := r.Decode(half) + r.Decode(eos); got != c.want || !slices.Equal(r.StopTokens, c.stops) {
			t.Errorf("%q, stops at %v; want %q, %v", got, r.StopTokens, c.want, c.stops)
		}
	}
}
