package profile

import (
	"slices"
	"strings"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"
)

// By says what Groups sums up.
type By string

const (
	ByOperation By = "operation" // attn_q of all layers
	ByLayer     By = "layer"
	ByKernel    By = "kernel" // a kernel's variant
	ByDispatch  By = "dispatch"
)

// Group is dispatches summed up. Times, bytes and FLOPs are of a step unless a field says
// otherwise.
type Group struct {
	Name    string `json:"name"`
	Kernel  string `json:"kernel"`         // of all that it has, joined by "+"
	Type    string `json:"type,omitempty"` // the same
	Variant string `json:"variant,omitempty"`
	Shape   string `json:"shape,omitempty"` // "" if they differ
	Grid    [3]int `json:"grid"`            // the same
	Lanes   int    `json:"lanes"`           // the same

	Calls   int     `json:"calls"`
	TotalUS float64 `json:"total_us"` // mean over the steps
	MeanUS  float64 `json:"mean_us"`  // of a call
	P50US   float64 `json:"p50_us"`
	P95US   float64 `json:"p95_us"`
	Share   float64 `json:"share"` // of the wall time of the serialized step

	Bytes     int64   `json:"bytes"` // read and written, each byte counted once
	BytesPerS float64 `json:"bytes_per_s"`
	FLOPs     int64   `json:"flops"`
	FLOPsPerS float64 `json:"flops_per_s"`
	Intensity float64 `json:"intensity"` // FLOPs a byte
	// RoofShare is the least time at the roofs, of reading the bytes or of f32 arithmetic,
	// ÷ the time; above 1 where data stays in a cache. 0 without roofs.
	RoofShare float64 `json:"roof_share"`
	// Bound is what sets that least time: "memory" or "compute", or "latency" where both are
	// below the time of an empty dispatch. "" without roofs.
	Bound string `json:"bound"`

	StepSamplesUS []float64 `json:"step_samples_us"` // the group's time in each step
}

// Groups sums the run's dispatches up, in the order in which they first run.
func (r *Run) Groups(p *Profile, by By) []Group {
	var names []string
	members := map[string][]*Dispatch{}
	for i := range r.Dispatches {
		d := &r.Dispatches[i]
		name := d.groupName(p, by)
		if members[name] == nil {
			names = append(names, name)
		}
		members[name] = append(members[name], d)
	}
	groups := make([]Group, len(names))
	for i, name := range names {
		groups[i] = r.group(p, name, members[name])
	}
	return groups
}

func (d *Dispatch) groupName(p *Profile, by By) string {
	switch by {
	case ByLayer:
		return d.Section
	case ByKernel:
		return p.Pipelines[d.Pipeline].Name()
	case ByDispatch:
		return d.Label
	default:
		return d.Operation
	}
}

func (r *Run) group(p *Profile, name string, members []*Dispatch) Group {
	g := Group{Name: name, Grid: members[0].Grid, Lanes: p.Pipelines[members[0].Pipeline].Lanes}
	var kernels, types, variants, shapes []string
	var calls []float64
	var memory, compute, least float64 // seconds at the roofs; the larger of both, for each member
	for _, d := range members {
		pipeline := &p.Pipelines[d.Pipeline]
		kernels, types, variants = append(kernels, pipeline.Kernel), append(types, pipeline.Type), append(variants, pipeline.Variant)
		shapes = append(shapes, d.Shape)
		if d.Grid != g.Grid {
			g.Grid = [3]int{}
		}
		if pipeline.Lanes != g.Lanes {
			g.Lanes = 0
		}
		g.Calls += d.Calls
		g.Bytes += d.ReadBytes + d.WrittenBytes
		g.FLOPs += d.FLOPs
		calls = append(calls, d.SamplesUS...)
		g.addSteps(d)
		if p.Roofs != nil {
			m, c := atRate(d.ReadBytes+d.WrittenBytes, p.Roofs.ReadBytesPerS), atRate(d.FLOPs, p.Roofs.F32FLOPsPerS)
			memory, compute, least = memory+m, compute+c, least+max(m, c)
		}
	}
	g.Kernel, g.Type, g.Variant = distinct(kernels), distinct(types), distinct(variants)
	if shapes = slices.Compact(shapes); len(shapes) == 1 {
		g.Shape = shapes[0]
	}
	g.TotalUS = stat.Mean(g.StepSamplesUS, nil)
	g.MeanUS, g.P50US, g.P95US = stat.Mean(calls, nil), Quantile(calls, 0.5), Quantile(calls, 0.95)
	if r.Budget.WallUS > 0 {
		g.Share = g.TotalUS / r.Budget.WallUS
	}
	g.SetRates()
	if p.Roofs != nil && g.TotalUS > 0 {
		g.RoofShare = least * 1e6 / g.TotalUS
		switch {
		case least*1e6 < p.Roofs.DispatchUS*float64(g.Calls):
			g.Bound = "latency"
		case memory >= compute:
			g.Bound = "memory"
		default:
			g.Bound = "compute"
		}
	}
	return g
}

// SetRates sets what follows from the bytes, the FLOPs and the time.
func (g *Group) SetRates() {
	if g.TotalUS > 0 {
		g.BytesPerS, g.FLOPsPerS = float64(g.Bytes)/g.TotalUS*1e6, float64(g.FLOPs)/g.TotalUS*1e6
	}
	if g.Bytes > 0 {
		g.Intensity = float64(g.FLOPs) / float64(g.Bytes)
	}
}

// atRate is the seconds that n takes; 0 where the rate is not known.
func atRate(n int64, rate float64) float64 {
	if rate <= 0 {
		return 0
	}
	return float64(n) / rate
}

// addSteps adds d's time in each step.
func (g *Group) addSteps(d *Dispatch) {
	if g.StepSamplesUS == nil {
		g.StepSamplesUS = make([]float64, len(d.SamplesUS)/d.Calls)
	}
	for i := range g.StepSamplesUS {
		g.StepSamplesUS[i] += floats.Sum(d.SamplesUS[i*d.Calls : (i+1)*d.Calls])
	}
}

// distinct joins the different texts, sorted; it leaves empty ones out.
func distinct(texts []string) string {
	texts = slices.Compact(slices.Sorted(slices.Values(texts)))
	texts = slices.DeleteFunc(texts, func(s string) bool { return s == "" })
	return strings.Join(texts, "+")
}
