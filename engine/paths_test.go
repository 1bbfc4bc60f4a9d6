package engine

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"sealvk/weights"
)

// divergence is how far the logits of one path are from those of another.
type divergence struct {
	positions, agree int     // where both have the same greatest logit
	kl               float64 // sum of Kullback-Leibler divergences, in nats
}

// allLogits are those of every position of all sequences.
func allLogits(t *testing.T, m *Model, sequences [][]int32) (all [][]float32) {
	t.Helper()
	s := session(t, m)
	for _, ids := range sequences {
		err := s.Logits(context.Background(), ids, true, func(_ int, logits []float32) error {
			all = append(all, slices.Clone(logits))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// diverge compares logits with what they should be.
func diverge(want, got [][]float32) (d divergence) {
	for i := range want {
		d.positions++
		if greatest(want[i]) == greatest(got[i]) {
			d.agree++
		}
		d.kl += kullbackLeibler(want[i], got[i])
	}
	return d
}

func greatest(logits []float32) int { return slices.Index(logits, slices.Max(logits)) }

// kullbackLeibler is that of the softmax of q from the one of p.
func kullbackLeibler(p, q []float32) (sum float64) {
	lp, lq := logSum(p), logSum(q)
	for i := range p {
		a, b := float64(p[i])-lp, float64(q[i])-lq
		sum += math.Exp(a) * (a - b)
	}
	return sum
}

func logSum(logits []float32) float64 {
	most, sum := float64(slices.Max(logits)), 0.0
	for _, l := range logits {
		sum += math.Exp(float64(l) - most)
	}
	return most + math.Log(sum)
}

// conversations are the first n greedy goldens, prompt and answer.
func conversations(t *testing.T, n int) (sequences [][]int32) {
	t.Helper()
	data, err := os.ReadFile("../testdata/engine/greedy-nano.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(strings.TrimSpace(string(data)), "\n")[:n] {
		var golden struct {
			Prompt []int32 `json:"prompt_ids"`
			Q4KM   struct {
				IDs []int32 `json:"ids"`
			} `json:"gguf-Q4_K_M"`
		}
		if err := json.Unmarshal([]byte(line), &golden); err != nil {
			t.Fatal(err)
		}
		sequences = append(sequences, append(golden.Prompt, golden.Q4KM.IDs...))
	}
	return sequences
}

// check wants the bounds that rounded activations keep.
func (d divergence) check(t *testing.T) {
	t.Helper()
	agreement, kl := float64(d.agree)/float64(d.positions), d.kl/float64(d.positions)
	t.Logf("%d positions: %.2f %% agree, KL divergence %.2g", d.positions, 100*agreement, kl)
	if agreement < 0.995 || !(kl <= 1e-3) {
		t.Errorf("want at least 99.5 %% and at most 1e-3")
	}
}

func TestIntDotAgreesWithF32(t *testing.T) {
	if !device.Caps().Features.IntegerDotProduct {
		file, err := weights.Open(nano)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		if _, err := Load(context.Background(), device, file, Options{IntDot: true}, nil); !errors.Is(err, ErrNoIntDot) {
			t.Errorf("on a device without: %v", err)
		}
		return
	}
	some := conversations(t, 2)
	if testing.Short() { // SwiftShader emulates them, a position in half a second
		some = [][]int32{some[0][:40]}
	}
	plain := load(t, nano, Options{KV: KVF32})
	tokenByToken(plain)
	want := allLogits(t, plain, some)
	integers := load(t, nano, Options{KV: KVF32, IntDot: true})
	tokenByToken(integers)
	diverge(want, allLogits(t, integers, some)).check(t)
}
