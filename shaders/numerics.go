package shaders

import "sealvk/vk"

// InF32 is the tuning without integer dot products and cooperative matrices: activations stay f32.
func (t Tuning) InF32(c *vk.Caps) Tuning {
	t.Product.IntDot, t.LoneGain = false, false
	if t.Prefill.CoopMat != (CoopMat{}) {
		t.Prefill = plainPrefill(c)
	}
	return t
}
