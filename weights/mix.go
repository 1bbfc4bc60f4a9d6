package weights

import (
	"fmt"
	"strings"
)

// written are the type mixes that can be written.
var written = []FileType{15, 17, 18, 7, 2, 32, 1}

// Mixes names the type mixes that [ParseMix] knows.
func Mixes() string {
	names := make([]string, len(written))
	for i, f := range written {
		names[i] = f.String()
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// ParseMix reads a type mix for [WriteSynth] and [Quantize] by llama-quantize's name,
// such as Q4_K_M.
func ParseMix(s string) (FileType, error) {
	for _, f := range written {
		if strings.EqualFold(s, f.String()) {
			return f, nil
		}
	}
	return -1, fmt.Errorf("weights: unknown type mix %q; want %s", s, Mixes())
}

// plainTypes are the types of most tensors of a mix.
var plainTypes = map[FileType]Type{1: F16, 2: Q4_0, 7: Q8_0, 15: Q4_K, 17: Q5_K, 18: Q6_K, 32: BF16}

// typeOf gives the type that llama-quantize chooses for a tensor (llama-quant.cpp,
// llama_tensor_get_type); head says whether it is the matrix that gives the logits.
func (f FileType) typeOf(tensor string, layer, layers int, head bool) Type {
	plain := plainTypes[f]
	isV, isDown := strings.HasSuffix(tensor, ".attn_v.weight"), strings.HasSuffix(tensor, ".ffn_down.weight")
	switch {
	case strings.HasSuffix(tensor, "_norm.weight"):
		return F32
	case plain == F16, plain == BF16, plain == Q8_0:
		return plain
	case head:
		return Q6_K
	case (plain == Q4_K || plain == Q5_K) && (isV || isDown) && useMoreBits(layer, layers):
		return Q6_K
	}
	return plain
}

// useMoreBits picks the layers whose attn_v and ffn_down Q4_K_M and Q5_K_M keep in Q6_K:
// the first and last eighth and every third between (llama.cpp, llama-quant.cpp).
func useMoreBits(layer, layers int) bool {
	eighth := layers / 8
	return layer < eighth || layer >= 7*layers/8 || (layer-eighth)%3 == 2
}

// fallbacks are the types that llama-quantize takes where rows are not whole blocks.
var fallbacks = map[Type]Type{Q4_K: Q5_0, Q5_K: Q5_1, Q6_K: Q8_0, Q4_0: F16, Q5_0: F16, Q5_1: F16, Q8_0: F16}

// fitting gives t, or in its place a type whose blocks make up rows of cols values.
func (t Type) fitting(cols int) Type {
	for cols%t.BlockValues() != 0 {
		t = fallbacks[t]
	}
	return t
}
