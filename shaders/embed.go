package shaders

import "sealvk/vk"

type embedPush struct {
	Rows, Cols, RowWords, Scales, Row0, Context uint32
	Scale                                       float32
}

var embedKernel = register(kernel{
	name: "embed", push: embedPush{}, constants: 2,
	access: []vk.Access{vk.ReadOnly, vk.ReadOnly, vk.WriteOnly, vk.WriteOnly},
})

// Embed records, for each of count rows, x[r] = scale × table[rows[r].Token],
// and history[Sequence][Position] = Token.
//
//   - table: vocabulary × dim weights
//   - rows: [count]Row
//   - x: [count][dim] f32
//   - history: [sequences][context] u32
func (s *Set) Embed(c *vk.Commands, label string, table *Matrix, rows, x, history vk.Range, count, context int, scale float32) {
	for i := range table.Parts {
		p := &table.Parts[i]
		push := embedPush{
			uint32(p.Rows), uint32(table.Cols), uint32(table.Type.rowWords(table.Cols)), p.scaleWord(table.Type, table.Cols),
			uint32(p.First), uint32(context), scale,
		}
		gx, gy := s.fold(ceilDiv(ceilDiv(table.Cols, 8), s.tuning.Lanes))
		c.Dispatch(label, s.embed[table.Type].pipeline, pushBytes(&push), embedKernel.bind(p.Data, rows, x, history), gx, gy, count)
		// A token's row is in one part: this one, as often as it has rows.
		share := func(perToken int64) int64 { return perToken * int64(count) * int64(p.Rows) / int64(table.Rows) }
		work := Work{
			Read: 16*int64(count) + share(p.Data.Size/int64(p.Rows)), Written: share(4 * int64(1+table.Cols)), FLOPs: share(int64(table.Cols)),
		}
		s.observe(label, s.embed[table.Type], [3]int{gx, gy, count}, work, p.Rows, table.Cols, count)
	}
}
