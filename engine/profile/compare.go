package profile

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"gonum.org/v1/gonum/stat"
)

// DiffFormat and DiffVersion head the JSON of a Comparison.
const (
	DiffFormat  = "sealvk-profile-diff"
	DiffVersion = 1
)

// CompareOptions say what is compared; the zero value is the default.
type CompareOptions struct {
	By         By             // what a row is; "" for an operation
	Confidence float64        // of the intervals and verdicts, from 0 to 1, both excluded; 0 for 0.95
	Filter     *regexp.Regexp // rows whose names do not match are left out, and not tested; nil for none
}

// Comparison sets profile B against profile A. Changes are relative: 0.02 is 2 % slower.
type Comparison struct {
	Format      string          `json:"format"`
	Version     int             `json:"version"`
	By          By              `json:"by"`
	Confidence  float64         `json:"confidence"`
	A           Origin          `json:"a"`
	B           Origin          `json:"b"`
	Model       Model           `json:"model"` // A's
	Differences []Difference    `json:"differences"`
	Runs        []RunComparison `json:"runs"`
	OnlyA       []RunKey        `json:"only_a"`
	OnlyB       []RunKey        `json:"only_b"`
}

// Origin is where and when a profile was measured.
type Origin struct {
	Created time.Time `json:"created"`
	Program string    `json:"program"`
	Device  Device    `json:"device"`
}

// Difference is a field in which the profiles differ though they can be compared.
type Difference struct {
	Field string `json:"field"`
	A     string `json:"a"`
	B     string `json:"b"`
}

// RunKey is what runs are matched by.
type RunKey struct {
	Phase  string `json:"phase"`
	Depth  int    `json:"depth"`
	Tokens int    `json:"tokens"`
}

func (k RunKey) String() string {
	if k.Tokens != 1 {
		return fmt.Sprintf("%s of %d tokens at depth %d", k.Phase, k.Tokens, k.Depth)
	}
	return fmt.Sprintf("%s at depth %d", k.Phase, k.Depth)
}

// RunComparison is a run that both profiles have.
type RunComparison struct {
	RunKey
	Step       Row   `json:"step"` // the wall time of the unprofiled steps
	Budget     []Row `json:"budget"`
	Overlapped []Row `json:"concurrent_budget"`
	Rows       []Row `json:"rows"` // of the serialized steps, the largest difference first
}

// Row is a time of a step in both profiles.
type Row struct {
	Name string `json:"name"`
	A    *Times `json:"a"` // null: B alone has it
	B    *Times `json:"b"`
	// DeltaUS is what B takes longer: Change of A's median, or the difference of the means where
	// there are no samples.
	DeltaUS float64 `json:"delta_us"`
	// OfStep is DeltaUS over the wall time of A's step in which the row was measured.
	OfStep   float64   `json:"of_step"`
	Change   *float64  `json:"change"` // null: one of the times is missing or 0
	Interval *Interval `json:"interval"`
	Verdict  Verdict   `json:"verdict"`
}

// Times are those of the steps that are compared.
type Times struct {
	MeanUS   float64 `json:"mean_us"`
	MedianUS float64 `json:"median_us,omitempty"` // where there are samples
	Steps    int     `json:"steps,omitempty"`     // measured; the first ones are compared, as many as both have
	Kernel   string  `json:"kernel,omitempty"`    // with its variant
}

// Verdict says what is known of a change.
type Verdict string

const (
	Faster   Verdict = "faster"
	Slower   Verdict = "slower"
	Same     Verdict = "same within noise"
	TooFew   Verdict = "too few steps"
	TooShort Verdict = "too short to time" // a time of 0 among the samples
	Added    Verdict = "added"
	Removed  Verdict = "removed"
	Untested Verdict = "" // a part of a budget, which has no samples
)

