package serve

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-json-experiment/json"

	"sealvk/cli/openai"
	"sealvk/engine"
)

const thailand = `"messages":[{"role":"user","content":"What is the capital of Thailand?"}]`

// Whole results are the engine's, under a new id each, by the name that the model has.
func TestChat(t *testing.T) {
	_, url := serving(t)
	for _, at := range []string{"/v1/chat/completions", "/chat/completions", "/v1/chat/completions/", "//v1//chat/completions"} {
		b := answers[openai.ChatBody](t, url+at, `{"model":"whatever","temperature":0,`+thailand+`}`)
		if !strings.HasPrefix(b.ID, "chatcmpl-") || b.Object != "chat.completion" || b.Model != "nano" || b.Created == 0 || len(b.Choices) != 1 ||
			b.Choices[0].Message.Content != "The capital of Thailand is Bangkok." || b.Choices[0].FinishReason != "stop" {
			t.Errorf("%s: %+v", at, b)
		}
		if u := b.Usage; u.PromptTokens != 26 || u.CompletionTokens != 13 || u.TotalTokens != 39 || u.PromptTokensDetails == nil {
			t.Errorf("%s: usage %+v", at, u)
		}
	}
	a := answers[openai.ChatBody](t, url+"/v1/chat/completions", `{"n":3,"max_tokens":8,"temperature":3,`+thailand+`}`)
	b := answers[openai.ChatBody](t, url+"/v1/chat/completions", `{"n":3,"max_tokens":8,"temperature":3,`+thailand+`}`)
	if a.ID == b.ID || reflect.DeepEqual(a.Choices, b.Choices) || len(a.Choices) != 3 {
		t.Errorf("what names no seed draws alike: %+v, %+v", a, b)
	}
}

// The server's system message is in front of a conversation that has none.
func TestSystem(t *testing.T) {
	_, url := serving(t, func(c *Config) { c.Job.System = "Be kind." })
	const user, system = `{"role":"user","content":"Hi"}`, `{"role":"system","content":"Be kind."}`
	tokens := func(messages string) int {
		return answers[openai.ChatBody](t, url+"/v1/chat/completions", `{"max_tokens":1,"messages":[`+messages+`]}`).Usage.PromptTokens
	}
	if without, with := tokens(user), tokens(system+","+user); without != with {
		t.Errorf("%d tokens without a system message, %d with it", without, with)
	}
	if other := tokens(`{"role":"developer","content":""},` + user); other >= tokens(user) {
		t.Errorf("%d tokens with an empty system message", other)
	}
	for at, body := range map[string]string{
		"/api/chat":     `{"messages":[` + user + `],"stream":false,"options":{"num_predict":1}}`,
		"/api/generate": `{"prompt":"Hi","stream":false,"options":{"num_predict":1}}`,
	} {
		if _, got := post(t, url+at, body); !strings.Contains(got, fmt.Sprintf(`"prompt_eval_count":%d,`, tokens(user))) {
			t.Errorf("%s without the server's system message: %s", at, got)
		}
	}
}

// What a stream's chunks say, put together, is what the whole result says.
func TestStreams(t *testing.T) {
	_, url := serving(t)
	for _, options := range []string{
		thailand,
		thailand + `,"stop":" is"`,
		thailand + `,"max_tokens":5,"stream_options":{"include_usage":true}`,
		thailand + `,"n":3,"seed":5,"temperature":1,"logprobs":true,"top_logprobs":3`,
		`"messages":[{"role":"user","content":"สวัสดี"}],"ignore_eos":true,"max_tokens":30,"logprobs":true,"stop":["zzzz"]`,
	} {
		body := "{" + options + `,"stream":%v}`
		whole := answers[openai.ChatBody](t, url+"/v1/chat/completions", strings.Replace(fmt.Sprintf(body, false), `,"stream_options":{"include_usage":true}`, "", 1))
		got := openai.ChatBody{Object: "chat.completion", Model: "nano", Created: whole.Created, Choices: make([]openai.ChatChoice, len(whole.Choices))}
		usage := strings.Contains(body, "include_usage")
		chunks := chunksOf(t, url+"/v1/chat/completions", fmt.Sprintf(body, true))
		for i, text := range chunks {
			k := read[struct {
				openai.ChatChunk
				Usage *openai.Usage `json:"usage"`
			}](t, text)
			if got.ID == "" {
				got.ID = k.ID
			}
			if k.Object != "chat.completion.chunk" || k.ID != got.ID || !strings.HasPrefix(k.ID, "chatcmpl-") || k.Model != "nano" || strings.Contains(text, `"usage"`) != usage {
				t.Fatalf("%s: %s", body, text)
			}
			if last := usage && i == len(chunks)-1; last != (len(k.Choices) == 0) || last != (k.Usage != nil) {
				t.Fatalf("%s: %s", body, text)
			} else if last {
				got.Usage = *k.Usage
				continue
			}
			to, delta := &got.Choices[k.Choices[0].Index], k.Choices[0]
			if (delta.Delta.Role != "") != (to.Message.Role == "") || to.FinishReason != "" {
				t.Fatalf("%s: the role comes first and once, the finish last: %s", body, text)
			}
			to.Index = delta.Index
			to.Message.Role += delta.Delta.Role
			if delta.Delta.Content != nil {
				to.Message.Content += *delta.Delta.Content
			}
			if delta.Logprobs != nil {
				if to.Logprobs == nil {
					to.Logprobs = &openai.ChatLogprobs{}
				}
				to.Logprobs.Content = append(to.Logprobs.Content, delta.Logprobs.Content...)
			}
			if delta.FinishReason != nil {
				to.FinishReason = *delta.FinishReason
			}
		}
		if len(chunks) < 3 {
			t.Errorf("%s: only %d chunks", body, len(chunks))
		}
		got.ID, got.Created = whole.ID, whole.Created
		if !usage {
			got.Usage = whole.Usage
		}
		got.Usage.PromptTokensDetails, whole.Usage.PromptTokensDetails = nil, nil // depends on what was asked before
		if !reflect.DeepEqual(got, whole) {
			t.Errorf("%s:\n%+v, whole\n%+v", body, got, whole)
		}
	}
}

