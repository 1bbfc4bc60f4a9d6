package engine

import (
	"fmt"

	"sealvk/shaders"
	"sealvk/vk"
)

// step is what one pass through the model works on.
type step struct {
	rows   vk.Range // [count]shaders.Row
	count  int
	grid   vk.Range       // of attention, in device memory
	splits shaders.Splits // of attention

	prefill bool // the rows are a prompt's, and take the kernels made for many
	decode  bool // the rows are of a decode step, whose kernels leave integers of x where products read them
	lone    bool // a row that may take faster kernels, whose bits are not those that it has among others

	logprobs bool // of what is sampled are wanted
}

// written is what the step's kernels write for the next product: no integers where that reads f16.
func (m *Model) written(s step, x shaders.Activations) shaders.Activations {
	if m.matrices && !s.lone {
		x.Quantized = vk.Range{}
	}
	return x
}

// residual is x as the step's kernels write it.
func (m *Model) residual(s step) shaders.Residual {
	x := m.act.x
	x.Weighted = m.written(s, x.Weighted)
	return x
}

// normed is the residual as the RMSNorm in front of its next reader.
func (m *Model) normed(s step) shaders.Normed {
	x := m.residual(s)
	return shaders.Normed{Weighted: x.Weighted, Squares: x.Squares, Eps: m.cfg.NormEps}
}

// embed records x = token_embd[token] × EmbedScale.
func (m *Model) embed(c *vk.Commands, s step) {
	c.Section("token_embd")
	m.kernels.Embed(c, "token_embd", shaders.Embed{
		Table: &m.tokenEmbd, Rows: s.rows, Norm: m.layers[0].AttnNorm, To: m.residual(s), History: m.state.history, Count: s.count, Context: m.context, Scale: m.cfg.EmbedScale,
	})
}

// layer records layer i:
//
//	x ─► norm ─► q, k, v ─► RoPE ─► cache ─► attention ─► attn_output ─► + x
//	x ─► norm ─► gate, up ─► GeGLU ─► ffn_down ─► + x
//
// Norms, RoPE and the residual are no dispatches of their own: QKV is all from norm to cache and
// GateUp from norm to GeGLU; MatMulAdd adds to x, multiplies x by the next norm's weights and
// sums its squares, by whose mean that norm's readers divide. In front of products by cooperative
// matrices there are dispatches that make f16 of what they read, of a norm with the norm.
func (m *Model) layer(c *vk.Commands, s step, i int) {
	k, a, l, h, n := m.kernels, &m.act, &m.layers[i], m.heads, s.count
	name := func(tensor string) string { return fmt.Sprintf("blk.%d.%s", i, tensor) }
	next := m.outputNorm
	if i+1 < len(m.layers) {
		next = m.layers[i+1].AttnNorm
	}
	norm := func(tensor string, w vk.Range, readers []stacked) shaders.Normed {
		for i := range readers {
			if m.takesHalves(s, n, &readers[i].Matrix) {
				return m.normed16(c, s, name(tensor), w, 0, n)
			}
		}
		return m.normed(s)
	}
	operand := func(tensor string, x shaders.Activations, reader *shaders.Matrix) shaders.Activations {
		if m.takesHalves(s, n, reader) {
			x.Half = a.half
			k.ToHalf(c, name(tensor)+"_f16", shaders.Operand{X: x.F32, Tokens: n, Cols: reader.Cols}, k.MatrixOperand(x.Half, n, reader.Cols))
		}
		return x
	}
	c.Section(fmt.Sprintf("blk.%d", i))

	x := norm("attn_norm", l.AttnNorm, l.AttnQKV)
	for _, w := range l.AttnQKV {
		k.QKV(c, name(w.Name), shaders.QKV{
			W: &w.Matrix, Base: w.Row0, X: x, Rows: s.rows, Angles: m.angles, Q: a.q, Cache: l.Cache, Heads: h, Tokens: n,
		})
	}
	attn := k.Attention(c, name("attention"), m.attention(s, l))
	attn = operand("attention", attn, &l.AttnOutput)
	k.MatMulAdd(c, name("attn_output"), shaders.MatMulAdd{W: &l.AttnOutput, X: attn, Norm: l.FFNNorm, To: m.residual(s), Scratch: a.product, Tokens: n})

	x = norm("ffn_norm", l.FFNNorm, l.FFNGateUp)
	ffn := m.written(s, a.ffn)
	if w := l.FFNGateUp; len(w) == 1 {
		k.GateUp(c, name(w[0].Name), shaders.GateUp{W: &w[0].Matrix, X: x, Y: ffn, FFNDim: m.cfg.FFNDim, Tokens: n})
	} else {
		for _, w := range w {
			k.MatMul(c, name(w.Name), shaders.MatMul{W: &w.Matrix, X: x, Y: a.gateUp, Row0: w.Row0, Stride: 2 * m.cfg.FFNDim, Tokens: n})
		}
		k.GeGLU(c, name("ffn_geglu"), shaders.GeGLU{GateUp: a.gateUp, Y: a.ffn.F32, FFNDim: m.cfg.FFNDim, Stride: 2 * m.cfg.FFNDim, Count: n})
		ffn.Quantized = vk.Range{} // it makes none
	}
	ffn = operand("ffn", ffn, &l.FFNDown)
	k.MatMulAdd(c, name("ffn_down"), shaders.MatMulAdd{W: &l.FFNDown, X: ffn, Norm: next, To: m.residual(s), Scratch: a.product, Tokens: n})
}

