package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"sealvk/engine/profile/roofline"
	"sealvk/vk"
)

// measureDevice measures what pd can do and keeps that for sealvk profile.
func (p *program) measureDevice(instance *vk.Instance, pd *vk.PhysicalDevice) (r *roofline.Roofs, err error) {
	ctx, release := stoppable()
	defer release()
	d, err := instance.OpenDevice(pd, pipelineCache())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	progress, end := p.status()
	r, err = roofline.Measure(ctx, d, func(what string) { progress("measuring " + what) })
	end()
	if err != nil {
		return nil, stopCause(ctx, err)
	}
	if dir := pipelineCache(); dir != "" {
		if err := r.Save(dir); err != nil { // measured all the same
			p.note("not kept: %s", oneLine(err))
		}
	}
	return r, nil
}

// printRoofs prints each figure, how far its runs lay apart, and how it was reached.
func printRoofs(line func(name, format string, args ...any), r *roofline.Roofs) {
	clock := "the device's clock"
	if r.Clock == "host" {
		clock = "the host's clock"
	}
	line("measured", "%s by %s; spread of the runs (p5 to p95), fastest variant", r.MeasuredAt.Format(time.DateTime+" UTC"), clock)
	for _, f := range []struct {
		name  string
		key   string // in JSON
		value float64
		unit  string
	}{
		{"read", "read_bytes_per_s", r.ReadBytesPerS, "B/s"},
		{"copy", "copy_bytes_per_s", r.CopyBytesPerS, "B/s"},
		{"f32", "f32_flops_per_s", r.F32FLOPsPerS, "FLOP/s"},
		{"f16", "f16_flops_per_s", r.F16FLOPsPerS, "FLOP/s"},
		{"int8 dot", "int8_dot_ops_per_s", r.Int8DotOpsPerS, "OP/s"},
		{"matrices", "coopmat_flops_per_s", r.CoopMatFLOPsPerS, "FLOP/s"},
		{"dispatch", "dispatch_us", r.DispatchUS, "µs"},
		{"barrier", "barrier_us", r.BarrierUS, "µs"},
		{"submit", "submission_us", r.SubmissionUS, "µs"},
	} {
		text := "-"
		switch _, measured := r.Spread[f.key]; {
		case !measured: // the device lacks it
		case f.unit == "µs":
			text = fmt.Sprintf("%.2f µs", f.value)
		default:
			text = rateText(f.value, f.unit)
		}
		if spread, ok := r.Spread[f.key]; ok {
			text = fmt.Sprintf("%-14s %4.0f %%  %s", text, 100*spread, r.Variant[f.key])
		}
		line(f.name, "%s", strings.TrimRight(text, " "))
	}
}

// rateText gives a rate with a decimal prefix.
func rateText(v float64, unit string) string {
	prefix := ""
	for _, p := range []string{"k", "M", "G", "T", "P"} {
		if v < 1000 {
			break
		}
		v, prefix = v/1000, p
	}
	return fmt.Sprintf("%.2f %s%s", v, prefix, unit)
}
