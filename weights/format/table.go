package format

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// row is all that the program knows of a type.
type row struct {
	name          string
	values, bytes int                             // of a block; values is 0 for types that are known by name only
	scales        []int                           // offsets of the float16 scales in a block
	quadsAt       int                             // see Layout
	words         []int                           // see Layout
	exponent      uint64                          // for single values: the exponent bits, repeated over 64 bits
	dequantize    func(dst []float32, src []byte) // whole blocks; nil for MLX
}

var table = map[Type]row{
	F32:  {name: "F32", values: 1, bytes: 4, exponent: 0x7f80_0000_7f80_0000, dequantize: dequantizeF32},
	F16:  {name: "F16", values: 1, bytes: 2, exponent: 0x7c00_7c00_7c00_7c00, dequantize: dequantizeF16},
	BF16: {name: "BF16", values: 1, bytes: 2, exponent: 0x7f80_7f80_7f80_7f80, dequantize: dequantizeBF16},

	Q4_0: {name: "Q4_0", values: 32, bytes: 18, scales: []int{0}, quadsAt: 2, dequantize: dequantizeQ4_0},
	Q4_1: {name: "Q4_1", values: 32, bytes: 20, scales: []int{0, 2}, quadsAt: 4, words: []int{0}, dequantize: dequantizeQ4_1},
	Q5_0: {name: "Q5_0", values: 32, bytes: 22, scales: []int{0}, quadsAt: 6, words: []int{2}, dequantize: dequantizeQ5_0},
	Q5_1: {name: "Q5_1", values: 32, bytes: 24, scales: []int{0, 2}, quadsAt: 8, words: []int{4, 0}, dequantize: dequantizeQ5_1},
	Q8_0: {name: "Q8_0", values: 32, bytes: 34, scales: []int{0}, quadsAt: 2, dequantize: dequantizeQ8_0},
	Q2_K: {name: "Q2_K", values: 256, bytes: 84, scales: []int{80, 82}, words: []int{80}, dequantize: dequantizeQ2_K},
	Q3_K: {name: "Q3_K", values: 256, bytes: 110, scales: []int{108}, words: []int{96, 100, 104}, dequantize: dequantizeQ3_K},
	Q4_K: {name: "Q4_K", values: 256, bytes: 144, scales: []int{0, 2}, dequantize: dequantizeQ4_K},
	Q5_K: {name: "Q5_K", values: 256, bytes: 176, scales: []int{0, 2}, dequantize: dequantizeQ5_K},
	Q6_K: {name: "Q6_K", values: 256, bytes: 210, scales: []int{208}, dequantize: dequantizeQ6_K},

	9: {name: "Q8_1"}, 15: {name: "Q8_K"},
	16: {name: "IQ2_XXS"}, 17: {name: "IQ2_XS"}, 18: {name: "IQ3_XXS"}, 19: {name: "IQ1_S"},
	20: {name: "IQ4_NL"}, 21: {name: "IQ3_S"}, 22: {name: "IQ2_S"}, 23: {name: "IQ4_XS"},
	24: {name: "I8"}, 25: {name: "I16"}, 26: {name: "I32"}, 27: {name: "I64"},
	28: {name: "F64"}, 29: {name: "IQ1_M"}, 34: {name: "TQ1_0"}, 35: {name: "TQ2_0"},
	39: {name: "MXFP4"}, 40: {name: "NVFP4"},
}

func init() {
	for _, bits := range []int{4, 8} {
		for _, group := range []int{32, 64, 128} {
			for _, scale := range []Type{F16, BF16} {
				name := fmt.Sprintf("MLX %d-bit/%d %s", bits, group, scale)
				table[MLX(bits, group, scale)] = row{name: name, values: group, bytes: group * bits / 8}
			}
		}
	}
}

// removed are ids that ggml once gave out and took back.
var removed = map[Type]string{
	4: "Q4_2", 5: "Q4_3", 31: "Q4_0_4_4", 32: "Q4_0_4_8", 33: "Q4_0_8_8",
	36: "IQ4_NL_4_4", 37: "IQ4_NL_4_8", 38: "IQ4_NL_8_8",
}

// Types are the types that can be read, in the order of their numbers, MLX's last.
func Types() []Type {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(table)), func(t Type) bool { return !t.Known() })
}

// CheckGGUF says why a type cannot be read from GGUF, nil if it can. The error names no
// file or tensor: that is the caller's to do.
func (t Type) CheckGGUF() error {
	const remedy = "convert the model again with llama-quantize to one of: "
	switch _, named := table[t]; {
	case t.Known() && !t.IsMLX():
		return nil
	case named && !t.IsMLX():
		return fmt.Errorf("type %s is not supported; %s%s", t, remedy, namesGGUF())
	case removed[t] != "":
		return fmt.Errorf("type id %d (%s) was removed from ggml; %s%s", uint32(t), t, remedy, namesGGUF())
	}
	return fmt.Errorf("unknown type id %d: the file is damaged or newer than this program", uint32(t))
}

func namesGGUF() string {
	var names []string
	for _, t := range Types() {
		if !t.IsMLX() {
			names = append(names, t.String())
		}
	}
	return strings.Join(names, " ")
}
