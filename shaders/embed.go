package shaders

import "sealvk/vk"

type embedPush struct {
	matrixPush
	Row0, Context uint32
	Scale         float32
	Quantize      uint32
}

var embedKernel = register(kernel{
	name: "embed", push: embedPush{}, constants: 2,
	access: []vk.Access{vk.ReadOnly, vk.ReadOnly, vk.ReadOnly, vk.WriteOnly, vk.WriteOnly, vk.WriteOnly, vk.WriteOnly, vk.WriteOnly},
})

// MaxDim is the widest embedding that [Set.Embed] takes.
const MaxDim = 16384

// Embed records, for each of count rows, to.X[r] = scale × table[rows[r].Token] with
// what the norm behind it needs, and history[Sequence][Position] = Token.
//
//   - table: vocabulary × dim weights
//   - rows: [count]Row
//   - norm: [dim] f32, the next norm's weight
//   - history: [sequences][context] u32
func (s *Set) Embed(c *vk.Commands, label string, table *Matrix, rows, norm vk.Range, to Residual, history vk.Range, count, context int, scale float32) {
	program := s.embedProgram(table.Type)
	if err := program.build(); err != nil {
		c.Fail(label, err)
		return
	}
	for i := range table.Parts {
		p := &table.Parts[i]
		push := embedPush{table.push(p), uint32(p.First), uint32(context), scale, constant(s.quantizes(count))}
		c.Dispatch(label, program.pipeline, pushBytes(&push), embedKernel.bind(p.Data, rows, norm, to.X, to.Weighted.F32, to.Squares, history, s.quantized(to.Weighted, count)), 1, 1, count)
		// A token's row is in one part: this one, as often as it has rows.
		share := func(perToken int64) int64 { return perToken * int64(count) * int64(p.Rows) / int64(table.Rows) }
		work := Work{
			Read:    16*int64(count) + share(p.Data.Size/int64(p.Rows)+4*int64(table.Cols)),
			Written: share(4 * int64(1+2*table.Cols+tiles(table.Cols))), FLOPs: share(4 * int64(table.Cols)),
		}
		s.observe(label, program, [3]int{1, 1, count}, work, p.Rows, table.Cols, count)
	}
}

func (s *Set) embedProgram(t Type) *Program {
	return s.program(embedKernel, t, "", uint32(s.tuning.Lanes), uint32(t))
}
