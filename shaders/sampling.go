package shaders

import "sealvk/vk"

// Row is a token of a step (rows.glsl): 16 bytes.
type Row struct {
	Token    uint32
	Position uint32 // in its sequence, from 0
	Sequence uint32 // index of its page table, history and parameters
	Step     uint32 // tokens sampled so far
}

// Sampling is the parameters of a sequence (sampling.glsl): 32 bytes.
type Sampling struct {
	Temperature   float32 // 0: greedy
	TopP          float32 // 1: off
	MinP          float32 // 0: off
	RepeatPenalty float32 // 1: off
	TopK          uint32  // 0: off
	RepeatLastN   uint32
	SeedLo        uint32
	SeedHi        uint32
}

// NoToken is what a step samples when no logit is a number.
const NoToken = ^uint32(0)

// pickQuads is the runs of 4 tokens that a lane of pick.comp looks at.
const pickQuads = 4

type (
	penalizePush  struct{ Vocab, Context uint32 }
	thresholdPush struct{ Vocab uint32 }
	pickPush      struct{ Vocab uint32 }
	advancePush   struct{ Rows, Chunks, Slots, Heads, Split uint32 }
)

var (
	penalizeKernel = register(kernel{
		name: "penalize", push: penalizePush{}, constants: 1,
		access: []vk.Access{vk.ReadOnly, vk.ReadOnly, vk.ReadOnly, vk.ReadWrite},
	})
	thresholdKernel = register(kernel{
		name: "threshold", push: thresholdPush{}, constants: 1,
		access: []vk.Access{vk.ReadOnly, vk.ReadOnly, vk.ReadOnly, vk.WriteOnly},
	})
	pickKernel = register(kernel{
		name: "pick", push: pickPush{}, constants: 2,
		access: []vk.Access{vk.ReadOnly, vk.ReadOnly, vk.ReadOnly, vk.ReadOnly, vk.WriteOnly},
	})
	advanceKernel = register(kernel{
		name: "advance", push: advancePush{}, constants: 1,
		access: []vk.Access{vk.ReadOnly, vk.ReadWrite, vk.WriteOnly, vk.ReadWrite},
	})
)

// SampleBuffers is what sampling reads and writes; count rows, f32 logits.
type SampleBuffers struct {
	Rows       vk.Range // [count]Row, advanced to the next step
	Params     vk.Range // [sequences]Sampling
	History    vk.Range // [sequences][Context] u32
	Logits     vk.Range // [count][Vocab] f32; the repeat penalty changes them
	Thresholds vk.Range // [count] f32
	Best       vk.Range // [Set.BestBytes]
	Ring       vk.Range // [count][Slots] u32: the sampled ids
	Grid       vk.Range // VkDispatchIndirectCommand of this step's attention, advanced to the next one's
	Vocab      int
	Context    int
	Slots      int
}

func (s *Set) pickChunks(vocab int) int {
	return ceilDiv(vocab, 4*pickQuads*s.tuning.Lanes)
}

// BestBytes is the size of SampleBuffers.Best.
func (s *Set) BestBytes(vocab, count int) int64 {
	return 8 * int64(count) * int64(max(s.pickChunks(vocab), tiles(vocab)))
}

// Penalize records the repeat penalty on the logits of count rows.
func (s *Set) Penalize(c *vk.Commands, label string, b *SampleBuffers, count int) {
	push := penalizePush{uint32(b.Vocab), uint32(b.Context)}
	c.Dispatch(label, s.penalize.pipeline, pushBytes(&push), penalizeKernel.bind(b.Rows, b.Params, b.History, b.Logits), count, 1, 1)
	s.observe(label, s.penalize, [3]int{count, 1, 1}, parameterWork(count), b.Vocab, count)
}

// Threshold records the smallest logit that top-k, top-p and min-p keep.
func (s *Set) Threshold(c *vk.Commands, label string, b *SampleBuffers, count int) {
	push := thresholdPush{uint32(b.Vocab)}
	c.Dispatch(label, s.threshold.pipeline, pushBytes(&push), thresholdKernel.bind(b.Rows, b.Params, b.Logits, b.Thresholds), count, 1, 1)
	s.observe(label, s.threshold, [3]int{count, 1, 1}, parameterWork(count), b.Vocab, count)
}

// Pick records the choice of a token in each chunk of the vocabulary, of the logits that
// reach the threshold: the greatest, or a draw by temperature and seed.
func (s *Set) Pick(c *vk.Commands, label string, b *SampleBuffers, count int) {
	push := pickPush{uint32(b.Vocab)}
	chunks := s.pickChunks(b.Vocab)
	c.Dispatch(label, s.pick.pipeline, pushBytes(&push), pickKernel.bind(b.Rows, b.Params, b.Thresholds, b.Logits, b.Best), chunks, 1, count)
	work := parameterWork(count)
	work.Read += 4 * int64(count) * int64(b.Vocab)
	work.Written = 8 * int64(count) * int64(chunks)
	work.FLOPs = int64(count) * int64(b.Vocab) // comparisons
	s.observe(label, s.pick, [3]int{chunks, 1, count}, work, b.Vocab, count)
}

// Advance records the choice among the chunks, the write of the ids into the
// ring, and the step of rows and grid to the next position. The chunks are those of
// [Set.Pick], or where nothing is filtered those of [Set.Output].
func (s *Set) Advance(c *vk.Commands, label string, b *SampleBuffers, filtered bool, h Heads, sp Splits, count int) {
	chunks := tiles(b.Vocab)
	if filtered {
		chunks = s.pickChunks(b.Vocab)
	}
	push := advancePush{uint32(count), uint32(chunks), uint32(b.Slots), uint32(h.Heads), uint32(sp.Positions)}
	c.Dispatch(label, s.advance.pipeline, pushBytes(&push), advanceKernel.bind(b.Best, b.Rows, b.Ring, b.Grid), count, 1, 1)
	work := Work{Read: 8*int64(count)*int64(chunks) + 16*int64(count) + 4, Written: 20*int64(count) + 12, FLOPs: int64(count) * int64(chunks)}
	s.observe(label, s.advance, [3]int{count, 1, 1}, work, chunks, count)
}

// parameterWork is what greedy sampling reads of count rows, Row and Sampling each; what
// penalty and filters read beyond depends on these parameters and is not counted.
func parameterWork(count int) Work { return Work{Read: 48 * int64(count)} }
