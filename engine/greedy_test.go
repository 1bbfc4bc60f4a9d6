package engine

import (
	"context"
	"encoding/json"
	"os"
	"slices"
	"testing"
	"time"
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

// Greedy decode gives the reference's ids, 40 of 40; with the f32 cache, ten of them.
func TestGreedyAnswers(t *testing.T) {
	demo := func(c *greedyCase) greedyAnswer { return c.Answer }
	for kv, cases := range map[KVType][]greedyCase{KVF16: greedyCases(t), KVF32: greedyCases(t)[10:20]} {
		t.Run(kv.String(), func(t *testing.T) { checkGreedy(t, load(t, nano, Options{KV: kv}), cases, demo) })
	}
}

// The other two forms that have a reference: the shortest answers first, as many as the
// device gives within some seconds, but four at least.
func TestGreedyAnswersOfFolders(t *testing.T) {
	const seconds, least = 8, 4
	forms := map[string]func(*greedyCase) greedyAnswer{
		"hf":  func(c *greedyCase) greedyAnswer { return c.HF },
		"mlx": func(c *greedyCase) greedyAnswer { return c.MLX },
	}
	for _, file := range nanoFiles() {
		want := forms[file.name]
		if want == nil {
			continue
		}
		t.Run(file.name, func(t *testing.T) {
			m, cases, n := load(t, file.path, Options{}), greedyCases(t), 0
			slices.SortFunc(cases, func(a, b greedyCase) int { return len(want(&a).IDs) - len(want(&b).IDs) })
			start := time.Now()
			for ; n < len(cases) && (n < least || time.Since(start) < seconds*time.Second); n++ {
				checkGreedy(t, m, cases[n:n+1], want)
			}
			t.Logf("%d of %d answers", n, len(cases))
		})
	}
}

func checkGreedy(t *testing.T, m *Model, cases []greedyCase, answerOf func(*greedyCase) greedyAnswer) {
	t.Helper()
	s := session(t, m)
	defer s.Close()
	for _, c := range cases {
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
