package shaders

import (
	"sealvk/vk"
)

// productPush is what product.glsl is told of a part.
type productPush struct {
	matrixPush
	Row0, Tokens, First uint32
}

type (
	matmulPush struct {
		productPush
		Stride uint32
		Eps    float32
	}
	matmulAddPush struct {
		productPush
		Dim, Quantize uint32
	}
	qkvPush struct {
		productPush
		Heads, KVHeads, HeadDim, MaxPages uint32
		Eps                               float32
	}
	outputPush struct {
		productPush
		Vocab                uint32
		Eps                  float32
		Pick, Chunk0, Chunks uint32
	}
	gateUpPush struct {
		productPush
		FFNDim   uint32
		Eps      float32
		Quantize uint32
	}
)

var (
	matmulKernels = registerProduct(kernel{
		name: "matmul", push: matmulPush{}, constants: 8,
		access: []vk.Access{vk.ReadOnly, vk.ReadOnly, vk.ReadOnly, vk.WriteOnly},
	})
	matmulAddKernels = registerProduct(kernel{
		name: "matmul_add", push: matmulAddPush{}, constants: 7,
		access: []vk.Access{vk.ReadOnly, vk.ReadOnly, vk.ReadOnly, vk.ReadWrite, vk.WriteOnly, vk.WriteOnly, vk.WriteOnly},
	})
	qkvKernels = registerProduct(kernel{
		name: "attn_qkv", push: qkvPush{}, constants: 8,
		access: []vk.Access{vk.ReadOnly, vk.ReadOnly, vk.ReadOnly, vk.ReadOnly, vk.ReadOnly, vk.ReadOnly, vk.WriteOnly, vk.WriteOnly, vk.WriteOnly},
	})
	outputKernels = registerProduct(kernel{
		name: "output", push: outputPush{}, constants: 7,
		access: []vk.Access{vk.ReadOnly, vk.ReadOnly, vk.ReadOnly, vk.ReadOnly, vk.ReadOnly, vk.WriteOnly, vk.WriteOnly},
	})
	gateUpKernels = registerProduct(kernel{
		name: "ffn_gate_up", push: gateUpPush{}, constants: 7,
		access: []vk.Access{vk.ReadOnly, vk.ReadOnly, vk.ReadOnly, vk.WriteOnly, vk.WriteOnly},
	})
)

// productKernel is a kernel of product.glsl: plain, with loads of x shared by four lanes,
// and with integer dot products (nil for matmul).
type productKernel struct{ plain, quad, dot *kernel }

// productKernels lists them.
var productKernels []productKernel

func registerProduct(k kernel) productKernel {
	quad, dot := k, k
	quad.name += "_quad"
	dot.name += "_dot"
	p := productKernel{plain: register(k), quad: register(quad)}
	if k.name != "matmul" {
		p.dot = register(dot)
	}
	productKernels = append(productKernels, p)
	return p
}

// Activations is what products read: f32, and where ProductTuning.IntDot is set, for up
// to DecodeRows tokens, 8-bit integers too (quantize.glsl).
type Activations struct {
	F32       vk.Range // [token][cols]
	Quantized vk.Range // QuantizedBytes; may be missing
}

// QuantizedBytes is the size of Activations.Quantized.
func QuantizedBytes(cols int) int64 { return DecodeRows * int64(ceilDiv(cols, 16)) * (16 + 8) }

// Normed is activations whose RMSNorm a kernel reads ([Residual]).
type Normed struct {
	Weighted Activations
	Squares  vk.Range
	Eps      float32
}

// intDot tells whether a product of so many tokens reads integers.
func (s *Set) intDot(t Type, x Activations, tokens int) bool {
	return s.quantizes(tokens) && x.Quantized.Buffer != nil && t != F32 && t != F16 && t != BF16
}

// quantizes tells whether the writer of activations makes integers of them too.
func (s *Set) quantizes(tokens int) bool { return s.tuning.Product.IntDot && tokens <= DecodeRows }

