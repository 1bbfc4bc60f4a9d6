package weights

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"sealvk/weights/format"
)

// mlxFolder builds a folder as mlx-lm writes it: one layer, random words, moderate scales.
type mlxFolder struct {
	stFile
	quantization string // JSON
	r            random
}

const mlxDim, mlxFFN, mlxVocab = 128, 256, 96 // 2 heads of 64, one for keys and values

func newMLXFolder(bits, group int, scale format.Type) *mlxFolder {
	f := &mlxFolder{quantization: fmt.Sprintf(`{"group_size":%d,"bits":%d}`, group, bits)}
	for _, module := range []string{"model.norm", "model.layers.0.input_layernorm", "model.layers.0.post_attention_layernorm"} {
		f.plain(module, "BF16", mlxDim)
	}
	for module, shape := range mlxShapes {
		f.quantized(module, bits, group, scale, shape[0], shape[1])
	}
	return f
}

var mlxShapes = map[string][2]int{
	"model.embed_tokens":              {mlxVocab, mlxDim},
	"model.layers.0.self_attn.q_proj": {mlxDim, mlxDim},
	"model.layers.0.self_attn.k_proj": {64, mlxDim},
	"model.layers.0.self_attn.v_proj": {64, mlxDim},
	"model.layers.0.self_attn.o_proj": {mlxDim, mlxDim},
	"model.layers.0.mlp.gate_proj":    {mlxFFN, mlxDim},
	"model.layers.0.mlp.up_proj":      {mlxFFN, mlxDim},
	"model.layers.0.mlp.down_proj":    {mlxDim, mlxFFN},
}

// sixteen gives n values around ±1 in a 16-bit float type.
func (f *mlxFolder) sixteen(dtype string, n int) []byte {
	b := make([]byte, 2*n)
	for i := range n {
		bits := uint16(f.r.next())
		if dtype == "BF16" {
			bits = bits&0x80ff | 0x3f00
		} else {
			bits = bits&0x87ff | 0x3800
		}
		binary.LittleEndian.PutUint16(b[2*i:], bits)
	}
	return b
}

func (f *mlxFolder) plain(module, dtype string, shape ...int) {
	n := 1
	for _, d := range shape {
		n *= d
	}
	f.add(module+".weight", dtype, f.sixteen(dtype, n), shape...)
}

func (f *mlxFolder) quantized(module string, bits, group int, scale format.Type, rows, cols int) {
	words := make([]byte, rows*cols*bits/8)
	f.r.fill(words)
	f.add(module+".weight", "U32", words, rows, cols*bits/32)
	f.add(module+".scales", scale.String(), f.sixteen(scale.String(), rows*cols/group), rows, cols/group)
	f.add(module+".biases", scale.String(), f.sixteen(scale.String(), rows*cols/group), rows, cols/group)
}

func (f *mlxFolder) replace(module string) {
	for _, part := range []string{".weight", ".scales", ".biases"} {
		f.remove(module + part)
	}
}

func (f *mlxFolder) files() map[string][]byte {
	config := fmt.Sprintf(`{"model_type":"gemma","num_hidden_layers":1,"hidden_size":%d,"intermediate_size":%d,"num_attention_heads":2,
		"num_key_value_heads":1,"head_dim":64,"vocab_size":%d,"eos_token_id":[1,5],"quantization":%s}`, mlxDim, mlxFFN, mlxVocab, f.quantization)
	return map[string][]byte{configName: []byte(config), singleName: f.bytes()}
}

// wantMLX dequantizes by words: w = scale * q + bias.
func (f *mlxFolder) wantMLX(module string, bits, group int) []float32 {
	words, scales, biases := f.entry(module+".weight").data, f.entry(module+".scales"), f.entry(module+".biases")
	widen := map[string]func(uint16) float32{"F16": format.Float16, "BF16": format.BFloat16}[scales.dtype]
	at := func(e *stEntry, g int) float32 { return widen(binary.LittleEndian.Uint16(e.data[2*g:])) }
	var want []float32
	for ; len(words) > 0; words = words[4:] {
		word := binary.LittleEndian.Uint32(words)
		for shift := 0; shift < 32; shift += bits {
			g := len(want) / group
			product := at(scales, g) * float32(word>>shift&(1<<bits-1))
			want = append(want, product+at(biases, g))
		}
	}
	return want
}

