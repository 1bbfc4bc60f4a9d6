package shaders

import "sealvk/vk"

// Sizes and usual shapes of kernels that read logits.
var (
	logitSizes    = []string{"vocab", "tokens"}
	typicalLogits = [][]int{{256000, 1}}
)

// SampleBuffers is what sampling reads and writes; count rows, f32 logits, tiles of TileRows tokens.
type SampleBuffers struct {
	Rows    vk.Range // [count]Row, advanced to the next step
	Params  vk.Range // [sequences]Sampling
	History vk.Range // [sequences][Context] u32: the ids of each position
	Biases  vk.Range // [sequences][MaxBiases]Bias, of each as many as its parameters say, of different tokens
	Mask    vk.Range // [sequences][tiles] u32, a bit a token from the lowest: 1 for those that may be drawn

	Logits     vk.Range // [count][Vocab] f32; penalties, biases and mask change them
	Best       vk.Range // [count][tiles] of (f32, u32), by Output: the best token's key and id, or the greatest logit
	Counts     vk.Range // [count][Vocab] u32: zeros, between the kernels
	Bins       vk.Range // [count][3][SelectBins] u32
	Thresholds vk.Range // [count] u32: sort keys of logits
	Picked     vk.Range // [count][PickChunks] of (f32, u32): the best token's key and id

	Ring vk.Range // [count][Slots] u32: the sampled ids
	Grid vk.Range // VkDispatchIndirectCommand of this step's attention, advanced to the next one's

	Vocab   int
	Context int
	Slots   int
}

// Bias is added to the logit of a token.
type Bias struct {
	ID    uint32
	Value float32
}

// BestBytes, BinBytes and PickedBytes are the sizes of SampleBuffers.Best, Bins and Picked; MaskBytes is that of Mask
// for a sequence.
func MaskBytes(vocab int) int64        { return 4 * int64(tiles(vocab)) }
func BestBytes(vocab, count int) int64 { return 8 * int64(count) * int64(tiles(vocab)) }
func BinBytes(count int) int64         { return 12 * SelectBins * int64(count) }
func (s *Kernels) PickedBytes(vocab, count int) int64 {
	return 8 * int64(count) * int64(s.pickChunks(vocab))
}

// Choice is how a row's token is chosen. It follows from the row's parameters alone; a step takes
// the greatest choice of its rows, and each row has the token that it would have alone.
type Choice int

const (
	ByTiles Choice = iota // the best token of each tile: Output, Advance
	ByRank                // from the few tokens that top-k leaves: Output, Sample
	ByMass                // from all tokens: Output, Adjust, Histogram, Threshold, Pick, Sample
)

// Choice is that of a row with these parameters, as sampling.glsl has it.
func (s Sampling) Choice() Choice {
	penalized := s.RepeatPenalty != 1 || s.PresencePenalty != 0 || s.FrequencyPenalty != 0
	adjusted := penalized || s.Biases != 0 || s.Masked != 0
	greedy, filtered := s.Temperature <= 0, s.TopK != 0 || s.TopP < 1 || s.MinP > 0
	switch {
	case !adjusted && (greedy || !filtered):
		return ByTiles
	case greedy || s.TopK != 0 && s.TopK <= MaxTopK:
		return ByRank
	}
	return ByMass
}

// parameterWork is what all rows read of sampling's buffers, Row and Sampling each; what penalties
// and filters read beyond depends on these parameters and is not counted.
func parameterWork(count int) Work { return Work{Read: 64 * int64(count)} }

// tileWork is parameterWork and the reading of SampleBuffers.Best.
func tileWork(vocab, count int) Work {
	w := parameterWork(count)
	w.Read += BestBytes(vocab, count)
	return w
}
