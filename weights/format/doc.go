// Package format is what files of weights and the kernels that read them agree on: the
// block formats of ggml and of MLX, each a row of one table. [Type] is a format's number;
// its methods give the row: name, size of a block, where the float16 scales are, and
// the [Layout] in which kernels find a block on the device. [Dequantize] turns blocks
// into float32. The constants that GLSL needs are generated from here.
//
// Reading the source: type.go (the numbers), table.go (the rows), layout.go,
// dequant*.go, finite.go, limits.go.
package format
