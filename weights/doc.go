// Package weights reads model files: configuration, tensors, vocabulary and chat
// template of Gemma-architecture models in GGUF versions 2 and 3
// (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md), and writes
// synthetic ones.
//
// [Open] maps a file and checks all of it but the weights' values: a [Model] that
// came without an error has every tensor a Gemma model needs, in the shape that its
// [Config] says, inside the file. [Model.CheckFinite] checks the values.
// A [Tensor]'s Data are the file's own bytes in the block format of its [Type];
// [Dequantize] turns them into float32. [WriteSynth] writes a model with random
// weights of a given shape and type mix.
//
// Reading the source: model.go (a file from front to back), cursor.go and meta.go
// (bytes to keys), config.go (the model's shape and the tensors it needs),
// tensor.go, vocab.go; types.go is the table of block formats that dequant.go and
// finite.go work from; synth_shape.go, synth_vocab.go, synth_blocks.go and
// synth_write.go go the other way.
//
// Norm weights are stored as the factor itself (1+w in Gemma's terms).
package weights