// The same of completions: echoes, log-probabilities with their offsets, several prompts.
func TestTextStreams(t *testing.T) {
	_, url := serving(t)
	for _, options := range []string{
		`"prompt":"The capital of","max_tokens":12`,
		`"prompt":["Hello","Xin chào",""],"n":2,"seed":3,"max_tokens":10,"echo":true`,
		`"prompt":[[2,523,402],[2,523]],"max_tokens":4,"echo":true,"logprobs":2,"n":2,"seed":1`,
		`"prompt":"สวัสดี","max_tokens":40,"logprobs":1,"ignore_eos":true,"temperature":2,"seed":9,"stream_options":{"include_usage":true}`,
		`"prompt":"Once upon a time","max_tokens":40,"logprobs":0,"temperature":0,"stop":["ithlu"]`, // of several tokens
		`"prompt":"Hello","max_tokens":0,"echo":true`,
		`"prompt":[2,523,402],"max_tokens":0,"echo":true,"logprobs":1`,
	} {
		plain := strings.Replace(options, `,"stream_options":{"include_usage":true}`, "", 1)
		whole := answers[textResult](t, url+"/v1/completions", "{"+plain+"}")
		got := make([]textChoice, len(whole.Choices))
		for _, text := range chunksOf(t, url+"/completions", "{"+options+`,"stream":true}`) {
			k := read[textResult](t, text)
			if k.Object != "text_completion" || !strings.HasPrefix(k.ID, "cmpl-") || k.Model != "nano" {
				t.Fatal(text)
			}
			for _, c := range k.Choices {
				to := &got[c.Index]
				if to.FinishReason != "" {
					t.Fatalf("%s: behind the end: %s", options, text)
				}
				to.Index = c.Index
				to.Text += c.Text
				if l := c.Logprobs; l != nil {
					if to.Logprobs == nil {
						to.Logprobs = &textLists{}
					}
					to.Logprobs.Tokens = append(to.Logprobs.Tokens, l.Tokens...)
					to.Logprobs.TokenLogprobs = append(to.Logprobs.TokenLogprobs, l.TokenLogprobs...)
					to.Logprobs.TopLogprobs = append(to.Logprobs.TopLogprobs, l.TopLogprobs...)
					to.Logprobs.TextOffset = append(to.Logprobs.TextOffset, l.TextOffset...)
				}
				to.FinishReason = c.FinishReason
			}
		}
		if !reflect.DeepEqual(got, whole.Choices) {
			t.Errorf("%s:\n%s, whole\n%s", options, encoded(t, got), encoded(t, whole.Choices))
		}
	}
}

// textResult is a result of completions, or a chunk of one, as clients read it.
type textResult struct {
	ID, Object, Model string
	Choices           []textChoice
	Usage             *openai.Usage
}

type textChoice struct {
	Index        int
	Text         string
	Logprobs     *textLists
	FinishReason string `json:"finish_reason"`
}

type textLists struct {
	Tokens        []string
	TokenLogprobs []*float32           `json:"token_logprobs"`
	TopLogprobs   []map[string]float32 `json:"top_logprobs"`
	TextOffset    []int                `json:"text_offset"`
}

func encoded(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Answers of many clients at once are, bit for bit, those that each gets alone, streamed or not.
func TestTheSameBitsInCompany(t *testing.T) {
	s, url := serving(t)
	var prompts []string
	for i := range 12 {
		prompts = append(prompts, fmt.Sprintf("%d + %d = ?", 7*i, 5+i))
	}
	alone := make([]engine.Result, len(prompts))
	for i, p := range prompts {
		r, err := openai.ParseChat([]byte(ofUser(p)))
		if err != nil {
			t.Fatal(err)
		}
		asked, err := s.ask(r)
		if err != nil {
			t.Fatal(err)
		}
		results, err := s.Model.Loaded().GenerateBatch(t.Context(), asked.Requests)
		if err != nil {
			t.Fatal(err)
		}
		alone[i] = results[0]
	}
	var all sync.WaitGroup
	for i, p := range prompts {
		all.Go(func() {
			body := ofUser(p)
			if i%2 == 0 {
				b := answers[openai.ChatBody](t, url+"/v1/chat/completions", body)
				var values []float32
				for _, l := range b.Choices[0].Logprobs.Content {
					values = append(values, l.Logprob)
				}
				var want []float32
				for _, l := range alone[i].Logprobs {
					want = append(want, l.Value)
				}
				if b.Choices[0].Message.Content != alone[i].Text || !slices.Equal(values, want) {
					t.Errorf("%s: %q %v, alone %q %v", p, b.Choices[0].Message.Content, values, alone[i].Text, want)
				}
				return
			}
			text := ""
			for _, chunk := range chunksOf(t, url+"/v1/chat/completions", strings.Replace(body, "{", `{"stream":true,`, 1)) {
				if c := read[openai.ChatChunk](t, chunk).Choices[0].Delta.Content; c != nil {
					text += *c
				}
			}
			if text != alone[i].Text {
				t.Errorf("%s: %q, alone %q", p, text, alone[i].Text)
			}
		})
	}
	all.Wait()
}

// ofUser asks for the likeliest answer to a text.
func ofUser(text string) string {
	return fmt.Sprintf(`{"messages":[{"role":"user","content":%q}],"temperature":0,"max_tokens":24,"logprobs":true}`, text)
}
