package kernelbench

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"gonum.org/v1/gonum/floats"

	"sealvk/engine/profile"
	"sealvk/shaders"
	"sealvk/shaders/cases"
	"sealvk/vk"
)

// Format and Version head every file. Version grows when a field changes its meaning or
// goes; readers ignore fields that they do not know.
const (
	Format  = "sealvk-kernel"
	Version = 1
)

// Report is the results of one command as their JSON file holds them.
type Report struct {
	Format  string         `json:"format"`
	Version int            `json:"version"`
	Created time.Time      `json:"created"`
	Program string         `json:"program"` // sealvk's version
	Command []string       `json:"command"` // the arguments
	Device  profile.Device `json:"device"`
	Results []*Result      `json:"results"`
}

// Report is results of the workbench's device.
func (w *Workbench) Report(results []*Result) *Report {
	for _, r := range results {
		if w.clock != nil {
			r.ControlMoved = moved(r.ControlUS, w.clock.best)
		}
	}
	return &Report{
		Format: Format, Version: Version, Created: time.Now().UTC().Truncate(time.Second), Results: results,
		Device: profile.DeviceOf(w.d.Caps()),
	}
}

// Result is a case that was checked and timed. Times are of the device, in µs.
type Result struct {
	Kernel  string         `json:"kernel"`
	Type    string         `json:"type,omitempty"` // of the weights
	Shape   map[string]int `json:"shape"`          // by the names of Sizes
	KV      string         `json:"kv,omitempty"`   // f16 or f32, of kernels that know the KV cache
	Depth   int            `json:"depth"`          // positions in the KV cache before the tokens
	Variant map[string]int `json:"variant"`        // by the names of Knobs

	// Error says why the case failed, and then there are no times and no work; "" if it did not.
	Error string `json:"error,omitempty"`

	Lanes      int            `json:"lanes"`      // invocations of a workgroup
	Dispatches int            `json:"dispatches"` // more than one where a matrix exceeds what the device binds
	Grid       [3]int         `json:"grid"`       // workgroups, of the first
	Statistics []vk.Statistic `json:"statistics,omitempty"`

	ReadBytes    int64   `json:"read_bytes"` // that it must read, each counted once
	WrittenBytes int64   `json:"written_bytes"`
	FLOPs        int64   `json:"flops"`
	Intensity    float64 `json:"intensity"` // FLOPs a byte

	SamplesUS []float64 `json:"samples_us"`
	MinUS     float64   `json:"min_us"`
	MeanUS    float64   `json:"mean_us"`
	P50US     float64   `json:"p50_us"`
	P95US     float64   `json:"p95_us"`
	BytesPerS float64   `json:"bytes_per_s"` // at the median, as all rates
	FLOPsPerS float64   `json:"flops_per_s"`
	// RoofShare is the least time at the roofs, of reading the bytes or of f32 arithmetic, ÷
	// the median; above 1 where data stays in a cache. 0 without roofs.
	RoofShare float64 `json:"roof_share"`
	// Bound is what sets that least time: "memory" or "compute", or "latency" where it is below
	// the time of an empty dispatch. "" without roofs.
	Bound string `json:"bound"`

	// ControlUS is the median time of a chain of multiply-adds whose work never changes, run behind
	// each of the samples, ControlMoved by which share it is above the least time of that chain in
	// the whole command: as far the clock fell, or something else ran on the device.
	ControlUS    float64 `json:"control_us"`
	ControlMoved float64 `json:"control_moved"`

	FlushedBytes int64 `json:"flushed_bytes"` // that went through the caches before each run; 0: they stayed warm
	Outputs      int64 `json:"outputs"`       // values that the kernel writes
	Checked      int64 `json:"checked"`       // of those, values compared with the reference
}

// ShapeText is the shape as rows=24576 cols=3072 tokens=1.
func (r *Result) ShapeText() string { return pairs(Sizes(r.Kernel), r.Shape, " ") }

// VariantText is the variant as lanes=8,rows=4.
func (r *Result) VariantText() string { return pairs(Knobs(r.Kernel), r.Variant, ",") }