// takesHalves tells whether the step's product of count rows with w reads f16.
func (m *Model) takesHalves(s step, count int, w *shaders.Matrix) bool {
	return !s.lone && m.kernels.TakesHalves(w, count)
}

// normed16 records the RMSNorm of count rows from row first of x, for the products that read it as f16.
func (m *Model) normed16(c *vk.Commands, s step, label string, w vk.Range, first, count int) shaders.Normed {
	x := m.normed(s)
	x.Weighted.Half = m.act.half
	m.kernels.SumNorm(c, label, m.sum(w, first, count), m.kernels.MatrixOperand(m.act.half, count, m.cfg.Dim))
	return x
}

// sum is the RMSNorm of count rows from row first of x, with nothing added to them.
func (m *Model) sum(w vk.Range, first, count int) shaders.SumNorm {
	return shaders.SumNorm{X: m.act.x.X, Weight: w, First: first, Count: count, Dim: m.cfg.Dim, Eps: m.cfg.NormEps}
}

// attention is that of a layer, from q and the cache to attn.
func (m *Model) attention(s step, l *layer) shaders.Attention {
	return shaders.Attention{
		Rows: s.rows, Q: m.act.q, Cache: l.Cache, Scratch: m.act.scratch, Y: m.written(s, m.act.attn), Heads: m.heads, Splits: s.splits, Grid: s.grid, Count: s.count, Scale: m.cfg.AttnScale, Prefill: s.prefill,
	}
}

// layerTiled is layer for the rows of a GPU's prefill, where arithmetic counts and launches less:
//
//	attn_qkv ─► RoPE, cache ─► attention ─► attn_output ─► + x, norm ─► ffn_gate_up, GeGLU ─► ffn_down ─► + x, next norm
//
// What is added to x are the splits of a product, each of which has some of the columns. The norm in
// front of the first layer is all that comes before. What products read is f32 or, for cooperative matrices, f16.
func (m *Model) layerTiled(c *vk.Commands, s step, i int) {
	k, a, l, h, n := m.kernels, &m.act, &m.layers[i], m.heads, s.count
	name := func(tensor string) string { return fmt.Sprintf("blk.%d.%s", i, tensor) }
	normed := func(readers []stacked) shaders.Operand {
		var matrices []*shaders.Matrix
		for i := range readers {
			matrices = append(matrices, &readers[i].Matrix)
		}
		return k.PrefillOperand(a.normed, n, matrices...)
	}
	added := func(w *shaders.Matrix, norm vk.Range) shaders.SumNorm {
		sum := m.sum(norm, 0, n)
		sum.Partial, sum.Splits = a.splits, k.PrefillSplits(w)
		return sum
	}
	c.Section(fmt.Sprintf("blk.%d", i))
	x, attn := normed(l.AttnQKV), m.attended(s, l)
	if i == 0 {
		first := m.sum(l.AttnNorm, 0, n)
		first.Next = &attn
		k.SumNorm(c, name("attn_norm"), first, x)
	}

	qkv := shaders.RoPE{Rows: s.rows, Angles: m.angles, QKV: a.qkv, Q: a.q, Cache: l.Cache, Heads: h, Count: n}
	if w := l.AttnQKV; len(w) == 1 {
		k.MatMulPrefill(c, name(w[0].Name), shaders.MatMulPrefill{W: &w[0].Matrix, X: x, Partial: a.qkv})
		qkv.Splits = k.PrefillSplits(&w[0].Matrix)
	} else {
		for _, w := range w {
			k.MatMulPrefill(c, name(w.Name), shaders.MatMulPrefill{W: &w.Matrix, X: x, Y: a.qkv, Row0: w.Row0, Stride: h.Rows()})
		}
	}
	k.RoPE(c, name("rope"), qkv)
	attention := m.attention(s, l)
	if attn.Block > 0 {
		attention.Halves = &attn
	}
	if k.Attention(c, name("attention"), attention); attn.Block == 0 {
		attn = k.Operand(c, name("attention_f16"), shaders.Operand{X: a.attn.F32, Tokens: n, Cols: h.Heads * h.HeadDim}, a.half, &l.AttnOutput)
	}
	k.MatMulPrefill(c, name("attn_output"), shaders.MatMulPrefill{W: &l.AttnOutput, X: attn, Partial: a.splits})

	x = normed(l.FFNGateUp)
	ffn, norm := k.GeGLUOperand(a.ffn.F32, n, &l.FFNDown), added(&l.AttnOutput, l.FFNNorm)
	norm.Next = &ffn
	k.SumNorm(c, name("ffn_norm"), norm, x)
	if w := l.FFNGateUp; len(w) == 1 && x.Half == ffn.Half {
		k.MatMulPrefill(c, name(w[0].Name), shaders.MatMulPrefill{W: &w[0].Matrix, X: x, GeGLU: ffn})
	} else {
		ffn = m.gegluTiled(c, l, n, name, x)
	}
	k.MatMulPrefill(c, name("ffn_down"), shaders.MatMulPrefill{W: &l.FFNDown, X: ffn, Partial: a.splits})
	if i+1 < len(m.layers) {
		next := &m.layers[i+1]
		norm, attn := added(&l.FFNDown, next.AttnNorm), m.attended(s, next)
		norm.Next = &attn
		k.SumNorm(c, fmt.Sprintf("blk.%d.attn_norm", i+1), norm, normed(next.AttnQKV))
	} else {
		k.SumFold(c, "output_norm", added(&l.FFNDown, m.outputNorm), a.x)
	}
}

