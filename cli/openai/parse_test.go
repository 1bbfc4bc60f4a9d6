package openai

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"reflect"
	"strings"
	"testing"

	"sealvk/engine"
	"sealvk/prompt"
)

// request is a request for an answer to x with these options.
func request(change func(*Request)) *Request {
	r := &Request{Prompts: []Prompt{{Text: "x"}}, Options: Options{N: 1}}
	change(r)
	return r
}

func chat(messages ...prompt.Message) *Request {
	return &Request{Endpoint: Chat, Messages: messages, Options: Options{N: 1}}
}

// Every form of a line.
func TestForms(t *testing.T) {
	hi := prompt.Message{Role: "user", Content: "Hi"}
	long := strings.Repeat("น", 1<<19)
	batchChat := chat(hi)
	batchChat.Batch, batchChat.CustomID = true, "a\n"
	completion := &Request{Batch: true, CustomID: "b", Endpoint: Completion, Prompts: []Prompt{{Text: ""}}, Options: Options{N: 1}}
	for line, want := range map[string]*Request{
		`"x"`:                  request(func(*Request) {}),
		" \t\"x\"\r\n":         request(func(*Request) {}),
		`"\ud83d\ude00\u0000"`: request(func(r *Request) { r.Prompts[0].Text = "😀\x00" }),
		`"` + long + `"`:       Text(long),
		`{"prompt":"x"}`:       request(func(*Request) {}),
		`{"prompt":["x"]}`:     request(func(r *Request) { r.List = true }),
		`{"prompt":["x",""]}`: request(func(r *Request) {
			r.List, r.Prompts = true, []Prompt{{Text: "x"}, {}}
		}),
		`{"prompt":[2,5.0]}`: request(func(r *Request) { r.Prompts = []Prompt{{IDs: []int32{2, 5}}} }),
		`{"prompt":[[2],[5,6]]}`: request(func(r *Request) {
			r.List, r.Prompts = true, []Prompt{{IDs: []int32{2}}, {IDs: []int32{5, 6}}}
		}),
		`{"messages":[{"role":"user","content":"Hi"}]}`: chat(hi),
		`{"messages":[{"role":"developer","content":"S"},{"role":"user","content":"Hi","name":"n"},{"role":"assistant","content":"","tool_calls":[],"refusal":null},
		  {"role":"tool","tool_call_id":"1","content":[{"type":"text","text":"a"},{"text":"b","type":"text"}]}]}`: chat(
			prompt.Message{Role: "system", Content: "S"}, prompt.Message{Role: "user", Content: "Hi", Name: "n"}, prompt.Message{Role: "assistant"},
			prompt.Message{Role: "tool", Content: "a\nb", ToolCallID: "1"}),
		`{"custom_id":"a\n","method":"POST","url":"/v1/chat/completions","body":{"messages":[{"role":"user","content":"Hi"}]}}`: batchChat,
		`{"body":{"prompt":""},"url":"/v1/completions","method":"POST","custom_id":"b"}`:                                        completion,
	} {
		got, err := Parse([]byte(line))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%.200s: %+v, %v, want %+v", line, got, err, want)
		}
	}
}

