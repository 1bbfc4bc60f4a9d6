package profile

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// made is how a synthetic profile comes about.
type made struct {
	seed   uint64
	steps  int
	noise  func(r *rand.Rand, n int) []float64 // added to the logarithms of n steps' times
	factor map[string]float64                  // by which operations take longer
	depths []int
}

var operations = map[string]float64{"attn_qkv": 80, "attn": 30, "attn_output": 60, "ffn_gate_up": 200, "ffn_down": 110}

func (m made) profile() *Profile {
	r := rand.New(rand.NewPCG(m.seed, 1))
	p := small()
	p.Model.Layers = 2
	p.Pipelines = []Pipeline{{Kernel: "matmul", Variant: "plain"}, {Kernel: "attention"}}
	p.Runs = nil
	if m.depths == nil {
		m.depths = []int{0, 512}
	}
	if m.noise == nil {
		m.noise = normal(0.02)
	}
	for _, depth := range m.depths {
		run := Run{Phase: "decode", Depth: depth, Tokens: 1}
		total := make([]float64, m.steps)
		add := func(label, section, operation string, layer, pipeline int, us float64) {
			if f, ok := m.factor[operation]; ok {
				us *= f
			}
			d := Dispatch{Label: label, Section: section, Layer: layer, Operation: operation, Pipeline: pipeline, Calls: 1}
			for i, x := range m.noise(r, m.steps) {
				d.SamplesUS = append(d.SamplesUS, us*math.Exp(x))
				total[i] += d.SamplesUS[i]
			}
			run.Dispatches = append(run.Dispatches, d)
		}
		for layer := range 2 {
			for _, op := range []string{"attn_qkv", "attn", "attn_output", "ffn_gate_up", "ffn_down"} {
				section, pipeline := fmt.Sprintf("blk.%d", layer), 0
				if op == "attn" {
					pipeline = 1
				}
				add(section+"."+op, section, op, layer, pipeline, operations[op])
			}
		}
		add("output", "output", "output", -1, 0, 300)
		run.Serialized.SamplesUS = total
		kernels := 0.0
		for i, x := range m.noise(r, m.steps) {
			kernels += total[i] / float64(m.steps)
			run.Unprofiled.SamplesUS = append(run.Unprofiled.SamplesUS, 0.9*total[i]*math.Exp(x))
		}
		run.Budget = Budget{WallUS: kernels + 50, KernelsUS: kernels, GapsUS: 40, HostUS: 10}
		run.Overlapped = Budget{WallUS: kernels, KernelsUS: kernels - 20, SubmitUS: 20}
		p.Runs = append(p.Runs, run)
	}
	for i := range p.Runs {
		p.Runs[i].Operations = p.Runs[i].Groups(p, ByOperation)
	}
	return p
}

