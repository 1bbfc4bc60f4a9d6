package weights

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// shapes are the models that can be imitated.
var shapes = map[string]Config{
	"seallm-7b-v2.5": {Layers: 28, Dim: 3072, FFNDim: 24576, Heads: 16, KVHeads: 16, HeadDim: 256,
		Vocab: 256000, Context: 8192, RopeTheta: 10000, NormEps: 1e-6},
	"seallm-nano": {Layers: 4, Dim: 256, FFNDim: 1024, Heads: 4, KVHeads: 4, HeadDim: 64,
		Vocab: 2048, Context: 1024, RopeTheta: 10000, NormEps: 1e-6},
}

// ParseShape reads a shape for [WriteSynth]: seallm-7b-v2.5 or seallm-nano, possibly
// with other dimensions, as in "seallm-7b-v2.5:layers=2,vocab=1000". Keys: layers dim
// ffn heads kv_heads head_dim vocab context theta eps.
func ParseShape(s string) (Config, error) {
	base, overrides, _ := strings.Cut(s, ":")
	c, ok := shapes[base]
	if !ok {
		return c, fmt.Errorf("weights: unknown model shape %q; want seallm-7b-v2.5 or seallm-nano", base)
	}
	c.Name = s + " (synthetic)"
	numbers := map[string]*int{
		"layers": &c.Layers, "dim": &c.Dim, "ffn": &c.FFNDim, "heads": &c.Heads, "kv_heads": &c.KVHeads,
		"head_dim": &c.HeadDim, "vocab": &c.Vocab, "context": &c.Context,
	}
	floats := map[string]*float32{"theta": &c.RopeTheta, "eps": &c.NormEps}
	for item := range strings.SplitSeq(overrides, ",") {
		if item == "" {
			continue
		}
		key, text, _ := strings.Cut(item, "=")
		var err error
		if p := numbers[key]; p != nil {
			var n int64
			if n, err = strconv.ParseInt(text, 10, 32); err != nil {
				err = fmt.Errorf("%q, want a whole number", text)
			}
			*p = int(n)
		} else if p := floats[key]; p != nil {
			var f float64
			f, err = strconv.ParseFloat(text, 32)
			*p = float32(f)
			if err != nil || !(f > 0 && f < 1e30) {
				err = fmt.Errorf("%q, want a positive number", text)
			}
		} else {
			return c, fmt.Errorf("weights: shape %q: unknown dimension %q; want layers dim ffn heads kv_heads head_dim vocab context theta eps", s, key)
		}
		if err != nil {
			return c, fmt.Errorf("weights: shape %q: %s: %w", s, key, err)
		}
	}
	return gemma(c), nil
}

// checkSynth refuses shapes that WriteSynth cannot write.
func (c *Config) checkSynth() error {
	if err := c.check(); err != nil {
		return err
	}
	const widest, deepest = 1 << 20, 1 << 12 // far from overflow
	specials := len(specialPieces())
	switch {
	case max(c.Dim, c.FFNDim, c.Heads*c.HeadDim) > widest:
		return fmt.Errorf("widths above %d are not supported", widest)
	case c.Layers > deepest:
		return fmt.Errorf("more than %d layers are not supported", deepest)
	case c.Vocab < specials+plainPiecesLeast || c.Vocab > specials+plainPiecesMost:
		return fmt.Errorf("a vocabulary of %d pieces is not possible, want %d to %d", c.Vocab, specials+plainPiecesLeast, specials+plainPiecesMost)
	}
	return nil
}

// convertOrder is the order of a layer's tensors in files that were converted, not quantized.
var convertOrder = []string{"attn_norm", "attn_q", "attn_k", "attn_v", "attn_output", "ffn_norm", "ffn_gate", "ffn_up", "ffn_down"}

// planTensors lays the tensors out as llama.cpp does: their data without gaps but for
// the alignment. The second result is the size of the data section.
func planTensors(c *Config, mix FileType) ([]*Tensor, uint64, error) {
	if err := c.checkSynth(); err != nil {
		return nil, 0, err
	}
	shapes := slices.Collect(c.shapes)
	if plainTypes[mix].BlockValues() == 1 { // converted: token_embd … output_norm
		slices.SortStableFunc(shapes, func(a, b shape) int { return cmp.Or(a.layer-b.layer, convertRank(a.name)-convertRank(b.name)) })
		shapes = append(shapes[1:], shapes[0])
	}
	var list []*Tensor
	for _, s := range shapes {
		t := &Tensor{Name: s.name, Type: mix.typeOf(s, c.Layers, s.name == "token_embd.weight"), Rows: s.rows, Cols: s.cols}
		if b := t.Type.BlockValues(); t.Cols%b != 0 {
			return nil, 0, fmt.Errorf("tensor %q has rows of %d values, want a multiple of %s's block of %d", t.Name, t.Cols, t.Type, b)
		}
		list = append(list, t)
	}
	return list, layOut(list), nil
}

func convertRank(tensor string) int {
	return slices.IndexFunc(convertOrder, func(role string) bool { return strings.HasSuffix(tensor, "."+role+".weight") })
}
