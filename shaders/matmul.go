package shaders

import (
	"fmt"

	"sealvk/vk"
)

type matmulPush struct {
	Rows, Cols, RowWords, Scales, Row0, Stride, Tokens, First uint32
}

var matmulKernel = register(kernel{
	name: "matmul", push: matmulPush{}, constants: 6,
	access: []vk.Access{vk.ReadOnly, vk.ReadOnly, vk.ReadWrite},
})

type matmulVariant struct {
	typ    Type
	tokens int
	add    bool
}

func (v matmulVariant) String() string {
	text := fmt.Sprintf("%d tokens", v.tokens)
	if v.tokens == 1 {
		text = "1 token"
	}
	if v.add {
		text += ", adds"
	}
	return text
}

// MatMul records y[t] = w · x[first+t] for each of tokens tokens.
//
//   - w: rows × cols weights
//   - x: [first+tokens][cols] f32
//   - y: [tokens][rows] f32
func (s *Set) MatMul(c *vk.Commands, label string, w *Matrix, x, y vk.Range, first, tokens int) {
	s.recordMatMul(c, label, w, x, y, first, tokens, false)
}

// MatMulAdd records y[t] += w · x[t]: the product and the residual in one.
func (s *Set) MatMulAdd(c *vk.Commands, label string, w *Matrix, x, y vk.Range, tokens int) {
	s.recordMatMul(c, label, w, x, y, 0, tokens, true)
}

func (s *Set) recordMatMul(c *vk.Commands, label string, w *Matrix, x, y vk.Range, first, tokens int, add bool) {
	v := matmulVariant{w.Type, 1, add}
	if tokens > 1 {
		v.tokens = s.tuning.PrefillTokens
	}
	perRow := 4 * int64(tokens) // bytes of y
	for i := range w.Parts {
		p := &w.Parts[i]
		push := matmulPush{
			uint32(p.Rows), uint32(w.Cols), uint32(w.Type.rowWords(w.Cols)), p.scaleWord(w.Type, w.Cols),
			uint32(p.First), uint32(w.Rows), uint32(tokens), uint32(first),
		}
		gx, gy := s.fold(ceilDiv(p.Rows, s.tuning.MatRows))
		gz := ceilDiv(tokens, v.tokens)
		c.Dispatch(label, s.matmul[v].pipeline, pushBytes(&push), matmulKernel.bind(p.Data, x, y), gx, gy, gz)
		work := Work{
			Read: p.Data.Size + 4*int64(w.Cols)*int64(tokens), Written: perRow * int64(p.Rows),
			FLOPs: 2 * int64(p.Rows) * int64(w.Cols) * int64(tokens),
		}
		if add {
			work.Read += perRow * int64(p.Rows)
			work.FLOPs += int64(p.Rows) * int64(tokens)
		}
		s.observe(label, s.matmul[v], [3]int{gx, gy, gz}, work, p.Rows, w.Cols, tokens)
	}
}
