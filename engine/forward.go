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
}

// normed is the residual as the RMSNorm in front of its next reader.
func (m *Model) normed() shaders.Normed {
	return shaders.Normed{Weighted: m.act.x.Weighted, Squares: m.act.x.Squares, Eps: m.cfg.NormEps}
}

// embed records x = token_embd[token] × EmbedScale.
func (m *Model) embed(c *vk.Commands, s step) {
	c.Section("token_embd")
	m.kernels.Embed(c, "token_embd", &m.tokenEmbd, s.rows, m.layers[0].AttnNorm, m.act.x, m.state.history, s.count, m.context, m.cfg.EmbedScale)
}

// layer records layer i: attention and feed-forward, each added to the residual x, whose
// writer leaves it to the next norm.
func (m *Model) layer(c *vk.Commands, s step, i int) {
	k, a, l, h, n := m.kernels, &m.act, &m.layers[i], m.heads, s.count
	name := func(tensor string) string { return fmt.Sprintf("blk.%d.%s", i, tensor) }
	next := m.outputNorm
	if i+1 < len(m.layers) {
		next = m.layers[i+1].AttnNorm
	}
	c.Section(fmt.Sprintf("blk.%d", i))

	for _, w := range l.AttnQKV {
		k.QKV(c, name(w.Name), &w.Matrix, w.Row0, m.normed(), s.rows, m.angles, a.q, l.Cache, h, n)
	}
	k.Attention(c, name("attention"), s.rows, a.q, l.Cache, a.scratch, a.attn, h, s.splits, s.grid, n)
	k.MatMulAdd(c, name("attn_output"), &l.AttnOutput, shaders.Activations{F32: a.attn}, l.FFNNorm, a.x, n)

	ffn := a.ffn
	if w := l.FFNGateUp; len(w) == 1 {
		k.GateUp(c, name(w[0].Name), &w[0].Matrix, m.normed(), a.ffn, m.cfg.FFNDim, n)
	} else {
		for _, w := range w {
			k.MatMulNorm(c, name(w.Name), &w.Matrix, m.normed(), a.gateUp, w.Row0, 2*m.cfg.FFNDim, 0, n)
		}
		k.GeGLU(c, name("ffn_geglu"), a.gateUp, a.ffn.F32, m.cfg.FFNDim, 2*m.cfg.FFNDim, false, n)
		ffn.Quantized = vk.Range{} // it makes none
	}
	k.MatMulAdd(c, name("ffn_down"), &l.FFNDown, ffn, next, a.x, n)
}

// layerTiled is layer for the many rows of a GPU's prefill, where arithmetic counts and
// launches don't: norms, RoPE and GeGLU are dispatches of their own.
func (m *Model) layerTiled(c *vk.Commands, s step, i int) {
	k, a, l, h, n := m.kernels, &m.act, &m.layers[i], m.heads, s.count
	dim, ffn, eps := m.cfg.Dim, m.cfg.FFNDim, m.cfg.NormEps
	name := func(tensor string) string { return fmt.Sprintf("blk.%d.%s", i, tensor) }
	operand := func(tensor string, x vk.Range, cols int) shaders.Operand {
		return k.Operand(c, name(tensor)+"_f16", x, a.half, 0, n, cols)
	}
	c.Section(fmt.Sprintf("blk.%d", i))

	k.RMSNorm(c, name("attn_norm"), a.x.X, l.AttnNorm, a.normed, 0, n, dim, eps)
	x := operand("attn_norm", a.normed, dim)
	for _, w := range l.AttnQKV {
		k.MatMulPrefill(c, name(w.Name), &w.Matrix, x, a.gateUp, w.Row0, h.Rows(), a.splits, false)
	}
	k.RoPE(c, name("rope"), s.rows, m.angles, a.gateUp, a.q, l.Cache, h, n)
	k.Attention(c, name("attention"), s.rows, a.q, l.Cache, a.scratch, a.attn, h, s.splits, s.grid, n)
	x = operand("attention", a.attn, h.Heads*h.HeadDim)
	k.MatMulPrefill(c, name("attn_output"), &l.AttnOutput, x, a.x.X, 0, dim, a.splits, true)

	k.RMSNorm(c, name("ffn_norm"), a.x.X, l.FFNNorm, a.normed, 0, n, dim, eps)
	x = operand("ffn_norm", a.normed, dim)
	paired, stride := len(l.FFNGateUp) == 1, 2*ffn
	if paired {
		stride = l.FFNGateUp[0].Matrix.Rows
	}
	for _, w := range l.FFNGateUp {
		k.MatMulPrefill(c, name(w.Name), &w.Matrix, x, a.gateUp, w.Row0, stride, a.splits, false)
	}
	k.GeGLU(c, name("ffn_geglu"), a.gateUp, a.ffn.F32, ffn, stride, paired, n)
	x = operand("ffn_geglu", a.ffn.F32, ffn)
	k.MatMulPrefill(c, name("ffn_down"), &l.FFNDown, x, a.x.X, 0, dim, a.splits, true)
	if i+1 == len(m.layers) {
		k.FoldNorm(c, "output_norm", a.x, m.outputNorm, n, dim)
	}
}

// head records the logits of count rows from row first of x; with pick, their decode rows'
// best tokens too, of all logits.
func (m *Model) head(c *vk.Commands, first, count int, pick bool) {
	c.Section("output")
	x := m.normed()
	x.Weighted.Quantized = vk.Range{} // there are none of long prompts
	m.kernels.Output(c, "output", m.output, x, m.sampleBuffers(), first, count, pick)
}

// sample records, of count rows from row first of x, the logits and the choice of the next
// tokens, and the step of as many decode rows to the next position. filtered: some need
// more than the greatest logit.
func (m *Model) sample(c *vk.Commands, first, count int, filtered bool) {
	m.head(c, first, count, !filtered)
	c.Section("sample")
	b := m.sampleBuffers()
	if filtered {
		m.kernels.Penalize(c, "repeat_penalty", b, count)
		m.kernels.Threshold(c, "top_k_top_p_min_p", b, count)
		m.kernels.Pick(c, "sample", b, count)
	}
	m.kernels.Advance(c, "advance", b, filtered, m.heads, m.decodeSplits(), count)
}
