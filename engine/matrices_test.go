package engine

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"sealvk/shaders"
	"sealvk/vk"
)

// A GPU's steps by cooperative matrices, which are emulated here, against f32; and the answers of
// sequences are those that each has alone.
func TestMatrixStepsAgreeWithF32(t *testing.T) {
	needsF16(t)
	tuning := gpuTuning
	tuning.Product.Matrix = shaders.EmulatedMatrices()
	tuning.Product.IntDot = device.Caps().Features.IntegerDotProduct // of lone steps alone: what the others write are no integers
	some := [][]int32{conversations(t, 1)[0][:4]}
	want := allLogits(t, load(t, nano, Options{KV: KVF32}), some)
	m := load(t, nano, Options{KV: KVF32, Tuning: &tuning, Sequences: 4, Context: 256})
	tokenByToken(m)
	checkDistance(t, m, allLogits(t, m, some), want)
	checkByMatrices(t, m)
	checkAlone(t, m)
	checkLone(t, m)
}

// checkLone wants none of a lone step's products by matrices, and those of integers where the device has them.
func checkLone(t *testing.T, m *Model) {
	t.Helper()
	for _, lone := range []bool{false, true} {
		matrices, integers := false, false
		m.kernels.Observe(func(d shaders.Dispatch) {
			matrices = matrices || strings.Contains(d.Pipeline.Variant, "matrices") || strings.HasSuffix(d.Label, "_f16")
			integers = integers || strings.Contains(d.Pipeline.Variant, "integer")
		})
		m.dispatches(nil, recording{decode: true, to: m.cfg.Layers}, m.decodeStep(stepKind{rows: 1, lone: lone}), func(c *vk.Commands, s step) {
			m.sample(c, s, 0, 1, shaders.ByTiles)
		})
		m.kernels.Observe(nil)
		if matrices == lone || integers != (lone && m.intDot) {
			t.Errorf("lone %v: by matrices %v, by integers %v", lone, matrices, integers)
		}
	}
}

// Prompts by matrices that lanes fill in registers, emulated: logits of rounded weights and activations, of all
// products in octets.
func TestPrefillInRegisters(t *testing.T) {
	needsF16(t)
	tuning := gpuPrefill
	tuning.Prefill.Registers = shaders.EmulatedRegisters()
	some := [][]int32{conversations(t, 1)[0][:23]}
	want := allLogits(t, load(t, nano, Options{KV: KVF32}), some)
	m := load(t, nano, Options{KV: KVF32, Tuning: &tuning})
	checkDistance(t, m, allLogits(t, m, some), want)
	for _, p := range m.kernels.Pipelines() {
		if p.Kernel == "matmul_tiled" {
			t.Errorf("%s, %s: not in registers", p.Variant, p.Type)
		}
	}
}

// checkDistance wants the logits of rounded weights and activations.
func checkDistance(t *testing.T, m *Model, got, want [][]float32) {
	t.Helper()
	allowed := 2 * 0x1p-12 * math.Sqrt(float64(8*m.cfg.Layers)) // of weights and x, as in prefill (tolerated); scales are rounded too
	for i := range got {
		exact := make([]float64, len(got[i]))
		for j, v := range want[i] {
			exact[j] = float64(v)
		}
		if off := distance(got[i], exact); !(off <= allowed) || off == 0 {
			t.Errorf("position %d: off by %.2g, allowed %.2g", i, off, allowed)
		}
	}
}

// checkByMatrices wants all products of m's steps to be by matrices.
func checkByMatrices(t *testing.T, m *Model) {
	t.Helper()
	byMatrices := map[string]bool{}
	for _, p := range m.kernels.Pipelines() {
		if strings.Contains(p.Variant, "matrices") {
			byMatrices[p.Kernel] = true
		}
	}
	if len(byMatrices) != 4 {
		t.Errorf("matrices in %v, want attn_qkv, matmul_add, ffn_gate_up and output", byMatrices)
	}
}

// checkAlone wants three sequences of a batch to have the answers that each has alone.
func checkAlone(t *testing.T, m *Model) {
	t.Helper()
	all := sessions(t, m, 3)
	requests := mixed(t, 3)
	for i := range requests {
		requests[i].Prompt, requests[i].MaxTokens = requests[i].Prompt[:min(3, len(requests[i].Prompt))], 3
	}
	answers := alone(t, all[0], requests)
	all[0].Reset()
	got, err := m.GenerateBatch(context.Background(), in(all, requests...))
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range got {
		if !slices.Equal(r.Tokens, answers[i].Tokens) {
			t.Errorf("request %d: %v, alone %v", i, r.Tokens, answers[i].Tokens)
		}
	}
}

// needsF16 skips the test of emulated matrices on a device that does not calculate with f16, which they are of.
func needsF16(t *testing.T) {
	t.Helper()
	if !device.Caps().Features.ShaderFloat16 {
		t.Skip("the device does not calculate with f16, which cooperative matrices are of")
	}
}
