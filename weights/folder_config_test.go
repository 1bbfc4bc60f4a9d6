package weights

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sealvk/weights/format"
)

const tinyConfig = `{"model_type":"gemma","hidden_size":16,"intermediate_size":24,"num_hidden_layers":1,
"num_attention_heads":2,"num_key_value_heads":2,"head_dim":8,"vocab_size":360,"max_position_embeddings":64,
"hidden_act":"gelu_pytorch_tanh","rms_norm_eps":1e-06,"rope_theta":10000.0,"tie_word_embeddings":true}`

func TestFolderConfig(t *testing.T) {
	for _, c := range []struct{ name, old, new, want string }{
		{"as it is", "", "", ""},
		{"old activation", "gelu_pytorch_tanh", "gelu", ""},
		{"activation", "gelu_pytorch_tanh", "silu", `"hidden_act" is "silu"; only "gelu_pytorch_tanh"`},
		{"hidden_activation", `"hidden_act"`, `"hidden_activation":null,"hidden_act"`, ""},
		{"other hidden_activation", `"hidden_act"`, `"hidden_activation":"relu","hidden_act"`, `"hidden_activation" is "relu"`},
		{"no max_position_embeddings", `"max_position_embeddings":64,`, "", ""},
		{"no num_key_value_heads", `"num_key_value_heads":2,`, "", ""},
		{"no head_dim", `"head_dim":8,`, "", ""},
		{"no rms_norm_eps", `"rms_norm_eps":1e-06,`, "", ""},
		{"no rope_theta", `"rope_theta":10000.0,`, "", ""},
		{"no tie_word_embeddings", `,"tie_word_embeddings":true`, "", ""},
		{"no scaling", `"hidden_act"`, `"rope_scaling":null,"hidden_act"`, ""},
		{"scaling", `"hidden_act"`, `"rope_scaling":{"type":"linear","factor":2.0},"hidden_act"`, `"rope_scaling" at byte 209 has type "linear"; only unscaled`},
		{"rope_parameters", `"rope_theta":10000.0`, `"rope_parameters":{"rope_theta":10000,"rope_type":"default"}`, ""},
		{"rope_type", `"rope_theta":10000.0`, `"rope_parameters":{"rope_theta":10000,"rope_type":"yarn"}`, `has rope_type "yarn"`},
		{"partial rotary", `"hidden_act"`, `"partial_rotary_factor":0.5,"hidden_act"`, `"partial_rotary_factor" is 0.5`},
		{"partial rotary in version 5", `"rope_theta":10000.0`, `"rope_parameters":{"rope_theta":10000,"partial_rotary_factor":0.5}`, `"rope_parameters": "partial_rotary_factor" is 0.5`},
		{"RoPE by layer type", `"rope_theta":10000.0`, `"rope_parameters":{"full_attention":{"rope_theta":1000000}}`, `has parameters of its own for "full_attention"`},
		{"a factor alone", `"hidden_act"`, `"rope_scaling":{"factor":4.0},"hidden_act"`, `"rope_scaling" at byte 209 has a factor`},
		{"layer types", `"hidden_act"`, `"layer_types":["full_attention","full_attention"],"hidden_act"`, ""},
		{"other layer types", `"hidden_act"`, `"layer_types":["full_attention","sliding_attention"],"hidden_act"`, `"layer_types" has "sliding_attention" at byte`},
		{"causal", `"hidden_act"`, `"use_bidirectional_attention":false,"hidden_act"`, ""},
		{"not causal", `"hidden_act"`, `"use_bidirectional_attention":true,"hidden_act"`, `"use_bidirectional_attention" at byte`},
		{"unknown keys", `"hidden_act"`, `"sliding_window":4096,"_name_or_path":"x","pretraining_tp":1,"auto_map":{"AutoModel":"a.b"},"hidden_act"`, ""},
		{"biases", `"hidden_act"`, `"attention_bias":true,"hidden_act"`, `"attention_bias" is true`},
		{"Gemma 2", `"gemma"`, `"gemma2"`, `"model_type" at byte 22 is "gemma2"; only "gemma"`},
		{"no model_type", `"model_type":"gemma",`, "", `key "model_type" is missing`},
		{"missing", `"hidden_size":16,`, "", `key "hidden_size" is missing`},
		{"string", `"hidden_size":16`, `"hidden_size":"16"`, `"hidden_size" at byte 40 is a JSON string, want a JSON number`},
		{"fraction", `"hidden_size":16`, `"hidden_size":16.5`, `"hidden_size" at byte 40 is 16.5, want a whole number`},
		{"negative", `"num_hidden_layers":1`, `"num_hidden_layers":-1`, "is -1, want a whole number from 0"},
		{"huge", `"hidden_size":16`, `"hidden_size":99999999999999999999`, "want a whole number from 0"},
		{"eps", "1e-06", "0", `"rms_norm_eps" at byte`},
		{"eps that underflows", "1e-06", "1e-60", "is 1e-60, want a positive number"},
		{"Infinity", "1e-06", "Infinity", "not JSON behind byte"},
		{"head width", `"head_dim":8`, `"head_dim":7`, "head_dim is 7, want an even number of at most 256"},
		{"kv heads", `"num_key_value_heads":2`, `"num_key_value_heads":3`, "num_attention_heads 2 is not a multiple of num_key_value_heads 3"},
		{"vocabulary", `"vocab_size":360`, `"vocab_size":99999999`, "vocab_size is 99999999, want 1 to 16777216"},
		{"key twice", `"hidden_size":16`, `"hidden_size":16,"hidden_size":32`, `JSON key "hidden_size" appears twice, again at byte`},
		{"deep", `"hidden_act"`, `"x":` + strings.Repeat("[", 30) + strings.Repeat("]", 30) + `,"hidden_act"`, "16 levels"},
		{"many", `"hidden_act"`, `"x":[` + strings.Repeat("0,", maxJSONValues) + `0],"hidden_act"`, "more than 262144 JSON values"},
		{"behind", "true}", "true} x", "more text behind the JSON object"},
		{"cut", "true}", "true", "JSON ends too early"},
	} {
		text := strings.Replace(tinyConfig, c.old, c.new, 1)
		f, err := parseFolderConfig([]byte(text))
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.want == "":
			want := tinyFolder
			switch c.name { // other defaults are what tinyConfig says
			case "no max_position_embeddings":
				want.Context = 8192
			case "no head_dim":
				want.HeadDim, want.AttnScale = 256, 1./16
			}
			if f.Config != want {
				t.Errorf("%s: %+v, want %+v", c.name, f.Config, want)
			}
		case err == nil || !strings.Contains(err.Error(), c.want):
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

func TestFolderHead(t *testing.T) {
	read := func() *stFile { return readST(t, testdata+"bad-files/valid-tiny-hf/model.safetensors") }
	for _, c := range []struct {
		name, tie string
		change    func(*stFile)
		tensors   int
		want      string
	}{
		{"tied and stored", "true", func(f *stFile) { f.add("lm_head.weight", "F32", make([]byte, 4), 1) }, 11, ""},
		{"frequencies", "true", func(f *stFile) { f.add("model.layers.0.self_attn.rotary_emb.inv_freq", "F32", make([]byte, 16), 4) }, 11, ""},
		{"equal", "false", func(f *stFile) { f.add("lm_head.weight", "BF16", f.entry("model.embed_tokens.weight").data, 360, 16) }, 11, ""},
		{"of its own", "false", func(f *stFile) { f.add("lm_head.weight", "BF16", make([]byte, 360*32), 360, 16) }, 12, ""},
		{"lacking", "false", func(*stFile) {}, 0, `tensor "lm_head.weight" is missing, and "tie_word_embeddings" is false`},
		{"bias", "true", func(f *stFile) { f.add("model.layers.0.self_attn.q_proj.bias", "BF16", make([]byte, 32), 16) }, 0,
			`1 tensors more than a Gemma model of 1 layers has; the first is "model.layers.0.self_attn.q_proj.bias"`},
		{"another layer", "true", func(f *stFile) { f.add("model.layers.1.mlp.up_proj.weight", "BF16", make([]byte, 2), 1) }, 0, `"model.layers.1.mlp.up_proj.weight"`},
	} {
		f := read()
		c.change(f)
		config := strings.Replace(tinyConfig, `"tie_word_embeddings":true`, `"tie_word_embeddings":`+c.tie, 1)
		dir := writeFiles(t, map[string][]byte{configName: []byte(config), singleName: f.bytes()})
		m, err := openAll(dir)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.want == "":
			if head := m.Tensor("output.weight"); len(m.Tensors) != c.tensors || (head != nil) != (c.tensors == 12) || m.Config.TiedHead != (head == nil) {
				t.Errorf("%s: %d tensors, want %d; tied: %v", c.name, len(m.Tensors), c.tensors, m.Config.TiedHead)
			}
			m.Close()
		case err == nil || !strings.Contains(err.Error(), c.want):
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// Norms and matrices in every type.
func TestFolderTypes(t *testing.T) {
	for dtype, want := range map[string]FileType{"F32": 0, "F16": 1} {
		f := readST(t, testdata+"bad-files/valid-tiny-hf/model.safetensors")
		for _, e := range f.entries {
			bf16 := e.data
			e.dtype, e.data = dtype, nil
			v := make([]float32, len(bf16)/2)
			if err := format.Dequantize(v, format.BF16, bf16, nil, nil); err != nil {
				t.Fatal(err)
			}
			for _, x := range v {
				if dtype == "F16" {
					half := toFloat16(math.Abs(float64(x)))
					e.data = append(e.data, byte(half), byte(half>>8))
				} else {
					e.data = append(e.data, scalar32(typeFloat32, math.Float32bits(x)).data...)
				}
			}
		}
		m := mustOpen(t, writeFiles(t, map[string][]byte{configName: []byte(tinyConfig), singleName: f.bytes()}))
		if m.FileType != want || m.Tensor("blk.0.attn_q.weight").Type.String() != dtype || m.Tensor("blk.0.attn_norm.weight").Type != format.F32 {
			t.Errorf("%s: file type %v", dtype, m.FileType)
		}
		if dtype == "F32" { // bf16 widened: nothing is lost
			sameTensors(t, m, mustOpen(t, testdata+"bad-files/valid-tiny-hf"))
		}
		f.entry("model.norm.weight").dtype, f.entry("model.embed_tokens.weight").dtype = dtype, "F32"
		f.entry("model.embed_tokens.weight").data = make([]byte, 4*360*16)
		mixed := mustOpen(t, writeFiles(t, map[string][]byte{configName: []byte(tinyConfig), singleName: f.bytes()}))
		if dtype == "F16" && mixed.FileType != -1 {
			t.Errorf("F16 and F32: file type %v, want none", mixed.FileType)
		}
	}
}

func TestFolderTexts(t *testing.T) {
	tiny := readFiles(t, testdata+"bad-files/valid-tiny-hf/*")
	for _, c := range []struct {
		name     string
		files    map[string]string
		template string
		stops    []int32
		want     string
	}{
		{"nothing", nil, "", []int32{1}, ""},
		{"a string", map[string]string{"tokenizer_config.json": `{"chat_template":"{{ x }}"}`}, "{{ x }}", []int32{1}, ""},
		{"null", map[string]string{"tokenizer_config.json": `{"chat_template":null}`}, "", []int32{1}, ""},
		{"a list", map[string]string{"tokenizer_config.json": `{"chat_template":[{"name":"tool_use","template":"t"},{"name":"default","template":"d"}]}`}, "d", []int32{1}, ""},
		{"a list without default", map[string]string{"tokenizer_config.json": `{"chat_template":[{"name":"rag","template":"t"}]}`}, "", []int32{1}, ""},
		{"jinja wins", map[string]string{"tokenizer_config.json": `{"chat_template":"a"}`, "chat_template.jinja": "b\n"}, "b\n", []int32{1}, ""},
		{"byte order marks", map[string]string{"tokenizer_config.json": "\ufeff{\"chat_template\":\"x\"}", "chat_template.jinja": "\ufeffb", "generation_config.json": "\ufeff{\"eos_token_id\":7}"}, "b", []int32{7}, ""},
		{"a number", map[string]string{"tokenizer_config.json": `{"chat_template":1}`}, "", nil, `tokenizer_config.json: "chat_template" at byte 18 is a JSON number`},
		{"a nameless item", map[string]string{"tokenizer_config.json": `{"chat_template":[{"template":"t"}]}`}, "", nil, `key "name" is missing`},
		{"not UTF-8", map[string]string{"chat_template.jinja": "a\xff"}, "", nil, `chat_template.jinja: not valid UTF-8 at byte 1`},
		{"an id", map[string]string{"generation_config.json": `{"eos_token_id":7}`}, "", []int32{7}, ""},
		{"ids", map[string]string{"generation_config.json": `{"eos_token_id":[1,107]}`}, "", []int32{1, 107}, ""},
		{"no id", map[string]string{"generation_config.json": `{"eos_token_id":null}`}, "", []int32{1}, ""},
		{"past the vocabulary", map[string]string{"generation_config.json": `{"eos_token_id":[1,360]}`}, "", nil, `generation_config.json: eos_token_id is 360, past the vocabulary's 360 pieces`},
		{"a text", map[string]string{"generation_config.json": `{"eos_token_id":"<eos>"}`}, "", nil, `generation_config.json: "eos_token_id" at byte 23 is a JSON string`},
	} {
		files := map[string][]byte{configName: tiny[configName], singleName: tiny[singleName]}
		for name, text := range c.files {
			files[name] = []byte(text)
		}
		dir := writeFiles(t, files)
		m, err := Open(dir)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.want == "":
			if m.ChatTemplate != c.template || !slices.Equal(m.Stops, c.stops) || m.Tokenizer != "" {
				t.Errorf("%s: template %q, stops %v, tokenizer %q", c.name, m.ChatTemplate, m.Stops, m.Tokenizer)
			}
			m.Close()
		case err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "weights: "+dir):
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	for _, c := range []struct{ keep, want string }{{"tokenizer.model", "tokenizer.model"}, {"tokenizer.*", "tokenizer.json"}} {
		files := readFiles(t, testdata+"bad-files/valid-tiny-hf/"+c.keep)
		files[configName], files[singleName] = tiny[configName], tiny[singleName]
		dir := writeFiles(t, files)
		if m := mustOpen(t, dir); m.Tokenizer != filepath.Join(dir, c.want) {
			t.Errorf("%s: tokenizer %s", c.keep, m.Tokenizer)
		}
	}
}

// A file far too large for what it is must not be read.
func TestSmallFilesAreBounded(t *testing.T) {
	tiny := readFiles(t, testdata+"bad-files/valid-tiny-hf/*")
	dir := writeFiles(t, map[string][]byte{configName: tiny[configName], singleName: tiny[singleName], "tokenizer_config.json": nil})
	path := filepath.Join(dir, "tokenizer_config.json")
	if err := os.Truncate(path, 1<<40); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); err == nil || err.Error() != "weights: "+path+": larger than 64 MiB" {
		t.Errorf("%v", err)
	}
}