// Compare sets b against a, run by run. Profiles of models whose work differs are an error;
// other devices, drivers or programs are Differences. The steps' verdicts are tested together
// (adjust), and so are those of the rows of all runs.
func Compare(a, b *Profile, o CompareOptions) (*Comparison, error) {
	o.By = cmp.Or(o.By, ByOperation)
	o.Confidence = cmp.Or(o.Confidence, 0.95)
	if !slices.Contains([]By{ByOperation, ByLayer, ByKernel, ByDispatch}, o.By) {
		return nil, fmt.Errorf("profile: rows by %q: want operation, layer, kernel or dispatch", o.By)
	}
	if !(o.Confidence > 0 && o.Confidence < 1) {
		return nil, fmt.Errorf("profile: confidence %g: want more than 0 and less than 1", o.Confidence)
	}
	if err := sameWork(&a.Model, &b.Model); err != nil {
		return nil, err
	}
	c := &Comparison{
		Format: DiffFormat, Version: DiffVersion, By: o.By, Confidence: o.Confidence,
		A: Origin{a.Created, a.Program, a.Device}, B: Origin{b.Created, b.Program, b.Device},
		Model: a.Model, Differences: differences(a, b), OnlyA: []RunKey{}, OnlyB: []RunKey{},
	}
	pairs := match(a.Runs, b.Runs, (*Run).Key)
	for _, p := range pairs {
		switch {
		case p.b == nil:
			c.OnlyA = append(c.OnlyA, p.a.Key())
		case p.a == nil:
			c.OnlyB = append(c.OnlyB, p.b.Key())
		default:
			c.Runs = append(c.Runs, compareRuns(a, b, p.a, p.b, o))
		}
	}
	if len(c.Runs) == 0 {
		return nil, fmt.Errorf("profile: no run to compare: A has %v, B %v; measure the same phases, depths and tokens", c.OnlyA, c.OnlyB)
	}
	c.settle()
	return c, nil
}

// sameWork is an error unless a step of both models computes and reads the same.
func sameWork(a, b *Model) error {
	var differ []string
	for _, f := range []struct {
		name string
		a, b any
	}{
		{"file type", a.FileType, b.FileType}, {"KV cache", a.KV, b.KV}, {"layers", a.Layers, b.Layers},
		{"Dim", a.Dim, b.Dim}, {"FFNDim", a.FFNDim, b.FFNDim}, {"heads", a.Heads, b.Heads},
		{"KV heads", a.KVHeads, b.KVHeads}, {"HeadDim", a.HeadDim, b.HeadDim}, {"vocabulary", a.Vocab, b.Vocab},
	} {
		if f.a != f.b {
			differ = append(differ, fmt.Sprintf("%s %v against %v", f.name, f.a, f.b))
		}
	}
	if differ != nil {
		return errors.New("profile: the models do different work: " + strings.Join(differ, ", ") + "; compare profiles of one model")
	}
	return nil
}

// differences are those that do not forbid to compare but may explain what comes out.
func differences(a, b *Profile) []Difference {
	all := []Difference{
		{"device", a.Device.Name, b.Device.Name},
		{"driver", a.Device.Driver, b.Device.Driver},
		{"driver info", a.Device.DriverInfo, b.Device.DriverInfo},
		{"Vulkan", a.Device.APIVersion, b.Device.APIVersion},
		{"subgroup size", fmt.Sprint(a.Device.SubgroupSize), fmt.Sprint(b.Device.SubgroupSize)},
		{"clock", a.Device.Clock, b.Device.Clock},
		{"model", a.Model.Name, b.Model.Name},
		{"random weights", fmt.Sprint(a.Model.Synthetic), fmt.Sprint(b.Model.Synthetic)},
		{"numerics", a.Model.Numerics, b.Model.Numerics},
		{"integer dot products", fmt.Sprint(a.Model.IntDot), fmt.Sprint(b.Model.IntDot)},
		{"tuning", a.Model.Tuning, b.Model.Tuning},
		{"bytes of weights", fmt.Sprint(a.Model.WeightsBytes), fmt.Sprint(b.Model.WeightsBytes)},
		{"bytes per token", fmt.Sprint(a.Model.BytesPerToken), fmt.Sprint(b.Model.BytesPerToken)},
		{"program", a.Program, b.Program},
	}
	return slices.DeleteFunc(all, func(d Difference) bool { return d.A == d.B })
}