func compare(t *testing.T, a, b *Profile, o CompareOptions) *Comparison {
	t.Helper()
	c, err := Compare(a, b, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (r *RunComparison) row(t *testing.T, name string) Row {
	t.Helper()
	i := slices.IndexFunc(r.Rows, func(x Row) bool { return x.Name == name })
	if i < 0 {
		t.Fatalf("no row %s in %v", name, r.Rows)
	}
	return r.Rows[i]
}

func TestAProfileIsTheSameAsItself(t *testing.T) {
	p := made{steps: 10}.profile()
	for _, by := range []By{ByOperation, ByLayer, ByKernel, ByDispatch} {
		c := compare(t, p, p, CompareOptions{By: by})
		if len(c.Runs) != 2 || len(c.OnlyA)+len(c.OnlyB)+len(c.Differences) != 0 || c.By != by || c.Confidence != 0.95 {
			t.Fatalf("%+v", c)
		}
		for _, r := range c.Runs {
			if want := map[By]int{ByOperation: 6, ByLayer: 3, ByKernel: 2, ByDispatch: 11}[by]; len(r.Rows) != want {
				t.Errorf("by %s: %d rows, want %d", by, len(r.Rows), want)
			}
			for _, row := range append(slices.Clone(r.Rows), r.Step) {
				if in := row.Interval; row.Verdict != Same || *row.Change != 0 || in.Low != 0 || in.High != 0 || in.P != 1 || in.PAdjusted != 1 {
					t.Errorf("by %s: %+v %+v", by, row, in)
				}
			}
		}
	}
}

// Of comparisons of equal times no more say slower, or faster, than the confidence allows;
// autocorrelation cannot be told well from few steps.
func TestNoiseIsNoChange(t *testing.T) {
	const trials = 500
	for _, c := range []struct {
		name  string
		noise func(*rand.Rand, int) []float64
		steps int
		most  int // comparisons with a verdict of slower, and of faster
	}{
		{"normal, 3 steps", normal(0.02), 3, trials * 5 / 100},
		{"normal, 5 steps", normal(0.02), 5, trials * 5 / 100},
		{"normal, 10 steps", normal(0.02), 10, trials * 5 / 100},
		{"normal, 30 steps", normal(0.02), 30, trials * 5 / 100},
		{"stalls, 10 steps", stalls(0.02), 10, trials * 5 / 100},
		{"stalls, 30 steps", stalls(0.02), 30, trials * 5 / 100},
		{"skewed, 10 steps", skewed(0.05), 10, trials * 5 / 100},
		{"growing, 10 steps", growing(0.02, 0.05), 10, trials * 5 / 100},
		{"autocorrelation 0.3, 30 steps", correlated(0.02, 0.3), 30, trials * 8 / 100},
	} {
		t.Run(c.name, func(t *testing.T) {
			wrong := map[string]int{}
			for i := range uint64(trials) {
				a, b := made{seed: 2 * i, steps: c.steps, noise: c.noise}, made{seed: 2*i + 1, steps: c.steps, noise: c.noise}
				verdicts := map[string]bool{}
				for _, r := range compare(t, a.profile(), b.profile(), CompareOptions{}).Runs {
					verdicts["step "+string(r.Step.Verdict)] = true
					for _, row := range r.Rows {
						verdicts["row "+string(row.Verdict)] = true
					}
				}
				for v := range verdicts {
					wrong[v]++
				}
			}
			for _, v := range []Verdict{Slower, Faster} {
				for _, family := range []string{"step ", "row "} {
					if n := wrong[family+string(v)]; n > c.most {
						t.Errorf("%d of %d comparisons say that a %sof equal times is %s, more than %d", n, trials, family, v, c.most)
					}
				}
			}
		})
	}
}

// A slowdown of 10 % in noise of 2 % is found with 10 steps, where it is and nowhere else.
func TestASlowdownIsFound(t *testing.T) {
	const trials = 200
	found, blamed := 0, 0
	for i := range uint64(trials) {
		a := made{seed: 2 * i, steps: 10}.profile()
		b := made{seed: 2*i + 1, steps: 10, factor: map[string]float64{"ffn_gate_up": 1.1}}.profile()
		all := true
		for _, r := range compare(t, a, b, CompareOptions{}).Runs {
			row := r.row(t, "ffn_gate_up")
			all = all && row.Verdict == Slower
			if row.Verdict == Slower && (row.Interval.Low <= 0 || math.Abs(*row.Change-0.1) > 0.06 || row.DeltaUS <= 0) {
				t.Errorf("%+v %+v", row, row.Interval)
			}
			for _, other := range r.Rows {
				if other.Name != "ffn_gate_up" && other.Verdict != Same {
					blamed++
				}
			}
		}
		if all {
			found++
		}
	}
	if found < trials*95/100 || blamed > trials*5/100 {
		t.Errorf("found in %d of %d, others blamed %d times", found, trials, blamed)
	}

	a := made{seed: 1, steps: 20}.profile()
	b := made{seed: 2, steps: 20, factor: map[string]float64{"attn_qkv": 1.1, "attn": 1.1, "attn_output": 1.1, "ffn_gate_up": 1.1, "ffn_down": 1.1, "output": 1.1}}.profile()
	slower, faster := compare(t, a, b, CompareOptions{}), compare(t, b, a, CompareOptions{})
	for i := range slower.Runs {
		if s, f := slower.Runs[i].Step, faster.Runs[i].Step; s.Verdict != Slower || f.Verdict != Faster ||
			math.Abs((1+*s.Change)*(1+*f.Change)-1) > 1e-12 || math.Abs(s.DeltaUS-*s.Change*s.A.MedianUS) > 1e-9 || math.Abs(s.OfStep-*s.Change) > 1e-12 {
			t.Errorf("%+v the other way round is %+v", s, f)
		}
	}
}

func TestRunsAndRowsAreMatched(t *testing.T) {
	a := made{seed: 1, steps: 10, depths: []int{0, 512, 512, 1024}}.profile()
	b := made{seed: 2, steps: 12, depths: []int{512, 2048, 0, 512}}.profile()
	b.Device.Driver, b.Program = "another", "v1.1"
	b.Pipelines[0].Variant = "subgroup"
	for i := range b.Runs {
		d := b.Runs[i].Dispatches
		d[1].Operation, d[6].Operation = "attn_split", "attn_split"
	}
	b.Runs[0].Dispatches[0].SamplesUS[3] = 0
	for i := range b.Runs[2].Dispatches {
		b.Runs[2].Dispatches[i].SamplesUS = b.Runs[2].Dispatches[i].SamplesUS[:2]
	}
	b.Runs[2].Serialized.SamplesUS = b.Runs[2].Serialized.SamplesUS[:2]
	c := compare(t, a, b, CompareOptions{Filter: regexp.MustCompile("^attn")})
	var keys []string
	for _, r := range c.Runs {
		keys = append(keys, r.String())
	}
	if want := []string{"decode at depth 0", "decode at depth 512", "decode at depth 512"}; !slices.Equal(keys, want) {
		t.Errorf("runs %q, want %q", keys, want)
	}
	if !reflect.DeepEqual(c.OnlyA, []RunKey{{"decode", 1024, 1}}) || !reflect.DeepEqual(c.OnlyB, []RunKey{{"decode", 2048, 1}}) {
		t.Errorf("only A %v, only B %v", c.OnlyA, c.OnlyB)
	}
	if want := []Difference{{"driver", "driver", "another"}, {"program", "v1.0", "v1.1"}}; !reflect.DeepEqual(c.Differences, want) {
		t.Errorf("differences %v", c.Differences)
	}
	r := c.Runs[1]
	if len(r.Rows) != 4 {
		t.Fatalf("%d rows pass the filter, want 4: %+v", len(r.Rows), r.Rows)
	}
	if row := r.row(t, "attn"); row.Verdict != Removed || row.B != nil || row.Change != nil || row.DeltaUS > -50 || row.A.Kernel != "attention" {
		t.Errorf("removed: %+v", row)
	}
	if row := r.row(t, "attn_split"); row.Verdict != Added || row.A != nil || row.DeltaUS < 50 || row.B.Steps != 12 {
		t.Errorf("added: %+v", row)
	}
	if row := r.row(t, "attn_output"); row.A.Kernel != "matmul plain" || row.B.Kernel != "matmul subgroup" || row.A.Steps != 10 || row.B.Steps != 12 {
		t.Errorf("%+v %+v", row.A, row.B)
	}
	if x, y := r.Rows[0], r.Rows[3]; math.Abs(x.DeltaUS) < math.Abs(y.DeltaUS) {
		t.Errorf("%s with %g stands above %s with %g", x.Name, x.DeltaUS, y.Name, y.DeltaUS)
	}
	if row := c.Runs[0].row(t, "attn_output"); row.Verdict != TooFew || row.Change == nil || row.Interval != nil {
		t.Errorf("two steps: %+v", row)
	}

	// A time of 0 has no ratio; the first run of depth 512 is set against the first.
	a.Runs[1].Dispatches[0].SamplesUS[3] = 0
	a.Runs[1].Dispatches[5].SamplesUS[3] = 0
	if row := compare(t, a, b, CompareOptions{}).Runs[1].row(t, "attn_qkv"); row.Verdict != TooShort || row.Change != nil {
		t.Errorf("a time of 0: %+v", row)
	}
	if row := compare(t, a, b, CompareOptions{}).Runs[2].row(t, "attn_qkv"); row.Verdict == TooShort {
		t.Errorf("the second run of depth 512: %+v", row)
	}
}

func TestBudgets(t *testing.T) {
	a, b := made{steps: 5}.profile(), made{steps: 5}.profile()
	b.Runs[0].Budget.GapsUS, b.Runs[0].Budget.WaitUS, b.Runs[0].Budget.HostUS = 60, 5, 0
	c := compare(t, a, b, CompareOptions{})
	var names []string
	for _, row := range c.Runs[0].Budget {
		names = append(names, row.Name)
		if row.Verdict != Untested || row.Interval != nil {
			t.Errorf("a part without samples has a verdict: %+v", row)
		}
		switch row.Name {
		case "gaps":
			if *row.Change != 0.5 || row.DeltaUS != 20 || math.Abs(row.OfStep-20/a.Runs[0].Budget.WallUS) > 1e-12 {
				t.Errorf("gaps: %+v %v", row, *row.Change)
			}
		case "wait":
			if row.Change != nil || row.DeltaUS != 5 {
				t.Errorf("wait: %+v", row)
			}
		case "host":
			if *row.Change != -1 {
				t.Errorf("host: %+v", row)
			}
		}
	}
	if want := []string{"wall", "kernels", "gaps", "wait", "host"}; !slices.Equal(names, want) {
		t.Errorf("parts %v, want %v", names, want)
	}
	if n := len(c.Runs[0].Overlapped); n != 3 {
		t.Errorf("%d parts of the concurrent budget, want 3", n)
	}
}

func TestRegressions(t *testing.T) {
	a := made{seed: 1, steps: 20, noise: normal(0.005)}.profile()
	b := made{seed: 2, steps: 20, noise: normal(0.005), factor: map[string]float64{"ffn_gate_up": 1.10, "attn": 1.2, "output": 0.5, "ffn_down": 1.02}}.profile()
	c := compare(t, a, b, CompareOptions{})
	names := func(limit float64) (list []string) {
		for _, r := range c.Regressions(limit) {
			list = append(list, fmt.Sprint(r.RunKey, " ", r.Row.Name))
		}
		return list
	}
	if got, want := names(0.15), []string{"decode at depth 0 attn", "decode at depth 512 attn"}; !sameSet(got, want) {
		t.Errorf("over 15 %%: %q", got)
	}
	if got := names(0.03); len(got) != 4 || !strings.HasSuffix(got[0], "ffn_gate_up") || !strings.HasSuffix(got[3], "attn") {
		t.Errorf("over 3 %%: %q", got)
	}
	if got := names(0.5); got != nil {
		t.Errorf("over 50 %%: %q", got)
	}
	// The same change in too much noise is none.
	b = made{seed: 2, steps: 5, noise: normal(0.3), factor: map[string]float64{"ffn_gate_up": 1.10}}.profile()
	if got := compare(t, a, b, CompareOptions{}).Regressions(0.03); got != nil {
		t.Errorf("in noise: %+v", got)
	}
	// Steps come first.
	b = made{seed: 2, steps: 20, noise: normal(0.005), factor: map[string]float64{"output": 2}}.profile()
	if got := compare(t, a, b, CompareOptions{}).Regressions(0.03); len(got) != 4 || got[0].Row.Name != "step" || got[1].Row.Name != "step" || got[2].Row.Name != "output" {
		t.Errorf("%+v", got)
	}
}

func sameSet(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

func TestWhatCannotBeCompared(t *testing.T) {
	a := made{steps: 5}.profile()
	for _, c := range []struct {
		edit func(p *Profile)
		o    CompareOptions
		want string
	}{
		{func(p *Profile) { p.Model.Layers, p.Model.KV = 18, "f32" }, CompareOptions{}, "KV cache f16 against f32, layers 2 against 18; compare profiles of one model"},
		{func(p *Profile) { p.Model.FileType = "Q8_0" }, CompareOptions{}, "file type Q4_K_M against Q8_0"},
		{func(p *Profile) { p.Model.Vocab = 7 }, CompareOptions{}, "vocabulary 100 against 7"},
		{func(p *Profile) { p.Runs = p.Runs[:1]; p.Runs[0].Depth = 7 }, CompareOptions{},
			"no run to compare: A has [decode at depth 0 decode at depth 512], B [decode at depth 7]"},
		{func(p *Profile) { p.Runs[0].Phase, p.Runs[1].Tokens = "prefill", 8 }, CompareOptions{}, "B [prefill at depth 0 decode of 8 tokens at depth 512]"},
		{func(*Profile) {}, CompareOptions{By: "colour"}, `by "colour": want operation`},
		{func(*Profile) {}, CompareOptions{Confidence: 1}, "confidence 1"},
		{func(*Profile) {}, CompareOptions{Confidence: math.NaN()}, "confidence NaN"},
	} {
		b := made{steps: 5}.profile()
		c.edit(b)
		if _, err := Compare(a, b, c.o); err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "profile: ") {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
	b := made{steps: 5}.profile()
	b.Model.Name, b.Model.Synthetic, b.Model.IntDot, b.Model.BytesPerToken = "other", true, true, 5
	if d := compare(t, a, b, CompareOptions{}).Differences; len(d) != 4 || d[2] != (Difference{"integer dot products", "false", "true"}) {
		t.Errorf("differences %v", d)
	}
}

func TestComparisonIsJSON(t *testing.T) {
	c := compare(t, made{seed: 1, steps: 5}.profile(), made{seed: 2, steps: 5}.profile(), CompareOptions{})
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var back Comparison
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(&back, c) {
		t.Errorf("%s became %+v", text, back)
	}
	for _, part := range []string{`"format":"sealvk-profile-diff","version":1`, `"runs":[{"phase":"decode","depth":0,"tokens":1,"step":{"name":"step","a":{"mean_us":`,
		`"only_a":[]`, `"p_adjusted":`, `"verdict":"same within noise"`, `"interval":null,"verdict":""`} {
		if !strings.Contains(string(text), part) {
			t.Errorf("%s is not in %.2000s", part, text)
		}
	}
}
