package shaders

import "sealvk/vk"

var attnQKVKernel = registerProduct(attnQKVModule, Kernel{
	Typical: [][]int{{3 * 4096, 3072, 1}}, Cache: true, Depth: true,
}, func(s *Kernels, p productConstants, _ *ProductTuning) ([]uint32, string) {
	return attnQKVConstants{p, uint32(s.kv)}.words(), ", " + s.kv.String() + " cache"
})

// QKV is q, k and v of an RMSNorm, or those of them that W has: the rotation of q
// and k by each row's position, and the write of k and v into the cache.
type QKV struct {
	W      *Matrix // rows Base and on of q, k and v, q and k in the order of [RoPERow]
	Base   int
	X      Normed
	Rows   vk.Range // [Tokens]Row
	Angles vk.Range // [context][HeadDim/2] (cos, sin) f32, from [RoPETable]
	Q      vk.Range // [Tokens][Heads][HeadDim] f32, in the order of RoPERow
	Cache  KVCache
	Heads  Heads
	Tokens int
}

// QKV records q.
func (s *Kernels) QKV(c *vk.Commands, label string, q QKV) {
	h, w := q.Heads, q.W
	epilogue := s.ropeWork(h, q.Tokens)
	part := func(n int64) int64 { return n * int64(w.Rows) / int64(h.Rows()) }
	epilogue = Work{Read: part(epilogue.Read), Written: part(epilogue.Written), FLOPs: part(epilogue.FLOPs)}
	to := written([3]vk.Range{q.Q, q.Cache.K, q.Cache.V}, [4]int{0, h.Heads * h.HeadDim, (h.Heads + h.KVHeads) * h.HeadDim, h.Rows()}, q.Base, q.Base+w.Rows)
	s.product(c, label, product{
		kernel: attnQKVKernel, w: w, x: q.X.Weighted, base: q.Base, tokens: q.Tokens, epilogue: epilogue,
		with: func(p productPush, w, x vk.Range) arguments {
			return attnQKVBindings{
				Weights: w, X: x, Squares: q.X.Squares, Rows: q.Rows, Pages: q.Cache.Pages, Angles: q.Angles, Q: to[0], KCache: to[1], VCache: to[2],
			}.with(attnQKVPush{
				productPush: p, Heads: uint32(h.Heads), KVHeads: uint32(h.KVHeads), HeadDim: uint32(h.HeadDim), MaxPages: uint32(q.Cache.MaxPages), Eps: q.X.Eps,
			})
		},
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
