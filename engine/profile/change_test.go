package profile

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// normal is independent noise of a relative size.
func normal(size float64) func(*rand.Rand, int) []float64 {
	return func(r *rand.Rand, n int) []float64 {
		x := make([]float64, n)
		for i := range x {
			x[i] = size * r.NormFloat64()
		}
		return x
	}
}

// stalls is noise in which a tenth of the steps takes 10 to 110 % longer.
func stalls(size float64) func(*rand.Rand, int) []float64 {
	return func(r *rand.Rand, n int) []float64 {
		x := normal(size)(r, n)
		for i := range x {
			if r.Float64() < 0.1 {
				x[i] += math.Log(1.1 + r.Float64())
			}
		}
		return x
	}
}

// skewed is noise that only adds, exponentially distributed.
func skewed(size float64) func(*rand.Rand, int) []float64 {
	return func(r *rand.Rand, n int) []float64 {
		x := make([]float64, n)
		for i := range x {
			x[i] = math.Log(1 + size*r.ExpFloat64())
		}
		return x
	}
}

// correlated is noise whose autocorrelation at lag 1 is rho.
func correlated(size, rho float64) func(*rand.Rand, int) []float64 {
	return func(r *rand.Rand, n int) []float64 {
		x := make([]float64, n)
		e := r.NormFloat64()
		for i := range x {
			x[i] = size * e
			e = rho*e + math.Sqrt(1-rho*rho)*r.NormFloat64()
		}
		return x
	}
}

// growing is noise on times that grow by rate a step, as attention does with the depth.
func growing(size, rate float64) func(*rand.Rand, int) []float64 {
	return func(r *rand.Rand, n int) []float64 {
		x := normal(size)(r, n)
		for i := range x {
			x[i] += math.Log(1 + rate*float64(i))
		}
		return x
	}
}

// The interval holds the true change as often as it says, whether there is one or not.
func TestIntervalsHoldTheTruth(t *testing.T) {
	const trials, truth = 2000, 0.07
	for _, c := range []struct {
		name       string
		noise      func(*rand.Rand, int) []float64
		n          int
		confidence float64
		least      float64
	}{
		{"normal, 95 %", normal(0.02), 10, 0.95, 0.945},
		{"normal, 80 %", normal(0.02), 10, 0.80, 0.79},
		{"normal, 20 steps", normal(0.02), 20, 0.95, 0.945},
		{"stalls", stalls(0.02), 10, 0.95, 0.945},
		{"skewed", skewed(0.05), 10, 0.95, 0.945},
		{"growing", growing(0.02, 0.1), 12, 0.95, 0.945},
		{"autocorrelation 0.3", correlated(0.02, 0.3), 20, 0.95, 0.91},
		{"autocorrelation 0.6", correlated(0.02, 0.6), 30, 0.95, 0.87},
	} {
		r := rand.New(rand.NewPCG(7, 7))
		held := 0
		for range trials {
			a, b := c.noise(r, c.n), c.noise(r, c.n)
			for i := range a {
				a[i], b[i] = 100*math.Exp(a[i]), 100*(1+truth)*math.Exp(b[i])
			}
			if _, in := change(a, b, c.confidence); in.Low <= truth && truth <= in.High {
				held++
			}
		}
		if share := float64(held) / trials; share < c.least {
			t.Errorf("%s: %.3f of the intervals hold the truth, want %.3f", c.name, share, c.least)
		}
	}
}

