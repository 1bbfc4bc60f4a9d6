package engine

import (
	"context"
	"encoding/json"
	"os"
	"slices"
	"testing"
)

// greedyCase is a line of greedy-nano.jsonl.
type greedyCase struct {
	N         int
	PromptIDs []int32      `json:"prompt_ids"`
	Answer    greedyAnswer `json:"gguf-Q4_K_M"`
	HF        greedyAnswer `json:"hf-bf16"`
	MLX       greedyAnswer `json:"mlx-4bit"`
}

type greedyAnswer struct {
	IDs  []int32
	Text string
}

func greedyCases(t testing.TB) (cases []greedyCase) {
	f, err := os.Open("../testdata/engine/greedy-nano.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for d := json.NewDecoder(f); d.More(); {
		var c greedyCase
		if err := d.Decode(&c); err != nil {
			t.Fatal(err)
		}
		cases = append(cases, c)
	}
	if len(cases) != 40 {
		t.Fatalf("%d cases, want 40", len(cases))
	}
	return cases
}

// Greedy decode gives the reference's ids: all 40, the shortest first, in every mode of numerics, and some
// of them in the other forms; with -short fewer.
func TestGreedyAnswers(t *testing.T) {
	demo := func(c *greedyCase) greedyAnswer { return c.Answer }
	forms := map[string]func(*greedyCase) greedyAnswer{
		"hf":  func(c *greedyCase) greedyAnswer { return c.HF },
		"mlx": func(c *greedyCase) greedyAnswer { return c.MLX },
	}
	t.Run("f16 cache", func(t *testing.T) { checkGreedy(t, nano, Options{}, demo, 40, 10) })
	for _, mode := range modes(device.Caps())[1:] {
		t.Run(mode.String(), func(t *testing.T) { checkGreedy(t, nano, Options{Numerics: mode}, demo, 40, 10) })
	}
	t.Run("f32 cache", func(t *testing.T) { checkGreedy(t, nano, Options{KV: KVF32}, demo, 15, 4) })
	for _, file := range nanoFiles() {
		if answerOf := forms[file.name]; answerOf != nil {
			t.Run(file.name, func(t *testing.T) { checkGreedy(t, file.path, Options{}, answerOf, 15, 4) })
		}
	}
}

func checkGreedy(t *testing.T, path string, o Options, answerOf func(*greedyCase) greedyAnswer, count, short int) {
	t.Helper()
	if testing.Short() {
		count = short
	}
	s, cases := session(t, load(t, path, o)), greedyCases(t)
	slices.SortFunc(cases, func(a, b greedyCase) int { return len(answerOf(&a).IDs) - len(answerOf(&b).IDs) })
	for _, c := range cases[:count] {
		want := answerOf(&c).IDs
		r, err := s.Generate(context.Background(), Request{Prompt: c.PromptIDs, MaxTokens: len(want), StopTokens: []int32{1}})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(r.Tokens, want) {
			t.Errorf("case %d: %v, want %v", c.N, r.Tokens, want)
		}
	}
}
