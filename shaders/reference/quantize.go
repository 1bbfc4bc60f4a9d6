package reference

import (
	"fmt"
	"math"
)

// Activations as 8-bit integers, as quantize.glsl lays them out: blocks of 16 columns.
const (
	quantizedBlock = 16
	quantizedRows  = 16
)

// Quantize rounds rows of cols values, at most 16 rows, to multiples of each block's
// greatest / 127: the words that kernels read, and the values that these stand for.
func Quantize(x []float32, cols int) (words []uint32, values []float32) {
	words, values = make([]uint32, quantizedRows*cols/quantizedBlock*6), make([]float32, len(x))
	for at := 0; at < len(x); at += quantizedBlock {
		var most, sum float64
		for _, v := range x[at:][:quantizedBlock] {
			most = max(most, math.Abs(float64(v)))
		}
		scale := float64(float32(most / 127))
		for i, v := range x[at:][:quantizedBlock] {
			q := math.RoundToEven(float64(v) / max(scale, 1e-30))
			sum += q
			words[(at+i)/4] |= uint32(uint8(int8(q))) << (i % 4 * 8)
			values[at+i] = float32(scale * q)
		}
		scales := words[quantizedRows*cols/4+at/quantizedBlock*2:]
		scales[0], scales[1] = math.Float32bits(float32(scale)), math.Float32bits(float32(scale*sum))
	}
	return words, values
}

// CheckQuantized says what is wrong with a kernel's words for values of cols columns a row, ""
// if nothing is: integers are off by at most half a step, and the sums are theirs.
func CheckQuantized(words []uint32, want Expected, cols int) string {
	for at := 0; at < len(want.Values); at += quantizedBlock {
		var most, sum float64
		for i := at; i < at+quantizedBlock; i++ {
			most = max(most, math.Abs(want.Values[i])+want.Tolerance[i])
		}
		scales := words[quantizedRows*cols/4+at/quantizedBlock*2:]
		scale, total := float64(math.Float32frombits(scales[0])), float64(math.Float32frombits(scales[1]))
		for i := at; i < at+quantizedBlock; i++ {
			q := float64(int8(words[i/4] >> (i % 4 * 8)))
			sum += q
			if off := math.Abs(q*scale - want.Values[i]); !(off <= want.Tolerance[i]+0.5001*most/127) {
				return fmt.Sprintf("row %d, column %d: %v × %v, the reference has %v", i/cols, i%cols, q, scale, want.Values[i])
			}
		}
		if !(math.Abs(scale*sum-total) <= 1e-5*scale*quantizedBlock*127) {
			return fmt.Sprintf("row %d, columns %d and on: sum %v, want %v", at/cols, at%cols, total, scale*sum)
		}
	}
	return ""
}
