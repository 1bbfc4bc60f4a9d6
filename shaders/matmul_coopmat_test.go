//go:build coopmat

package shaders

import (
	"math"
	"testing"

	"sealvk/shaders/reference"
	"sealvk/vk"
	"sealvk/weights/format"
)

// These tests run on devices with cooperative matrices alone: .ci/coopmat finds one.

func coopPrefill(t *testing.T) Prefill {
	t.Helper()
	p := DefaultPrefill(device.Caps())
	if p.CoopMat == (CoopMat{}) {
		t.Fatalf("%s has no cooperative matrices of f16 with f32 sums", device.Caps().Name)
	}
	return p
}

// coopTilings are the device's own, and one of the smallest parts, with one buffer.
func coopTilings(t *testing.T) map[string]Prefill {
	own := coopPrefill(t)
	small, m := own, own.CoopMat
	small.Wide = Tiling{Rows: 64, Tokens: 64, Cols: 64, PartRows: 32, PartTokens: max(32, m.N), Buffers: 1}
	small.Narrow, small.Middle = small.Wide, small.Wide
	small.Narrow.Tokens = 32
	return map[string]Prefill{"own": own, "small": small}
}

// half is a sum of products whose factors are rounded to f16, blocks' scales and offsets among them.
func half(w, x []float32, rows, cols, tokens int) reference.Expected {
	e, blocks := reference.MatMulHalf(w, x, rows, cols, tokens), reference.MatMulMatrices(w, x, rows, cols, tokens)
	for i, tolerance := range blocks.Tolerance {
		e.Tolerance[i] += tolerance
	}
	return e
}

// exact is for factors that f16 holds: only f32's rounding is left.
func exact(w, x []float32, rows, cols, tokens int) reference.Expected {
	e := reference.MatMul(w, x, rows, cols, tokens)
	for i := range e.Tolerance {
		e.Tolerance[i] *= 4
	}
	return e
}

// Grid and work depend on the device's tiles, so that no case has them by hand.
func TestMatMulCoopMatWork(t *testing.T) {
	p := coopPrefill(t)
	b := newBench(t, KVF16, prefillTuning(p))
	r := b.out("anything", 1<<16)
	w := &Matrix{Type: format.Q4_K, Rows: 70, Cols: 512, Parts: []Part{{Data: r.Buffer.Range(r.Offset, DeviceBytes(format.Q4_K, 70, 512)), Rows: 70}}}
	b.set.Observe(func(d Dispatch) {
		grid, work := d.At(Lengths{})
		if grid != [3]int{ceilDiv(70, p.Narrow.Rows), 1, 1} || work != (Work{96*288 + 5*(2*512+4), 5 * 4 * 70, 5 * 2 * 70 * 512}) {
			t.Errorf("grid %v, %+v", grid, work)
		}
		if d.Pipeline.Kernel != "matmul_coopmat" || d.Pipeline.Variant != p.Narrow.String() || d.Pipeline.Lanes != p.Narrow.lanes(p.CoopMat) {
			t.Errorf("%+v", d.Pipeline)
		}
	})
	defer b.set.Observe(nil)
	b.set.MatMulPrefill(nil, "l", MatMulPrefill{W: w, X: Operand{X: r, Tokens: 5, Cols: 512, Half: true}, Y: r, Stride: 70})
}

// Tiles that lie within y are stored by matrices, those at its edges and where a row of y begins
// between two units of 16 bytes one by one.
func TestMatMulCoopMatWholeTiles(t *testing.T) {
	for _, p := range coopTilings(t) {
		for _, tile := range p.tilings() {
			one := p
			one.Narrow, one.Middle, one.Wide = *tile, *tile, *tile
			b, rng, tokens := newBench(t, KVF16, prefillTuning(one)), random(t), 2*tile.Tokens+3
			for _, rows := range []int{2 * tile.Rows, tile.Rows + 4, tile.Rows + 3} {
				x := normal(rng, (2+tokens)*64, 1)
				b.prefill(rng, format.Q8_0, rows, 64, tokens, 1, x, half)
			}
		}
	}
}

// Where nothing is rounded to f16, not one product may be missing.
func TestMatMulCoopMatExact(t *testing.T) {
	for tuned, p := range coopTilings(t) {
		for _, typ := range []Type{format.F16, format.BF16} {
			t.Run(tuned+"/"+name(typ), func(t *testing.T) {
				b, rng := newBench(t, KVF16, prefillTuning(p)), random(t)
				for _, tokens := range []int{1, p.Narrow.Tokens, p.Narrow.Tokens + 1, p.Wide.Tokens, 2*p.Wide.Tokens - 1} {
					cols, rows := 1+rng.IntN(400), 1+rng.IntN(2*p.Wide.Rows)
					x := make([]float32, (1+tokens)*cols)
					for i := range x {
						x[i] = float32(rng.IntN(2047)-1023) / 64 // 11 bits
					}
					b.prefill(rng, typ, rows, cols, tokens, 1, x, exact)
				}
			})
		}
	}
}

