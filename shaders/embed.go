package shaders

import "sealvk/vk"

var embedKernel = register(embedModule, Kernel{
	Sizes: productSizes, Typical: [][]int{{256000, 3072, 1}}, Knobs: []Knob{lanesKnob}, Weights: true,
	variants: func(s *Kernels, k *Kernel, t Type) []*Pipeline { return []*Pipeline{s.embedPipeline(k, t)} },
})

// Embed is, for each of Count rows, To.X[r] = Scale × table[rows[r].Token] with what the norm
// behind it needs, and history[Sequence][Position] = Token.
type Embed struct {
	Table   *Matrix  // vocabulary × dim weights
	Rows    vk.Range // [Count]Row
	Norm    vk.Range // [dim] f32, the next norm's weight
	To      Residual
	History vk.Range // [sequences][Context] u32

	Count, Context int
	Scale          float32
}

// Embed records e, a dispatch for each part of the table.
func (s *Kernels) Embed(c *vk.Commands, label string, e Embed) {
	table, n := e.Table, int64(e.Count)
	for i := range table.Parts {
		p := &table.Parts[i]
		push := embedPush{
			matrixPush: table.push(p), Row0: uint32(p.First), Context: uint32(e.Context), Scale: e.Scale, Quantize: constant(s.quantizes(e.To.Weighted, e.Count)),
		}
		// A token's row is in one part: this one, as often as it has rows.
		share := func(perToken int64) int64 { return perToken * n * int64(p.Rows) / int64(table.Rows) }
		s.dispatch(c, label, call{
			pipeline: s.embedPipeline(embedKernel, table.Type), shape: []int{p.Rows, table.Cols, e.Count}, grid: [3]int{1, 1, e.Count},
			arguments: embedBindings{
				Weights: p.Data, Rows: e.Rows, Norm: e.Norm, X: e.To.X, Weighted: e.To.Weighted.F32, Squares: e.To.Squares,
				History: e.History, Quantized: s.quantized(e.To.Weighted, e.Count),
			}.with(push),
			work: Work{
				Read:    16*n + share(p.Data.Size/int64(p.Rows)+4*int64(table.Cols)),
				Written: share(4 * int64(1+2*table.Cols+tiles(table.Cols))), FLOPs: share(4 * int64(table.Cols)),
			},
		})
	}
}

func (s *Kernels) embedPipeline(k *Kernel, t Type) *Pipeline {
	return s.pipeline(k, form{weights: t, constants: embedConstants{Lanes: uint32(max(4, s.tuning.Lanes)), Type: uint32(t)}.words()})
}
