package engine

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"sealvk/shaders"
	"sealvk/vk"
)

// What a layer of a GPU's prompt costs in launches: 8 dispatches where its matrices are of one type.
func TestDispatchesOfAPromptsLayer(t *testing.T) {
	const layers = 2
	file := synth(t, fmt.Sprintf("seallm-nano:layers=%d,vocab=1000", layers), "Q4_0")
	registers := gpuPrefill
	registers.Prefill.Registers = shaders.EmulatedRegisters()
	matrices := registers
	matrices.Attention = shaders.DefaultTuning(device.Caps()).Attention
	matrices.Attention.Matrix = shaders.EmulatedAttention()
	layer := []string{"attn_qkv", "rope", "attention", "attn_output", "ffn_norm", "ffn_gate_up", "ffn_down", "attn_norm"}
	for name, c := range map[string]struct {
		tuning *shaders.Tuning
		want   []string
	}{
		"f32":              {&gpuPrefill, layer},
		"f16":              {&matrices, layer},
		"attention in f32": {&registers, slices.Insert(slices.Clone(layer), 3, "attention_f16")},
	} {
		t.Run(name, func(t *testing.T) {
			if name != "f32" {
				needsF16(t)
			}
			m := loadFile(t, file, Options{Tuning: c.tuning, Context: 64})
			var got []string
			m.kernels.Observe(func(d shaders.Dispatch) { got = append(got, d.Label) })
			defer m.kernels.Observe(nil)
			m.dispatches(nil, recording{to: layers}, m.chunk(0, piece{ids: make([]int32, 40)}).step, nil)
			want := []string{"token_embd", "blk.0.attn_norm"}
			for i := range layers {
				for j, label := range c.want {
					switch last := j == len(c.want)-1; {
					case last && i+1 == layers:
						want = append(want, "output_norm")
					case last:
						want = append(want, fmt.Sprintf("blk.%d.%s", i+1, label))
					default:
						want = append(want, fmt.Sprintf("blk.%d.%s", i, label))
					}
				}
			}
			if g, w := strings.Join(got, " "), strings.Join(want, " "); g != w {
				t.Errorf("%s\nwant %s", g, w)
			}
		})
	}
}

// What chunks of 1024 tokens and steps of a 7B model take beside weights and cache on a large GPU, with cooperative
// matrices and without: at most 1 GiB.
func TestActivationsOf7B(t *testing.T) {
	file := synth(t, "seallm-7b-v2.5:context=32768", "Q4_K_M")
	caps := capsWith(80<<30, 4<<30-1)
	caps.Type, caps.ShaderCores = vk.Discrete, 132
	plain := shaders.DefaultTuning(caps).InF32(caps)
	matrices := plain
	matrices.Prefill.CoopMat = shaders.CoopMat{M: 16, N: 16, K: 16, Subgroup: 32}
	for name, tuning := range map[string]*shaders.Tuning{"f32": &plain, "f16": &matrices} {
		p := planFor(caps, file, Options{Tuning: tuning, Chunk: 1024}, 32768)
		if p.chunk != 1024 || p.geglu || p.activations > 1<<30 {
			t.Errorf("%s: %s in chunks of %d, GeGLU alone %v, want at most 1 GiB in chunks of 1024", name, vk.SizeText(p.activations), p.chunk, p.geglu)
		}
	}
}

// A prompt whose products and attention leave each other f16, blocked and in octets, is near that in f32, and has the
// same bits in chunks.
func TestPromptsInF16(t *testing.T) {
	needsF16(t)
	matrices := gpuPrefill
	matrices.Prefill.Registers = shaders.EmulatedRegisters()
	matrices.Attention = shaders.DefaultTuning(device.Caps()).Attention
	matrices.Attention.Matrix = shaders.EmulatedAttention()
	file, ids := synth(t, "seallm-nano:layers=1,vocab=600,ffn=1024", "Q4_0"), [][]int32{{5, 9, 77, 31, 2, 8, 100, 44, 11, 12, 13}}
	want := allLogits(t, loadFile(t, file, Options{Context: 64}), ids)
	m := loadFile(t, file, Options{Context: 64, Tuning: &matrices})
	whole := allLogits(t, m, ids)
	checkDistance(t, m, whole, want)
	m = loadFile(t, file, Options{Context: 64, Tuning: &matrices, Chunk: 4})
	for i, cut := range allLogits(t, m, ids) {
		if !slices.Equal(cut, whole[i]) {
			t.Errorf("in chunks of 4 the logits of position %d are others", i)
		}
	}
}