// Key is what the run is matched by.
func (r *Run) Key() RunKey { return RunKey{r.Phase, r.Depth, r.Tokens} }

// pair is an element of both lists, or of one.
type pair[T any] struct{ a, b *T }

// match pairs elements of equal keys, the first with the first of each; A's order, then
// what B alone has.
func match[T any, K comparable](a, b []T, key func(*T) K) []pair[T] {
	waiting := make(map[K][]*T)
	for i := range b {
		waiting[key(&b[i])] = append(waiting[key(&b[i])], &b[i])
	}
	var pairs []pair[T]
	for i := range a {
		p, k := pair[T]{a: &a[i]}, key(&a[i])
		if w := waiting[k]; len(w) > 0 {
			p.b, waiting[k] = w[0], w[1:]
		}
		pairs = append(pairs, p)
	}
	for i := range b {
		if w := waiting[key(&b[i])]; len(w) > 0 && w[0] == &b[i] {
			pairs = append(pairs, pair[T]{b: w[0]})
			waiting[key(&b[i])] = w[1:]
		}
	}
	return pairs
}

func compareRuns(pa, pb *Profile, a, b *Run, o CompareOptions) RunComparison {
	c := RunComparison{
		RunKey:     a.Key(),
		Step:       sampledRow("step", a.Unprofiled.SamplesUS, b.Unprofiled.SamplesUS, o.Confidence),
		Budget:     budgetRows(&a.Budget, &b.Budget),
		Overlapped: budgetRows(&a.Overlapped, &b.Overlapped),
		Rows:       []Row{},
	}
	c.Step.OfStep = over(c.Step.DeltaUS, c.Step.A.MedianUS)
	wall := Quantile(a.Serialized.SamplesUS, 0.5)
	groupsA, groupsB := a.Groups(pa, o.By), b.Groups(pb, o.By)
	for _, p := range match(groupsA, groupsB, func(g *Group) string { return g.Name }) {
		if g := cmp.Or(p.a, p.b); o.Filter != nil && !o.Filter.MatchString(g.Name) {
			continue
		}
		var row Row
		switch {
		case p.b == nil:
			row = Row{Name: p.a.Name, A: times(p.a.StepSamplesUS, len(p.a.StepSamplesUS)), Verdict: Removed}
			row.DeltaUS = -row.A.MedianUS
		case p.a == nil:
			row = Row{Name: p.b.Name, B: times(p.b.StepSamplesUS, len(p.b.StepSamplesUS)), Verdict: Added}
			row.DeltaUS = row.B.MedianUS
		default:
			row = sampledRow(p.a.Name, p.a.StepSamplesUS, p.b.StepSamplesUS, o.Confidence)
		}
		if p.a != nil {
			row.A.Kernel = kernelName(p.a)
		}
		if p.b != nil {
			row.B.Kernel = kernelName(p.b)
		}
		row.OfStep = over(row.DeltaUS, wall)
		c.Rows = append(c.Rows, row)
	}
	slices.SortStableFunc(c.Rows, func(x, y Row) int {
		return cmp.Or(cmp.Compare(math.Abs(y.DeltaUS), math.Abs(x.DeltaUS)), cmp.Compare(x.Name, y.Name))
	})
	return c
}

func kernelName(g *Group) string { return strings.TrimSpace(g.Kernel + " " + g.Variant) }

