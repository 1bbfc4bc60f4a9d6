package shaders

import (
	"math"
	"testing"
)

// The table follows the reference's rounding, and stays exact at large positions.
func TestRoPETable(t *testing.T) {
	const context, dim, theta = 8192, 256, 10000
	table := append(RoPETable(0, 600, dim, theta), RoPETable(600, context-600, dim, theta)...)
	for _, position := range []int{0, 1, 600, 8191} {
		for i := range dim / 2 {
			sin, cos := math.Sincos(float64(position) * math.Pow(theta, -2*float64(i)/dim))
			at := 2 * (position*dim/2 + i)
			if math.Abs(float64(table[at])-cos) > 2e-7*float64(position+1) || math.Abs(float64(table[at+1])-sin) > 2e-7*float64(position+1) {
				t.Fatalf("position %d pair %d: (%v, %v), want (%v, %v)", position, i, table[at], table[at+1], cos, sin)
			}
		}
	}
}
