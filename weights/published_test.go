package weights

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// publishedConfigs are config.json as the programs write them that made the published
// folders; only the dimensions are those of a tiny model.
var publishedConfigs = map[string]string{
	"transformers 4.38, SeaLLM-7B-v2.5": `{"_name_or_path":"/mnt/x","architectures":["GemmaForCausalLM"],"attention_bias":false,"attention_dropout":0.0,
"bos_token_id":2,"eos_token_id":1,"head_dim":8,"hidden_act":"gelu","hidden_size":16,"initializer_range":0.02,"intermediate_size":24,
"max_position_embeddings":64,"model_type":"gemma","num_attention_heads":2,"num_hidden_layers":1,"num_key_value_heads":2,"pad_token_id":0,
"rms_norm_eps":1e-06,"rope_scaling":null,"rope_theta":10000.0,"torch_dtype":"bfloat16","transformers_version":"4.39.0.dev0","use_cache":true,"vocab_size":360}`,
	"transformers 4.40, gemma-7b-it": `{"architectures":["GemmaForCausalLM"],"attention_bias":false,"attention_dropout":0.0,"bos_token_id":2,"eos_token_id":1,
"head_dim":8,"hidden_act":"gelu_pytorch_tanh","hidden_activation":null,"hidden_size":16,"initializer_range":0.02,"intermediate_size":24,
"max_position_embeddings":64,"model_type":"gemma","num_attention_heads":2,"num_hidden_layers":1,"num_key_value_heads":2,"pad_token_id":0,
"rms_norm_eps":1e-06,"rope_scaling":null,"rope_theta":10000.0,"torch_dtype":"bfloat16","transformers_version":"4.40.0","use_cache":true,"vocab_size":360}`,
	"transformers 5": `{"architectures":["GemmaForCausalLM"],"attention_bias":false,"attention_dropout":0.0,"bos_token_id":2,"dtype":"bfloat16","eos_token_id":1,
"head_dim":8,"hidden_act":"gelu_pytorch_tanh","hidden_activation":"gelu_pytorch_tanh","hidden_size":16,"initializer_range":0.02,"intermediate_size":24,
"layer_types":["full_attention"],"max_position_embeddings":64,"model_type":"gemma","num_attention_heads":2,"num_hidden_layers":1,"num_key_value_heads":2,
"pad_token_id":0,"rms_norm_eps":1e-06,"rope_parameters":{"rope_theta":10000.0,"rope_type":"default"},"tie_word_embeddings":true,"transformers_version":"5.0.0",
"use_bidirectional_attention":null,"use_cache":true,"vocab_size":360}`,
}

// publishedTexts are the small files beside them, with an entry for each of Gemma's 217
// added tokens.
func publishedTexts() map[string][]byte {
	var added []string
	for i := range 217 {
		added = append(added, fmt.Sprintf(`"%d":{"content":"<unused%d>","lstrip":false,"normalized":false,"rstrip":false,"single_word":false,"special":false}`, i, i))
	}
	special := `{"content":"<eos>","lstrip":false,"normalized":false,"rstrip":false,"single_word":false}`
	return map[string][]byte{
		"generation_config.json":  []byte(`{"_from_model_config":true,"bos_token_id":2,"do_sample":true,"eos_token_id":1,"pad_token_id":0,"transformers_version":"4.39.0.dev0"}`),
		"special_tokens_map.json": []byte(`{"additional_special_tokens":["<start_of_turn>","<end_of_turn>"],"eos_token":` + special + `}`),
		"tokenizer_config.json": []byte(`{"add_bos_token":true,"add_eos_token":false,"added_tokens_decoder":{` + strings.Join(added, ",") + `},"bos_token":"<bos>",
"chat_template":"{{ bos_token }}","clean_up_tokenization_spaces":false,"eos_token":` + special + `,"legacy":null,
"model_max_length":1000000000000000019884624838656,"sp_model_kwargs":{},"tokenizer_class":"GemmaTokenizer","use_default_system_prompt":false}`),
	}
}

func TestPublishedFolders(t *testing.T) {
	tiny := readFiles(t, testdata+"bad-files/valid-tiny-hf/*")
	for name, config := range publishedConfigs {
		files := publishedTexts()
		files[configName], files[singleName] = []byte(config), tiny[singleName]
		m := mustOpen(t, writeFiles(t, files))
		m.Config.Name = ""
		if m.Config != tinyFolder {
			t.Errorf("%s: %+v, want %+v", name, m.Config, tinyFolder)
		}
		if m.ChatTemplate != "{{ bos_token }}" || !slices.Equal(m.Stops, []int32{1}) {
			t.Errorf("%s: template %q, stops %v", name, m.ChatTemplate, m.Stops)
		}
	}
}

// mlx-lm goes by the files' names: an index that was copied from the unquantized model, or
// weights of an older form, do not count.
func TestFilesThatMLXIgnores(t *testing.T) {
	tiny := readFiles(t, testdata+"bad-files/valid-tiny-hf/*")
	weights, other := tiny[singleName], []byte("another form")
	stale := []byte(`{"metadata":{},"weight_map":{"model.norm.weight":"model-00001-of-00004.safetensors"}}`)
	for name, c := range map[string]struct {
		files map[string][]byte
		want  string
	}{
		"one file":                  {map[string][]byte{"model.safetensors": weights, "weights.00.safetensors": other}, ""},
		"one file, stale index":     {map[string][]byte{"model.safetensors": weights, indexName: stale}, ""},
		"old name":                  {map[string][]byte{"weights.00.safetensors": weights, "adapters.safetensors": other}, ""},
		"old name, stale index":     {map[string][]byte{"weights.00.safetensors": weights, indexName: stale}, ""},
		"both names":                {map[string][]byte{"model-00001-of-00001.safetensors": weights, "weights.00.safetensors": other}, ""},
		"a stale index and nothing": {map[string][]byte{indexName: stale}, "model-00001-of-00004.safetensors is missing"},
		"an adapter only":           {map[string][]byte{"adapter_model.safetensors": other}, "holds no model but an adapter (adapter_model.safetensors)"},
	} {
		files := maps.Clone(c.files)
		files[configName] = tiny[configName]
		m, err := openAll(writeFiles(t, files))
		if err == nil {
			m.Close()
		}
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