// sampledRow leaves the verdict on a change to settle.
func sampledRow(name string, a, b []float64, confidence float64) Row {
	n := min(len(a), len(b))
	row := Row{Name: name, A: times(a, n), B: times(b, n)}
	row.Change, row.Interval = change(a, b, confidence)
	if row.Change != nil {
		row.DeltaUS = *row.Change * row.A.MedianUS
	}
	switch {
	case n > 0 && row.Change == nil:
		row.Verdict, row.DeltaUS = TooShort, row.B.MedianUS-row.A.MedianUS
	case row.Interval == nil:
		row.Verdict = TooFew
	}
	return row
}

// times are those of the first n samples.
func times(samples []float64, n int) *Times {
	t := &Times{Steps: len(samples)}
	if n > 0 {
		t.MeanUS, t.MedianUS = stat.Mean(samples[:n], nil), Quantile(samples[:n], 0.5)
	}
	return t
}

// over is x ÷ whole, or 0 of nothing.
func over(x, whole float64) float64 {
	if whole < leastUS {
		return 0
	}
	return x / whole
}

// budgetRows leave out what neither side has.
func budgetRows(a, b *Budget) []Row {
	rows := []Row{}
	for _, part := range []struct {
		name string
		a, b float64
	}{
		{"wall", a.WallUS, b.WallUS}, {"kernels", a.KernelsUS, b.KernelsUS}, {"gaps", a.GapsUS, b.GapsUS},
		{"submit", a.SubmitUS, b.SubmitUS}, {"wait", a.WaitUS, b.WaitUS}, {"readback", a.ReadUS, b.ReadUS},
		{"host", a.HostUS, b.HostUS}, {"profile", a.ProfileUS, b.ProfileUS},
	} {
		if part.a == 0 && part.b == 0 {
			continue
		}
		row := Row{Name: part.name, A: &Times{MeanUS: part.a}, B: &Times{MeanUS: part.b}, DeltaUS: part.b - part.a}
		row.OfStep = over(row.DeltaUS, a.WallUS)
		if part.a >= leastUS {
			row.Change = new(part.b/part.a - 1)
		}
		rows = append(rows, row)
	}
	return rows
}

// settle gives the verdicts, in two families: the steps, which are what counts, and the rows.
func (c *Comparison) settle() {
	var steps, rows []*Row
	for i := range c.Runs {
		steps = append(steps, &c.Runs[i].Step)
		for j := range c.Runs[i].Rows {
			rows = append(rows, &c.Runs[i].Rows[j])
		}
	}
	for _, family := range [][]*Row{steps, rows} {
		family = slices.DeleteFunc(family, func(r *Row) bool { return r.Interval == nil })
		tests := make([]*Interval, len(family))
		for i, r := range family {
			tests[i] = r.Interval
		}
		adjust(tests)
		for _, r := range family {
			switch {
			case r.Interval.PAdjusted >= 1-c.Confidence:
				r.Verdict = Same
			case *r.Change < 0:
				r.Verdict = Faster
			default:
				r.Verdict = Slower
			}
		}
	}
}

// Regression is a row that became slower.
type Regression struct {
	RunKey
	Row Row
}

// Regressions are the steps and rows with the verdict Slower whose change is above limit
// (0.03: 3 %): the steps first, then by their share of the step.
func (c *Comparison) Regressions(limit float64) []Regression {
	var steps, rows []Regression
	for _, r := range c.Runs {
		for i, row := range append([]Row{r.Step}, r.Rows...) {
			if row.Verdict != Slower || *row.Change <= limit {
				continue
			}
			if i == 0 {
				steps = append(steps, Regression{r.RunKey, row})
			} else {
				rows = append(rows, Regression{r.RunKey, row})
			}
		}
	}
	worst := func(x, y Regression) int { return cmp.Compare(y.Row.OfStep, x.Row.OfStep) }
	slices.SortStableFunc(steps, worst)
	slices.SortStableFunc(rows, worst)
	return append(steps, rows...)
}