// Every option, with values at the ends of its range and beyond.
func TestOptions(t *testing.T) {
	f := func(x float32) *float32 { return &x }
	n := func(x int) *int { return &x }
	seed := func(x int64) *int64 { return &x }
	for options, want := range map[string]func(*Request){
		`"max_tokens":7`:                             func(r *Request) { r.MaxTokens = n(7) },
		`"max_completion_tokens":7`:                  func(r *Request) { r.MaxTokens = n(7) },
		`"max_tokens":7,"max_completion_tokens":7.0`: func(r *Request) { r.MaxTokens = n(7) },
		`"max_tokens":-1`:                            func(r *Request) { r.MaxTokens = n(math.MaxInt32) },
		`"max_tokens":0,"echo":true`:                 func(r *Request) { r.MaxTokens, r.Echo = n(0), true },
		`"max_tokens":0,"prompt_logprobs":0`:         func(r *Request) { r.MaxTokens, r.PromptLogprobs = n(0), n(0) },
		`"temperature":0`:                            func(r *Request) { r.Temperature = f(0) },
		`"temperature":1e2`:                          func(r *Request) { r.Temperature = f(100) },
		`"temperature":null,"n":null`:                func(r *Request) {},
		`"top_p":0`:                                  func(r *Request) { r.TopP = f(0) },
		`"top_p":1`:                                  func(r *Request) { r.TopP = f(1) },
		`"top_k":-1`:                                 func(r *Request) { r.TopK = n(-1) },
		`"top_k":50`:                                 func(r *Request) { r.TopK = n(50) },
		`"min_p":0.05`:                               func(r *Request) { r.MinP = f(0.05) },
		`"repetition_penalty":1.1`:                   func(r *Request) { r.RepetitionPenalty = f(1.1) },
		`"presence_penalty":-2`:                      func(r *Request) { r.PresencePenalty = f(-2) },
		`"frequency_penalty":2`:                      func(r *Request) { r.FrequencyPenalty = f(2) },
		`"logit_bias":{"0":-100,"17":1.5}`:           func(r *Request) { r.LogitBias = map[int32]float32{0: -100, 17: 1.5} },
		`"seed":-9223372036854775808`:                func(r *Request) { r.Seed = seed(-1 << 63) },
		`"seed":9007199254740993`:                    func(r *Request) { r.Seed = seed(1<<53 + 1) },
		`"n":128`:                                    func(r *Request) { r.N = 128 },
		`"stop":"."`:                                 func(r *Request) { r.Stop = []string{"."} },
		`"stop":[".","\n"]`:                          func(r *Request) { r.Stop = []string{".", "\n"} },
		`"stop":[]`:                                  func(r *Request) { r.Stop = []string{} },
		`"stop_token_ids":[3,4],"ignore_eos":true`:   func(r *Request) { r.StopTokens, r.IgnoreEOS = []int32{3, 4}, true },
		`"logprobs":0`:                               func(r *Request) { r.Logprobs = true },
		`"logprobs":20`:                              func(r *Request) { r.Logprobs, r.TopLogprobs = true, 20 },
		`"logprobs":true,"top_logprobs":3`:           func(r *Request) { r.Logprobs, r.TopLogprobs = true, 3 },
		`"logprobs":false,"top_logprobs":0`:          func(r *Request) {},
		`"prompt_logprobs":20`:                       func(r *Request) { r.PromptLogprobs = n(20) },
		`"echo":true,"stream":false`:                 func(r *Request) { r.Echo = true },
		`"model":"m","user":"u","metadata":{"a":[{}]},"store":true,"service_tier":"flex"`:   func(*Request) {},
		`"safety_identifier":"s","prompt_cache_key":"k"`:                                    func(*Request) {},
		`"response_format":{ "type" : "text" },"best_of":1`:                                 func(*Request) {},
		`"skip_special_tokens":true,"min_tokens":0,"length_penalty":1.0,"guided_json":null`: func(*Request) {},
	} {
		got, err := Parse([]byte(`{"prompt":"x",` + options + `}`))
		if err != nil || !reflect.DeepEqual(got, request(want)) {
			t.Errorf("%s: %+v, %v, want %+v", options, got, err, request(want))
		}
	}
	for options, want := range map[string]string{
		`"max_tokens":-2`:                            `max_tokens is -2; want a whole number, -1 or more`,
		`"max_tokens":1.5`:                           `max_tokens is 1.5; want`,
		`"max_tokens":0`:                             `max_tokens is 0, which leaves nothing to answer`,
		`"max_completion_tokens":0`:                  `max_completion_tokens is 0; want a whole number, 1 or more`,
		`"max_tokens":7,"max_completion_tokens":8`:   `max_completion_tokens is 8, but max_tokens is 7; want one of them`,
		`"temperature":"0.7"`:                        `temperature is "0.7"; want a number from 0 to 100`,
		`"temperature":100.1`:                        `temperature is 100.1; want`,
		`"temperature":-1e-9`:                        `temperature is -1e-9; want`,
		`"temperature":1e999`:                        `temperature is 1e999; want`,
		`"temperature":true`:                         `temperature is true; want`,
		`"top_p":1.01`:                               `top_p is 1.01; want a number from 0 to 1`,
		`"top_k":-2`:                                 `top_k is -2; want a whole number, -1 or more`,
		`"top_k":3000000000`:                         `top_k is 3000000000; want`,
		`"min_p":-0.1`:                               `min_p is -0.1; want`,
		`"repetition_penalty":0`:                     `repetition_penalty is 0; want a number from 0.01 to 100`,
		`"presence_penalty":2.1`:                     `presence_penalty is 2.1; want a number from -2 to 2`,
		`"frequency_penalty":-3`:                     `frequency_penalty is -3; want`,
		`"logit_bias":[]`:                            `logit_bias is a list; want an object with numbers from -100 to 100`,
		`"logit_bias":{"a":1}`:                       `logit_bias.a has no token's id`,
		`"logit_bias":{"1":101}`:                     `logit_bias.1 is 101; want a number from -100 to 100`,
		`"logit_bias":{"+1":1}`:                      `logit_bias.+1 has no token's id`,
		`"logit_bias":` + biases(engine.MaxBiases+1): `logit_bias is an object; want an object with numbers from -100 to 100 by the ids of at most 1024 tokens`,
		`"seed":1.5`:                                 `seed is 1.5; want`,
		`"seed":1e17`:                                `seed is 1e17; want`,
		`"seed":9223372036854775808`:                 `seed is 9223372036854775808; want a whole number of 64 bits`,
		`"n":0`:                                      `n is 0; want a whole number from 1 to 128`,
		`"n":129`:                                    `n is 129; want`,
		`"stop":[1]`:                                 `stop is a list; want a text`,
		`"stop":""`:                                  `stop is ""; want a text`,
		`"stop":["` + strings.Repeat("a", 1025) + `"]`:   `stop is a list; want a text`,
		`"stop":[` + strings.Repeat(`"a",`, 64) + `"a"]`: `stop is a list; want a text, or a list of at most 64`,
		`"stop_token_ids":[-1]`:                          `stop_token_ids is a list; want a list of at most 64 ids`,
		`"logprobs":21`:                                  `logprobs is 21; want true, false or a whole number from 0 to 20`,
		`"top_logprobs":21`:                              `top_logprobs is 21; want a whole number from 0 to 20`,
		`"top_logprobs":2`:                               `top_logprobs is 2 without log-probabilities; want "logprobs": true`,
		`"top_logprobs":2,"logprobs":3`:                  `top_logprobs is 2, but logprobs is 3; want one of them`,
		`"prompt_logprobs":-1`:                           `prompt_logprobs is -1; want`,
		`"echo":1`:                                       `echo is 1; want true or false`,
		`"stream":true`:                                  `stream is true; want false`,
		`"stream_options":{"include_usage":true}`:        `stream_options is there without`,
		`"stream_options":{"x":true}`:                    `stream_options.x is not supported`,
		`"stream_options":{"include_usage":1}`:           `stream_options.include_usage is 1; want true or false`,
		`"tools":[]`:                                     `tools is no field of a request with a prompt`,
		`"response_format":{"type":"xml"}`:               `response_format is an object; want an object with "type": "text", "json_object" or "json_schema"`,
		`"guided_json":{"not":{}}`:                       `guided_json can't be followed: /not can't be enforced by a grammar`,
		`"best_of":2`:                                    `best_of is 2; want it left out or 1`,
		`"temprature":1`:                                 `temprature is unknown; is temperature meant?`,
		`"max_token":1`:                                  `max_token is unknown; is max_tokens meant?`,
		`"Top_P":1`:                                      `Top_P is unknown; is top_p meant?`,
		`"nonsense":{"a":1}`:                             `nonsense is unknown`,
		`"messages":[]`:                                  `prompt is no field of a request with messages`,
	} {
		line := `{"prompt":"x",` + options + `}`
		r, err := Parse([]byte(line))
		if field := (*FieldError)(nil); r != nil || err == nil || !strings.HasPrefix(err.Error(), want) || !errors.As(err, &field) {
			t.Errorf("%.100s: %v, want %s", options, err, want)
		}
		if strings.HasPrefix(options, `"messages"`) {
			continue
		}
		_, err = Parse([]byte(`{"custom_id":"c","method":"POST","url":"/v1/completions","body":` + line + `}`))
		if err == nil || !strings.HasPrefix(err.Error(), "body."+want) {
			t.Errorf("%.100s in a batch line: %v, want body.%s", options, err, want)
		}
	}
}

