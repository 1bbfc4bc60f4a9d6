package weights

import (
	"fmt"
	"math"

	"sealvk/weights/format"
)

// Config is a model's shape and what its architecture computes with it. Loaders alone know
// architectures; they fill every field, and who runs a model reads no name of one.
type Config struct {
	Arch, Name string
	Layers     int // decoder blocks
	Dim        int // width of the residual stream
	FFNDim     int // width between ffn_gate/ffn_up and ffn_down
	Heads      int // query heads
	KVHeads    int // key and value heads; divides Heads
	HeadDim    int // width of a head; even, at most [format.MaxHeadDim]
	Vocab      int // pieces of the vocabulary = rows of token_embd
	Context    int // positions the model was trained for
	RopeTheta  float32
	NormEps    float32 // added to the mean square in RMSNorm

	Activation   string  // of ffn_gate, by transformers' name: "gelu_pytorch_tanh", elsewhere "silu"
	NormOffset   float32 // RMSNorm multiplies by NormOffset+w, w as trained: folders hold w, GGUF files and Tensor the sum
	EmbedScale   float32 // token_embd times this enters the first layer; 1: as it is
	AttnScale    float32 // q·k times this enters the softmax
	RopeFactor   float32 // linear scaling: RoPE divides positions by it; 1: unscaled
	RopeAdjacent bool    // RoPE turns a head's values 2i and 2i+1 together; false: i and i+HeadDim/2
	TiedHead     bool    // token_embd gives the logits; false: output does
	AttnBias     bool    // attn_q, attn_k and attn_v have biases
	AttnCap      float32 // c of the soft cap c·tanh(x/c) on what enters the softmax; 0: none
	LogitCap     float32 // c of that on the logits; 0: none
	Window       int     // positions that a layer attends to, its own and those before it; 0: all
}

// gemma fills in what all models of Gemma's architecture have in common
// (https://arxiv.org/abs/2403.08295, section 2); c has their dimensions. Biases, soft caps and
// windows they have none.
func gemma(c Config) Config {
	c.Arch = "gemma"
	c.Activation = "gelu_pytorch_tanh"
	c.NormOffset = 1
	c.EmbedScale = float32(math.Sqrt(float64(c.Dim)))
	c.AttnScale = float32(1 / math.Sqrt(float64(c.HeadDim)))
	c.RopeFactor = 1
	c.TiedHead = true
	return c
}

// readConfig takes everything but Vocab from the metadata. Defaults are llama.cpp's.
func readConfig(m *metadata) (Config, error) {
	c := Config{Arch: m.text("general.architecture", true), Name: m.shown("general.name")}
	if m.err == nil && c.Arch != "gemma" {
		return c, fmt.Errorf("metadata key \"general.architecture\" is %q; only \"gemma\" models can be run", c.Arch)
	}
	c.readDimensions(ggufKeys, m.integer)
	c.Context = m.integer(ggufKeys.context, -1)
	c.NormEps = m.float("gemma.attention.layer_norm_rms_epsilon", 0)
	c.RopeTheta = m.float("gemma.rope.freq_base", 10000)
	width := -1 // of a head, if the file does not say
	if c.Heads > 0 && c.Dim%c.Heads == 0 {
		width = c.Dim / c.Heads
	}
	c.HeadDim = m.integer(ggufKeys.headDim, width)
	if n := m.integer("gemma.attention.value_length", width); m.err == nil && n != c.HeadDim {
		return c, fmt.Errorf("gemma.attention.key_length is %d and value_length %d; they must be equal", c.HeadDim, n)
	}
	c.checkRope(m)
	if m.err != nil {
		return c, m.err
	}
	return gemma(c), c.check()
}

// checkRope refuses what would scale RoPE, or leave a part of a head out. To llama.cpp a
// factor without a type means linear scaling; 0 stands for none.
func (c *Config) checkRope(m *metadata) {
	if n := m.integer("gemma.rope.dimension_count", c.HeadDim); n != c.HeadDim {
		m.failf("gemma.rope.dimension_count is %d, want the head's width %d", n, c.HeadDim)
	}
	kind := m.text("gemma.rope.scaling.type", false)
	if kind == "none" {
		return
	}
	if kind != "" {
		m.failf("gemma.rope.scaling.type %q is not supported", kind)
	}
	for _, key := range []string{"gemma.rope.scaling.factor", "gemma.rope.scale_linear"} {
		v, ok := m.get(key, false)
		if !ok {
			continue
		}
		if f, ok := v.float(); !ok {
			m.wrong(key, v, "a float")
		} else if f != 0 && f != 1 {
			m.failf("%s is %v; only unscaled RoPE can be run", key, f)
		}
	}
}