func TestMatMulCoopMatSplits(t *testing.T) {
	p := coopPrefill(t)
	p.Groups, p.Splits = 9, 3
	testSplits(t, p, half)
}

// All tilings of the device, and such as were fast elsewhere, give a token the same bits.
func TestCoopMatTokensOfBatch(t *testing.T) {
	p := coopPrefill(t)
	p.Groups, p.Splits = 9, 2
	p.Middle = p.Wide
	p.Wide.Cols, p.Wide.Buffers, p.Wide.Tokens, p.Wide.PartTokens = 64, 1, 2*p.Middle.Tokens, 2*p.Middle.PartTokens
	if err := p.Check(device.Caps()); err != nil {
		t.Fatal(err)
	}
	testTokensOfBatch(t, p, format.Q8_0)
}

// Blocks far smaller than the token's largest are brought to its factor, until nothing is left of them:
// their products are all there is, since the largest are with weights of 0.
func TestCoopMatBlocks(t *testing.T) {
	const rows, cols, tokens, block = 40, 64, 9, 16
	b, rng := newBench(t, KVF16, prefillTuning(coopPrefill(t))), random(t)
	file, w := randomWeights(t, rng, format.F16, rows, cols)
	for r := range rows {
		clear(file.Data[2*r*cols:][:2*block])
		clear(w[r*cols:][:block])
	}
	for _, sizes := range [][]float64{{0x1p-3, 0x1p-7, 0x1p-12}, {0, 0x1p-16, 0}, {0x1p-20, 0x1p-19, 0}, {0x1p-35, 0, 0x1p-60}} {
		x := normal(rng, tokens*cols, 1)
		for i := range x {
			if i%cols >= block {
				x[i] *= float32(sizes[i%cols/block-1])
			}
		}
		words, values := reference.BlockedHalves(x, cols, block, false)
		m, rx, y := b.matrix(file, rows), in(b, "x", words), b.out("y", tokens*rows)
		b.run(func(c *vk.Commands) {
			operand := Operand{X: rx, Tokens: tokens, Cols: cols, Half: true, Block: block}
			b.set.MatMulPrefill(c, "matmul", MatMulPrefill{W: m, X: operand, Y: y, Stride: rows})
		})
		near(t, "blocks", b.floats(y), reference.MatMulHalf(w, values, rows, cols, tokens))
	}
}

func TestMatMulCoopMatExtremes(t *testing.T) {
	for _, typ := range []Type{format.F32, format.Q8_0} {
		const rows, cols = 40, 96
		rng := random(t)
		x := extremes(rng, cols)
		newBench(t, KVF16, prefillTuning(coopPrefill(t))).prefill(rng, typ, rows, cols, len(x)/cols, 1, x, half)
	}
}

// What is no number stays with its token.
func TestMatMulCoopMatNaN(t *testing.T) {
	const rows, cols, tokens = 9, 32, 5
	b, rng := newBench(t, KVF16, prefillTuning(coopPrefill(t))), random(t)
	file, w := randomWeights(t, rng, format.Q8_0, rows, cols)
	m := b.matrix(file, rows+1)
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		x := normal(rng, tokens*cols, 1)
		x[2*cols+7] = float32(bad)
		rx, y := in(b, "x", x), b.out("y", tokens*rows)
		buffer := b.half(tokens, m)
		b.run(func(c *vk.Commands) {
			x := b.set.Operand(c, "half", Operand{X: rx, Tokens: tokens, Cols: cols}, buffer, m)
			b.set.MatMulPrefill(c, "matmul", MatMulPrefill{W: m, X: x, Y: y, Stride: rows})
		})
		got := b.floats(y)
		near(t, "before", got[:2*rows], half(w, x, rows, cols, 2))
		near(t, "behind", got[3*rows:], half(w, x[3*cols:], rows, cols, 2))
		for i, v := range got[2*rows : 3*rows] {
			if v == v {
				t.Errorf("%v among the values of x, y[%d] = %v", bad, i, v)
			}
		}
	}
}

// Products of few tokens have matrices too; the places of their elements are asked for where they
// have the shape for it.
func TestCoopMatFewTokens(t *testing.T) {
	caps := *device.Caps()
	if m := SharedMatrices(&caps); !m.On || m.Form != MatrixShared {
		t.Errorf("none of %+v", caps.CooperativeMatrices)
	}
	if !HasLanes(&caps) {
		return
	}
	if _, _, err := findPlaces(device); err != nil {
		t.Error(err)
	}
}
