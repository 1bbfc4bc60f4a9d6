package openai

import (
	"errors"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"sealvk/engine"
	"sealvk/tokenize"
)

// at is where the tests' lines stand.
var at = Place{Index: 3, Hash: "00112233445566ff"}

// pieces are ids of nano's vocabulary: a word, a letter's byte beside its piece, and a byte that is
// no text by itself.
type pieces struct{ word, letter, letterByte, part int32 }

func testPieces(t testing.TB, tok *tokenize.Tokenizer) (p pieces) {
	t.Helper()
	for text, into := range map[string]*int32{"▁the": &p.word, "a": &p.letter, "<0x61>": &p.letterByte, "<0xE0>": &p.part} {
		id, ok := tok.ID(text)
		if !ok {
			t.Fatalf("nano has no piece %q", text)
		}
		*into = id
	}
	return p
}

// answered is a line and what came of it: the tokens the, a byte of a letter, a part of a
// character and the end, with so many of the likeliest beside each.
func answered(t testing.TB, j *Job, line string) (*Asked, []engine.Result) {
	t.Helper()
	a := ask(t, j, line, at.Index)
	p := testPieces(t, j.Tokenizer)
	likely := []engine.Likely{{ID: p.letter, Value: -0.5}, {ID: p.word, Value: -1.25}, {ID: p.part, Value: -3}}
	results := make([]engine.Result, len(a.Requests))
	for i, r := range a.Requests {
		results[i] = engine.Result{
			Tokens: []int32{p.word, p.letterByte, p.part, j.Tokenizer.EOS()}, Text: " thea\uFFFD", Finish: engine.FinishStop,
			PromptTokens: len(r.Prompt), CachedTokens: 2,
		}
		known := func(id int32, value float32) engine.Logprob {
			return engine.Logprob{ID: id, Value: value, Likeliest: likely[:min(r.Likeliest, len(likely))], Greedy: id == p.letter}
		}
		if r.Logprobs {
			results[i].Logprobs = []engine.Logprob{known(p.word, -1.25), known(p.letterByte, -7), known(p.part, -3), known(j.Tokenizer.EOS(), -20000)}
		}
		if r.PromptLogprobs {
			for _, id := range r.Prompt[1:] {
				results[i].PromptLogprobs = append(results[i].PromptLogprobs, known(id, -2))
			}
		}
		if r.MaxTokens == engine.NoTokens {
			results[i].Tokens, results[i].Text, results[i].Logprobs, results[i].Finish = nil, "", nil, engine.FinishLength
		}
	}
	return a, results
}

const (
	batchChat       = `{"custom_id":"c <1>","method":"POST","url":"/v1/chat/completions","body":{"messages":[{"role":"user","content":"a"}]OPTIONS}}`
	batchCompletion = `{"custom_id":"c <1>","method":"POST","url":"/v1/completions","body":{"prompt":"aa"OPTIONS}}`
)

func withOptions(line, options string) string { return strings.Replace(line, "OPTIONS", options, 1) }

