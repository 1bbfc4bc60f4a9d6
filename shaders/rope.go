package shaders

import (
	"math"

	"sealvk/vk"
)

type ropePush struct{ Heads, KVHeads, HeadDim, MaxPages uint32 }

var ropeKernel = register(kernel{
	name: "rope", push: ropePush{}, constants: 3,
	access: []vk.Access{vk.ReadOnly, vk.ReadOnly, vk.ReadOnly, vk.ReadWrite, vk.ReadOnly, vk.ReadOnly, vk.WriteOnly, vk.WriteOnly},
})

// Heads is the shape of attention.
type Heads struct {
	Heads, KVHeads int // KVHeads divides Heads
	HeadDim        int // even, at most 256
}

// KVCache is the paged cache of one layer and the tables that lead to it.
type KVCache struct {
	K, V     vk.Range // [page][KVHeads][PageTokens][HeadDim] f16 or f32
	Pages    vk.Range // [sequences][MaxPages] u32: the page of each PageTokens positions
	MaxPages int
}

// KVBytes is the size of one page of K, or of V, in one layer.
func KVBytes(h Heads, f16 bool) int64 {
	n := int64(h.KVHeads) * PageTokens * int64(h.HeadDim)
	if f16 {
		return 2 * n
	}
	return 4 * n
}

// RoPE records the rotation of q (in place) and k by each row's position, and
// the write of k and v into the cache.
//
//   - rows: [count]Row
//   - angles: [context][HeadDim/2] (cos, sin) f32, from [RoPETable]
//   - q: [count][Heads][HeadDim] f32
//   - k, v: [count][KVHeads][HeadDim] f32
func (s *Set) RoPE(c *vk.Commands, label string, rows, angles, q, k, v vk.Range, cache KVCache, h Heads, count int) {
	push := ropePush{uint32(h.Heads), uint32(h.KVHeads), uint32(h.HeadDim), uint32(cache.MaxPages)}
	x, y := s.fold(ceilDiv((h.Heads+2*h.KVHeads)*h.HeadDim/2, s.tuning.Lanes))
	c.Dispatch(label, s.rope.pipeline, pushBytes(&push), ropeKernel.bind(rows, cache.Pages, angles, q, k, v, cache.K, cache.V), x, y, count)
	if s.observer == nil {
		return
	}
	rotated, kv, n := int64((h.Heads+h.KVHeads)*h.HeadDim), int64(h.KVHeads*h.HeadDim), int64(count)
	work := Work{ // q, k, v and a row of angles; q and a position of the cache; 3 FLOPs for each rotated value
		Read:    4 * n * (rotated + kv + int64(h.HeadDim)),
		Written: n * (4*int64(h.Heads*h.HeadDim) + 2*KVBytes(h, s.kvF16)/PageTokens),
		FLOPs:   3 * n * rotated,
	}
	s.observe(label, s.rope, [3]int{x, y, count}, work, h.Heads, h.KVHeads, h.HeadDim, count)
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
