package shaders

import (
	"math"
	"slices"
	"testing"

	"sealvk/vk"
	"sealvk/weights"
	"sealvk/weights/format"
)

// gateUpMatrix is gate and up of so many rows in one matrix.
func (b *bench) gateUpMatrix(gate, up *weights.Tensor, partRows int) *Matrix {
	return b.ordered(gate.Type, TileRows*ceilDiv(gate.Rows, pairRows), gate.Cols, partRows, func(d int) Source {
		row, isUp := GateUpRow(d)
		switch {
		case row >= gate.Rows:
			return Source{}
		case isUp:
			return sourceOf(up, row)
		}
		return sourceOf(gate, row)
	})
}

// qkvMatrix is rows first to last of q, k and v, rows in the order of the model.
func (b *bench) qkvMatrix(file *weights.Tensor, h Heads, first, last, partRows int) *Matrix {
	return b.ordered(file.Type, last-first, file.Cols, partRows, func(d int) Source {
		if d += first; d < (h.Heads+h.KVHeads)*h.HeadDim {
			d = RoPERow(d, h.HeadDim)
		}
		return sourceOf(file, d)
	})
}

// A token's numbers have the same bits alone and in a batch of any size, at any place.
func TestProductsOfBatch(t *testing.T) {
	h := Heads{2, 1, 64}
	const cols, ffnDim, most = 512, 48, 16
	for tuned, tuning := range productTunings() {
		for _, typ := range []Type{format.Q4_K, format.BF16} {
			if tuning.Product.IntDot && typ == format.BF16 {
				continue // whose products are those of floats
			}
			t.Run(tuned+"/"+name(typ), func(t *testing.T) {
				t.Parallel()
				rng := random(t)
				qkv, _ := randomWeights(t, rng, typ, h.Rows(), cols)
				gate, _ := randomWeights(t, rng, typ, ffnDim, cols)
				up, _ := randomWeights(t, rng, typ, ffnDim, cols)
				x, squares := normal(rng, most*cols, 1), positive(rng, most*tiles(cols))
				sums, norm := normal(rng, most*h.Rows(), 1), normal(rng, h.Rows(), 1)
				rows := make([]Row, most)
				for i := range rows {
					rows[i].Position = uint32(2*i + 1)
				}
				// results runs all kernels for tokens first to last, and tells each token's.
				results := func(first, last int) [][]float32 {
					b, n := newBench(t, KVF32, tuning), last-first
					m, gateUp := b.qkvMatrix(qkv, h, 0, h.Rows(), h.Rows()), b.gateUpMatrix(gate, up, h.Rows())
					cut := func(v []float32, each int) []float32 { return v[first*each : last*each] }
					input, _ := b.activations(typ, cut(x, cols), cols)
					normed := Normed{input, in(b, "squares", cut(squares, tiles(cols))), 1e-6}
					rNorm, rRows := in(b, "norm", norm), in(b, "rows", rows[first:last])
					y, ffn, q, logits := b.out("y", n*h.Rows()), b.written("ffn", n, ffnDim), b.out("q", n*h.Heads*h.HeadDim), b.out("logits", n*h.Rows())
					to := b.residual(n, h.Rows())
					to.X = inout(b, "residual", cut(sums, h.Rows()))
					cache := KVCache{K: b.out("k", kvWords(h, KVF32, 1)), V: b.out("v", kvWords(h, KVF32, 1)), Pages: in(b, "pages", []uint32{0}), MaxPages: 1}
					angles := in(b, "angles", RoPETable(PageTokens, h.HeadDim, 10000))
					sample := &SampleBuffers{Rows: rRows, Params: in(b, "params", make([]Sampling, 1)), Logits: logits, Best: b.out("best", int(b.set.BestBytes(h.Rows(), n)/4)), Vocab: h.Rows()}
					b.run(func(c *vk.Commands) {
						b.set.MatMul(c, "matmul", MatMul{m, normed, y, 0, h.Rows(), 0, n})
						b.set.MatMulAdd(c, "matmul_add", MatMulAdd{m, normed.Weighted, rNorm, to, n})
						b.set.QKV(c, "attn_qkv", QKV{m, 0, normed, rRows, angles, q, cache, h, n})
						b.set.GateUp(c, "ffn_gate_up", GateUp{gateUp, normed, ffn, ffnDim, n})
						b.set.Output(c, "output", Output{m, normed, sample, 0, n, false})
					})
					of := make([][]float32, n)
					for _, r := range []vk.Range{y, to.X, to.Weighted.F32, to.Squares, q, ffn.F32, logits} {
						values := b.floats(r)
						each := len(values) / n
						for i := range of {
							of[i] = append(of[i], values[i*each:][:each]...)
						}
					}
					for _, r := range []vk.Range{to.Weighted.Quantized, ffn.Quantized} { // integers as they are, and scales
						words := b.floats(r)
						ints := len(words) / 6 * 4
						for i := range of {
							of[i] = slices.Concat(of[i], words[i*ints/16:][:ints/16], words[ints+i*ints/32:][:ints/32])
						}
					}
					for i, words := range [][]uint32{b.uints(cache.K), b.uints(cache.V)} {
						c := cached(words, KVF32, i == 1, h, []uint32{0}, 1, Row{})
						for j := range of {
							of[j] = append(of[j], cachedAt(c, rows[first+j])...)
						}
					}
					return of
				}
				all := results(0, most)
				for _, part := range [][2]int{{0, 1}, {7, 8}, {15, 16}, {3, 5}, {0, 3}, {9, 14}, {8, 16}} {
					for i, got := range results(part[0], part[1]) {
						for j, v := range got {
							if want := all[part[0]+i][j]; math.Float32bits(v) != math.Float32bits(want) {
								t.Fatalf("token %d among %d to %d: value %d is %v, among all %v", part[0]+i, part[0], part[1]-1, j, v, want)
							}
						}
					}
				}
			})
		}
	}
}
