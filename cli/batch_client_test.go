//go:build !race

package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
)

// OpenAI's own client reads every line of a run over vLLM's example file and over lines that ask for all that a
// result can have, and --stats counts the tokens that the results do. (It takes long to compile: not under the
// race detector.)
func TestClientReadsARun(t *testing.T) {
	dir := t.TempDir()
	var lines strings.Builder
	for i, rest := range []string{
		`completions","body":{"prompt":["Hello",""],"n":2,"max_tokens":3,"echo":true,"logprobs":2,"temperature":1}}`,
		`completions","body":{"prompt":[2,523,402],"max_tokens":0,"echo":true,"logprobs":1,"prompt_logprobs":1}}`,
		`chat/completions","body":{"messages":[{"role":"user","content":[{"type":"text","text":"สวัสดี"}]}],"n":2,"max_tokens":4,"logprobs":true,"top_logprobs":20,"ignore_eos":true}}`,
		`chat/completions","body":{"messages":[{"role":"user","content":"` + strings.Repeat("many words ", 90) + `"}]}}`,
		`chat/completions","body":{"messages":[{"role":"user","content":"x"}],"n":0}}`,
	} {
		fmt.Fprintf(&lines, `{"custom_id":"more-%d","method":"POST","url":"/v1/%s`+"\n", i, rest)
	}
	in, statistics := writeFileText(t, filepath.Join(dir, "more.jsonl"), lines.String()), filepath.Join(dir, "stats.json")
	examples := filepath.Join("..", "testdata", "batch")
	o := sealvk("", asBatch(tinyModel(t), "--stats", statistics,
		filepath.Join(examples, "openai_example_batch.jsonl"), filepath.Join(examples, "other_endpoints.jsonl"), in)...)
	if o.code != 1 {
		t.Fatalf("%+v", o)
	}
	var tokens int64
	used := func(u openai.CompletionUsage) bool {
		tokens += u.CompletionTokens
		return u.TotalTokens == u.PromptTokens+u.CompletionTokens
	}
	var kinds []string
	for line := range strings.Lines(o.stdout) {
		var l struct {
			ID       string `json:"id"`
			Response struct {
				Status int             `json:"status_code"`
				Body   json.RawMessage `json:"body"`
			} `json:"response"`
			Error json.RawMessage `json:"error"`
		}
		if err := json.Unmarshal([]byte(line), &l); err != nil || l.ID == "" || (l.Response.Status == 200) != (string(l.Error) == "null") {
			t.Fatalf("%v: %s", err, line)
		}
		var err error
		var whole bool
		switch {
		case l.Response.Status != 200:
			var e openai.Error
			err = e.UnmarshalJSON(l.Error)
			whole = e.Message != "" && e.Type == "invalid_request_error" && e.Param != ""
			kinds = append(kinds, e.Param)
		case strings.Contains(string(l.Response.Body), `"object":"chat.completion"`):
			var c openai.ChatCompletion
			err = c.UnmarshalJSON(l.Response.Body)
			whole = used(c.Usage) && c.JSON.ID.Valid() && c.JSON.Created.Valid() && c.Model == "tiny.gguf" && len(c.Choices) > 0 && c.Choices[0].JSON.Message.Valid()
			for _, choice := range c.Choices {
				if len(c.Choices) == 2 { // log-probabilities were asked for
					whole = whole && len(choice.Logprobs.Content) == 4 && len(choice.Logprobs.Content[3].TopLogprobs) == 20
				}
			}
			kinds = append(kinds, fmt.Sprintf("chat %d", len(c.Choices)))
		default:
			var c openai.Completion
			err = c.UnmarshalJSON(l.Response.Body)
			whole = used(c.Usage) && c.JSON.ID.Valid() && c.JSON.Created.Valid() && len(c.Choices) > 0
			for _, choice := range c.Choices {
				p := choice.Logprobs
				n := len(p.Tokens)
				whole = whole && n > 0 && len(p.TokenLogprobs) == n && len(p.TopLogprobs) == n && len(p.TextOffset) == n
			}
			kinds = append(kinds, fmt.Sprintf("text %d", len(c.Choices)))
		}
		if err != nil || !whole {
			t.Errorf("%v: %s", err, line)
		}
	}
	if got, want := strings.Join(kinds, ", "), "chat 1, chat 1, url, url, url, url, text 4, text 1, chat 2, messages, n"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	var s batchStatistics
	if err := json.Unmarshal(readFile(t, statistics), &s); err != nil || s.CompletionTokens != tokens {
		t.Errorf("%v: --stats has %d tokens of answers, the results have %d", err, s.CompletionTokens, tokens)
	}
}