// Every form of output, byte for byte: what is written is compared from run to run.
func TestLines(t *testing.T) {
	j := testJob(t)
	head := `{"id":"batch_req_3_00112233445566ff","custom_id":"c <1>","response":{"status_code":200,"request_id":"req_3_00112233445566ff","body":`
	for _, c := range []struct{ line, want string }{
		{`"x"`, `{"index":3,"hash":"00112233445566ff","text":" thea�","finish_reason":"stop","prompt_tokens":18,"completion_tokens":4,"seed":SEED}`},
		{`{"prompt":[2,9],"temperature":0}`, `{"index":3,"hash":"00112233445566ff","text":" thea�","finish_reason":"stop","prompt_tokens":2,"completion_tokens":4}`},
		{`{"prompt":["x"],"seed":-1,"n":2}`, `{"index":3,"hash":"00112233445566ff","choices":[` +
			`{"text":" thea�","finish_reason":"stop","prompt_tokens":18,"completion_tokens":4,"seed":-1},` +
			`{"text":" thea�","finish_reason":"stop","prompt_tokens":18,"completion_tokens":4,"seed":0}]}`},
		{withOptions(batchChat, ``), head + `{"id":"chatcmpl_3_00112233445566ff","object":"chat.completion","created":1700000000,"model":"nano","choices":[` +
			`{"index":0,"message":{"role":"assistant","content":" thea�","refusal":null},"logprobs":null,"finish_reason":"stop"}],` +
			`"usage":{"prompt_tokens":18,"completion_tokens":4,"total_tokens":22}}},"error":null}`},
		{withOptions(batchCompletion, `,"n":2`), head + `{"id":"cmpl_3_00112233445566ff","object":"text_completion","created":1700000000,"model":"nano","choices":[` +
			`{"index":0,"text":" thea�","logprobs":null,"finish_reason":"stop"},{"index":1,"text":" thea�","logprobs":null,"finish_reason":"stop"}],` +
			`"usage":{"prompt_tokens":PROMPT,"completion_tokens":8,"total_tokens":TOTAL}}},"error":null}`},
	} {
		a, results := answered(t, j, c.line)
		want := strings.NewReplacer("SEED", jsontext.Uint(a.Requests[0].Sampling.Seed).String(), "PROMPT", jsontext.Int(int64(len(a.Requests[0].Prompt))).String(),
			"TOTAL", jsontext.Int(int64(len(a.Requests[0].Prompt)+8)).String()).Replace(c.want)
		if got, err := a.Line(at, results); err != nil || string(got) != want {
			t.Errorf("%s:\n%s, %v, want\n%s", c.line, got, err, want)
		}
	}
	columns := at
	columns.Columns = Columns{{"b", "</b>"}, {"a", "ก\n"}}
	a, results := answered(t, j, `{"prompt":[2,9],"temperature":0}`)
	got, err := a.Line(columns, results)
	if want := `{"index":3,"hash":"00112233445566ff","columns":{"b":"</b>","a":"ก\n"},"text":`; err != nil || !strings.HasPrefix(string(got), want) {
		t.Errorf("%s, %v, want %s", got, err, want)
	}
	for f, want := range map[engine.Finish]string{engine.FinishContext: "length", engine.FinishLength: "length", engine.FinishStop: "stop"} {
		results[0].Finish = f
		if got := a.Plain(at, results).FinishReason; got != want {
			t.Errorf("%s is told as %s, want %s", f, got, want)
		}
	}
	results[0].Finish = engine.FinishCancelled
	if got, err := a.Line(at, results); err == nil {
		t.Errorf("a cancelled answer gives %s", got)
	}
}

// A server's usage counts what had been computed before; a file's does not, as that depends on
// the company.
func TestCachedTokens(t *testing.T) {
	a, results := answered(t, testJob(t), `{"messages":[{"role":"user","content":"a"}],"n":2}`)
	body := a.Body("id", results, true).(ChatBody)
	if u := body.Usage; u.PromptTokensDetails == nil || u.PromptTokensDetails.CachedTokens != 2 || u.PromptTokens != 18 || u.CompletionTokens != 8 {
		t.Errorf("%+v", u)
	}
	if u := a.Body("id", results, false).(ChatBody).Usage; u.PromptTokensDetails != nil {
		t.Errorf("%+v", u)
	}
}

