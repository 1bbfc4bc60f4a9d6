package reference

import (
	"cmp"
	"fmt"
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

// Adjustments are what changes logits before a token is chosen, in this order.
type Adjustments struct {
	Allowed   func(id int) bool  // others are -Inf; nil: all are
	Biases    map[uint32]float32 // added
	Recent    []uint32           // the tokens that are penalized
	Repeat    float32            // divides what is positive, multiplies the rest (https://arxiv.org/abs/1909.05858, section 4.1)
	Presence  float32            // subtracted
	Frequency float32            // subtracted for every time in Recent
}

// Adjust is the logits behind adjustments.
func Adjust(logits []float32, a Adjustments) Expected {
	times := map[uint32]int{}
	for _, id := range a.Recent {
		times[id]++
	}
	var e Expected
	for id, logit := range logits {
		l := float64(logit)
		if a.Allowed != nil && !a.Allowed(id) {
			l = math.Inf(-1)
		}
		size := math.Abs(l) // of what rounding is relative to
		if bias, ok := a.Biases[uint32(id)]; ok {
			l += float64(bias)
			size += math.Abs(float64(bias))
		}
		if n := times[uint32(id)]; n > 0 {
			if l > 0 {
				l /= float64(a.Repeat)
			} else {
				l *= float64(a.Repeat)
			}
			penalty := float64(a.Presence) + float64(n)*float64(a.Frequency)
			l -= penalty
			size = size*float64(max(a.Repeat, 1/a.Repeat, 1)) + math.Abs(penalty)
		}
		if math.IsInf(l, 0) {
			size = 0
		}
		e.add(l, 1e-6*(1e-3+size))
	}
	return e
}

// least is below every logit that is drawn.
const least = -3.4e38

// Threshold is the least logit that the filters keep. slack is how far from it f32
// arithmetic may end up: min-p's is computed, the others are logits themselves.
func Threshold(logits []float32, f Filters) (threshold, slack float64) {
	sorted := slices.DeleteFunc(slices.Clone(logits), func(l float32) bool { return !(l >= least) })
	if len(sorted) == 0 {
		return least, 0
	}
	slices.SortFunc(sorted, func(a, b float32) int { return cmp.Compare(b, a) })
	if k := f.TopK; k > 0 && k < len(sorted) {
		for k < len(sorted) && sorted[k] == sorted[k-1] { // ties are kept
			k++
		}
		sorted = sorted[:k]
	}
	mass := func(l float32) float64 {
		if l == sorted[0] { // be it infinite
			return 1
		}
		return math.Exp(float64(l) - float64(sorted[0]))
	}
	var total, sum float64
	for _, l := range sorted {
		total += mass(l)
	}
	for i, l := range sorted {
		if sum += mass(l); sum >= float64(f.TopP)*total && f.TopP < 1 {
			sorted = sorted[:i+1]
			break
		}
	}
	threshold = float64(sorted[len(sorted)-1])
	if f.MinP > 0 {
		if bound := float64(sorted[0]) + math.Log(float64(f.MinP)); bound > threshold {
			return bound, 1e-5
		}
	}
	return threshold, 0
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

// WrongChoice says why the filters and keys do not choose id, "" if they may, with arithmetic in f32.
func WrongChoice(logits []float32, id uint32, f Filters, temperature float32, position uint32, seed [2]uint32) string {
	if temperature <= 0 {
		f = Filters{TopK: 1, TopP: 1}
	}
	threshold, slack := Threshold(logits, f)
	surely := PickKeys(logits, float32(threshold+slack), temperature, position, seed)
	perhaps := PickKeys(logits, float32(threshold-slack), temperature, position, seed)
	switch greatest := slices.Max(surely); {
	case id == NoToken && !math.IsInf(greatest, -1):
		return fmt.Sprintf("the greatest key is %v", greatest)
	case id == NoToken:
	case int64(id) >= int64(len(logits)) || math.IsInf(perhaps[id], -1):
		return fmt.Sprintf("the threshold is %v", threshold)
	case perhaps[id] != greatest && !(perhaps[id] >= greatest-PickTolerance-0x1p-22*math.Abs(greatest)):
		return fmt.Sprintf("its key is %v, the greatest is %v", perhaps[id], greatest)
	case temperature <= 0 && slices.Index(logits, logits[id]) != int(id):
		return "an equal logit stands in front of it"
	}
	return ""
}

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
