//go:build !race

package openai

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	api "github.com/openai/openai-go/v3"
)

// OpenAI's own client reads every body that a line of output holds, to the last field. (It takes
// long to compile, and once is enough: not under the race detector.)
func TestClientReadsBodies(t *testing.T) {
	j := testJob(t)
	body := func(line string) []byte {
		t.Helper()
		a, results := answered(t, j, line)
		out, err := a.Line(at, results)
		if err != nil {
			t.Fatal(err)
		}
		var l struct {
			CustomID string `json:"custom_id"`
			Response struct {
				StatusCode int `json:"status_code"`
				Body       json.RawMessage
			}
		}
		if err := json.Unmarshal(out, &l); err != nil || l.CustomID != "c <1>" || l.Response.StatusCode != 200 {
			t.Fatalf("%s: %v", out, err)
		}
		return l.Response.Body
	}
	var chat api.ChatCompletion
	if err := chat.UnmarshalJSON(body(withOptions(batchChat, `,"n":2,"logprobs":true,"top_logprobs":2,"prompt_logprobs":1`))); err != nil {
		t.Fatal(err)
	}
	c := chat.Choices[1]
	if chat.Object != "chat.completion" || chat.Created != j.Created || chat.Model != "nano" || len(chat.Choices) != 2 || c.Index != 1 ||
		c.Message.Content != " thea\uFFFD" || c.Message.Role != "assistant" || c.FinishReason != "stop" || chat.Usage.TotalTokens != 26 {
		t.Errorf("%s", chat.RawJSON())
	}
	if l := c.Logprobs.Content; len(l) != 4 || l[0].Token != " the" || l[0].Logprob != -1.25 || !slices.Equal(l[2].Bytes, []int64{0xe0}) ||
		len(l[1].TopLogprobs) != 2 || l[1].TopLogprobs[0].Token != "a" || l[1].TopLogprobs[0].Logprob != -0.5 {
		t.Errorf("log-probabilities: %+v", l)
	}
	var text api.Completion
	if err := text.UnmarshalJSON(body(withOptions(batchCompletion, `,"echo":true,"logprobs":2`))); err != nil {
		t.Fatal(err)
	}
	l := text.Choices[0].Logprobs
	if n := len(l.Tokens); text.Object != "text_completion" || text.Choices[0].Text != "aa thea\uFFFD" || text.Choices[0].FinishReason != "stop" ||
		n < 5 || len(l.TokenLogprobs) != n || len(l.TopLogprobs) != n || len(l.TextOffset) != n ||
		l.TokenLogprobs[n-4] != -1.25 || math.Abs(l.TopLogprobs[n-4]["a"]+0.5) > 1e-6 || l.TextOffset[n-4] != 2 {
		t.Errorf("%s: %d %d %d %d %v %v", text.RawJSON(), n, len(l.TokenLogprobs), len(l.TopLogprobs), len(l.TextOffset), l.TokenLogprobs, l.TopLogprobs)
	}
	for _, options := range []string{``, `,"n":3`, `,"logprobs":0`, `,"echo":true`, `,"max_tokens":0,"echo":true,"logprobs":1`, `,"prompt_logprobs":0`} {
		if err := new(api.Completion).UnmarshalJSON(body(withOptions(batchCompletion, options))); err != nil {
			t.Errorf("%s: %v", options, err)
		}
	}
	r, err := Parse([]byte(withOptions(batchChat, `,"n":0`)))
	out, err := j.Failure(r, at, err)
	if err != nil {
		t.Fatal(err)
	}
	i := strings.LastIndex(string(out), `"error":`)
	var refused api.Error
	if err := refused.UnmarshalJSON(out[i+len(`"error":`) : len(out)-1]); err != nil || refused.Param != "n" || refused.Type != "invalid_request_error" || refused.Message == "" {
		t.Errorf("%s: %+v, %v", out, refused, err)
	}
}
