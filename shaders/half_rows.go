package shaders

import (
	"slices"

	"sealvk/vk"
)

// Operand is x as [Kernels.MatMulPrefill] reads it.
type Operand struct {
	X            vk.Range // [First+Tokens][Cols] f32; Half: f16 as half_rows.glsl says, of Bytes bytes
	First        int      // token, of f32
	Tokens, Cols int
	Half         bool
	Octets       bool // of Half: in that order
	Block        int  // of Half: columns that share a factor, a multiple of 8, in blocked halves; 0: a token's do
}

// PrefillOperand is x for [Kernels.MatMulPrefill] with each of the matrices, as [Prefill.Reads] says.
func (s *Kernels) PrefillOperand(x vk.Range, tokens int, readers ...*Matrix) Operand {
	half, octets := s.tuning.Prefill.Reads(readers...)
	return Operand{X: x, Tokens: tokens, Cols: readers[0].Cols, Half: half, Octets: octets}
}

// Reads tells how products with each of the matrices read x: as f16 where the device has cooperative matrices
// for it, else in f32; in octets where those may be filled in registers ([RegisterTiles]).
func (p *Prefill) Reads(w ...*Matrix) (half, octets bool) {
	octets = !slices.ContainsFunc(w, func(w *Matrix) bool { return !p.Registers.Takes(w) })
	return octets || p.CoopMat != (CoopMat{}), octets
}

// Bytes is the size of X where it is Half.
func (o *Operand) Bytes() int64 {
	words := o.factors() + o.Tokens
	if o.Block > 0 {
		words += o.Tokens * o.blocks()
	}
	return 4 * int64(words)
}

// factors is the word of X where the tokens' factors begin, or, of blocked halves, their largest values.
func (o *Operand) factors() int {
	tokens := o.Tokens
	if o.Octets {
		tokens = 8 * ceilDiv(tokens, 8)
	}
	return tokens * halfRow(o.Cols) / 4
}

// blocks of a token.
func (o *Operand) blocks() int { return ceilDiv(o.Cols, o.Block) }

// HalfBytes is the size of tokens as ToHalf writes them: their values, and a factor each.
func HalfBytes(tokens, cols int) int64 { return int64(tokens) * int64(halfRow(cols)+4) }

// halfRow is the bytes of a row of f16: whole 8 values.
func halfRow(cols int) int { return ceilDiv(cols, 8) * 16 }
