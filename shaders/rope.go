package shaders

import (
	"math"

	"sealvk/vk"
)

type ropePush struct{ Heads, KVHeads, HeadDim, MaxPages uint32 }

var ropeKernel = register(kernel{
	name: "rope", push: ropePush{}, constants: 2,
	access: []vk.Access{vk.ReadOnly, vk.ReadOnly, vk.ReadOnly, vk.ReadOnly, vk.WriteOnly, vk.WriteOnly, vk.WriteOnly},
})

// Heads is the shape of attention.
type Heads struct {
	Heads, KVHeads int // KVHeads divides Heads
	HeadDim        int // a multiple of TileRows, at most format.MaxHeadDim
}

// Rows is the rows of q, k and v together.
func (h Heads) Rows() int { return (h.Heads + 2*h.KVHeads) * h.HeadDim }

// RoPE records the rotation of q and k by each row's position, and the write of k and v
// into the cache, of products that are there: what [Set.QKV] does behind its own.
//
//   - rows: [count]Row
//   - angles: [context][HeadDim/2] (cos, sin) f32, from [RoPETable]
//   - qkv: [count][Heads.Rows] f32, q and k in the order of [RoPERow]
//   - q: [count][Heads][HeadDim] f32, in the same order
func (s *Set) RoPE(c *vk.Commands, label string, rows, angles, qkv, q vk.Range, cache KVCache, h Heads, count int) {
	push := ropePush{uint32(h.Heads), uint32(h.KVHeads), uint32(h.HeadDim), uint32(cache.MaxPages)}
	x, y := s.fold(ceilDiv(h.Rows()/2, max(pairRows, s.tuning.Lanes)))
	c.Dispatch(label, s.rope.pipeline, pushBytes(&push), ropeKernel.bind(rows, cache.Pages, angles, qkv, q, cache.K, cache.V), x, y, count)
	if s.observer == nil {
		return
	}
	work := s.ropeWork(h, count)
	work.Read += 4 * int64(count) * int64(h.Rows())
	s.observe(label, s.rope, [3]int{x, y, count}, work, h.Heads, h.KVHeads, h.HeadDim, count)
}

// ropeWork is that of the rotation and the writes of count rows whose products are at hand:
// a row of angles; q and a position of the cache; 3 FLOPs for each rotated value.
func (s *Set) ropeWork(h Heads, count int) Work {
	n := int64(count)
	return Work{
		Read:    4 * n * int64(h.HeadDim),
		Written: n * (4*int64(h.Heads*h.HeadDim) + 2*KVBytes(h, s.kv)/PageTokens),
		FLOPs:   3 * n * int64((h.Heads+h.KVHeads)*h.HeadDim),
	}
}

// RoPETable is the (cos, sin) of every position and pair: angle = position ×
// theta^(-2i/headDim), rounded to f32 where the reference implementation rounds.
func RoPETable(context, headDim int, theta float32) []float32 {
	half := headDim / 2
	frequency := make([]float32, half)
	for i := range frequency {
		power := float32(math.Pow(float64(theta), float64(float32(2*i)/float32(headDim))))
		frequency[i] = 1 / power
	}
	table := make([]float32, 0, context*headDim)
	for position := range context {
		for _, f := range frequency {
			sin, cos := math.Sincos(float64(float32(position) * f))
			table = append(table, float32(cos), float32(sin))
		}
	}
	return table
}
