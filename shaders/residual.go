package shaders

import "sealvk/vk"

// Residual is the residual stream and what the RMSNorm of its next reader needs.
type Residual struct {
	X        vk.Range    // [token][dim] f32
	Weighted Activations // [token][dim], x times the norm's weight
	Squares  vk.Range    // [token][dim/TileRows] f32, the sums of the squares of x over its tiles
}
