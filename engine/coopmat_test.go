package engine

import (
	"path/filepath"
	"testing"

	"sealvk/shaders"
	"sealvk/vk"
	"sealvk/weights"
)

// coopMatWanted makes a device without cooperative matrices fail: set by the build tag coopmat.
var coopMatWanted = false

// coopMatTuning is a GPU's, with prefill and steps by cooperative matrices.
func coopMatTuning(t *testing.T) *shaders.Tuning {
	t.Helper()
	caps := *device.Caps()
	caps.Type = vk.Discrete
	tuning := gpuTuning
	tuning.Prefill, tuning.Product.Matrix = shaders.DefaultPrefill(&caps), shaders.SharedMatrices(&caps)
	tuning.Attention = shaders.DefaultTuning(device.Caps()).Attention
	tuning.Attention.Matrix = shaders.SharedAttention(&caps)
	if tuning.Prefill.CoopMat == (shaders.CoopMat{}) || !tuning.Product.Matrix.On || tuning.Attention.Matrix.Form == shaders.NoMatrices {
		if coopMatWanted {
			t.Fatalf("%s has no cooperative matrices of f16 with f32 sums", caps.Name)
		}
		t.Skip("the device has no cooperative matrices of f16 with f32 sums")
	}
	return &tuning
}

// A GPU's prefill and steps by cooperative matrices against f32: seallm-nano and random models of
// other shapes.
func TestCoopMatAgreesWithF32(t *testing.T) {
	tuning := coopMatTuning(t)
	agrees := func(what string, load func(Options) *Model, some [][]int32) {
		t.Helper()
		want := allLogits(t, load(Options{KV: KVF32}), some)
		t.Log(what + ", prefill")
		diverge(want, allLogits(t, load(Options{KV: KVF32, Tuning: tuning}), some)).check(t)
		t.Log(what + ", steps")
		m := load(Options{KV: KVF32, Tuning: tuning})
		tokenByToken(m)
		got := allLogits(t, m, some)
		diverge(want, got).check(t)
		checkDistance(t, m, got, want) // random models' logits are nearly alike, which a divergence hides
		checkByMatrices(t, m)
	}
	some, archs := conversations(t, 12), []string{"odd-192-704", "mqa-8x256", "gqa-6x128-kv2"}
	if testing.Short() {
		some, archs = [][]int32{some[0][:100]}, archs[:1]
	}
	agrees("nano", func(o Options) *Model { return load(t, nano, o) }, some)
	for _, arch := range archs {
		file, err := weights.Open(filepath.Join("../testdata/engine/random-arch", arch, arch+"-bf16.gguf"))
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		ids := make([]int32, min(100, file.Config.Context))
		for i := range ids {
			ids[i] = int32(i * 37 % file.Config.Vocab)
		}
		agrees(arch, func(o Options) *Model { return loadFile(t, file, o) }, [][]int32{ids})
	}
}

// The reference's answers, by matrices from the prompt to the last token.
func TestCoopMatAnswersGreedily(t *testing.T) {
	checkGreedy(t, nano, Options{Tuning: coopMatTuning(t)}, func(c *greedyCase) greedyAnswer { return c.Answer }, 40, 4)
}

// Matrices give a position the same bits wherever its prompt was cut.
func TestCoopMatChunksChangeNoBits(t *testing.T) { checkChunks(t, coopMatTuning(t)) }

// Sequences of a batch have the answers that each has alone.
func TestCoopMatBatchIsAsAlone(t *testing.T) {
	checkAlone(t, load(t, nano, Options{Tuning: coopMatTuning(t), Sequences: 4, Context: 256}))
}
