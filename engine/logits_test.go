package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"sealvk/weights"
)

// supported are the types of the files in ../shared that this version reads.
var supported = map[string]bool{"F32": true, "F16": true, "BF16": true, "Q8_0": true, "Q4_0": true, "Q4_K": true, "Q6_K": true}

const tolerance = 1e-4 // relative norm, f32 activations and KV cache

// ways are the paths to the same logits.
var ways = []struct {
	name    string
	options Options
	prepare func(*Model)
	longest int // prompt; the ways that are slow take the short ones
}{
	{"prefill", Options{KV: KVF32}, func(*Model) {}, 600},
	{"token by token", Options{KV: KVF32}, tokenByToken, 600},
	{"GPU workgroups", Options{KV: KVF32, Tuning: &gpuTuning}, func(*Model) {}, 100},
	{"split tensors", Options{KV: KVF32, maxRange: 40 << 10}, func(*Model) {}, 31},
	{"one layer a submission, chunks of 7", Options{KV: KVF32}, func(m *Model) { m.plan.chunk, m.pace = 7, pace{rows: 7, least: 7, layers: 1} }, 150},
}

// The GGUFs of seallm-nano against transformers' logits, prompts of 1 to 600 tokens.
func TestNanoLogits(t *testing.T) {
	dir := goldenDir("logits-nano")
	var index struct {
		Prompts []struct {
			N   int
			IDs []int32
		}
		Models map[string]struct {
			Logits      string
			TensorTypes map[string]int `json:"tensor_types"`
		}
	}
	readJSON(t, filepath.Join(dir, "index.json"), &index)
	checked := 0
	for name, model := range index.Models {
		path := filepath.Join("../../shared/models/seallm-nano/gguf", "seallm-nano-"+trimGGUF(name)+".gguf")
		if name == "gguf-Q4_K_M" {
			path = nano
		}
		if !exists(filepath.Join(dir, model.Logits)) || len(name) < 5 || name[:5] != "gguf-" || !all(model.TensorTypes) {
			continue
		}
		want := readFloats(t, filepath.Join(dir, model.Logits))
		for i, way := range ways {
			if i >= 2 && name != "gguf-Q4_K_M" {
				continue
			}
			longest := way.longest
			if name != "gguf-Q4_K_M" { // the weights' type has no part in what the length does
				longest = []int{150, 31}[i]
			}
			checked++
			t.Run(name+"/"+way.name, func(t *testing.T) {
				m := load(t, path, way.options)
				way.prepare(m)
				s, vocab := session(t, m), m.cfg.Vocab
				worst := 0.0
				for _, p := range index.Prompts {
					if n := len(p.IDs); n > longest || i == 1 && n > 64 && n < 600 {
						continue
					}
					err := s.Logits(context.Background(), p.IDs, false, func(position int, logits []float32) error {
						if position != len(p.IDs)-1 {
							return fmt.Errorf("logits of position %d, want only the last", position)
						}
						d := distance(logits, want[p.N*vocab:][:vocab])
						worst = max(worst, d)
						if !(d <= tolerance) {
							t.Errorf("prompt %d of %d tokens: off by %.2g", p.N, len(p.IDs), d)
						}
						return nil
					})
					if err != nil {
						t.Fatal(err)
					}
				}
				t.Logf("worst %.2g", worst)
			})
		}
	}
	if checked == 0 {
		t.Fatal("no model was checked")
	}
}

func trimGGUF(name string) string { return name[len("gguf-"):] }

func all(types map[string]int) bool {
	for t := range types {
		if !supported[t] {
			return false
		}
	}
	return true
}