// The shapes of log-probabilities: of chats, of completions with the prompt echoed, of prompts.
func TestShapesOfLogprobs(t *testing.T) {
	j := testJob(t)
	p := testPieces(t, j.Tokenizer)
	chat := func(line string) string {
		a, results := answered(t, j, line)
		b, err := encode(a.Body("id", results, false))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	got := chat(`{"messages":[{"role":"user","content":"a"}],"logprobs":true,"top_logprobs":2}`)
	top := `"top_logprobs":[{"token":"a","logprob":-0.5,"bytes":[97]},{"token":" the","logprob":-1.25,"bytes":[32,116,104,101]}]}`
	want := `"logprobs":{"content":[{"token":" the","logprob":-1.25,"bytes":[32,116,104,101],` + top +
		`,{"token":"a","logprob":-7,"bytes":[97],` + top +
		`,{"token":"\\xe0","logprob":-3,"bytes":[224],` + top +
		`,{"token":"<eos>","logprob":-9999,"bytes":[60,101,111,115,62],` + top + `],"refusal":null}`
	if !strings.Contains(got, want) {
		t.Errorf("chat:\n%s, want\n%s", got, want)
	}
	if got, want := chat(`{"messages":[{"role":"user","content":"a"}],"logprobs":true}`), `{"token":"a","logprob":-7,"bytes":[97],"top_logprobs":[]}`; !strings.Contains(got, want) {
		t.Errorf("chat without the likeliest:\n%s, want\n%s", got, want)
	}

	raw := *j
	raw.Raw = true
	a, results := answered(t, &raw, `{"prompt":[2,`+jsontext.Int(int64(p.letter)).String()+`],"logprobs":2,"echo":true}`)
	b, err := encode(a.Body("id", results, false))
	want = `"text":"a thea�","logprobs":{"tokens":["<bos>","a"," the","a","bytes:\\xe0","<eos>"],"token_logprobs":[null,-2,-1.25,-7,-3,-9999],"top_logprobs":[{},` +
		`{"a":-2," the":-1.25},{"a":-0.5," the":-1.25},{"a":-7," the":-1.25},{"a":-0.5," the":-1.25,"bytes:\\xe0":-3},{"a":-0.5," the":-1.25,"<eos>":-9999}],` +
		`"text_offset":[0,0,1,5,6,7]}`
	if err != nil || !strings.Contains(string(b), want) {
		t.Errorf("echo:\n%s, %v, want\n%s", b, err, want)
	}
	b, err = a.Line(at, results) // of a plain line
	want = `"text":"a thea�","finish_reason":"stop","prompt_tokens":2,`
	if err != nil || !strings.Contains(string(b), want) || !strings.Contains(string(b), `"prompt_logprobs":[null,{"`+jsontext.Int(int64(p.letter)).String()+`":{"logprob":-2,`) {
		t.Errorf("a plain echo:\n%s, %v, want\n%s", b, err, want)
	}
	a, results = answered(t, &raw, `{"prompt":[2,9],"logprobs":0}`)
	b, err = encode(a.Body("id", results, false))
	want = `"logprobs":{"tokens":[" the","a","bytes:\\xe0","<eos>"],"token_logprobs":[-1.25,-7,-3,-9999],"top_logprobs":[{" the":-1.25},{"a":-7},{"bytes:\\xe0":-3},{"<eos>":-9999}],"text_offset":[0,4,5,6]}`
	if err != nil || !strings.Contains(string(b), want) {
		t.Errorf("completion:\n%s, %v, want\n%s", b, err, want)
	}

	ids := jsontext.Int(int64(p.letter)).String() + "," + jsontext.Int(int64(p.part)).String() + "," + jsontext.Int(int64(p.letterByte)).String()
	a, results = answered(t, &raw, `{"prompt":[2,`+ids+`],"prompt_logprobs":1,"n":2,"max_tokens":0,"temperature":0,"logprobs":2}`)
	b, err = a.Line(at, results)
	letter := strings.Split(ids, ",")
	want = `"text":"","finish_reason":"length","prompt_tokens":4,"completion_tokens":0,"logprobs":{"content":[],"refusal":null},"prompt_logprobs":[null,` +
		`{"` + letter[0] + `":{"logprob":-2,"rank":1,"decoded_token":"a"}},` +
		`{"` + letter[1] + `":{"logprob":-2,"decoded_token":"\\xe0"},"` + letter[0] + `":{"logprob":-0.5,"rank":1,"decoded_token":"a"}},` +
		`{"` + letter[2] + `":{"logprob":-2,"decoded_token":"a"},"` + letter[0] + `":{"logprob":-0.5,"rank":1,"decoded_token":"a"}}]}`
	if err != nil || strings.Count(string(b), want) != 2 {
		t.Errorf("prompt:\n%s, %v, want twice\n%s", b, err, want)
	}
}

// A line that is refused has one of output, which names the field, and what fails otherwise is not
// the line's fault.
func TestFailures(t *testing.T) {
	j := testJob(t)
	r, err := Parse([]byte(`{"custom_id":"c","method":"POST","url":"/v1/completions","body":{"prompt":"x","n":0}}`))
	got, err2 := j.Failure(r, at, err)
	object := `{"message":"body.n is 0; want a whole number from 1 to 128","type":"invalid_request_error","param":"n","code":null}`
	want := `{"id":"batch_req_3_00112233445566ff","custom_id":"c","response":{"status_code":400,"request_id":"req_3_00112233445566ff","body":{"error":` + object + `}},"error":` + object + `}`
	if err2 != nil || string(got) != want {
		t.Errorf("%s, %v, want\n%s", got, err2, want)
	}
	got, err = j.Failure(nil, at, errors.New("line <3> is \xff"))
	if want := `{"index":3,"hash":"00112233445566ff","error":"line <3> is �"}`; err != nil || string(got) != want {
		t.Errorf("%s, %v, want %s", got, err, want)
	}
	a, results := answered(t, j, withOptions(batchChat, `,"n":2`))
	results[1].Err = errors.New("engine: broken")
	got, err = a.Line(at, results)
	if want := `"status_code":500,"request_id":"req_3_00112233445566ff","body":{"error":{"message":"engine: broken","type":"server_error","param":null,"code":null}}}`; err != nil || !strings.Contains(string(got), want) {
		t.Errorf("%s, %v, want %s", got, err, want)
	}
	if e, status := ErrorOf(engine.ErrContextFull); status != 400 || e.Code == nil || *e.Code != "context_length_exceeded" {
		t.Errorf("%+v, %d", e, status)
	}
}
