package shaders

import "sealvk/vk"

type qkvPush struct {
	productPush
	Heads, KVHeads, HeadDim, MaxPages uint32
	Eps                               float32
}

var qkvKernels = registerProduct(kernel{
	name: "attn_qkv", push: qkvPush{}, constants: 8,
	access: []vk.Access{vk.ReadOnly, vk.ReadOnly, vk.ReadOnly, vk.ReadOnly, vk.ReadOnly, vk.ReadOnly, vk.WriteOnly, vk.WriteOnly, vk.WriteOnly},
})

// QKV records q, k and v of an RMSNorm, or those of them that w has: the rotation of q
// and k by each row's position, and the write of k and v into the cache.
//
//   - w: rows base and on of q, k and v, q and k in the order of [RoPERow]
//   - rows: [tokens]Row
//   - angles: [context][HeadDim/2] (cos, sin) f32, from [RoPETable]
//   - q: [tokens][Heads][HeadDim] f32, in the order of RoPERow
func (s *Set) QKV(c *vk.Commands, label string, w *Matrix, base int, x Normed, rows, angles, q vk.Range, cache KVCache, h Heads, tokens int) {
	push := func(p productPush) []byte {
		return pushBytes(&qkvPush{p, uint32(h.Heads), uint32(h.KVHeads), uint32(h.HeadDim), uint32(cache.MaxPages), x.Eps})
	}
	epilogue := s.ropeWork(h, tokens)
	part := func(n int64) int64 { return n * int64(w.Rows) / int64(h.Rows()) }
	epilogue = Work{Read: part(epilogue.Read), Written: part(epilogue.Written), FLOPs: part(epilogue.FLOPs)}
	to := written([3]vk.Range{q, cache.K, cache.V}, [4]int{0, h.Heads * h.HeadDim, (h.Heads + h.KVHeads) * h.HeadDim, h.Rows()}, base, base+w.Rows)
	s.product(c, label, product{
		kernels: qkvKernels, w: w, x: x.Weighted, base: base, tokens: tokens, push: push, epilogue: epilogue,
		bind: []vk.Range{x.Squares, rows, cache.Pages, angles, to[0], to[1], to[2]},
	})
}

// written is what is bound where rows first to last of q, k and v are written, which begin at the
// given rows: in place of those that have none of the rows another one, so that dispatches which
// write different ones need not wait for each other.
func written(qkv [3]vk.Range, begin [4]int, first, last int) [3]vk.Range {
	has := func(i int) bool { return first < begin[i+1] && begin[i] < last }
	some := 0
	for !has(some) {
		some++
	}
	for i := range qkv {
		if !has(i) {
			qkv[i] = qkv[some]
		}
	}
	return qkv
}
