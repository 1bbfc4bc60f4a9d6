package cases

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"sealvk/shaders/reference"
)

// What blocks' and tokens' factors make of blocked halves is what was rounded.
func TestBlockedHalves(t *testing.T) {
	const tokens, cols, block = 11, 72, 16
	rng := rand.New(rand.NewPCG(1, 2))
	x := make([]float32, tokens*cols)
	for i := range x {
		x[i] = float32(math.Ldexp(rng.NormFloat64(), i/block%7*8-20)) // blocks of very different sizes
	}
	clear(x[3*cols : 4*cols]) // a token of zeros
	clear(x[5*cols:][:block]) // and a block
	for _, octets := range []bool{false, true} {
		words, values := reference.BlockedHalves(x, cols, block, octets)
		const blocks = (cols + block - 1) / block
		stride := cols / 2
		for tok := range tokens {
			what := fmt.Sprintf("token %d, octets %v", tok, octets)
			got, most := halves(words, tok, tokens, stride, octets)
			largest, at := float32(0), factorAt(0, tokens, stride, octets)+tokens+tok*blocks
			for c, v := range x[tok*cols:][:cols] {
				largest = max(largest, v, -v)
				factor := math.Float32frombits(words[at+c/block])
				if off := math.Abs(float64(got[c]*factor - v)); off > 0x1p-11*math.Abs(float64(v))+0x1p-24*float64(factor) {
					t.Errorf("%s, column %d: %v × %v, want %v", what, c, got[c], factor, v)
				}
			}
			if most != largest {
				t.Errorf("%s: the largest value is %v, not %v", what, largest, most)
			}
			for c, v := range x[tok*cols:][:cols] {
				if off := math.Abs(float64(values[tok*cols+c] - v)); off > 0x1p-10*math.Abs(float64(v))+0x1p-39*float64(largest) {
					t.Errorf("%s, column %d: a reader finds %v, want %v", what, c, values[tok*cols+c], v)
				}
			}
		}
	}
}