// biases is an object with so many.
func biases(n int) string {
	m := map[int]int{}
	for i := range n {
		m[i] = 1
	}
	b, _ := json.Marshal(m)
	return string(b)
}

// What is no request names the place and what is wanted; where a batch line has a custom_id, that
// comes along.
func TestBadLines(t *testing.T) {
	long := strings.Repeat("x", 1000)
	for line, want := range map[string]string{
		`{"prompt":[` + strings.Repeat("0,", 1<<20) + `0]}`: `prompt has more than 1048576 elements`,
		``:                            "the request is empty",
		`null`:                        "the request is null; want an object, or a string",
		`7`:                           "the request is 7; want",
		`["x"]`:                       "the request is a list; want",
		`"x" "y"`:                     "the request goes on behind its end, at byte 4",
		`{"prompt":"x"}{}`:            "the request goes on behind its end, at byte 14",
		`{"prompt":"x"`:               "the request is no JSON: unexpected EOF",
		`{'prompt':'x'}`:              "the request is no JSON: invalid character",
		`{"prompt":"x",}`:             "the request is no JSON: invalid character",
		"\"\xff\"":                    "the request is no JSON: invalid UTF-8",
		"{\"prompt\":\"\xc3\"}":       "prompt is no JSON: invalid UTF-8",
		`"\ud800"`:                    "the request is no JSON: invalid surrogate pair",
		`{"prompt":"x\udc00y"}`:       "prompt is no JSON: invalid surrogate pair",
		`{"prompt":"x","prompt":"y"}`: "prompt is there twice",
		`{"prompt":"x","metadata":{"a":[{"b":1,"b":2}]}}`:               "metadata.a[0].b is there twice",
		`{"prompt":"x","metadata":{"` + long + `":1,"` + long + `":1}}`: "metadata." + long[:60] + "… is there twice",
		strings.Repeat("[", 20000):                                      "",
		`{}`:                                                            "prompt is missing, and so is messages",
		`{"prompt":null}`:                                               "prompt is missing, and so is messages",
		`{"prompt":7}`:                                                  "prompt is 7; want a text, a list of texts",
		`{"prompt":[]}`:                                                 "prompt is a list; want",
		`{"prompt":[[]]}`:                                               "prompt[0] is a list; want",
		`{"prompt":["a",1]}`:                                            "prompt[1] is 1; want the same as in front of it",
		`{"prompt":["a",[1]]}`:                                          "prompt[1] is a list; want the same",
		`{"prompt":[[1],"a"]}`:                                          `prompt[1] is "a"; want the same`,
		`{"prompt":[1,"a"]}`:                                            `prompt[1] is "a"; want a token's id`,
		`{"prompt":[1,-1]}`:                                             "prompt[1] is -1; want a token's id",
		`{"prompt":[[1],[2.5]]}`:                                        "prompt[1][0] is 2.5; want a token's id",
		`{"prompt":[null]}`:                                             "prompt[0] is null; want",
		`{"prompt":[` + strings.Repeat(`"a",`, 32) + `"a"],"n":128}`: "prompt and n ask for 4224 answers; want at most 4096",
		`{"messages":7}`:                                   "messages is 7; want a list of messages",
		`{"messages":[]}`:                                  "messages is a list; want a list of messages, at least one",
		`{"messages":["x"]}`:                               `messages[0] is "x"; want an object`,
		`{"messages":[{"content":"x"}]}`:                   "messages[0].role is missing",
		`{"messages":[{"role":"user"}]}`:                   "messages[0].content is missing",
		`{"messages":[{"role":"user","content":null}]}`:    "messages[0].content is missing",
		`{"messages":[{"role":"function","content":"x"}]}`: `messages[0].role is "function"; want system, developer`,
		`{"messages":[{"role":7,"content":"x"}]}`:          "messages[0].role is 7; want",
		`{"messages":[{"role":"user","content":7}]}`:       "messages[0].content is 7; want a text",
		`{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"x"}}]}]}`: "messages[0].content[0] is no part of text",
		`{"messages":[{"role":"user","content":[{"type":"text","text":7}]}]}`:                     "messages[0].content[0] is no part of text",
		`{"messages":[{"role":"user","content":["x"]}]}`:                                          "messages[0].content[0] is no part of text",
		`{"messages":[{"role":"user","content":"x","weight":0}]}`:                                 "messages[0].weight is no field of a message",
		`{"messages":[{"role":"assistant","content":"x","tool_calls":[{}]}]}`:                     "messages[0].tool_calls[0] has no function with a name",
		`{"messages":[{"role":"user","content":"x"}],"echo":true}`:                                "echo is true; want it left out or false",
		`{"messages":[{"role":"user","content":"x"}],"logprobs":5}`:                               "logprobs is 5; want true or false",
		`{"messages":[{"role":"user","content":"x"}],"prompt":"x"}`:                               "prompt is no field of a request with messages",
		`{"custom_id":"c"}`:                                                                               "method is missing; a batch line has",
		`{"method":"POST"}`:                                                                               "custom_id is missing; a batch line has",
		`{"custom_id":7,"method":"POST"}`:                                                                 "custom_id is 7; want a text",
		`{"custom_id":"","method":"POST"}`:                                                                `custom_id is ""; want a text`,
		`{"custom_id":"c","method":"GET"}`:                                                                `method is "GET"; want "POST"`,
		`{"custom_id":"c","method":"POST","url":"/v1/models"}`:                                            `url is "/v1/models"; want "/v1/chat/completions" or "/v1/completions"`,
		`{"custom_id":"c","method":"POST","url":"/v1/completions"}`:                                       "body is missing",
		`{"custom_id":"c","method":"POST","url":"/v1/completions","body":null}`:                           "body is missing",
		`{"custom_id":"c","method":"POST","url":"/v1/completions","body":"x"}`:                            `body is "x"; want an object`,
		`{"custom_id":"c","method":"POST","url":"/v1/completions","body":{}}`:                             "body.prompt is missing",
		`{"custom_id":"c","method":"POST","url":"/v1/completions","body":{"messages":[]}}`:                "body.prompt is missing; /v1/completions takes no messages",
		`{"custom_id":"c","method":"POST","url":"/v1/chat/completions","body":{"prompt":"x"}}`:            "body.messages is missing; /v1/chat/completions takes no prompt",
		`{"custom_id":"c","method":"POST","url":"/v1/completions","body":{"prompt":"x","stream":true}}`:   "body.stream is true; want false",
		`{"custom_id":"c","method":"POST","url":"/v1/completions","body":{"prompt":"x"},"temperature":1}`: "temperature is no field of a batch line",
		`{"custom_id":"c","method":"POST","url":"/v1/completions","body":{"prompt":"x","messages":[]}}`:   "body.messages is no field of a request with a prompt",
	} {
		r, err := Parse([]byte(line))
		if field := (*FieldError)(nil); err == nil || !strings.HasPrefix(err.Error(), want) || !errors.As(err, &field) {
			t.Errorf("%.100s: %v, want %s", line, err, want)
		}
		named := strings.HasPrefix(line, `{"custom_id":"c"`) && !strings.HasSuffix(line, `"temperature":1}`)
		if named != (r != nil && r.Batch && r.CustomID == "c") || !named && r != nil {
			t.Errorf("%.100s: with the error comes %+v", line, r)
		}
	}
}