func TestMLXFolder(t *testing.T) {
	for _, bits := range []int{4, 8} {
		for _, group := range []int{32, 64, 128} {
			for _, scale := range []format.Type{format.F16, format.BF16} {
				f := newMLXFolder(bits, group, scale)
				m := mustOpen(t, writeFiles(t, f.files()))
				if m.Format != "MLX" || m.FileType != -1 || len(m.Tensors) != 11 || !slices.Equal(m.Stops, []int32{1, 5}) {
					t.Errorf("format %s, file type %v, %d tensors, stops %v", m.Format, m.FileType, len(m.Tensors), m.Stops)
				}
				for _, x := range m.Tensors {
					if strings.HasSuffix(x.Name, "norm.weight") {
						continue
					}
					if x.Type != format.MLX(bits, group, scale) || x.Bytes() != x.Values()*int64(bits)/8+x.Values()/int64(group)*4 {
						t.Fatalf("%s is %v of %d bytes", x.Name, x.Type, x.Bytes())
					}
					want := f.wantMLX(hfModule(x.Name), bits, group)
					got := make([]float32, 3*x.Cols)
					if err := x.DequantizeRows(got, 2, 3); err != nil {
						t.Fatal(err)
					}
					if !slices.Equal(got, want[2*x.Cols:5*x.Cols]) {
						t.Fatalf("%v: %s: rows 2 to 4 differ", x.Type, x.Name)
					}
				}
			}
		}
	}
}

