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

// Sizes and usual shapes of kernels that read logits.
var (
	logitSizes    = []string{"vocab", "tokens"}
	typicalLogits = [][]int{{256000, 1}}
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

// BestBytes is the size of SampleBuffers.Best.
func (s *Set) BestBytes(vocab, count int) int64 {
	return 8 * int64(count) * int64(max(s.pickChunks(vocab), tiles(vocab)))
}

// parameterWork is what greedy sampling reads of count rows, Row and Sampling each; what
// penalty and filters read beyond depends on these parameters and is not counted.
func parameterWork(count int) Work { return Work{Read: 48 * int64(count)} }
