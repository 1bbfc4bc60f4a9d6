package engine

import (
	"fmt"
	"math"

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

// embed records x = token_embd[token] × √Dim.
func (m *Model) embed(c *vk.Commands, s step) {
	c.Section("token_embd")
	scale := float32(math.Sqrt(float64(m.cfg.Dim)))
	m.kernels.Embed(c, "token_embd", &m.tokenEmbd, s.rows, m.act.x, m.state.history, s.count, m.context, scale)
}

// layer records layer i: attention and feed-forward, each added to the residual x.
func (m *Model) layer(c *vk.Commands, s step, i int) {
	k, a, l, h, n := m.kernels, &m.act, &m.layers[i], m.heads, s.count
	name := func(tensor string) string { return fmt.Sprintf("blk.%d.%s", i, tensor) }
	c.Section(fmt.Sprintf("blk.%d", i))

	k.RMSNorm(c, name("attn_norm"), a.x, l.AttnNorm, a.normed, 0, n, m.cfg.Dim, m.cfg.NormEps)
	k.MatMul(c, name("attn_q"), &l.AttnQ, a.normed, a.q, 0, n)
	k.MatMul(c, name("attn_k"), &l.AttnK, a.normed, a.k, 0, n)
	k.MatMul(c, name("attn_v"), &l.AttnV, a.normed, a.v, 0, n)
	k.RoPE(c, name("rope"), s.rows, m.angles, a.q, a.k, a.v, l.Cache, h, n)
	k.Attention(c, name("attention"), s.rows, a.q, l.Cache, a.partial, h, s.splits, s.grid, n)
	k.AttentionMerge(c, name("attention_merge"), s.rows, a.partial, a.attn, h, s.splits, n)
	k.MatMulAdd(c, name("attn_output"), &l.AttnOutput, a.attn, a.x, n)

	k.RMSNorm(c, name("ffn_norm"), a.x, l.FFNNorm, a.normed, 0, n, m.cfg.Dim, m.cfg.NormEps)
	k.MatMul(c, name("ffn_gate"), &l.FFNGate, a.normed, a.gate, 0, n)
	k.MatMul(c, name("ffn_up"), &l.FFNUp, a.normed, a.up, 0, n)
	k.GeGLU(c, name("ffn_geglu"), a.gate, a.up, n*m.cfg.FFNDim)
	k.MatMulAdd(c, name("ffn_down"), &l.FFNDown, a.gate, a.x, n)
}

// head records the logits of count rows from row first of x.
func (m *Model) head(c *vk.Commands, first, count int) {
	c.Section("output")
	m.kernels.RMSNorm(c, "output_norm", m.act.x, m.outputNorm, m.act.normed, first, count, m.cfg.Dim, m.cfg.NormEps)
	m.kernels.MatMul(c, "output", m.output, m.act.normed, m.act.logits, 0, count)
}

// sample records the choice of the next token of the decode row, and its step
// to the next position.
func (m *Model) sample(c *vk.Commands) {
	c.Section("sample")
	b := m.sampleBuffers()
	m.kernels.Penalize(c, "repeat_penalty", b, 1)
	m.kernels.Threshold(c, "top_k_top_p_min_p", b, 1)
	m.kernels.Pick(c, "sample", b, 1)
	m.kernels.Advance(c, "advance", b, m.heads, m.decodeSplits(), 1)
}
