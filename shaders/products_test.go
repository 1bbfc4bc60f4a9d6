package shaders

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"sealvk/shaders/reference"
	"sealvk/vk"
	"sealvk/weights"
	"sealvk/weights/format"
)

// productTypes are one of each family: what is behind the product doesn't know the type.
var productTypes = []Type{format.Q4_K, format.F16, format.MLX(4, 64, format.BF16)}

// normedInput is the input of a product with an RMSNorm: random values as weighted by the norm,
// and random sums of squares.
type normedInput struct {
	x, squares []float32 // x: as the kernel finds it
	cols       int
	Normed
}

func (b *bench) normed(rng *rand.Rand, typ Type, tokens, cols int) normedInput {
	n := normedInput{x: normal(rng, tokens*cols, 1), squares: positive(rng, tokens*tiles(cols)), cols: cols}
	n.Squares, n.Eps = in(b, "squares", n.squares), 1e-5
	n.Weighted, n.x = b.activations(typ, n.x, cols)
	return n
}

// times is the products of a matrix with the normed tokens.
func (n *normedInput) times(w []float32) (e reference.Expected) {
	for t := range len(n.x) / n.cols {
		scale := reference.NormScale(n.squares[t*tiles(n.cols):][:tiles(n.cols)], n.cols, n.Eps)
		e.Append(reference.MatMul(w, n.x[t*n.cols:], len(w)/n.cols, n.cols, 1).Scaled(scale))
	}
	return e
}

// productCases are the sizes of products with every tuning and some types.
func productCases(t *testing.T, kernel string, test func(b *bench, rng *rand.Rand, typ Type, cols, tokens int)) {
	for tuned, tuning := range productTunings() {
		for _, typ := range productTypes {
			for _, tokens := range []int{1, 17} {
				t.Run(fmt.Sprintf("%s/%s/%d tokens", tuned, name(typ), tokens), func(t *testing.T) {
					t.Parallel()
					b := newBench(t, map[string][]Type{kernel: productTypes}, KVF16, tuning)
					for _, cols := range colsFor(typ)[1:3] {
						test(b, random(t), typ, cols, tokens)
					}
				})
			}
		}
	}
}

func TestMatMulAdd(t *testing.T) {
	productCases(t, "matmul_add", func(b *bench, rng *rand.Rand, typ Type, cols, tokens int) {
		rows := []int{1 + rng.IntN(150), 16 * (1 + rng.IntN(9))}[rng.IntN(2)] // also whole blocks of integers
		file, w := randomWeights(b.t, rng, typ, rows, cols)
		x, before, norm := normal(rng, tokens*cols, 1), normal(rng, tokens*rows, 1), normal(rng, rows, 1)
		to := b.residual(tokens, rows)
		to.X = inout(b, "residual", before)
		m, rNorm := b.matrix(file, parts(rng)), in(b, "norm", norm)
		rx, x := b.activations(typ, x, cols)
		b.run(func(c *vk.Commands) { b.set.MatMulAdd(c, "matmul", MatMulAdd{m, rx, rNorm, to, tokens}) })
		b.residualNear(to, reference.MatMul(w, x, rows, cols, tokens).Plus(before), norm)
	})
}

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

