package cases

import (
	"fmt"
	"math"
	"slices"

	"sealvk/shaders"
	"sealvk/shaders/reference"
	"sealvk/weights/format"
)

var _ = register("matmul_registers", kernel{
	plan: func(b *Bench) {
		tokens, cols := b.Size("tokens"), b.Size("cols")
		x := shaders.Operand{Tokens: tokens, Cols: cols, Half: true, Octets: true, Block: choose(b, 0, shaders.GeGLUBlock, 128)}
		fill := b.perToken(cols, 1)
		var found []float32
		words := input(b, "x", func(v []uint32) {
			values := make([]float32, tokens*cols)
			fill(values)
			for i := range values { // tokens of different sizes, beyond f16's too, and blocks
				size := (b.from + i/cols) % 5 * 9
				if x.Block > 0 {
					size -= i / x.Block % 7
				}
				values[i] = float32(math.Ldexp(float64(values[i]), size))
			}
			var from []uint32
			if x.Block > 0 {
				from, found = reference.BlockedHalves(values, cols, x.Block, true)
			} else {
				from, found = reference.Halves(values, cols, 8*ceilDiv(tokens, 8), true)
			}
			copy(v, from)
		}, int(x.Bytes()/4))
		b.manyTokens(&manyTokens{x: &words.buffer, halves: true, octets: true, block: x.Block, times: func(w []float32, t int) reference.Expected {
			return reference.MatMulMatrices(w, found[t*cols:], len(w)/cols, cols, 1)
		}})
	},
	check: func(c *Case) error {
		if cols := c.Size("cols"); cols%shaders.TurnCols != 0 {
			return fmt.Errorf("cols=%d: want a multiple of %d", cols, shaders.TurnCols)
		}
		return nil
	},
	types: append(slices.Clip(families), format.F32),
	// Tokens for each tile of EmulatedRegisters.
	ragged: [][]int{{0, 0, 33}, {0, 0, 7}, {0, 0, 12}, {0, 0, 21}, {0, 0, 50}},
	byHand: []example{
		{[]int{70, 512, 40}, "tiles of 32×16, emulated", 64, [3]int{9, 1, 1}, shaders.Work{Read: 96*288 + 40*(2*512+4), Written: 40 * 4 * 70, FLOPs: 40 * 2 * 70 * 512}},
		{[]int{70, 512, 5}, "tiles of 32×8, emulated", 32, [3]int{3, 1, 1}, shaders.Work{Read: 96*288 + 8*2*512 + 5*4, Written: 5 * 4 * 70, FLOPs: 5 * 2 * 70 * 512}},
	},
})