// text names the case in errors; its shape may be wrong.
func text(c *Case) string {
	parts := []string{c.Kernel}
	if HasWeights(c.Kernel) {
		parts = append(parts, c.Type.String())
	}
	if names := Sizes(c.Kernel); names != nil && len(c.Shape) == len(names) {
		for i, name := range names {
			parts = append(parts, fmt.Sprintf("%s=%d", name, c.Shape[i]))
		}
		if HasDepth(c.Kernel) {
			parts = append(parts, fmt.Sprintf("depth=%d", c.Depth))
		}
		parts = append(parts, "("+pairs(Knobs(c.Kernel), c.Values(), ",")+")")
	}
	return strings.Join(parts, " ")
}

func pairs(names []string, values map[string]int, separator string) string {
	var parts []string
	for _, name := range names {
		parts = append(parts, fmt.Sprintf("%s=%d", name, values[name]))
	}
	return strings.Join(parts, separator)
}

// describe is the part of a result that says of what it is.
func (w *Workbench) describe(c *Case) *Result {
	r := &Result{Kernel: c.Kernel, Shape: map[string]int{}, Depth: c.Depth, Variant: c.Values(), FlushedBytes: w.o.Flush}
	for i, name := range Sizes(c.Kernel) {
		r.Shape[name] = c.Shape[i]
	}
	if c.Type != NoType {
		r.Type = c.Type.String()
	}
	if HasCache(c.Kernel) {
		r.KV = c.KV.String()
	}
	return r
}

// failed is the result of a case that ended in an error.
func (w *Workbench) failed(c *Case, err error) *Result {
	r := w.describe(c)
	r.Error = err.Error()
	return r
}

func (w *Workbench) result(b *cases.Bench, dispatches []shaders.Dispatch, samples, controls []float64, checked int64) (*Result, error) {
	r := w.describe(b.Case)
	r.Dispatches, r.SamplesUS, r.Outputs, r.Checked = len(dispatches), samples, b.Outputs, checked
	if len(controls) > 0 {
		r.ControlUS = profile.Quantile(slices.Sorted(slices.Values(controls)), 0.5)
	}
	for i, d := range dispatches {
		grid, work := d.At(b.Lengths)
		if i == 0 {
			r.Grid, r.Lanes = grid, d.Pipeline.Lanes
		}
		r.ReadBytes += work.Read
		r.WrittenBytes += work.Written
		r.FLOPs += work.FLOPs
	}
	if w.d.Caps().Features.PipelineExecutableProperties {
		list, err := dispatches[0].Pipeline.Executables()
		if err != nil {
			return nil, err
		}
		for _, e := range list {
			r.Statistics = append(r.Statistics, e.Statistics...)
		}
	}
	r.summarize(w)
	return r, nil
}

func (r *Result) summarize(w *Workbench) {
	bytes, flops := float64(r.ReadBytes+r.WrittenBytes), float64(r.FLOPs)
	if bytes > 0 {
		r.Intensity = flops / bytes
	}
	if len(r.SamplesUS) == 0 {
		return
	}
	sorted := slices.Sorted(slices.Values(r.SamplesUS))
	r.MinUS, r.MeanUS = sorted[0], floats.Sum(sorted)/float64(len(sorted))
	r.P50US, r.P95US = profile.Quantile(sorted, 0.5), profile.Quantile(sorted, 0.95)
	if r.P50US <= 0 { // less than a tick
		return
	}
	r.BytesPerS, r.FLOPsPerS = bytes/r.P50US*1e6, flops/r.P50US*1e6
	if roofs := w.roofs; roofs != nil {
		memory, compute := bytes/roofs.ReadBytesPerS*1e6, flops/roofs.F32FLOPsPerS*1e6
		least := max(memory, compute)
		r.RoofShare = least / r.P50US
		switch {
		case least < roofs.DispatchUS*float64(r.Dispatches):
			r.Bound = "latency"
		case memory >= compute:
			r.Bound = "memory"
		default:
			r.Bound = "compute"
		}
	}
}
