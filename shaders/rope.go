package shaders

import (
	"math"

	"sealvk/vk"
)

var ropeKernel = register(ropeModule, Kernel{
	Sizes: headSizes, Typical: [][]int{{16, 16, 256, 1}}, Knobs: []Knob{lanesKnob}, Cache: true, Depth: true,
	constants: func(s *Kernels) []uint32 {
		return ropeConstants{Lanes: uint32(s.tuning.Lanes), KV: uint32(s.kv)}.words()
	},
})

// headSizes are the sizes of kernels that know heads.
var headSizes = []string{"heads", "kv_heads", "head_dim", "tokens"}

// Heads is the shape of attention.
type Heads struct {
	Heads, KVHeads int // KVHeads divides Heads
	HeadDim        int // a multiple of TileRows, at most format.MaxHeadDim
}

// Rows is the rows of q, k and v together.
func (h Heads) Rows() int { return (h.Heads + 2*h.KVHeads) * h.HeadDim }

// RoPE is the rotation of q and k by each row's position, and the write of k and v into the
// cache, of products that are there: what [Kernels.QKV] does behind its own.
type RoPE struct {
	Rows   vk.Range // [Count]Row
	Angles vk.Range // [context][HeadDim/2] (cos, sin) f32, from [RoPETable]
	QKV    vk.Range // [max(1, Splits)][Count][Heads.Rows] f32, to be summed in this order; q and k in the order of [RoPERow]
	Q      vk.Range // [Count][Heads][HeadDim] f32, in the same order
	Cache  KVCache
	Heads  Heads
	Count  int
	Splits int
}

// RoPE records r.
func (s *Kernels) RoPE(c *vk.Commands, label string, r RoPE) {
	h, splits := r.Heads, max(1, r.Splits)
	work, values := s.ropeWork(h, r.Count), int64(r.Count)*int64(h.Rows())
	work.Read += 4 * values * int64(splits)
	work.FLOPs += values * int64(splits-1)
	pairs := 8 // of a lane
	if s.kv == KVQ8 {
		pairs = 16
	}
	rows := min(s.tuning.Lanes, RopeRows)
	x, y := s.fold(ceilDiv(h.Rows()/2, pairs*s.tuning.Lanes/rows))
	s.dispatch(c, label, call{
		pipeline: s.only(ropeKernel), shape: []int{h.Heads, h.KVHeads, h.HeadDim, r.Count}, grid: [3]int{x, y, ceilDiv(r.Count, rows)}, work: work,
		arguments: ropeBindings{
			Rows: r.Rows, Pages: r.Cache.Pages, Angles: r.Angles, QKV: r.QKV, Q: r.Q, KCache: r.Cache.K, VCache: r.Cache.V,
		}.with(ropePush{Heads: uint32(h.Heads), KVHeads: uint32(h.KVHeads), HeadDim: uint32(h.HeadDim), MaxPages: uint32(r.Cache.MaxPages),
			Count: uint32(r.Count), Splits: uint32(splits)}),
	})
}

// ropeWork is that of the rotation and the writes of count rows whose products are at hand:
// a row of angles; q and a position of the cache; 3 FLOPs for each rotated value.
func (s *Kernels) ropeWork(h Heads, count int) Work {
	n := int64(count)
	return Work{
		Read:    4 * n * int64(h.HeadDim),
		Written: n * (4*int64(h.Heads*h.HeadDim) + 2*KVBytes(h, s.kv)/PageTokens),
		FLOPs:   3 * n * int64((h.Heads+h.KVHeads)*h.HeadDim),
	}
}

// RoPETable is the (cos, sin) of each pair in count positions from first on: angle = position ×
// theta^(-2i/headDim), rounded to f32 where the reference implementation rounds.
func RoPETable(first, count, headDim int, theta float32) []float32 {
	half := headDim / 2
	frequency := make([]float32, half)
	for i := range frequency {
		power := float32(math.Pow(float64(theta), float64(float32(2*i)/float32(headDim))))
		frequency[i] = 1 / power
	}
	table := make([]float32, 0, count*headDim)
	for position := first; position < first+count; position++ {
		for _, f := range frequency {
			sin, cos := math.Sincos(float64(float32(position) * f))
			table = append(table, float32(cos), float32(sin))
		}
	}
	return table
}
