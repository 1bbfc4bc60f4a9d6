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

// coopMatTuning is a GPU's, with prefill by cooperative matrices.
func coopMatTuning(t *testing.T) *shaders.Tuning {
	t.Helper()
	caps := *device.Caps()
	caps.Type = vk.Discrete
	tuning := gpuTuning
	tuning.Prefill = shaders.DefaultPrefill(&caps)
	if tuning.Prefill.CoopMat == (shaders.CoopMat{}) {
		if coopMatWanted {
			t.Fatalf("%s has no cooperative matrices of f16 with f32 sums", caps.Name)
		}
		t.Skip("the device has no cooperative matrices of f16 with f32 sums")
	}
	return &tuning
}

// A GPU's prefill by cooperative matrices against f32: seallm-nano and random models of
// other shapes.
func TestCoopMatPrefillAgreesWithF32(t *testing.T) {
	tuning := coopMatTuning(t)
	some := conversations(t, 12)
	want := allLogits(t, load(t, nano, Options{KV: KVF32}), some)
	diverge(want, allLogits(t, load(t, nano, Options{KV: KVF32, Tuning: tuning}), some)).check(t)
	for _, arch := range []string{"mqa-8x256", "odd-192-704", "gqa-6x128-kv2"} {
		file, err := weights.Open(filepath.Join("../testdata/engine/random-arch", arch, arch+"-bf16.gguf"))
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		plain := loadFile(t, file, Options{KV: KVF32})
		ids := make([]int32, min(100, plain.Context()))
		for i := range ids {
			ids[i] = int32(i * 37 % file.Config.Vocab)
		}
		want := allLogits(t, plain, [][]int32{ids})
		diverge(want, allLogits(t, loadFile(t, file, Options{KV: KVF32, Tuning: tuning}), [][]int32{ids})).check(t)
	}
}

// The reference's answers, each behind a prompt whose factors were rounded to f16.
func TestCoopMatPrefillAnswersGreedily(t *testing.T) {
	checkGreedy(t, nano, Options{Tuning: coopMatTuning(t)}, func(c *greedyCase) greedyAnswer { return c.Answer }, 40, 10)
}

// Matrices give a position the same bits wherever its prompt was cut.
func TestCoopMatChunksChangeNoBits(t *testing.T) {
	tuning := coopMatTuning(t)
	ids := make([]int32, 41)
	for i := range ids {
		ids[i] = int32(10 + 37*i%500)
	}
	checkChunks(t, oneLayer(t), tuning, ids)
}