// JSON that is nested too deep is refused in a line that can be read.
func TestDeepNesting(t *testing.T) {
	for _, line := range []string{strings.Repeat("[", 20_000), `{"metadata":` + strings.Repeat(`{"a":[`, 20_000)} {
		if _, err := Parse([]byte(line)); err == nil || len(err.Error()) > 500 || !strings.Contains(err.Error(), "…") {
			t.Errorf("%.1000v", err)
		}
	}
}

// A server takes streams, and nothing that is not a body.
func TestBodies(t *testing.T) {
	r, err := ParseChat([]byte(`{"messages":[{"role":"user","content":"x"}],"stream":true,"stream_options":{"include_usage":true,"include_obfuscation":false}}`))
	if err != nil || r.Endpoint != Chat || r.Batch || !r.Stream || !r.IncludeUsage {
		t.Errorf("%+v, %v", r, err)
	}
	r, err = ParseCompletion([]byte(`{"prompt":"x","stream":true}`))
	if err != nil || r.Endpoint != Completion || !r.Stream || r.IncludeUsage {
		t.Errorf("%+v, %v", r, err)
	}
	for _, body := range []string{``, `"x"`, `null`, `{}`, `{"custom_id":"c"}`} {
		if r, err := ParseChat([]byte(body)); err == nil {
			t.Errorf("%s: %+v", body, r)
		}
	}
}

