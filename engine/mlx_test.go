package engine

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sealvk/weights"
)

// mlxWriter collects the tensors of a safetensors file, named as mlx-lm names them.
type mlxWriter struct {
	header map[string]any
	data   []byte
}

func (w *mlxWriter) add(name, dtype string, data []byte, shape ...int) {
	end := len(w.data) + len(data)
	w.header[name] = map[string]any{"dtype": dtype, "shape": shape, "data_offsets": []int{len(w.data), end}}
	w.data = append(w.data, data...)
}

func (w *mlxWriter) write(t *testing.T, path string) {
	t.Helper()
	header, err := json.Marshal(w.header)
	if err != nil {
		t.Fatal(err)
	}
	file := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	file = append(append(file, header...), w.data...)
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
}

// bfloat gives the 16 bits of a value and what is left of it.
func bfloat(v float32) (uint16, float32) {
	bits := math.Float32bits(v) >> 16
	return uint16(bits), math.Float32frombits(bits << 16)
}

// quantize adds a matrix in groups, as mlx.core.quantize does but for the choice of the
// edge that is met exactly, and gives the values that stand there now.
func (w *mlxWriter) quantize(module string, values []float32, rows, cols, bits, group int) []float32 {
	var words, scales, biases []byte
	made := make([]float32, len(values))
	for first := 0; first < len(values); first += group {
		low, high := values[first], values[first]
		for _, v := range values[first : first+group] {
			low, high = min(low, v), max(high, v)
		}
		steps := float64(int(1)<<bits - 1)
		scaleBits, scale := bfloat((high - low) / float32(steps))
		biasBits, bias := bfloat(low)
		scales = binary.LittleEndian.AppendUint16(scales, scaleBits)
		biases = binary.LittleEndian.AppendUint16(biases, biasBits)
		var word uint32
		for i, v := range values[first : first+group] {
			q := min(max(math.Round(float64((v-bias)/scale)), 0), steps)
			made[first+i] = float32(scale*float32(q)) + bias
			word |= uint32(q) << (i * bits % 32)
			if (i+1)*bits%32 == 0 {
				words = binary.LittleEndian.AppendUint32(words, word)
				word = 0
			}
		}
	}
	w.add(module+".weight", "U32", words, rows, cols*bits/32)
	w.add(module+".scales", "BF16", scales, rows, cols/group)
	w.add(module+".biases", "BF16", biases, rows, cols/group)
	return made
}

// hfNames are the modules by what GGUF calls them.
var hfNames = strings.NewReplacer("token_embd", "model.embed_tokens", "output_norm", "model.norm", "blk.", "model.layers.",
	"attn_q", "self_attn.q_proj", "attn_k", "self_attn.k_proj", "attn_v", "self_attn.v_proj", "attn_output", "self_attn.o_proj",
	"attn_norm", "input_layernorm", "ffn_norm", "post_attention_layernorm",
	"ffn_gate", "mlp.gate_proj", "ffn_up", "mlp.up_proj", "ffn_down", "mlp.down_proj", ".weight", "")

// writeMLX quantizes a model into a folder; v_proj stays as it is and down_proj has 8 bits
// in groups of 32. The model becomes f32 with the folder's values.
func writeMLX(t *testing.T, file *weights.Model, bits, group int) (folder string) {
	t.Helper()
	asF32(t, file)
	w := &mlxWriter{header: map[string]any{"__metadata__": map[string]string{"format": "mlx"}}}
	for _, m := range file.Tensors {
		module, values := hfNames.Replace(m.Name), make([]float32, m.Rows*m.Cols)
		if err := m.DequantizeRows(values, 0, m.Rows); err != nil {
			t.Fatal(err)
		}
		switch {
		case !isMatrix(m):
			for i := range values {
				values[i]-- // the folder holds w where GGUF holds 1+w
			}
			w.add(module+".weight", "F32", bytesOf(values...), m.Cols)
			continue
		case strings.HasSuffix(module, "v_proj"):
			w.add(module+".weight", "F32", bytesOf(values...), m.Rows, m.Cols)
		case strings.HasSuffix(module, "down_proj"):
			values = w.quantize(module, values, m.Rows, m.Cols, 8, 32)
		default:
			values = w.quantize(module, values, m.Rows, m.Cols, bits, group)
		}
		m.Data = bytesOf(values...)
	}

	folder = t.TempDir()
	w.write(t, filepath.Join(folder, "model.safetensors"))
	c := file.Config
	config := map[string]any{
		"model_type": "gemma", "num_hidden_layers": c.Layers, "hidden_size": c.Dim, "intermediate_size": c.FFNDim,
		"num_attention_heads": c.Heads, "num_key_value_heads": c.KVHeads, "head_dim": c.HeadDim, "vocab_size": c.Vocab,
		"max_position_embeddings": c.Context, "rms_norm_eps": c.NormEps, "rope_theta": c.RopeTheta,
		"quantization": map[string]any{
			"bits": bits, "group_size": group,
			"model.layers.0.self_attn.v_proj": false,
			"model.layers.0.mlp.down_proj":    map[string]int{"bits": 8, "group_size": 32},
		},
	}
	data, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	tokenizer, err := os.ReadFile("../testdata/weights/hf-mqa-8x256/tokenizer.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"config.json": data, "tokenizer.json": tokenizer} {
		if err := os.WriteFile(filepath.Join(folder, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// A quantized folder against the values that it stands for.
func TestMLXFolder(t *testing.T) {
	for _, c := range []struct{ bits, group int }{{4, 32}, {4, 64}, {8, 64}} {
		t.Run(fmt.Sprintf("%d-bit/%d", c.bits, c.group), func(t *testing.T) {
			const arch = "odd-192-704"
			data, err := os.ReadFile(filepath.Join(goldenDir("random-arch"), arch, arch+"-bf16.gguf"))
			if err != nil {
				t.Fatal(err)
			}
			file, err := weights.Parse(arch, data)
			if err != nil {
				t.Fatal(err)
			}
			folder := writeMLX(t, file, c.bits, c.group)
			want := someLogits(t, loadFile(t, file, Options{KV: KVF32}))
			for _, way := range []way{ways[0], ways[3]} {
				m := load(t, folder, way.options)
				way.prepare(m)
				if n, split := len(m.tokenEmbd.Parts), way.options.maxRange > 0; split != (n > 1) {
					t.Errorf("%s: token_embd is in %d parts", way.name, n)
				}
				agree(t, way.name, someLogits(t, m), want, tolerated(m, tolerance))
			}
		})
	}
}
