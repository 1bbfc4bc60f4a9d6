package shaders

import "sealvk/vk"

// InF32 is the tuning without integer dot products and cooperative matrices: activations stay f32.
func (t Tuning) InF32(c *vk.Caps) Tuning {
	t.Product.IntDot, t.Product.Matrix, t.LoneGain = false, MatrixTuning{}, false
	t.Attention.Matrix = AttentionMatrix{}
	if t.Prefill.Half() {
		t.Prefill = plainPrefill(c)
	}
	return t
}

// LoneGain tells whether products of a single token are over 5 % faster by other kernels than by the
// matrices that any number of tokens takes: on an H100 integer dot products take 32.8 µs for
// ffn_gate_up, matrices in lanes 37.5 and in shared memory 73 (docs/performance.md).
func (p *ProductTuning) LoneGain() bool {
	return p.Matrix.On && (p.IntDot || p.Matrix.Form == MatrixShared)
}
