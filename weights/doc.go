// Package weights reads models of the Gemma architecture: configuration, tensors,
// vocabulary and chat template. It knows GGUF versions 2 and 3
// (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md), whole or in shards, and
// Hugging Face folders of safetensors (https://github.com/huggingface/safetensors), plain
// or quantized by MLX. It also writes GGUF.
//
// [Open] maps a model's files and checks all of them but the weights' values: a [Model]
// that came without an error has every tensor a Gemma model needs, in the shape that its
// [Config] says, inside the files. What is odd and changes no answer is in its Warnings.
// [Model.CheckFinite] checks the values. Names are GGUF's
// whatever the form of the files. A [Tensor]'s Data are the files' own bytes in the block
// format of its [format.Type]; [Tensor.DequantizeRows] turns them into float32. [WriteSynth]
// writes a model with random weights of a given shape and type mix.
//
// Reading the source: model.go (from a path to the files), then
// GGUF: gguf.go (a file from front to back), gguf_shards.go, cursor.go and meta.go (bytes
// to keys), kind.go (what is no model), config.go (the model's shape and the tensors it needs),
// tensor.go, vocab.go, marks.go (pieces that stand for no text);
// folders: folder.go, folder_config.go, folder_mlx.go (config.json), safetensors.go and
// safetensors_index.go (the tensors' files), folder_tensors.go (their names and ours),
// json.go. beside.go looks for adapters. Package format has the block formats; finite.go looks for damaged values.
// gguf_write.go writes headers for quantize*.go and synth*.go.
//
// Norm weights are the factor itself (1+w in Gemma's terms): GGUF stores that, for folders
// it is computed at [Open]. What else an architecture computes is fields of [Config]; gemma
// in config.go has Gemma's, and another architecture is a function beside it and the names
// that its files have for keys and tensors.
package weights
