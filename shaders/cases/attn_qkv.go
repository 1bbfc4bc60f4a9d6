package cases

import (
	"fmt"

	"sealvk/shaders"
	"sealvk/vk"
	"sealvk/weights/format"
)

var _ = register("attn_qkv", kernel{
	plan: func(b *Bench) {
		h, cols, tokens := b.qkvHeads(), b.Size("cols"), b.Size("tokens")
		m, checked, heads := b.groups(h.Rows(), cols, h.HeadDim)
		x, rows, angles := b.normed(0, cols), b.positions(), b.angles(h)
		q, to := b.output("q", tokens, h.Heads, h.HeadDim), b.writtenCache(h)
		cuts := choose(b, nil, []int{h.Heads + h.KVHeads}, []int{h.Heads, h.Heads + h.KVHeads}) // between heads
		if cuts != nil {
			m.partRows = shaders.TileRows // so that parts end there
		}
		b.Outputs = product(tokens, h.Rows())
		b.record = func(s *shaders.Kernels, c *vk.Commands, label string) {
			for i, last := range append(cuts, h.Heads+2*h.KVHeads) {
				first := 0
				if i > 0 {
					first = cuts[i-1]
				}
				some := m.cut(first*h.HeadDim, last*h.HeadDim)
				s.QKV(c, label, shaders.QKV{
					W: some, Base: first * h.HeadDim, X: x.normed(), Rows: rows.Bound(), Angles: angles.Bound(), Q: q.Bound(), Cache: to.cache(), Heads: h, Tokens: tokens,
				})
			}
		}
		b.check = func(k *checker) {
			for _, t := range *checked {
				for _, head := range *heads {
					k.expectQKV(q, to, x.times(m.group(head*h.HeadDim, (head+1)*h.HeadDim), t), t, head, rows.values[t])
				}
			}
		}
	},
	check: func(c *Case) error {
		if rows := c.Size("rows"); rows%(3*shaders.TileRows) != 0 {
			return fmt.Errorf("rows=%d: want a multiple of %d, as many of q as of k and of v", rows, 3*shaders.TileRows)
		}
		return nil
	},
	types:  []format.Type{format.Q8_0, format.F16}, // half with each type of cache
	ragged: [][]int{{96}, {384}, {576}, {672}, {768}, {960}},
	// 192 rows each of q, k and v; 32 (cos, sin) ; q, and k and v in f16. Workgroups of 32 rows.
	byHand: []example{{[]int{576, 512, 5}, "2 tokens, f16 cache", 8, [3]int{18, 1, 3}, shaders.Work{
		Read: 576*288 + 5*4*(512+64), Written: 5 * (4*192 + 2*2*192), FLOPs: 5 * (2*576*512 + 3*384),
	}}},
})

// qkvHeads are as many of q as of k and of v, as large as the rows allow; of odd cases any that
// have so many rows.
func (b *Bench) qkvHeads() shaders.Heads {
	rows := b.Size("rows")
	h := shaders.Heads{HeadDim: format.MaxHeadDim}
	for rows/3%h.HeadDim != 0 && h.HeadDim > shaders.TileRows {
		h.HeadDim /= 2
	}
	h.Heads = rows / 3 / h.HeadDim
	h.KVHeads = h.Heads
	if b.Odd == 0 {
		return h
	}
	list := []shaders.Heads{h}
	for dim := shaders.TileRows; dim <= format.MaxHeadDim; dim += shaders.TileRows {
		for kv := 1; rows%dim == 0 && 2*kv < rows/dim; kv++ {
			if heads := rows/dim - 2*kv; heads%kv == 0 {
				list = append(list, shaders.Heads{Heads: heads, KVHeads: kv, HeadDim: dim})
			}
		}
	}
	return choose(b, list...)
}

// cut is rows first to last as a matrix of their own.
func (m *matrix) cut(first, last int) *shaders.Matrix {
	if first == 0 && last == m.Rows {
		return &m.Matrix
	}
	some := &shaders.Matrix{Type: m.Type, Rows: last - first, Cols: m.Cols}
	for _, p := range m.Parts {
		if p.First >= first && p.First < last {
			p.First -= first
			some.Parts = append(some.Parts, p)
		}
	}
	return some
}
