package shaders

import "sealvk/vk"

// Activations is what products read: f32, and where ProductTuning.IntDot is set, for up
// to DecodeRows tokens, 16-bit integers too (quantize.glsl); or, where [Kernels.TakesHalves] says so,
// f16, of the tokens that are multiplied alone: of what is normed, the norm ([Kernels.SumNorm]).
type Activations struct {
	F32       vk.Range // [token][cols]
	Quantized vk.Range // QuantizedBytes; may be missing
	Half      vk.Range // ActivationHalves, as ToHalf or SumNorm write it; may be missing
}

// QuantizedBytes is the size of Activations.Quantized, three quads a block of 16 columns.
func QuantizedBytes(cols int) int64 { return DecodeRows * int64(ceilDiv(cols, 16)) * 48 }

// Normed is activations whose RMSNorm a kernel reads ([Residual]).
type Normed struct {
	Weighted Activations
	Squares  vk.Range
	Eps      float32
}

// Residual is the residual stream and what the RMSNorm of its next reader needs.
type Residual struct {
	X        vk.Range    // [token][dim] f32
	Weighted Activations // [token][dim], x times the norm's weight
	Squares  vk.Range    // [token][dim/TileRows] f32, the sums of the squares of x over its tiles
}
