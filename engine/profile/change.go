package profile

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// Interval is a confidence interval of a relative change, and its test.
type Interval struct {
	Low       float64 `json:"low"` // of the relative change: 0.02 is 2 % slower
	High      float64 `json:"high"`
	P         float64 `json:"p"`          // of such a change or a larger one, either way, if there is none
	PAdjusted float64 `json:"p_adjusted"` // by Holm, over all rows that are tested together
	// EffectiveSteps is how many independent steps would tell as much as those compared.
	EffectiveSteps float64 `json:"effective_steps"`
}

const (
	minSteps  = 3    // fewer give no interval
	trimFrom  = 8    // steps from which on the extreme ones are trimmed
	leastUS   = 1e-6 // times below have no meaningful ratio
	maxLag    = 0.95 // more is taken for this
	maxChange = 100  // of the logarithm, so that everything stays finite
)

// change estimates the relative change from times a to times b of steps, in microseconds,
// with its interval at a confidence from 0 to 1. Both are nil where a time is 0, the interval
// is with fewer than 3 steps.
//
// Step i of b is set against step i of a: both work at the same depth, so that what grows with
// the depth, or at the start, cancels; steps that only one side has are left out. The logarithms
// of the ratios are averaged without the fifth of them at each end (from 8 steps on), because now
// and then something else stalls a step. The interval is Tukey and McLaughlin's for a trimmed
// mean, Student's t with the Winsorized variance (Wilcox, Introduction to Robust Estimation and
// Hypothesis Testing, section 4.3). Neighbouring steps are alike, so that n of them tell as much as
// n(1-r)/(1+r) independent ones, r being the autocorrelation at lag 1 (Zwiers and von Storch 1995,
// Journal of Climate 8, 336); 1/n is added to it for the bias of its estimate. The interval is
// about what varies from step to step: two runs of the program may differ by more.
func change(a, b []float64, confidence float64) (relative *float64, in *Interval) {
	n := min(len(a), len(b))
	if n == 0 {
		return nil, nil
	}
	logs := make([]float64, n)
	for i := range logs {
		if a[i] < leastUS || b[i] < leastUS {
			return nil, nil
		}
		logs[i] = math.Log(b[i] / a[i])
	}
	cut := 0
	if n >= trimFrom {
		cut = n / 5
	}
	sorted := slices.Sorted(slices.Values(logs))
	center := stat.Mean(sorted[cut:n-cut], nil)
	relative = new(math.Expm1(center))
	if n < minSteps {
		return relative, nil
	}
	winsorized := make([]float64, n)
	for i, x := range logs {
		winsorized[i] = min(max(x, sorted[cut]), sorted[n-1-cut])
	}
	variance := stat.Variance(winsorized, nil)
	if variance == 0 { // a coarse clock: all but the extremes are equal
		variance = stat.Variance(logs, nil)
	}
	r := min(max(autocorrelation(winsorized)+1/float64(n), 0), maxLag)
	inflation := (1 + r) / (1 - r)
	kept := float64(n - 2*cut)
	deviation := math.Sqrt(variance * inflation * float64(n-1) / (kept * (kept - 1)))
	t := distuv.StudentsT{Sigma: 1, Nu: kept - 1}
	half := deviation * t.Quantile((1+confidence)/2)
	in = &Interval{
		Low: math.Expm1(max(center-half, -maxChange)), High: math.Expm1(min(center+half, maxChange)),
		P: 1, EffectiveSteps: float64(n) / inflation,
	}
	if center != 0 {
		in.P = 2 * t.CDF(-math.Abs(center)/deviation)
	}
	return relative, in
}

// autocorrelation is x's at lag 1; 0 for constants.
func autocorrelation(x []float64) float64 {
	mean, between, all := stat.Mean(x, nil), 0.0, 0.0
	for i, v := range x {
		all += (v - mean) * (v - mean)
		if i > 0 {
			between += (v - mean) * (x[i-1] - mean)
		}
	}
	if all == 0 {
		return 0
	}
	return between / all
}

// adjust fills PAdjusted by Holm's method (1979), which keeps the probability of even one false
// verdict among all rows at that of a single test, however the rows depend on each other.
func adjust(tests []*Interval) {
	slices.SortStableFunc(tests, func(x, y *Interval) int { return cmp.Compare(x.P, y.P) })
	least := 0.0
	for i, t := range tests {
		least = max(least, min(1, float64(len(tests)-i)*t.P))
		t.PAdjusted = least
	}
}
