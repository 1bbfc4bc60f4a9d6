package reference

import (
	"cmp"
	"math"
	"math/bits"
	"slices"
)

// Filters say which tokens may be drawn: those that top-k, then top-p, then min-p keep.
type Filters struct {
	TopK int     // 0: off
	TopP float32 // 1: off
	MinP float32 // 0: off
}

// Penalize is the repeat penalty (https://arxiv.org/abs/1909.05858, section 4.1, with the
// sign rule that everybody uses) on the logits of the tokens in recent.
func Penalize(logits []float32, recent []uint32, penalty float32) Expected {
	seen := map[uint32]bool{}
	for _, id := range recent {
		seen[id] = true
	}
	var e Expected
	for id, logit := range logits {
		l := float64(logit)
		if seen[uint32(id)] {
			if l > 0 {
				l /= float64(penalty)
			} else {
				l *= float64(penalty)
			}
		}
		e.relative(l, 1e-6)
	}
	return e
}

// Threshold is the least logit that the filters keep. slack is how far from it f32
// arithmetic may end up: min-p's is computed, the others are logits themselves.
func Threshold(logits []float32, f Filters) (least, slack float64) {
	sorted := slices.Clone(logits)
	slices.SortFunc(sorted, func(a, b float32) int { return cmp.Compare(b, a) })
	if k := f.TopK; k > 0 && k < len(sorted) {
		for k < len(sorted) && sorted[k] == sorted[k-1] { // ties are kept
			k++
		}
		sorted = sorted[:k]
	}
	var total, sum float64
	for _, l := range sorted {
		total += math.Exp(float64(l - sorted[0]))
	}
	for i, l := range sorted {
		if sum += math.Exp(float64(l - sorted[0])); sum >= float64(f.TopP)*total {
			sorted = sorted[:i+1]
			break
		}
	}
	least = float64(sorted[len(sorted)-1])
	if f.MinP > 0 {
		if bound := float64(sorted[0]) + math.Log(float64(f.MinP)); bound > least {
			return bound, 1e-5
		}
	}
	return least, 0
}

// WrongSide finds the first logit that one of two thresholds keeps and the other does not,
// those within slack left out; -1 if there is none.
func WrongSide(logits []float32, got float32, want, slack float64) int {
	return slices.IndexFunc(logits, func(l float32) bool {
		v := float64(l)
		return l < got && v >= want+slack || l >= got && v < want-slack
	})
}

// Philox is Philox4x32-10 of Salmon et al., "Parallel random numbers: as easy as 1, 2, 3"
// (SC 2011).
func Philox(c [4]uint32, k [2]uint32) [4]uint32 {
	for range 10 {
		hi0, lo0 := bits.Mul32(0xD2511F53, c[0])
		hi1, lo1 := bits.Mul32(0xCD9E8D57, c[2])
		c = [4]uint32{hi1 ^ c[1] ^ k[0], lo1, hi0 ^ c[3] ^ k[1], lo0}
		k[0], k[1] = k[0]+0x9E3779B9, k[1]+0xBB67AE85
	}
	return c
}

// PickTolerance is of the keys of [PickKeys].
const PickTolerance = 1e-3

// PickKeys are the keys by which a token is drawn, the greatest wins: logit/temperature +
// Gumbel noise (https://arxiv.org/abs/1611.01144, section 2.1), or the logit where the
// temperature is 0; -Inf below the threshold.
func PickKeys(logits []float32, threshold, temperature float32, position uint32, seed [2]uint32) []float64 {
	keys := make([]float64, len(logits))
	for id, l := range logits {
		switch {
		case !(l >= threshold):
			keys[id] = math.Inf(-1)
		case temperature <= 0:
			keys[id] = float64(l)
		default:
			noise := Philox([4]uint32{uint32(id / 4), position}, seed)
			v := (float64(noise[id%4]) + 0.5) / (1 << 32)
			keys[id] = float64(l)/float64(temperature) - math.Log(-math.Log1p(-v))
		}
	}
	return keys
}

// NoToken is the id that stands for none.
const NoToken = ^uint32(0)

// Best is the id with the greatest key, the lowest of equal ones; keys of NoToken do not
// count, and NoToken is the result where there are no others.
func Best(keys []float32, ids []uint32) uint32 {
	best, key := NoToken, math.Inf(-1)
	for i, id := range ids {
		if k := float64(keys[i]); id != NoToken && (best == NoToken || k > key || k == key && id < best) {
			best, key = id, k
		}
	}
	return best
}