// vLLM's example runs as it is, and lines for other endpoints say which there are.
func TestExampleOfVLLM(t *testing.T) {
	for i, line := range lines(t, "openai_example_batch.jsonl") {
		r, err := Parse(line)
		if err != nil || r.CustomID != fmt.Sprintf("request-%d", i+1) || r.Endpoint != Chat || len(r.Messages) != 2 || *r.MaxTokens != 1000 {
			t.Errorf("%s: %+v, %v", line, r, err)
		}
	}
	for _, line := range lines(t, "other_endpoints.jsonl") {
		r, err := Parse(line)
		if err == nil || r == nil || !strings.HasPrefix(r.CustomID, "request-") || !strings.Contains(err.Error(), `want "/v1/chat/completions" or "/v1/completions"`) {
			t.Errorf("%s: %+v, %v", line, r, err)
		}
	}
}

func lines(t *testing.T, name string) [][]byte {
	b, err := os.ReadFile("../../testdata/batch/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Split(bytes.TrimSpace(b), []byte("\n"))
}

// FuzzParse: no line panics; what is read, written again and read is the same; a refused line has
// a line of output.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`"x"`, `{"prompt":["a","b"],"n":2,"stop":["."],"seed":-5,"logit_bias":{"7":-1.5}}`, `{"prompt":[1,2],"logprobs":5,"echo":true,"max_tokens":0}`,
		`{"custom_id":"c","method":"POST","url":"/v1/chat/completions","body":{"messages":[{"role":"developer","content":[{"type":"text","text":"a"}]}],"top_p":0.1,"top_k":-1,"min_p":1}}`,
		`{"custom_id":"c","method":"POST","url":"/v1/completions","body":{"prompt":[[1],[2]],"prompt_logprobs":2,"ignore_eos":true,"stop_token_ids":[1]}}`,
		`{"custom_id":"\ud800"}`, "{\"messages\":[{\"role\":\"user\",\"content\":\"\xff\"}]}",
	} {
		f.Add([]byte(s))
	}
	job := testJob(f)
	f.Fuzz(func(t *testing.T, line []byte) {
		r, err := Parse(line)
		if err != nil {
			out, err := job.Failure(r, Place{}, err)
			if err != nil || !json.Valid(out) || bytes.ContainsRune(out, '\n') {
				t.Fatalf("%q: %s, %v", line, out, err)
			}
			return
		}
		again, err := Parse(written(t, r))
		if err != nil || !reflect.DeepEqual(r, again) {
			t.Fatalf("%q: %+v, written again %+v, %v", line, r, again, err)
		}
		if len(line) < 1000 {
			if _, err := job.Ask(r, 0); err != nil && !errors.As(err, new(*FieldError)) {
				t.Fatalf("%q: %v", line, err)
			}
		}
	})
}