// quantized is where those go; where there are none, what is bound and not written.
func (s *Set) quantized(x Activations, tokens int) vk.Range {
	if s.quantizes(tokens) {
		return x.Quantized
	}
	return x.F32
}

// product records a kernel for each part of w, whose rows begin at base in a whole. push
// makes the constants of a part from what all kernels share; bind is the ranges behind
// those of w and x; epilogue is the work beyond the product.
func (s *Set) product(c *vk.Commands, label string, k productKernel, w *Matrix, x Activations, norm bool, base, first, tokens int, push func(productPush) []byte, epilogue Work, bind ...vk.Range) {
	dot := k.dot != nil && s.intDot(w.Type, x, tokens)
	program := s.productProgram(k, w.Type, tokens, norm, dot)
	if err := program.build(); err != nil {
		c.Fail(label, err)
		return
	}
	operand := x.F32
	if dot {
		operand = x.Quantized
	}
	group := s.tuning.Product.groupTokens(tokens)
	for i := range w.Parts {
		p := &w.Parts[i]
		bytes := push(productPush{w.push(p), uint32(base + p.First), uint32(tokens), uint32(first)})
		gx, gy := s.fold(ceilDiv(p.Rows, s.tuning.Product.groupRows(group)))
		gz := ceilDiv(tokens, group)
		c.Dispatch(label, program.pipeline, bytes, program.kernel.bind(append([]vk.Range{p.Data, operand}, bind...)...), gx, gy, gz)
		share := func(n int64) int64 { return n * int64(p.Rows) / int64(w.Rows) }
		s.observe(label, program, [3]int{gx, gy, gz}, Work{
			Read:    p.Data.Size + 4*int64(w.Cols)*int64(tokens) + share(epilogue.Read),
			Written: share(epilogue.Written),
			FLOPs:   2*int64(p.Rows)*int64(w.Cols)*int64(tokens) + share(epilogue.FLOPs),
		}, p.Rows, w.Cols, tokens)
	}
}

// MatMul records y[t][row0+r] = w · x[first+t] for each of tokens tokens.
//
//   - w: rows × cols weights
//   - x: [first+tokens][cols] f32
//   - y: [tokens][stride] f32
func (s *Set) MatMul(c *vk.Commands, label string, w *Matrix, x, y vk.Range, row0, stride, first, tokens int) {
	push := func(p productPush) []byte { return pushBytes(&matmulPush{p, uint32(stride), 0}) }
	s.product(c, label, matmulKernels, w, Activations{F32: x}, false, row0, first, tokens, push, Work{Written: 4 * int64(tokens) * int64(w.Rows)}, x, y)
}

// MatMulNorm is [Set.MatMul] of an RMSNorm.
func (s *Set) MatMulNorm(c *vk.Commands, label string, w *Matrix, x Normed, y vk.Range, row0, stride, first, tokens int) {
	push := func(p productPush) []byte { return pushBytes(&matmulPush{p, uint32(stride), x.Eps}) }
	s.product(c, label, matmulKernels, w, x.Weighted, true, row0, first, tokens, push, Work{Written: 4 * int64(tokens) * int64(w.Rows)}, x.Squares, y)
}

// MatMulAdd records to.X[t] += w · x[t], with what the RMSNorm of to.X needs.
//
//   - x: [tokens][cols]
//   - norm: [rows] f32, the weight of that norm
func (s *Set) MatMulAdd(c *vk.Commands, label string, w *Matrix, x Activations, norm vk.Range, to Residual, tokens int) {
	push := func(p productPush) []byte {
		return pushBytes(&matmulAddPush{p, uint32(w.Rows), constant(s.quantizes(tokens))})
	}
	n := int64(tokens) * int64(w.Rows)
	epilogue := Work{Read: 4 * (n + int64(w.Rows)), Written: 8*n + 4*int64(tokens*tiles(w.Rows)), FLOPs: 4 * n}
	s.product(c, label, matmulAddKernels, w, x, false, 0, 0, tokens, push, epilogue,
		norm, to.X, to.Weighted.F32, to.Squares, s.quantized(to.Weighted, tokens))
}