func TestChangeOfFewOddSteps(t *testing.T) {
	for _, c := range []struct {
		a, b     []float64
		relative float64 // NaN: none
		interval bool
	}{
		{nil, nil, math.NaN(), false},
		{[]float64{1}, nil, math.NaN(), false},
		{[]float64{10}, []float64{11}, 0.1, false},
		{[]float64{10, 20}, []float64{11, 22}, 0.1, false},
		{[]float64{10, 20, 30}, []float64{11, 22, 33}, 0.1, true},
		{[]float64{10, 20, 30}, []float64{11, 22, 33, 1000}, 0.1, true},
		{[]float64{10, 20, 0}, []float64{11, 22, 33}, math.NaN(), false},
		{[]float64{1e-5, 1e12, 1e-5}, []float64{1e12, 1e-5, 1e12}, 1e17*math.Pow(1e17, -2.0/3) - 1, true},
	} {
		relative, in := change(c.a, c.b, 0.9999)
		if (relative == nil) != math.IsNaN(c.relative) || (in != nil) != c.interval {
			t.Fatalf("%v, %v: %v %+v", c.a, c.b, relative, in)
		}
		if relative != nil && math.Abs(*relative-c.relative) > 1e-9*max(1, c.relative) {
			t.Errorf("%v, %v: %v, want %v", c.a, c.b, *relative, c.relative)
		}
		if in != nil && !(in.Low <= *relative && *relative <= in.High && in.Low >= -1 && !math.IsInf(in.High, 0) && in.P >= 0 && in.P <= 1) {
			t.Errorf("%v, %v: %+v", c.a, c.b, in)
		}
	}
	// A single stalled step among ten moves neither the change nor the verdict.
	a, b := normal(0.01)(rand.New(rand.NewPCG(1, 1)), 10), normal(0.01)(rand.New(rand.NewPCG(1, 2)), 10)
	for i := range a {
		a[i], b[i] = 100*math.Exp(a[i]), 105*math.Exp(b[i])
	}
	calm, _ := change(a, b, 0.95)
	b[3] *= 20
	stalled, in := change(a, b, 0.95)
	if math.Abs(*calm-*stalled) > 0.01 || in.Low < 0.02 || in.High > 0.1 {
		t.Errorf("%v with a stall %v %+v", *calm, *stalled, in)
	}
}

// Of the ratios 1.1, 1.2, …, 2.0 the middle six are averaged, and the others count as the
// nearest of these in the variance.
func TestIntervalByHand(t *testing.T) {
	a, b := make([]float64, 10), make([]float64, 10)
	order := []int{4, 0, 9, 2, 6, 1, 8, 3, 7, 5} // neighbours alternate: no positive autocorrelation
	logs := make([]float64, 10)
	for i, k := range order {
		a[i], b[i] = 100, 100*(1.1+0.1*float64(k))
		logs[i] = math.Log(1.1 + 0.1*float64(min(max(k, 2), 7)))
	}
	center := (math.Log(1.3) + math.Log(1.4) + math.Log(1.5) + math.Log(1.6) + math.Log(1.7) + math.Log(1.8)) / 6
	mean, sum := 0.0, 0.0
	for _, x := range logs {
		mean += x / 10
	}
	for _, x := range logs {
		sum += (x - mean) * (x - mean)
	}
	const t5 = 2.570581836 // Student's t, 5 degrees of freedom, 97.5 %
	half := t5 * math.Sqrt(sum/(6*5))
	relative, in := change(a, b, 0.95)
	if math.Abs(*relative-math.Expm1(center)) > 1e-12 ||
		math.Abs(in.Low-math.Expm1(center-half)) > 1e-8 || math.Abs(in.High-math.Expm1(center+half)) > 1e-8 || in.EffectiveSteps != 10 {
		t.Errorf("%v %+v, want %v, %v to %v", *relative, in, math.Expm1(center), math.Expm1(center-half), math.Expm1(center+half))
	}
	slices.Sort(b) // now neighbours are alike
	if _, sorted := change(a, b, 0.95); sorted.EffectiveSteps > 3 || sorted.High-sorted.Low < 1.5*(in.High-in.Low) {
		t.Errorf("sorted steps: %+v, in mixed order %+v", sorted, in)
	}
}

func TestHolm(t *testing.T) {
	var tests []*Interval
	for _, p := range []float64{0.04, 0.01, 0.03, 0.005} {
		tests = append(tests, &Interval{P: p})
	}
	adjust(slices.Clone(tests))
	for i, want := range []float64{0.06, 0.03, 0.06, 0.02} {
		if got := tests[i].PAdjusted; math.Abs(got-want) > 1e-12 {
			t.Errorf("p %g became %g, want %g", tests[i].P, got, want)
		}
	}
}