// attended is what attn_output of layerTiled reads: if attention itself leaves it as f16, blocked halves, whose
// largest values a norm in front of attention makes 0.
func (m *Model) attended(s step, l *layer) shaders.Operand {
	o := m.kernels.PrefillOperand(m.act.half, s.count, &l.AttnOutput)
	if o.Half && m.kernels.AttentionLeavesHalves(s.splits) {
		o.Block = m.heads.HeadDim
	}
	return o
}

// gegluTiled is ffn_gate_up of layerTiled where the product doesn't do the rest (plan.geglu).
func (m *Model) gegluTiled(c *vk.Commands, l *layer, n int, name func(string) string, x shaders.Operand) shaders.Operand {
	k, a, ffn, paired := m.kernels, &m.act, m.cfg.FFNDim, len(l.FFNGateUp) == 1
	stride := 2 * ffn
	if paired {
		stride = l.FFNGateUp[0].Matrix.Rows
	}
	for _, w := range l.FFNGateUp {
		k.MatMulPrefill(c, name(w.Name), shaders.MatMulPrefill{W: &w.Matrix, X: x, Y: a.gateUp, Row0: w.Row0, Stride: stride})
	}
	k.GeGLU(c, name("ffn_geglu"), shaders.GeGLU{GateUp: a.gateUp, Y: a.ffn.F32, FFNDim: ffn, Stride: stride, Paired: paired, Count: n})
	return k.Operand(c, name("ffn_geglu_f16"), shaders.Operand{X: a.ffn.F32, Tokens: n, Cols: ffn}, a.half, &l.FFNDown)
}

// head records the logits of count rows of the step from row first of x; with pick also what
// sampling of as many decode rows begins with.
func (m *Model) head(c *vk.Commands, s step, first, count int, pick bool) {
	c.Section("output")
	x := m.normed(s)
	if m.takesHalves(s, count, m.output) {
		x = m.normed16(c, s, "output_norm", m.outputNorm, first, count)
	}
	if !s.decode {
		x.Weighted.Quantized = vk.Range{} // there are none of long prompts
	}
	m.kernels.Output(c, "output", shaders.Output{W: m.output, X: x, To: m.sampleBuffers(), First: first, Count: count, Pick: pick})
}

// sample records, of count rows of the step from row first of x, the logits and the choice of the
// next tokens.
func (m *Model) sample(c *vk.Commands, s step, first, count int, choice shaders.Choice) {
	m.head(c, s, first, count, true)
	m.choose(c, s, count, choice)
}

// choose records the choice of the next tokens from the logits of count decode rows, those rows' step
// to the next position, and the log-probabilities of the tokens where the step asks for them. choice is the
// greatest of the rows'.
func (m *Model) choose(c *vk.Commands, s step, count int, choice shaders.Choice) {
	c.Section("sample")
	k, b := m.kernels, m.sampleBuffers()
	of := m.logprobBuffers(choice)
	if s.logprobs && of.Logits != b.Logits {
		c.Copy(of.Logits.Part(0, m.logitBytes(count)), b.Logits.Part(0, m.logitBytes(count)))
	}
	switch choice {
	case shaders.ByTiles:
		k.Advance(c, "advance", b, m.heads, m.decodeSplits, count)
	case shaders.ByMass:
		k.Adjust(c, "adjust", b, count)
		k.Histogram(c, "histogram", b, count)
		k.Threshold(c, "top_k_top_p_min_p", b, count)
		k.Pick(c, "pick", b, count)
		fallthrough
	case shaders.ByRank:
		k.Sample(c, "sample", b, m.heads, m.decodeSplits, count)
	}
	if s.logprobs {
		m.logprobs(c, of, count)
	}
}
