package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"sealvk/shaders"
	"sealvk/vk"
	"sealvk/weights"
)

// Prompts that are computed together in a chunk, the last of them in part, give the answers that they give alone:
// the same tokens and the same bits of their log-probabilities, which tell of all positions, whichever way
// prompts are computed.
func TestPromptsTogetherChangeNoBits(t *testing.T) {
	tiles := gpuPrefill
	matrices := tiles
	matrices.Attention = shaders.DefaultTuning(device.Caps()).Attention
	matrices.Attention.Matrix = shaders.EmulatedAttention()
	for name, tuning := range map[string]*shaders.Tuning{"the device's own": nil, "tiles": &tiles, "attention by matrices": &matrices} {
		t.Run(name, func(t *testing.T) {
			if tuning == &matrices {
				needsF16(t)
			}
			together(t, ragged(t), Options{Tuning: tuning, Context: 128, Chunk: 64, Sequences: 5})
		})
	}
}

func together(t *testing.T, file *weights.Model, o Options) {
	t.Helper()
	m := loadFile(t, file, o)
	m.Steady(true)
	m.pace = pace{rows: 64, least: 64, layers: m.cfg.Layers, settled: true}
	var requests []Request
	for i, n := range []int{5, 17, 1, 30, 25} { // no whole page, which another could inherit; 11 tokens of the last one fit
		r := Request{MaxTokens: 4, Logprobs: true, Sampling: []Sampling{
			{}, {Temperature: 1, TopK: 40}, {Temperature: 1, TopP: 0.9}, {RepeatPenalty: 1.5}, {Temperature: 1},
		}[i]}
		r.Sampling.Seed = uint64(i)
		for j := range n {
			r.Prompt = append(r.Prompt, int32((100*i+37*j)%file.Config.Vocab))
		}
		requests = append(requests, r)
	}
	requests[0].MaxTokens = 1 // ends before the others decode
	var want []Result
	for _, r := range requests {
		alone, err := m.GenerateBatch(context.Background(), []Request{r})
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, alone[0])
	}
	var seen []string
	if err := m.Trace(vk.TraceOff, func(s Submission) {
		if !strings.HasPrefix(s.Name, "decode") {
			seen = append(seen, s.Name)
		}
	}); err != nil {
		t.Fatal(err)
	}
	got, err := m.GenerateBatch(context.Background(), requests)
	if err != nil {
		t.Fatal(err)
	}
	whole := recording{count: 64, to: m.cfg.Layers}.String()
	rest := recording{count: m.chunkClass(14), to: m.cfg.Layers}.String()
	if !slices.Equal(seen, []string{whole, "first tokens", rest}) {
		t.Errorf("submissions for the prompts: %q, want a chunk of all, first tokens, and the rest of the last one", seen)
	}
	for i := range want {
		if !slices.Equal(got[i].Tokens, want[i].Tokens) {
			t.Errorf("prompt %d: %v together, %v alone", i, got[i].Tokens, want[i].Tokens)
		}
		if g, w := fmt.Sprint(got[i].Logprobs), fmt.Sprint(want[i].Logprobs); g != w {
			t.Errorf("prompt %d: log-probabilities\n%s together,\n%s alone", i, g, w)
		}
	}
}
