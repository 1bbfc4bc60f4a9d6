package weights

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"

	"sealvk/weights/format"
)

// hfModules names the modules of transformers' and mlx-lm's GemmaForCausalLM by what
// GGUF calls them; those of layer N follow on "model.layers.N." and "blk.N.".
var hfModules = map[string]string{
	"token_embd":  "model.embed_tokens",
	"output_norm": "model.norm",
	"output":      "lm_head",
	"attn_q":      "self_attn.q_proj",
	"attn_k":      "self_attn.k_proj",
	"attn_v":      "self_attn.v_proj",
	"attn_output": "self_attn.o_proj",
	"attn_norm":   "input_layernorm",
	"ffn_norm":    "post_attention_layernorm",
	"ffn_gate":    "mlp.gate_proj",
	"ffn_up":      "mlp.up_proj",
	"ffn_down":    "mlp.down_proj",
}

// hfModule gives the module that holds a GGUF tensor.
func hfModule(tensor string) string {
	name := strings.TrimSuffix(tensor, ".weight")
	if rest, ok := strings.CutPrefix(name, "blk."); ok {
		layer, role, _ := strings.Cut(rest, ".")
		return "model.layers." + layer + "." + hfModules[role]
	}
	return hfModules[name]
}

// folderTensors turns the entries of a folder's files into the model's tensors.
type folderTensors struct {
	path    string // of the folder
	config  *folderConfig
	entries []*stEntry // the files in order, each in the order of its data
	byName  map[string]*stEntry
	list    []*Tensor
}

// assemble finds every tensor that config asks for and gives them in the entries' order.
// Its errors begin with the file that they are about, or the folder.
func assemble(folder string, config *folderConfig, entries []*stEntry) ([]*Tensor, error) {
	f := &folderTensors{path: folder, config: config, entries: entries, byName: make(map[string]*stEntry, len(entries))}
	for i, e := range entries {
		if other := f.byName[e.name]; other != nil {
			return nil, fmt.Errorf("%s: tensor %.80q is in %s too", e.path, e.name, other.path)
		}
		f.byName[e.name], e.order = e, i
	}
	for s := range config.shapes {
		if err := f.add(s); err != nil {
			return nil, err
		}
	}
	if err := f.addHead(); err != nil {
		return nil, err
	}
	if err := f.checkRest(); err != nil {
		return nil, err
	}
	slices.SortFunc(f.list, func(a, b *Tensor) int { return cmp.Compare(a.at, b.at) })
	return f.list, nil
}

// add makes the tensor of one shape.
func (f *folderTensors) add(s shape) error {
	module := hfModule(s.name)
	weight, scales := f.byName[module+".weight"], f.byName[module+".scales"]
	if weight == nil {
		return fmt.Errorf("%s: tensor %q is missing (incomplete download? fetch it again)", f.path, module+".weight")
	}
	t := &Tensor{Name: s.name, Rows: s.rows, Cols: s.cols, path: weight.path, at: weight.order}
	var err error
	switch {
	case strings.HasSuffix(s.name, "_norm.weight"):
		err = attachNorm(t, weight, f.config.NormOffset)
	case scales != nil:
		err = attachMLX(t, f.config.mlx, module, weight, scales, f.byName[module+".biases"])
	default:
		err = attachPlain(t, weight, f.config.mlx, module)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", weight.path, err)
	}
	f.list = append(f.list, t)
	return nil
}

// attachPlain makes a tensor of an unquantized weight.
func attachPlain(t *Tensor, e *stEntry, mlx *mlxConfig, module string) error {
	typ, ok := floatTypes[e.dtype]
	switch {
	case !ok && e.dtype == "U32":
		return fmt.Errorf("tensor %q has dtype U32 without %q beside it: the folder is quantized and incomplete", e.name, module+".scales")
	case !ok:
		return fmt.Errorf("tensor %q has dtype %s; only BF16, F16 and F32 can be run, save the model again with torch_dtype=bfloat16", e.name, e.dtype)
	}
	if mlx != nil {
		if m, own := mlx.modules[module]; own && m.bits != 0 {
			return fmt.Errorf("tensor %q is missing, config.json says that the module is quantized", module+".scales")
		}
	}
	if err := e.checkShape(t.Rows, t.Cols); err != nil {
		return err
	}
	t.Type, t.Data, e.used = typ, e.data, true
	return nil
}

// attachNorm makes a norm's factor offset+w of the stored w.
func attachNorm(t *Tensor, e *stEntry, offset float32) error {
	if err := attachPlain(t, e, nil, ""); err != nil {
		return err
	}
	w := make([]float32, t.Cols)
	if err := format.Dequantize(w, t.Type, t.Data, nil, nil); err != nil {
		return err
	}
	t.Type, t.Data = format.F32, make([]byte, 4*t.Cols)
	for i, v := range w {
		binary.LittleEndian.PutUint32(t.Data[4*i:], math.Float32bits(offset+v))
	}
	return nil
}

// addHead makes output.weight of a head that is not token_embd. A tied one may be stored
// all the same.
func (f *folderTensors) addHead() error {
	if f.config.TiedHead {
		return nil
	}
	if f.byName["lm_head.weight"] == nil {
		return fmt.Errorf("%s: tensor \"lm_head.weight\" is missing, and \"tie_word_embeddings\" is false in config.json", f.path)
	}
	return f.add(f.config.head())
}

// checkRest refuses what is no part of a Gemma model. RoPE's frequencies, which old
// versions stored, and a tied head are no harm.
func (f *folderTensors) checkRest() error {
	surplus := slices.DeleteFunc(slices.Clone(f.entries), func(e *stEntry) bool {
		return e.used || strings.HasSuffix(e.name, ".rotary_emb.inv_freq") || f.config.TiedHead && strings.HasPrefix(e.name, "lm_head.")
	})
	if len(surplus) == 0 {
		return nil
	}
	return fmt.Errorf("%s: %d tensors more than a Gemma model of %d layers has; the first is %q", surplus[0].path, len(surplus), f.config.Layers, surplus[0].name)
}
