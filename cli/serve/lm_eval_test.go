package serve

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"sealvk/engine"
)

// What lm-evaluation-harness's local-completions sends (lm_eval/models/openai_completions.py) gets what it reads:
// log-likelihoods from echoes of lists of ids, which are the engine's own, and texts.
func TestRequestsOfLMEvaluationHarness(t *testing.T) {
	s, url := serving(t)
	texts := []string{"The capital of Thailand is Bangkok.", "12 + 30 = 42", "Xin chào"}
	prompts := make([][]int32, len(texts))
	for i, text := range texts {
		prompts[i] = s.Job.Tokenizer.Encode([]int32{s.Job.Tokenizer.BOS()}, text, false)
	}
	ids, err := json.Marshal(prompts)
	if err != nil {
		t.Fatal(err)
	}
	b := answers[textResult](t, url+"/v1/completions", fmt.Sprintf(
		`{"model":"nano","prompt":%s,"temperature":0,"max_tokens":1,"logprobs":1,"seed":1234,"echo":true}`, ids))
	for i, prompt := range prompts {
		results, err := s.Model.Loaded().GenerateBatch(t.Context(), []engine.Request{{Prompt: prompt, MaxTokens: engine.NoTokens, PromptLogprobs: true, Likeliest: 1}})
		if err != nil {
			t.Fatal(err)
		}
		l := b.Choices[i].Logprobs
		if len(l.TokenLogprobs) != len(prompt)+1 || len(l.TopLogprobs) != len(prompt)+1 || !strings.HasPrefix(b.Choices[i].Text, texts[i]) {
			t.Fatalf("%s: %+v", texts[i], b.Choices[i])
		}
		const begin = 1 // where it takes the continuation to begin
		for k, p := range results[0].PromptLogprobs[begin-1:] {
			greedy := true
			for _, v := range l.TopLogprobs[begin+k] {
				greedy = greedy && v <= *l.TokenLogprobs[begin+k]
			}
			if *l.TokenLogprobs[begin+k] != p.Value || greedy != p.Greedy {
				t.Errorf("%s: token %d: %v %v, the engine's %+v", texts[i], begin+k, *l.TokenLogprobs[begin+k], greedy, p)
			}
		}
	}
	b = answers[textResult](t, url+"/v1/completions", fmt.Sprintf(
		`{"prompt":%s,"model":"nano","max_tokens":16,"temperature":0,"stop":["\n\n","<eos>"],"seed":1234}`, ids))
	if len(b.Choices) != len(prompts) || slices.ContainsFunc(b.Choices, func(c textChoice) bool { return c.FinishReason == "" }) {
		t.Errorf("%+v", b)
	}
}
