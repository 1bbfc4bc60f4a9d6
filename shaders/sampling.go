package shaders

import "sealvk/vk"

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
	Best       vk.Range // [Kernels.BestBytes]
	Ring       vk.Range // [count][Slots] u32: the sampled ids
	Grid       vk.Range // VkDispatchIndirectCommand of this step's attention, advanced to the next one's
	Vocab      int
	Context    int
	Slots      int
}

// BestBytes is the size of SampleBuffers.Best.
func (s *Kernels) BestBytes(vocab, count int) int64 {
	return 8 * int64(count) * int64(max(s.pickChunks(vocab), tiles(vocab)))
}

// parameterWork is what greedy sampling reads of count rows, Row and Sampling each; what
// penalty and filters read beyond depends on these parameters and is not counted.
func parameterWork(count int) Work { return Work{Read: 48 * int64(count)} }
