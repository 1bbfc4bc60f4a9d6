package reference

import (
	"fmt"
	"math"
)

// Activations as 16-bit integers in two bytes, as quantize.glsl lays them out: blocks of 16
// columns, each four words of upper bytes, four of lower ones, scale and sum, and two of nothing.
const (
	quantizedBlock = 16
	quantizedWords = 12
	quantizedMost  = 32512
)

// Quantize rounds rows of cols values to multiples of each block's greatest / 32512: the words that
// kernels read, and the values that these stand for.
func Quantize(x []float32, cols int) (words []uint32, values []float32) {
	words, values = make([]uint32, len(x)/quantizedBlock*quantizedWords), make([]float32, len(x))
	for at := 0; at < len(x); at += quantizedBlock {
		block := words[at/quantizedBlock*quantizedWords:]
		var most, sum float64
		for _, v := range x[at:][:quantizedBlock] {
			most = max(most, math.Abs(float64(v)))
		}
		scale := float64(float32(most / quantizedMost))
		for i, v := range x[at:][:quantizedBlock] {
			q := math.RoundToEven(float64(v) / max(scale, 1e-35))
			sum += q
			high := math.Floor((q + 128) / 256)
			block[i/4] |= uint32(uint8(int8(high))) << (i % 4 * 8)
			block[4+i/4] |= uint32(uint8(int8(q-256*high))) << (i % 4 * 8)
			values[at+i] = float32(scale * q)
		}
		block[8], block[9] = math.Float32bits(float32(scale)), math.Float32bits(float32(scale*sum))
	}
	return words, values
}

// CheckQuantized says what is wrong with a kernel's words for values of cols columns a row, ""
// if nothing is: integers are off by at most half a step, and what f32 rounds of a quotient up to
// 32512; and the sums are theirs.
func CheckQuantized(words []uint32, want Expected, cols int) string {
	for at := 0; at < len(want.Values); at += quantizedBlock {
		block := words[at/quantizedBlock*quantizedWords:]
		var most, sum float64
		for i := at; i < at+quantizedBlock; i++ {
			most = max(most, math.Abs(want.Values[i])+want.Tolerance[i])
		}
		scale, total := float64(math.Float32frombits(block[8])), float64(math.Float32frombits(block[9]))
		for i := range quantizedBlock {
			high, low := int8(block[i/4]>>(i%4*8)), int8(block[4+i/4]>>(i%4*8))
			q := 256*float64(high) + float64(low)
			sum += q
			if off := math.Abs(q*scale - want.Values[at+i]); !(off <= want.Tolerance[at+i]+0.51*most/quantizedMost) {
				return fmt.Sprintf("row %d, column %d: %v × %v, the reference has %v", (at+i)/cols, (at+i)%cols, q, scale, want.Values[at+i])
			}
		}
		if !(math.Abs(scale*sum-total) <= 1e-6*scale*quantizedBlock*quantizedMost) {
			return fmt.Sprintf("row %d, columns %d and on: sum %v, want %v", at/cols, at%cols, total, scale*sum)
		}
	}
	return ""
}
