package engine

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"sealvk/weights"
	"sealvk/weights/format"
)

// What Config says of an architecture and the kernels cannot compute is refused before
// anything is allocated.
func TestForeignArchitecture(t *testing.T) {
	for want, change := range map[string]func(*weights.Config){
		"Activation is silu; only gelu_pytorch_tanh": func(c *weights.Config) { c.Activation = "silu" },
		"EmbedScale is 0, its AttnScale 0.125; only": func(c *weights.Config) { c.EmbedScale = 0 },
		"AttnScale -1; only what is above 0":         func(c *weights.Config) { c.AttnScale = -1 },
		"RopeFactor is 4; only 1":                    func(c *weights.Config) { c.RopeFactor = 4 },
		"RopeAdjacent is true; only false":           func(c *weights.Config) { c.RopeAdjacent = true },
		"AttnBias is true; only false":               func(c *weights.Config) { c.AttnBias = true },
		"AttnCap is 50; only 0":                      func(c *weights.Config) { c.AttnCap = 50 },
		"LogitCap is 30; only 0":                     func(c *weights.Config) { c.LogitCap = 30 },
		"Window is 4096; only 0":                     func(c *weights.Config) { c.Window = 4096 },
	} {
		file := openNano(t)
		change(&file.Config)
		m, err := Load(context.Background(), device, file, Options{}, nil)
		if err == nil {
			m.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), file.Path) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// The scale of attention is the model's: with twice the scale scores are those of twice the q.
func TestAttnScale(t *testing.T) {
	logits := func(scale, times float32) []float32 {
		file := oneLayer(t)
		file.Config.AttnScale *= scale
		q := file.Tensor("blk.0.attn_q.weight")
		values := make([]float32, q.Rows*q.Cols)
		if err := q.DequantizeRows(values, 0, q.Rows); err != nil {
			t.Fatal(err)
		}
		for i := range values {
			values[i] *= times
		}
		q.Type, q.Data = format.F32, bytesOf(values...)
		return slices.Concat(allLogits(t, loadFile(t, file, Options{KV: KVF32}), [][]int32{{2, 5, 9, 300, 77, 12}})...)
	}
	plain, scaled, doubled := logits(1, 1), logits(2, 1), logits(1, 2)
	same, other := 0., 0.
	for i := range plain {
		same = max(same, math.Abs(float64(scaled[i]-doubled[i])))
		other = max(other, math.Abs(float64(scaled[i]-plain[i])))
	}
	if same > 1e-4 || other < 1e-3 {
		t.Errorf("logits are %g from those of twice the q, and %g from those of the plain scale", same, other)
	}
}
