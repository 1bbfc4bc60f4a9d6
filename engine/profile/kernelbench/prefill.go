package kernelbench

import (
	"encoding/binary"
	"fmt"
	"math"

	"sealvk/shaders"
	"sealvk/shaders/reference"
	"sealvk/vk"
	"sealvk/weights/format"
)

// planTiles is the product of many tokens, in f32 or, by cooperative matrices, of f16.
func planTiles(b *bench) {
	tokens, half := b.c.size("tokens"), b.c.Variant.Prefill.CoopMat != (shaders.CoopMat{})
	want := reference.MatMul
	if half {
		want = reference.MatMulHalf
	}
	m := b.matmul(want)
	var x interface{ All() vk.Range }
	if half {
		x = m.halves(b)
	} else {
		x = m.floats(b)
	}
	m.y = b.output("y", product(tokens, m.Rows))
	b.record = func(s *shaders.Set, c *vk.Commands, label string) {
		operand := shaders.Operand{X: x.All(), Tokens: tokens, Cols: m.Cols, Half: half}
		s.MatMulPrefill(c, label, shaders.MatMulPrefill{W: &m.Matrix, X: operand, Y: m.y.All(), Stride: m.Rows})
	}
}

// halves plans x in f16, without factors.
func (m *matmul) halves(b *bench) *array[uint32] {
	tokens := b.c.size("tokens")
	return input(b, "x", halfWords(tokens, m.Cols), func(v []uint32) {
		stride := len(v)/tokens - 1 // words of a token, without its factor
		for t := range tokens {
			for i := range (m.Cols + 1) / 2 {
				v[t*stride+i] = b.rng.Uint32()&0x8fff8fff | 0x30003000 // of sizes from 1/8 to 2
			}
			if m.Cols%2 != 0 {
				v[t*stride+m.Cols/2] &= 0xffff
			}
			v[tokens*stride+t] = math.Float32bits(1)
			values, _ := halves(v, t, tokens)
			m.x = append(m.x, values[:m.Cols]...)
		}
	})
}

// halfWords is the size of tokens in f16.
func halfWords(tokens, cols int) int64 {
	if product(tokens, cols) >= much {
		return much
	}
	return shaders.HalfBytes(tokens, cols) / 4
}

// halves is a token's values, as f16 holds them, and its factor.
func halves(words []uint32, t, tokens int) ([]float32, float32) {
	stride := len(words)/tokens - 1
	var data []byte
	for _, w := range words[t*stride:][:stride] {
		data = binary.LittleEndian.AppendUint32(data, w)
	}
	values := make([]float32, 2*stride)
	if err := format.Dequantize(values, format.F16, data, nil, nil); err != nil {
		panic(err) // of whole values there is none
	}
	return values, math.Float32frombits(words[tokens*stride+t])
}

func planToHalf(b *bench) {
	cols, tokens := b.c.size("cols"), b.c.size("tokens")
	x := input(b, "x", product(tokens, cols), b.normal(1))
	half := b.output("half", halfWords(tokens, cols))
	padded := (cols + 7) / 8 * 8
	b.outputs = product(tokens, padded)
	b.record = func(s *shaders.Set, c *vk.Commands, label string) {
		s.ToHalf(c, label, shaders.Operand{X: x.All(), Tokens: tokens, Cols: cols}, half.All())
	}
	b.check = func(k *checker) {
		words := k.words(half)
		for _, t := range b.sample(tokens, int64(cols)) {
			got := halvedToken(words, t, tokens)
			row := make([]float32, padded)
			copy(row, x.values[t*cols:][:cols])
			k.expect(reference.Exactly(row).Halved(), got, func(i int) string { return fmt.Sprintf("half[token %d][%d]", t, i) })
		}
	}
}

func planRMSNormHalf(b *bench) {
	dim, tokens := b.c.size("dim"), b.c.size("tokens")
	x, weight := input(b, "x", product(tokens, dim), b.normal(1)), input(b, "weight", int64(dim), b.normal(1))
	half := b.output("half", halfWords(tokens, dim))
	b.outputs = product(tokens, dim)
	b.record = func(s *shaders.Set, c *vk.Commands, label string) {
		s.RMSNormHalf(c, label, shaders.RMSNorm{X: x.All(), Weight: weight.All(), Y: half.All(), Count: tokens, Dim: dim, Eps: eps})
	}
	b.check = func(k *checker) {
		words := k.words(half)
		for _, t := range b.sample(tokens, int64(dim)) {
			want := reference.RMSNorm(x.values[t*dim:][:dim], weight.values, dim, eps)
			k.expect(want.Halved(), halvedToken(words, t, tokens)[:dim], func(i int) string { return fmt.Sprintf("half[token %d][%d]", t, i) })
		}
	}
}

// halvedToken is the values that a token's f16 and factor stand for.
func halvedToken(words []uint32, t, tokens int) []float32 {
	values, factor := halves(words, t, tokens)
	for i := range values {
		values[i] *= factor
	}
	return values
}

func planSum(b *bench) {
	count, splits := b.c.size("count"), b.c.size("splits")
	partial := input(b, "partial", product(count, splits), b.normal(1))
	y := changed(b, "y", int64(count), b.normal(1))
	b.outputs = int64(count)
	b.record = func(s *shaders.Set, c *vk.Commands, label string) {
		s.MatMulSum(c, label, partial.All(), y.All(), count, splits, true)
	}
	b.check = func(k *checker) {
		out := k.floats(&y.buffer)
		some := b.sample(count, int64(splits))
		ones, parts := make([]float32, splits), make([]float32, 0, len(some)*splits)
		before, got := make([]float32, len(some)), make([]float32, len(some))
		for i, at := range some {
			for s := range splits {
				ones[s], parts = 1, append(parts, partial.values[s*count+at])
			}
			before[i], got[i] = y.values[at], out[at]
		}
		want := reference.MatMul(ones, parts, 1, splits, len(some)).Plus(before)
		k.expect(want, got, func(i int) string { return fmt.Sprintf("y[%d]", some[i]) })
	}
}
