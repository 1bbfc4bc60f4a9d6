package weights

import (
	"fmt"
	"strings"

	"sealvk/weights/format"
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
var plainTypes = map[FileType]format.Type{1: format.F16, 2: format.Q4_0, 7: format.Q8_0, 15: format.Q4_K, 17: format.Q5_K, 18: format.Q6_K, 32: format.BF16}

// typeOf gives the type that llama-quantize chooses for a tensor (llama-quant.cpp,
// llama_tensor_get_type); head reports whether it is the matrix that gives the logits.
func (f FileType) typeOf(tensor shape, layers int, head bool) format.Type {
	plain := plainTypes[f]
	isV, isDown := strings.HasSuffix(tensor.name, ".attn_v.weight"), strings.HasSuffix(tensor.name, ".ffn_down.weight")
	switch {
	case strings.HasSuffix(tensor.name, "_norm.weight"):
		return format.F32
	case plain == format.F16, plain == format.BF16, plain == format.Q8_0:
		return plain
	case head:
		return format.Q6_K
	case (plain == format.Q4_K || plain == format.Q5_K) && (isV || isDown) && useMoreBits(tensor.layer, layers):
		return format.Q6_K
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
var fallbacks = map[format.Type]format.Type{format.Q4_K: format.Q5_0, format.Q5_K: format.Q5_1, format.Q6_K: format.Q8_0, format.Q4_0: format.F16, format.Q5_0: format.F16, format.Q5_1: format.F16, format.Q8_0: format.F16}

// fitting gives typ, or in its place a type whose blocks make up rows of cols values.
func fitting(typ format.Type, cols int) format.Type {
	for cols%typ.BlockValues() != 0 {
		typ = fallbacks[typ]
	}
	return typ
}
