// Package reference is what the kernels compute, in plain Go and float64: one function
// each, written as the source that it names has the formula. The kernels'
// cases compare them with it. It knows their layouts (ggml's numbers of types, pages of the
// KV cache), but shares no code with them.
//
//	Expected   values and how far from them a kernel may be
//	Cache      the paged KV cache, for Attention and RoPE
//	Weights    random weights in the form of the files
package reference