// dimensionKeys are the names that a kind of file has for a model's dimensions.
type dimensionKeys struct{ layers, dim, ffn, context, heads, kvHeads, headDim string }

var ggufKeys = dimensionKeys{
	"gemma.block_count", "gemma.embedding_length", "gemma.feed_forward_length", "gemma.context_length",
	"gemma.attention.head_count", "gemma.attention.head_count_kv", "gemma.attention.key_length",
}

// readDimensions takes what every file must tell; integer is as of metadata or jsonObject.
func (c *Config) readDimensions(keys dimensionKeys, integer func(key string, def int) int) {
	c.Layers = integer(keys.layers, -1)
	c.Dim = integer(keys.dim, -1)
	c.FFNDim = integer(keys.ffn, -1)
	c.Heads = integer(keys.heads, -1)
	c.KVHeads = integer(keys.kvHeads, c.Heads)
}

func (c *Config) check() error { return c.checkAs(ggufKeys) }

// checkAs covers all but Vocab, which GGUF has from the vocabulary.
func (c *Config) checkAs(keys dimensionKeys) error {
	for _, f := range []struct {
		key string
		n   int
	}{
		{keys.layers, c.Layers}, {keys.dim, c.Dim}, {keys.ffn, c.FFNDim}, {keys.context, c.Context},
		{keys.heads, c.Heads}, {keys.kvHeads, c.KVHeads}, {keys.headDim, c.HeadDim},
	} {
		if f.n <= 0 {
			return fmt.Errorf("%s is %d, want at least 1", f.key, f.n)
		}
	}
	switch {
	case c.HeadDim%2 != 0 || c.HeadDim > format.MaxHeadDim:
		return fmt.Errorf("%s is %d, want an even number of at most %d", keys.headDim, c.HeadDim, format.MaxHeadDim)
	case c.Heads%c.KVHeads != 0:
		return fmt.Errorf("%s %d is not a multiple of %s %d", keys.heads, c.Heads, keys.kvHeads, c.KVHeads)
	case c.Heads > math.MaxInt32/format.MaxHeadDim:
		return fmt.Errorf("%s %d is too large", keys.heads, c.Heads)
	}
	return nil
}

// shape is a tensor that the model needs: rows × cols, row-major.
type shape struct {
	name       string
	layer      int // -1: outside the layers
	rows, cols int
}

// shapes yields the tensors that every model has: those outside the layers, then layer
// after layer, in the order in which llama-quantize writes them. It makes no list, for a damaged file may ask for any number of layers.
func (c *Config) shapes(yield func(shape) bool) {
	if !yield(shape{"output_norm.weight", -1, 1, c.Dim}) || !yield(shape{"token_embd.weight", -1, c.Vocab, c.Dim}) {
		return
	}
	for i := range c.Layers {
		for _, s := range c.layer(i) {
			if !yield(s) {
				return
			}
		}
	}
}

// head is the matrix that gives the logits where token_embd does not.
func (c *Config) head() shape { return shape{"output.weight", -1, c.Vocab, c.Dim} }

// layer gives the tensors of layer i, sorted by name as llama-quantize writes them.
func (c *Config) layer(i int) []shape {
	q, kv := c.Heads*c.HeadDim, c.KVHeads*c.HeadDim
	list := []shape{
		{"attn_k", i, kv, c.Dim},
		{"attn_norm", i, 1, c.Dim},
		{"attn_output", i, c.Dim, q},
		{"attn_q", i, q, c.Dim},
		{"attn_v", i, kv, c.Dim},
		{"ffn_down", i, c.Dim, c.FFNDim},
		{"ffn_gate", i, c.FFNDim, c.Dim},
		{"ffn_norm", i, 1, c.Dim},
		{"ffn_up", i, c.FFNDim, c.Dim},
	}
	for j := range list {
		list[j].name = fmt.Sprintf("blk.%d.%s.weight", i, list[j].name)
	}
	return list
}
