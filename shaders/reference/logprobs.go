package reference

import (
	"cmp"
	"math"
	"slices"
)

// Logprobs are the log-probabilities of all tokens by their logits at temperature 1. What is no number, or
// below every logit that is drawn, has none: -Inf. Infinite logits share all probability.
func Logprobs(logits []float32) []float64 {
	greatest := math.Inf(-1)
	for _, l := range logits {
		if l >= least {
			greatest = max(greatest, float64(l))
		}
	}
	values, sum := make([]float64, len(logits)), 0.0
	for i, l := range logits {
		switch {
		case !(l >= least):
			values[i] = math.Inf(-1)
		case float64(l) < greatest: // else 0, be it infinite
			values[i] = float64(l) - greatest
		}
		sum += math.Exp(values[i])
	}
	for i := range values {
		if !math.IsInf(values[i], -1) {
			values[i] -= math.Log(sum)
		}
	}
	return values
}

// LogprobTolerance is how far f32 arithmetic may end up from a log-probability; large logits differ by as much as they round.
func LogprobTolerance(value float64) float64 { return 1e-5 + 1e-6*math.Abs(value) }

// Likeliest are the ids of up to n logits, the greatest first, equal ones by id.
func Likeliest(logits []float32, n int) []uint32 {
	var ids []uint32
	for id, l := range logits {
		if l >= least {
			ids = append(ids, uint32(id))
		}
	}
	slices.SortStableFunc(ids, func(a, b uint32) int { return cmp.Compare(logits[b], logits[a]) })
	return ids[:min(n, len(ids))]
}
