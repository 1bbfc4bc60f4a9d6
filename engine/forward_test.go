package engine

import (
	"fmt"
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
	for name, c := range map[string]struct {
		tuning *shaders.Tuning
		want   []string
	}{
		"f32": {&gpuPrefill, []string{"attn_qkv", "rope", "attention", "attn_output", "ffn_norm", "ffn_gate_up", "ffn_down", "attn_norm"}},
		"f16": {&registers, []string{"attn_qkv", "rope", "attention", "attention_f16", "attn_output", "ffn_norm", "ffn_gate_up", "ffn_down", "attn_norm"}},
	} {
		t.Run(name, func(t *testing.T) {
			m := loadFile(t, file, Options{Tuning: c.tuning, Context: 64})
			var got []string
			m.kernels.Observe(func(d shaders.Dispatch) { got = append(got, d.Label) })
			defer m.kernels.Observe(nil)
			m.dispatches(nil, recording{to: layers}, m.chunk(0, make([]int32, 40), 0, 0).step, nil)
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
			t.Errorf("%s: %s in chunks of %d, GeGLU alone %v, want at most 1 GiB in chunks of 1024", name, size(p.activations), p.chunk, p.geglu)
		}
	}
}
