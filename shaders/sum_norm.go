package shaders

import (
	"fmt"

	"sealvk/vk"
)

var sumNormKernel = register(sumNormModule, Kernel{
	Sizes: []string{"dim", "tokens", "splits"}, Typical: [][]int{{3072, 64, 8}, {3072, 64, 2}}, Knobs: []Knob{wideKnob},
	variants: func(s *Kernels, k *Kernel, _ Type) (pipelines []*Pipeline) {
		for form := normF32; form <= normFolded; form++ {
			pipelines = append(pipelines, s.sumNormPipeline(k, 3072, 8, form))
		}
		return pipelines
	},
})

// normForm is how a norm is written: FORM of sum_norm.comp.
type normForm int

const (
	normF32 normForm = iota
	normHalves
	normFolded
)

func (f normForm) String() string { return [...]string{"f32", "f16", "folded"}[f] }

// SumNorm is x[First+t] += the sum of the splits s of partial[s][t], in their order, for each of Count
// tokens; and x[First+t] / √(mean(x[First+t]²) + Eps) × weight of the sums.
type SumNorm struct {
	X       vk.Range // [First+Count][Dim] f32
	Partial vk.Range // [Splits][Count][Dim] f32; Splits 0: none, X is only read
	Weight  vk.Range // [Dim] f32

	First, Count, Dim, Splits int
	Eps                       float32

	// Next, unless nil, is Count tokens as blocked halves, whose writers are behind this dispatch and find
	// their largest values: these become 0.
	Next *Operand
}

// SumNorm records n, and its norm into to: Count tokens of Dim columns, in f32 or as f16.
func (s *Kernels) SumNorm(c *vk.Commands, label string, n SumNorm, to Operand) {
	form, written := normF32, 4*int64(n.Count)*int64(n.Dim)
	if to.Half {
		form, written = normHalves, HalfBytes(n.Count, n.Dim)
	}
	s.sumNorm(c, label, n, form, sumNormBindings{Y: to.X, Squares: to.X}, to.Octets, Work{Written: written, FLOPs: int64(n.Count) * int64(n.Dim)})
}

// SumFold records n, and in place of the norm what a reader of x needs to apply it itself ([Normed]).
func (s *Kernels) SumFold(c *vk.Commands, label string, n SumNorm, to Residual) {
	n.X = to.X
	b := sumNormBindings{Y: to.Weighted.F32, Squares: to.Squares}
	s.sumNorm(c, label, n, normFolded, b, false, Work{Written: 4 * int64(n.Count) * int64(n.Dim+tiles(n.Dim))})
}

func (s *Kernels) sumNorm(c *vk.Commands, label string, n SumNorm, form normForm, b sumNormBindings, octets bool, work Work) {
	values := int64(n.Count) * int64(n.Dim)
	work.Read += 4 * (values*int64(n.Splits+1) + int64(n.Dim))
	work.FLOPs += values * int64(3+n.Splits)
	b.X, b.Weight, b.Partial, b.Most = n.X, n.Weight, n.Partial, b.Y
	if n.Splits == 0 {
		b.Partial = n.Weight // bound, not read
	} else {
		work.Written += 4 * values
	}
	push := sumNormPush{Tokens: uint32(n.Count), First: uint32(n.First), Eps: n.Eps, Octets: constant(octets), Most: NoMost}
	if n.Next != nil {
		b.Most, push.Most = n.Next.X, uint32(n.Next.factors())
		work.Written += 4 * int64(n.Count)
	}
	s.dispatch(c, label, call{
		pipeline: s.sumNormPipeline(sumNormKernel, n.Dim, n.Splits, form), arguments: b.with(push),
		shape: []int{n.Dim, n.Count, n.Splits}, grid: [3]int{n.Count, 1, 1}, work: work,
	})
}

// sumNormPipeline is that for rows of dim columns: few sizes of which a model has, so that the compiler knows them.
func (s *Kernels) sumNormPipeline(k *Kernel, dim, splits int, f normForm) *Pipeline {
	lanes := s.tuning.WideLanes
	keep := 4*33*tiles(dim)+8*lanes <= s.d.Caps().Limits.MaxComputeSharedMemorySize
	return s.pipeline(k, form{
		weights: NoType, name: fmt.Sprintf("%v, %d splits of %d columns", f, splits, dim),
		constants: sumNormConstants{Lanes: uint32(lanes), Dim: uint32(dim), Splits: uint32(splits), Form: uint32(f), Keep: constant(keep)}.words(),
	})
}