// written is a line that asks for the same.
func written(t *testing.T, r *Request) []byte {
	body := map[string]any{"n": r.N, "ignore_eos": r.IgnoreEOS, "logprobs": r.Logprobs}
	for name, field := range map[string]any{
		"max_tokens": r.MaxTokens, "temperature": r.Temperature, "top_p": r.TopP, "top_k": r.TopK, "min_p": r.MinP, "repetition_penalty": r.RepetitionPenalty,
		"presence_penalty": r.PresencePenalty, "frequency_penalty": r.FrequencyPenalty, "logit_bias": r.LogitBias, "seed": r.Seed,
		"stop": r.Stop, "stop_token_ids": r.StopTokens, "prompt_logprobs": r.PromptLogprobs,
	} {
		if v := reflect.ValueOf(field); !v.IsNil() {
			body[name] = field
		}
	}
	if r.Logprobs {
		body["top_logprobs"] = r.TopLogprobs
	}
	if r.Endpoint == Chat {
		body["messages"] = r.Messages
	} else {
		body["echo"] = r.Echo
		prompts := make([]any, len(r.Prompts))
		for i, p := range r.Prompts {
			if prompts[i] = p.Text; p.IDs != nil {
				prompts[i] = p.IDs
			}
		}
		if body["prompt"] = prompts; !r.List {
			body["prompt"] = prompts[0]
		}
	}
	var line any = body
	if r.Batch {
		line = map[string]any{"custom_id": r.CustomID, "method": "POST", "url": r.Endpoint, "body": body}
	}
	b, err := json.Marshal(line)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Every name is in one list only, but for one that chats and prompts have each in their own way.
func TestNamesOfFields(t *testing.T) {
	seen := map[string]scope{}
	add := func(name string, s scope) {
		if seen[name]&s != 0 {
			t.Errorf("%s is there twice", name)
		}
		seen[name] |= s
	}
	for _, f := range honouredFields {
		add(f.name, f.scope)
	}
	for _, name := range acceptedFields {
		add(name, all)
	}
	for _, f := range refusedFields {
		if f.name != "echo" {
			add(f.name, all)
		}
	}
	if n := len(maps.Collect(maps.All(seen))); n < 60 {
		t.Errorf("%d names", n)
	}
}