func TestGateUp(t *testing.T) {
	productCases(t, "ffn_gate_up", func(b *bench, rng *rand.Rand, typ Type, cols, tokens int) {
		ffnDim := []int{1 + rng.IntN(100), 16 * (1 + rng.IntN(6))}[rng.IntN(2)]
		gate, wg := randomWeights(b.t, rng, typ, ffnDim, cols)
		up, wu := randomWeights(b.t, rng, typ, ffnDim, cols)
		m, x, y := b.gateUpMatrix(gate, up, parts(rng)), b.normed(rng, typ, tokens, cols), b.written("y", tokens, ffnDim)
		b.run(func(c *vk.Commands) { b.set.GateUp(c, "ffn_gate_up", GateUp{m, x.Normed, y, ffnDim, tokens}) })
		b.activationsNear(fmt.Sprintf("%d of %d columns", ffnDim, cols), y, ffnDim, x.times(wg).GeGLU(x.times(wu)))
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

// q, k and v in one matrix, q and k in one, and each in its own.
func TestQKV(t *testing.T) {
	for tuned, tuning := range productTunings() {
		for i, kv := range kvTypes {
			for j, h := range headShapes {
				for _, tokens := range []int{1, 6, 17} {
					if (i+j+tokens)%3 != 0 {
						continue // one third of the combinations
					}
					t.Run(fmt.Sprintf("%s/%v/%v/%d tokens", tuned, kv, h, tokens), func(t *testing.T) {
						t.Parallel()
						const cols = 64
						types := []Type{format.Q8_0, format.F16}
						rng, typ := random(t), types[(i+j)%2]
						b := newBench(t, map[string][]Type{"attn_qkv": types}, kv, tuning)
						file, w := randomWeights(t, rng, typ, h.Rows(), cols)
						q, k := h.Heads*h.HeadDim, (h.Heads+h.KVHeads)*h.HeadDim
						for _, cuts := range [][]int{{0, h.Rows()}, {0, k, h.Rows()}, {0, q, k, h.Rows()}} {
							x, n := newQKVCase(b, rng, h, kv, tokens), b.normed(rng, typ, tokens, cols)
							var matrices []*Matrix
							for i, first := range cuts[:len(cuts)-1] {
								matrices = append(matrices, b.qkvMatrix(file, h, first, cuts[i+1], 4*TileRows))
							}
							b.run(func(c *vk.Commands) {
								for i, m := range matrices {
									b.set.QKV(c, "attn_qkv", QKV{m, cuts[i], n.Normed, x.rRows, x.angles, x.q, x.cache, h, tokens})
								}
							})
							x.check(b, n.times(w))
						}
					})
				}
			}
		}
	}
}

// Logits, and the best of each tile, greedily and drawn.
func TestOutput(t *testing.T) {
	productCases(t, "output", func(b *bench, rng *rand.Rand, typ Type, cols, tokens int) {
		vocab, first := []int{3 + rng.IntN(150), TileRows * (1 + rng.IntN(4))}[rng.IntN(2)], 1 // also whole tiles
		file, w := randomWeights(b.t, rng, typ, vocab, cols)
		m, x := b.matrix(file, parts(rng)), b.normed(rng, typ, first+tokens, cols)
		rows, params := make([]Row, tokens), []Sampling{{Temperature: 0}, {Temperature: 0.7, SeedLo: 3, SeedHi: 4}}
		for i := range rows {
			rows[i] = Row{Position: uint32(10 + i), Sequence: uint32(i % 2)}
		}
		for _, pick := range []bool{false, true} {
			s := &SampleBuffers{
				Rows: in(b, "rows", rows), Params: in(b, "params", params), Logits: b.out("logits", tokens*vocab),
				Best: b.out("best", int(b.set.BestBytes(vocab, tokens)/4)), Vocab: vocab,
			}
			b.run(func(c *vk.Commands) { b.set.Output(c, "output", Output{m, x.Normed, s, first, tokens, pick}) })
			logits, best := b.floats(s.Logits), b.uints(s.Best)
			near(b.t, "logits", logits, x.times(w).Part(first*vocab, tokens*vocab))
			chunks := tiles(vocab)
			if !pick {
				chunks = 0
			}
			for t, row := range rows {
				keys, ids := make([]float32, chunks), make([]uint32, chunks)
				for i := range chunks {
					keys[i], ids[i] = math.Float32frombits(best[2*(t*chunks+i)]), best[2*(t*chunks+i)+1]
				}
				p := params[row.Sequence]
				want := reference.PickKeys(logits[t*vocab:][:vocab], float32(math.Inf(-1)), p.Temperature, row.Position, [2]uint32{p.SeedLo, p.SeedHi})
				if id := reference.Best(keys, ids); pick && !(id < uint32(vocab) && want[id] >= greatest(want)-reference.PickTolerance) {
					b.t.Fatalf("row %d: token %d is not the best", t, int32(id))
				}
			}
			for i := 2 * tokens * chunks; i < len(best); i++ {
				if best[i] != binary.LittleEndian.Uint32(poison) {
					b.t.Fatalf("best: word %d was written, behind %d chunks of %d rows", i, chunks, tokens)
				}
			}
		}
	})
}

func greatest(v []float64) float64 {
	most := math.Inf(-1)
	for _, x := range v {
		most = max(most, x)
	}
	return most
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
				types := map[string][]Type{"matmul": {typ}, "matmul_add": {typ}, "attn_qkv": {typ}, "ffn_gate_up": {typ}, "output": {typ}}
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
					b, n := newBench(t, types, KVF32, tuning), last-first
					m, gateUp := b.qkvMatrix(qkv, h, 0, h.Rows(), h.Rows()), b.gateUpMatrix(gate, up, h.Rows())
					cut := func(v []float32, each int) []float32 { return v[first*each : last*each] }
					input, _ := b.activations(typ, cut(x, cols), cols)
					normed := Normed{input, in(b, "squares", cut(squares, tiles(cols))), 1e-6}
					rNorm, rRows := in(b, "norm", norm), in(b, "rows", rows[first:last])
					y, ffn, q, logits := b.out("y", n*h.Rows()), b.written("ffn", n, ffnDim), b.out("q", n*h.Heads*h.HeadDim), b.out("logits", n*h.Rows())
					to := b.residual(n, h.Rows())
					to.X = inout(b, "residual", cut(sums, h.Rows()))
					cache := KVCache{K: b.out("k", kvWords(h, KVF32, 1)), V: b.out("v", kvWords(h, KVF32, 1)), Pages: in(b, "pages", []uint32{0}), MaxPages: 1}
					angles := in(b, "angles", RoPETable(PageTokens, h.HeadDim, ropeTheta))
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
