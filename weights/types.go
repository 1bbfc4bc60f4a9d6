package weights

import (
	"fmt"
	"strings"
)

// Type is a tensor's storage format, numbered as in ggml.
type Type uint32

// The formats that can be read. A Q type stores blocks of values with one or more
// scales; the others store single values. See also [MLX].
const (
	F32  Type = 0
	F16  Type = 1
	Q4_0 Type = 2
	Q4_1 Type = 3
	Q5_0 Type = 6
	Q5_1 Type = 7
	Q8_0 Type = 8
	Q2_K Type = 10
	Q3_K Type = 11
	Q4_K Type = 12
	Q5_K Type = 13
	Q6_K Type = 14
	BF16 Type = 30
)

// format describes one type: all that the package knows of it is in its row.
type format struct {
	name          string
	values, bytes int                             // of a block; values is 0 for types that are known by name only
	scales        []int                           // offsets of the float16 scales in a block
	exponent      uint64                          // for single values: the exponent bits, repeated over 64 bits
	dequantize    func(dst []float32, src []byte) // whole blocks
}

var formats = map[Type]format{
	F32:  {name: "F32", values: 1, bytes: 4, exponent: 0x7f80_0000_7f80_0000, dequantize: dequantizeF32},
	F16:  {name: "F16", values: 1, bytes: 2, exponent: 0x7c00_7c00_7c00_7c00, dequantize: dequantizeF16},
	BF16: {name: "BF16", values: 1, bytes: 2, exponent: 0x7f80_7f80_7f80_7f80, dequantize: dequantizeBF16},
	Q4_0: {name: "Q4_0", values: 32, bytes: 18, scales: []int{0}, dequantize: dequantizeQ4_0},
	Q8_0: {name: "Q8_0", values: 32, bytes: 34, scales: []int{0}, dequantize: dequantizeQ8_0},
	Q4_K: {name: "Q4_K", values: 256, bytes: 144, scales: []int{0, 2}, dequantize: dequantizeQ4_K},
	Q6_K: {name: "Q6_K", values: 256, bytes: 210, scales: []int{208}, dequantize: dequantizeQ6_K},

	Q4_1: {name: "Q4_1", values: 32, bytes: 20, scales: []int{0, 2}, dequantize: dequantizeQ4_1},
	Q5_0: {name: "Q5_0", values: 32, bytes: 22, scales: []int{0}, dequantize: dequantizeQ5_0},
	Q5_1: {name: "Q5_1", values: 32, bytes: 24, scales: []int{0, 2}, dequantize: dequantizeQ5_1},
	Q2_K: {name: "Q2_K", values: 256, bytes: 84, scales: []int{80, 82}, dequantize: dequantizeQ2_K},
	Q3_K: {name: "Q3_K", values: 256, bytes: 110, scales: []int{108}, dequantize: dequantizeQ3_K},
	Q5_K: {name: "Q5_K", values: 256, bytes: 176, scales: []int{0, 2}, dequantize: dequantizeQ5_K},

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
				formats[MLX(bits, group, scale)] = format{name: mlxName(bits, group, scale), values: group, bytes: group * bits / 8}
			}
		}
	}
}

// removedTypes are ids that ggml once gave out and took back.
var removedTypes = map[Type]string{
	4: "Q4_2", 5: "Q4_3", 31: "Q4_0_4_4", 32: "Q4_0_4_8", 33: "Q4_0_8_8",
	36: "IQ4_NL_4_4", 37: "IQ4_NL_4_8", 38: "IQ4_NL_8_8",
}

// String gives the name that ggml uses, such as "Q4_K".
func (t Type) String() string {
	if f, ok := formats[t]; ok {
		return f.name
	}
	if name, ok := removedTypes[t]; ok {
		return name
	}
	return fmt.Sprintf("type %d", uint32(t))
}

// BlockValues is the number of values in a block: 1, 32 or 256, for MLX the group; 0 for
// a type that cannot be read.
func (t Type) BlockValues() int { return formats[t].values }

// BlockBytes is the size of a block in bytes, MLX's scales and biases not counted; 0 for a
// type that cannot be read.
func (t Type) BlockBytes() int { return formats[t].bytes }

// check says why a type cannot be read from GGUF, nil if it can.
func (t Type) check() error {
	const remedy = "convert the model again with llama-quantize to one of: "
	f, known := formats[t]
	switch {
	case f.dequantize != nil:
		return nil
	case known && t&mlxType == 0:
		return fmt.Errorf("type %s is not supported; %s%s", f.name, remedy, supportedTypes())
	case removedTypes[t] != "":
		return fmt.Errorf("type id %d (%s) was removed from ggml; %s%s", uint32(t), removedTypes[t], remedy, supportedTypes())
	}
	return fmt.Errorf("unknown type id %d: the file is damaged or newer than this program", uint32(t))
}

func supportedTypes() string {
	var names []string
	for t := Type(0); int(t) < 64; t++ {
		if t.BlockValues() != 0 {
			names = append(names, t.String())
		}
	}
	return strings.Join(names, " ")
}