// Modules may have parameters of their own or none.
func TestMLXModules(t *testing.T) {
	const down, o, gate = "model.layers.0.mlp.down_proj", "model.layers.0.self_attn.o_proj", "model.layers.0.mlp.gate_proj"
	f := newMLXFolder(4, 64, format.BF16)
	f.quantization = `{"group_size":64,"bits":4,"mode":"affine","` + down + `":{"group_size":32,"bits":8},"` + o + `":false,"` + gate + `":true}`
	f.replace(down)
	f.quantized(down, 8, 32, format.F16, mlxDim, mlxFFN)
	f.replace(o)
	f.plain(o, "F16", mlxDim, mlxDim)
	f.replace("model.embed_tokens")
	f.plain("model.embed_tokens", "BF16", mlxVocab, mlxDim) // not told: there are just no scales
	m := mustOpen(t, writeFiles(t, f.files()))
	for name, want := range map[string]format.Type{"blk.0.ffn_down.weight": format.MLX(8, 32, format.F16), "blk.0.attn_output.weight": format.F16,
		"token_embd.weight": format.BF16, "blk.0.ffn_gate.weight": format.MLX(4, 64, format.BF16), "blk.0.attn_norm.weight": format.F32} {
		if got := m.Tensor(name).Type; got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
}

func TestMLXErrors(t *testing.T) {
	const q = "model.layers.0.self_attn.q_proj"
	for _, c := range []struct {
		name   string
		change func(f *mlxFolder)
		want   string
	}{
		{"3 bits", func(f *mlxFolder) { f.quantization = `{"group_size":64,"bits":3}` }, "config.json: \"quantization\" at byte 204: bits is 3; only 4 and 8 can be run"},
		{"groups of 16", func(f *mlxFolder) { f.quantization = `{"group_size":16,"bits":4}` }, "group_size is 16; only 32, 64 and 128 can be run"},
		{"a module of 6 bits", func(f *mlxFolder) {
			f.quantization = `{"group_size":64,"bits":4,"` + q + `":{"group_size":64,"bits":6}}`
		}, `"` + q + `": bits is 6`},
		{"other mode", func(f *mlxFolder) { f.quantization = `{"group_size":32,"bits":4,"mode":"mxfp4"}` }, `mode is "mxfp4"; only "affine"`},
		{"other method", func(f *mlxFolder) { f.quantization = `{"quant_method":"bitsandbytes","bits":4}` }, `quant_method "bitsandbytes"`},
		{"no quantization", func(f *mlxFolder) { f.quantization = "null" }, `is quantized, but config.json has no "quantization"`},
		{"other group", func(f *mlxFolder) { f.quantization = `{"group_size":32,"bits":4}` }, "and 4 bits in groups of 32"},
		{"other width", func(f *mlxFolder) { f.quantization = `{"group_size":64,"bits":8}` }, "and 8 bits in groups of 64"},
		{"said to be plain", func(f *mlxFolder) { f.quantization = `{"group_size":64,"bits":4,"` + q + `":false}` }, `"` + q + `.scales" is there, but config.json says`},
		{"said to be quantized", func(f *mlxFolder) {
			f.quantization = `{"group_size":64,"bits":4,"` + q + `":{"group_size":64,"bits":4}}`
			f.replace(q)
			f.plain(q, "BF16", mlxDim, mlxDim)
		}, `tensor "` + q + `.scales" is missing`},
		{"scales missing", func(f *mlxFolder) { f.remove(q + ".scales") }, `"` + q + `.weight" has dtype U32 without "` + q + `.scales"`},
		{"biases missing", func(f *mlxFolder) { f.remove(q + ".biases") }, `"` + q + `.biases" is missing`},
		{"weight missing", func(f *mlxFolder) { f.remove(q + ".weight") }, `"` + q + `.weight" is missing`},
		{"scales of F32", func(f *mlxFolder) {
			n := mlxDim * mlxDim / 64
			f.remove(q + ".scales")
			f.add(q+".scales", "F32", make([]byte, 4*n), mlxDim, mlxDim/64)
		}, `"` + q + `.scales" has dtype F32, its biases BF16; both must be F16 or BF16, convert`},
		{"quantized norm", func(f *mlxFolder) { f.add("model.norm.scales", "BF16", make([]byte, 4), 2) }, `1 tensors more than a Gemma model of 1 layers has; the first is "model.norm.scales"`},
		{"NaN scale", func(f *mlxFolder) {
			binary.LittleEndian.PutUint16(f.entry(q + ".scales").data[2*5:], 0x7fc0)
		}, `tensor "blk.0.attn_q.weight" (MLX 4-bit/64 BF16): the scale of row 2, columns 64 to 127, is NaN; the file is damaged`},
		{"Inf bias", func(f *mlxFolder) {
			binary.LittleEndian.PutUint16(f.entry(q + ".biases").data[2*4:], 0xff80)
		}, `the bias of row 2, columns 0 to 63, is -Inf`},
		{"huge scale", func(f *mlxFolder) {
			binary.LittleEndian.PutUint16(f.entry(q+".scales").data, 0x7f7f)
		}, `the scale of row 0, columns 0 to 63, is 3.3895314e+38`},
	} {
		f := newMLXFolder(4, 64, format.BF16)
		c.change(f)
		dir := writeFiles(t, f.files())
		m, err := openAll(dir)
		if err == nil {
			m.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "weights: "+dir) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// MLX's 4 bits lie within a step of the unquantized values.
func TestSharedMLX(t *testing.T) {
	needsShared(t, shared+"models/seallm-nano/mlx")
	m := mustOpen(t, shared+"models/seallm-nano/mlx")
	whole := mustOpen(t, shared+"models/seallm-nano/hf")
	if m.Format != "MLX" || m.ChatTemplate != whole.ChatTemplate || !slices.Equal(m.Stops, []int32{1}) {
		t.Errorf("format %s, stops %v", m.Format, m.Stops)
	}
	for _, x := range m.Tensors {
		y := whole.Tensor(x.Name)
		got, want := make([]float32, x.Values()), make([]float32, y.Values())
		if err := x.DequantizeRows(got, 0, x.Rows); err != nil {
			t.Fatal(err)
		}
		if err := y.DequantizeRows(want, 0, y.Rows); err != nil {
			t.Fatal(err)
		}
		for i, g := range got {
			most := 0.0
			if x.Type != format.F32 {
				scale := float64(format.BFloat16(binary.LittleEndian.Uint16(x.Scales[i/64*2:])))
				most = 1.05 * math.Abs(scale) // at one end of the range MLX clips by up to half a step
			}
			if d := math.Abs(float64(g - want[i])); d > most {
				t.Fatalf("%s: value %d is %v, want %v ± %v", x.Name, i, g, want[i], most)
			}
		}
	}
}