// Other dimensions (GQA, MQA, odd widths, other theta and epsilon), every position.
func TestRandomArchitectures(t *testing.T) {
	dir := goldenDir("random-arch")
	archs, err := filepath.Glob(filepath.Join(dir, "*", "reference.json"))
	if err != nil || len(archs) == 0 {
		t.Fatal("no architectures in ", dir, err)
	}
	for _, path := range archs {
		var reference struct {
			Name    string
			Prompts []struct {
				IDs    []int32
				Logits string
			}
		}
		readJSON(t, path, &reference)
		for _, way := range ways {
			t.Run(reference.Name+"/"+way.name, func(t *testing.T) {
				m := load(t, filepath.Join(filepath.Dir(path), reference.Name+"-bf16.gguf"), way.options)
				way.prepare(m)
				s, vocab := session(t, m), m.cfg.Vocab
				for _, p := range reference.Prompts {
					want := readFloats(t, filepath.Join(filepath.Dir(path), p.Logits))
					next := 0
					err := s.Logits(context.Background(), p.IDs, true, func(position int, logits []float32) error {
						if position != next {
							return fmt.Errorf("position %d, want %d", position, next)
						}
						next++
						if d := distance(logits, want[position*vocab:][:vocab]); !(d <= tolerance) {
							return fmt.Errorf("position %d: off by %.2g", position, d)
						}
						return nil
					})
					if err != nil {
						t.Error(err)
					}
					if next != len(p.IDs) {
						t.Errorf("%d positions, want %d", next, len(p.IDs))
					}
				}
			})
		}
	}
}

// The f16 KV cache rounds K and V to 11 bits: close, and the same argmax.
func TestLogitsWithF16Cache(t *testing.T) {
	exact, rounded := load(t, nano, Options{KV: KVF32}), load(t, nano, Options{KV: KVF16})
	ids := []int32{2, 316, 289, 1493, 318, 317, 512, 4, 1431, 936, 1375, 1415, 1431}
	var want []float64
	keep := func(_ int, l []float32) error {
		for _, v := range l {
			want = append(want, float64(v))
		}
		return nil
	}
	if err := session(t, exact).Logits(context.Background(), ids, true, keep); err != nil {
		t.Fatal(err)
	}
	err := session(t, rounded).Logits(context.Background(), ids, true, func(position int, l []float32) error {
		if d := distance(l, want[position*len(l):][:len(l)]); !(d < 5e-3) {
			return fmt.Errorf("position %d: off by %.2g", position, d)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// greedyCase is a line of greedy-nano.jsonl.
type greedyCase struct {
	N         int
	PromptIDs []int32 `json:"prompt_ids"`
	Answer    struct {
		IDs  []int32
		Text string
	} `json:"gguf-Q4_K_M"`
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
	for kv, cases := range map[KVType][]greedyCase{KVF16: greedyCases(t), KVF32: greedyCases(t)[10:20]} {
		t.Run(kv.String(), func(t *testing.T) {
			m := load(t, nano, Options{KV: kv})
			s := session(t, m)
			for _, c := range cases {
				want := c.Answer.IDs
				r, err := s.Generate(context.Background(), Request{Prompt: c.PromptIDs, MaxTokens: len(want), StopTokens: []int32{1}})
				if err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(r.Tokens, want) {
					t.Errorf("case %d: %v, want %v", c.N, r.Tokens, want)
				}
			}
		})
	}
}

func TestLoadRefusesNaN(t *testing.T) {
	data, err := os.ReadFile(nano)
	if err != nil {
		t.Fatal(err)
	}
	file, err := weights.Parse("damaged", data)
	if err != nil {
		t.Fatal(err)
	}
	q := file.Tensor("blk.2.ffn_gate.weight")
	at := 5*q.Type.BlockBytes() + 1
	old := q.Data[at]
	q.Data[at] |= 0x7c // an infinite or NaN scale in block 5
	before := device.Stats()
	m, err := Load(context.Background(), device, file, Options{}, nil)
	q.Data[at] = old
	if err == nil {
		m.Close()
		t.Fatal("a NaN scale was loaded")
	}
	t.Log(err)
	if after := device.Stats(); after.BufferBytes != before.BufferBytes || after.Pipelines != before.Pipelines {
		t.Errorf("a failed load leaves something behind: %+v, before %+v", after, before)
	}
}
