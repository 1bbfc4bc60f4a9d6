package report

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"

	"sealvk/engine/profile"
)

// csvColumns are a row's cells. Times are of a step where the name does not say "call".
var csvColumns = []struct {
	name string
	cell func(*csvRow) string
}{
	{"device", func(r *csvRow) string { return r.p.Device.Name }},
	{"model", func(r *csvRow) string { return r.p.Model.Name }},
	{"file_type", func(r *csvRow) string { return r.p.Model.FileType }},
	{"phase", func(r *csvRow) string { return r.run.Phase }},
	{"depth_tokens", func(r *csvRow) string { return whole(r.run.Depth) }},
	{"step_tokens", func(r *csvRow) string { return whole(r.run.Tokens) }},
	{"label", func(r *csvRow) string { return r.d.Label }},
	{"section", func(r *csvRow) string { return r.d.Section }},
	{"layer", func(r *csvRow) string { return whole(r.d.Layer) }},
	{"operation", func(r *csvRow) string { return r.d.Operation }},
	{"kernel", func(r *csvRow) string { return r.pipeline.Kernel }},
	{"variant", func(r *csvRow) string { return r.pipeline.Variant }},
	{"type", func(r *csvRow) string { return r.pipeline.Type }},
	{"shape", func(r *csvRow) string { return r.d.Shape }},
	{"grid_x", func(r *csvRow) string { return whole(r.d.Grid[0]) }},
	{"grid_y", func(r *csvRow) string { return whole(r.d.Grid[1]) }},
	{"grid_z", func(r *csvRow) string { return whole(r.d.Grid[2]) }},
	{"lanes", func(r *csvRow) string { return whole(r.pipeline.Lanes) }},
	{"subgroup_size", func(r *csvRow) string { return whole(r.pipeline.SubgroupSize) }},
	{"calls", func(r *csvRow) string { return whole(r.d.Calls) }},
	{"samples", func(r *csvRow) string { return whole(len(r.d.SamplesUS)) }},
	{"read_bytes", func(r *csvRow) string { return whole(r.d.ReadBytes) }},
	{"written_bytes", func(r *csvRow) string { return whole(r.d.WrittenBytes) }},
	{"flops", func(r *csvRow) string { return whole(r.d.FLOPs) }},
	{"total_us", func(r *csvRow) string { return exact(r.g.TotalUS) }},
	{"call_mean_us", func(r *csvRow) string { return exact(r.g.MeanUS) }},
	{"call_min_us", func(r *csvRow) string { return exact(slices.Min(r.d.SamplesUS)) }},
	{"call_p50_us", func(r *csvRow) string { return exact(r.g.P50US) }},
	{"call_p95_us", func(r *csvRow) string { return exact(r.g.P95US) }},
	{"call_max_us", func(r *csvRow) string { return exact(slices.Max(r.d.SamplesUS)) }},
	{"step_share", func(r *csvRow) string { return exact(r.g.Share) }},
	{"bytes_per_s", func(r *csvRow) string { return exact(r.g.BytesPerS) }},
	{"flops_per_s", func(r *csvRow) string { return exact(r.g.FLOPsPerS) }},
	{"flops_per_byte", func(r *csvRow) string { return exact(r.g.Intensity) }},
	{"roof_share", func(r *csvRow) string { return exact(r.g.RoofShare) }},
	{"bound", func(r *csvRow) string { return r.g.Bound }},
	{"step_wall_us", func(r *csvRow) string { return exact(r.run.Unprofiled.MedianUS) }},
	{"step_wall_serialized_us", func(r *csvRow) string { return exact(r.run.Serialized.MedianUS) }},
}

// csvRow is a dispatch of a run.
type csvRow struct {
	p        *profile.Profile
	run      *profile.Run
	d        *profile.Dispatch
	pipeline *profile.Pipeline
	g        *profile.Group
}

// writeCSV writes a row per dispatch and run, after RFC 4180.
func writeCSV(w io.Writer, p *profile.Profile, _ View) error {
	c := csv.NewWriter(w)
	c.UseCRLF = true
	head := make([]string, len(csvColumns))
	for i, column := range csvColumns {
		head[i] = column.name
	}
	if err := c.Write(head); err != nil {
		return err
	}
	for i := range p.Runs {
		run := &p.Runs[i]
		groups := groupsByLabel(p, run)
		for j := range run.Dispatches {
			d := &run.Dispatches[j]
			g, ok := groups[d.Label]
			if !ok {
				return fmt.Errorf("report: csv: %s has no figures in %s", d.Label, runName(run))
			}
			row := csvRow{p, run, d, &p.Pipelines[d.Pipeline], g}
			cells := make([]string, len(csvColumns))
			for k, column := range csvColumns {
				cells[k] = column.cell(&row)
			}
			if err := c.Write(cells); err != nil {
				return err
			}
		}
	}
	c.Flush()
	return c.Error()
}

// groupsByLabel are the figures of single dispatches.
func groupsByLabel(p *profile.Profile, r *profile.Run) map[string]*profile.Group {
	groups := r.Groups(p, profile.ByDispatch)
	labels := make(map[string]*profile.Group, len(groups))
	for i := range groups {
		labels[groups[i].Name] = &groups[i]
	}
	return labels
}

func whole[T int | int64](v T) string { return strconv.FormatInt(int64(v), 10) }

// exact gives the shortest text that reads back as v.
func exact(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