// QKV records q, k and v of an RMSNorm, or those of them that w has: the rotation of q
// and k by each row's position, and the write of k and v into the cache.
//
//   - w: rows base and on of q, k and v, q and k in the order of [RoPERow]
//   - rows: [tokens]Row
//   - angles: [context][HeadDim/2] (cos, sin) f32, from [RoPETable]
//   - q: [tokens][Heads][HeadDim] f32, in the order of RoPERow
func (s *Set) QKV(c *vk.Commands, label string, w *Matrix, base int, x Normed, rows, angles, q vk.Range, cache KVCache, h Heads, tokens int) {
	push := func(p productPush) []byte {
		return pushBytes(&qkvPush{p, uint32(h.Heads), uint32(h.KVHeads), uint32(h.HeadDim), uint32(cache.MaxPages), x.Eps})
	}
	epilogue := s.ropeWork(h, tokens)
	part := func(n int64) int64 { return n * int64(w.Rows) / int64(h.Rows()) }
	epilogue = Work{Read: part(epilogue.Read), Written: part(epilogue.Written), FLOPs: part(epilogue.FLOPs)}
	s.product(c, label, qkvKernels, w, x.Weighted, false, base, 0, tokens, push, epilogue, x.Squares, rows, cache.Pages, angles, q, cache.K, cache.V)
}

// GateUp records y[t] = gelu(gate · x[t]) × (up · x[t]) of an RMSNorm.
//
//   - w: ffn_gate and ffn_up in the order of [GateUpRow]
//   - y: [tokens][ffnDim]
func (s *Set) GateUp(c *vk.Commands, label string, w *Matrix, x Normed, y Activations, ffnDim, tokens int) {
	push := func(p productPush) []byte {
		return pushBytes(&gateUpPush{p, uint32(ffnDim), x.Eps, constant(s.quantizes(tokens))})
	}
	n := int64(tokens) * int64(ffnDim)
	s.product(c, label, gateUpKernels, w, x.Weighted, false, 0, 0, tokens, push, Work{Written: 4 * n, FLOPs: 9 * n},
		x.Squares, y.F32, s.quantized(y, tokens))
}

// outputChunks is the runs of tokens of which [Set.Output] picks the best, for so many rows.
func (s *Set) outputChunks(w *Matrix, count int) int {
	t, n := &s.tuning.Product, 0
	for _, p := range w.Parts {
		n += ceilDiv(p.Rows, t.groupRows(t.groupTokens(count)))
	}
	return n
}

// Output records the logits of count rows of an RMSNorm from row first on into b.Logits and,
// if pick is set, the best token of each chunk of the vocabulary into b.Best for
// [Set.Advance]: greedily, or a draw at the temperature, of all logits.
//
//   - w: vocabulary × dim weights
func (s *Set) Output(c *vk.Commands, label string, w *Matrix, x Normed, b *SampleBuffers, first, count int, pick bool) {
	group := s.tuning.Product.groupRows(s.tuning.Product.groupTokens(count))
	push := func(p productPush) []byte {
		chunk := 0
		for _, part := range w.Parts {
			if uint32(part.First) == p.Row0 {
				break
			}
			chunk += ceilDiv(part.Rows, group)
		}
		return pushBytes(&outputPush{p, uint32(b.Vocab), x.Eps, constant(pick), uint32(chunk), uint32(s.outputChunks(w, count))})
	}
	n := int64(count) * int64(w.Rows)
	epilogue := Work{Written: 4 * n}
	if pick {
		epilogue.Written += 8 * int64(count*s.outputChunks(w, count))
		epilogue.FLOPs = n // comparisons
	}
	s.product(c, label, outputKernels, w, x.Weighted, false, 0, first, count, push, epilogue, x.Squares, b.Rows, b.Params, b.Logits, b.Best)
}
