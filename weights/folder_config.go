package weights

import (
	"fmt"
	"strings"
)

// folderConfig is what config.json says.
type folderConfig struct {
	Config
	stops    []int32 // eos_token_id
	mlx      *mlxConfig
	metadata []Entry
}

var folderKeys = dimensionKeys{
	"num_hidden_layers", "hidden_size", "intermediate_size", "max_position_embeddings",
	"num_attention_heads", "num_key_value_heads", "head_dim",
}

// parseFolderConfig reads config.json of a Gemma model, as transformers and mlx-lm write
// it. Defaults are those of transformers' GemmaConfig where shapes do not tell.
func parseFolderConfig(data []byte) (*folderConfig, error) {
	o, err := parseJSON(data)
	if err != nil {
		return nil, err
	}
	if kind := o.get("model_type", "string", true); kind != nil && kind.text != "gemma" {
		return nil, fmt.Errorf("\"model_type\" at byte %d is %.40q; only \"gemma\" models can be run", kind.at, kind.text)
	}
	f := &folderConfig{}
	f.readDimensions(folderKeys, o.integer)
	f.HeadDim = o.integer(folderKeys.headDim, 256)
	f.Context = o.integer(folderKeys.context, 8192)
	f.Vocab = o.integer("vocab_size", -1)
	f.NormEps = o.float("rms_norm_eps", 1e-6)
	f.Config = gemma(f.Config)
	f.TiedHead = o.boolean("tie_word_embeddings", f.TiedHead)
	f.readRope(o)
	f.checkForm(o)
	f.stops = o.ids("eos_token_id")
	if f.mlx = readMLXConfig(o); o.err != nil {
		return nil, o.err
	}
	if f.Vocab == 0 || f.Vocab > maxVocab {
		return nil, fmt.Errorf("vocab_size is %d, want 1 to %d", f.Vocab, maxVocab)
	}
	f.metadata = scalars(nil, "", o.jsonValue)
	return f, f.checkAs(folderKeys)
}

// readRope takes the base of RoPE and refuses what would scale it, rotate a part of each
// head or differ from layer to layer. Version 5 of transformers writes an object
// rope_parameters in place of rope_theta.
func (f *folderConfig) readRope(o *jsonObject) {
	f.RopeTheta = o.float("rope_theta", 10000)
	for _, key := range []string{"rope_scaling", "rope_parameters"} {
		v := o.get(key, "object", false)
		if v == nil {
			continue
		}
		r := &jsonObject{jsonValue: v}
		for _, name := range []string{"type", "rope_type"} {
			if kind := r.text(name); kind != "" && kind != "default" {
				o.failf("%q at byte %d has %s %.40q; only unscaled RoPE can be run", key, v.at, name, kind)
			}
		}
		if r.text("type") == "" && r.text("rope_type") == "" && r.float("factor", 1) != 1 {
			o.failf("%q at byte %d has a factor; only unscaled RoPE can be run", key, v.at)
		}
		for _, name := range v.keys {
			if v.fields[name].kind == "object" {
				o.failf("%q at byte %d has parameters of its own for %.40q; only one RoPE for all layers can be run", key, v.at, name)
			}
		}
		f.RopeTheta = r.float("rope_theta", f.RopeTheta)
		r.checkRotation()
		if r.err != nil {
			o.failf("%q: %w", key, r.err)
		}
	}
	o.checkRotation()
}

func (o *jsonObject) checkRotation() {
	if part := o.float("partial_rotary_factor", 1); part != 1 {
		o.failf("\"partial_rotary_factor\" is %v; only 1 can be run", part)
	}
}

// checkForm refuses variants that would be computed wrongly. "gelu" stands in Gemma's
// first configurations and means the approximation by tanh, as everywhere in Gemma.
func (f *folderConfig) checkForm(o *jsonObject) {
	for _, key := range []string{"hidden_act", "hidden_activation"} {
		if act := o.text(key); act != "" && act != "gelu" && act != f.Activation {
			o.failf("%q is %.40q; only %q can be run", key, act, f.Activation)
		}
	}
	if o.boolean("attention_bias", false) {
		o.failf("\"attention_bias\" is true; Gemma has no biases")
	}
	if v := o.get("use_bidirectional_attention", "", false); v != nil && v.text != "false" {
		o.failf("\"use_bidirectional_attention\" at byte %d is %.40q; only causal attention can be run", v.at, v.text)
	}
	if v := o.get("layer_types", "array", false); v != nil {
		for _, item := range v.items {
			if item.text != "full_attention" {
				o.failf("\"layer_types\" has %.40q at byte %d; only \"full_attention\" can be run", item.text, item.at)
			}
		}
	}
}

// ids gives a token id or a list of them; nil if the key is absent.
func (o *jsonObject) ids(key string) []int32 {
	v := o.get(key, "", false)
	if v == nil {
		return nil
	}
	items := v.items
	if v.kind != "array" {
		items = []*jsonValue{v}
	}
	var list []int32
	for _, item := range items {
		n, err := item.count(maxVocab)
		if err != nil {
			o.failf("%q %w", key, err)
			return nil
		}
		list = append(list, int32(n))
	}
	return list
}

// scalars lists an object's values, those of inner objects with their path.
func scalars(list []Entry, prefix string, o *jsonValue) []Entry {
	for _, key := range o.keys {
		switch v := o.fields[key]; v.kind {
		case "object":
			list = scalars(list, prefix+key+".", v)
		case "array":
			list = append(list, Entry{prefix + key, fmt.Sprintf("array of %d", len(v.items)), ""})
		default:
			list = append(list, Entry{prefix + key, v.kind, strings.ToValidUTF8(v.text, "\uFFFD")})
		}
	}
	return list
}

// parseGenerationConfig gives the ids that end an answer; nil if generation_config.json
// names none.
func parseGenerationConfig(data []byte) ([]int32, error) {
	o, err := parseJSON(data)
	if err != nil {
		return nil, err
	}
	list := o.ids("eos_token_id")
	return list, o.err
}

// parseTokenizerConfig gives the chat template of tokenizer_config.json, "" if there is
// none: a string, or a list of named ones, of which "default" counts.
func parseTokenizerConfig(data []byte) (string, error) {
	o, err := parseJSON(data)
	if err != nil {
		return "", err
	}
	v := o.get("chat_template", "", false)
	switch {
	case v == nil:
		return "", nil
	case v.kind == "string":
		return v.text, nil
	case v.kind != "array":
		return "", fmt.Errorf("\"chat_template\" at byte %d is a JSON %s, want a string or a list", v.at, v.kind)
	}
	for _, item := range v.items {
		if item.kind != "object" {
			return "", fmt.Errorf("\"chat_template\": item at byte %d is a JSON %s, want an object", item.at, item.kind)
		}
		named := &jsonObject{jsonValue: item}
		name, template := named.get("name", "string", true), named.get("template", "string", true)
		if named.err != nil {
			return "", fmt.Errorf("\"chat_template\": item at byte %d: %w", item.at, named.err)
		}
		if name.text == "default" {
			return template.text, nil
		}
	}
	return "", nil
}
