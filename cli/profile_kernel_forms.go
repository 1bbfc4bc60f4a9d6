package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"sealvk/engine/profile/kernelbench"
	"sealvk/vk"
)

// writeKernel writes r in a form: text, json, csv or gobench.
func writeKernel(w io.Writer, form string, r *kernelbench.Report) error {
	switch form {
	case "json":
		return encodeJSON(w, "  ", r)
	case "csv":
		return kernelCSV(w, r)
	case "gobench":
		kernelBench(w, r)
	default:
		kernelText(w, r)
	}
	return nil
}

func kernelText(w io.Writer, r *kernelbench.Report) {
	first := r.Results[0]
	caches := "caches warm"
	if first.FlushedBytes > 0 {
		caches = vk.SizeText(first.FlushedBytes) + " through the caches before each"
	}
	runs := 0
	for _, x := range r.Results {
		runs = max(runs, len(x.SamplesUS))
	}
	fmt.Fprintf(w, "%s on %s: %d runs each, %s\n\n", first.Kernel, r.Device.Name, runs, caches)
	names, _ := kernelCells(first)
	rows := [][]string{append(names, "p50 µs", "min µs", "p95 µs", "GB/s", "GFLOP/s", "FLOP/B", "% roof", "bound", "grid", "lanes", "checked", "control", "tuning")}
	var errs []string
	for _, x := range r.Results {
		_, values := kernelCells(x)
		if x.Error != "" {
			errs = append(errs, fmt.Sprintf("%s (%s): %s", x.ShapeText(), x.VariantText(), x.Error))
			values = append(values, slices.Repeat([]string{"-"}, len(rows[0])-len(values)-2)...)
			rows = append(rows, append(values, "failed", x.VariantText()))
			continue
		}
		roof, bound := "-", "-"
		if x.RoofShare > 0 {
			roof, bound = fmt.Sprintf("%.1f", 100*x.RoofShare), x.Bound
		}
		checked := "all"
		if x.Checked < x.Outputs {
			checked = strconv.FormatInt(x.Checked, 10)
		}
		rows = append(rows, append(values, figure(x.P50US), figure(x.MinUS), figure(x.P95US), figure(x.BytesPerS/1e9), figure(x.FLOPsPerS/1e9),
			figure(x.Intensity), roof, bound, fmt.Sprintf("%dx%dx%d", x.Grid[0], x.Grid[1], x.Grid[2]), strconv.Itoa(x.Lanes), checked,
			fmt.Sprintf("+%.1f %%", 100*x.ControlMoved), x.VariantText()))
	}
	writeAligned(w, rows)
	if text := r.ClockText(); text != "" {
		fmt.Fprintf(w, "\n%s\n", text)
	}
	for _, text := range errs {
		fmt.Fprintf(w, "\nfailed: %s\n", text)
	}
}

// figure is a number with about three digits that count.
func figure(v float64) string {
	switch {
	case v >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case v >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}

// kernelCells are the columns that tell results of a kernel apart, but for the tuning, and the
// result's values in them.
func kernelCells(r *kernelbench.Result) (names, values []string) {
	add := func(has bool, name, value string) {
		if has {
			names, values = append(names, name), append(values, value)
		}
	}
	add(kernelbench.HasWeights(r.Kernel), "type", r.Type)
	for _, name := range kernelbench.Sizes(r.Kernel) {
		add(true, name, strconv.Itoa(r.Shape[name]))
	}
	add(kernelbench.HasCache(r.Kernel), "kv", r.KV)
	add(kernelbench.HasDepth(r.Kernel), "depth", strconv.Itoa(r.Depth))
	return names, values
}

func kernelCSV(w io.Writer, r *kernelbench.Report) error {
	out := csv.NewWriter(w)
	first := r.Results[0]
	names, _ := kernelCells(first)
	header := append([]string{"kernel"}, names...)
	for _, knob := range kernelbench.Knobs(first.Kernel) {
		header = append(header, "tuning_"+knob)
	}
	header = append(header, "lanes", "dispatches", "grid_x", "grid_y", "grid_z", "read_bytes", "written_bytes", "flops", "intensity", "runs",
		"min_us", "mean_us", "p50_us", "p95_us", "bytes_per_s", "flops_per_s", "roof_share", "bound", "flushed_bytes", "outputs", "checked", "control_us", "control_moved", "error")
	_ = out.Write(header) // out keeps its first error
	for _, x := range r.Results {
		_, values := kernelCells(x)
		row := append([]string{x.Kernel}, values...)
		for _, knob := range kernelbench.Knobs(x.Kernel) {
			row = append(row, strconv.Itoa(x.Variant[knob]))
		}
		for _, v := range []any{
			x.Lanes, x.Dispatches, x.Grid[0], x.Grid[1], x.Grid[2], x.ReadBytes, x.WrittenBytes, x.FLOPs, x.Intensity, len(x.SamplesUS),
			x.MinUS, x.MeanUS, x.P50US, x.P95US, x.BytesPerS, x.FLOPsPerS, x.RoofShare, x.Bound, x.FlushedBytes, x.Outputs, x.Checked,
			x.ControlUS, x.ControlMoved, x.Error,
		} {
			row = append(row, fmt.Sprint(v))
		}
		_ = out.Write(row)
	}
	out.Flush()
	return out.Error()
}

// kernelBench writes Go's benchmark format
// (https://go.googlesource.com/proposal/+/master/design/14313-benchmark-format.md), a line
// for each run. The name ends in no number of processors: the device's are meant.
func kernelBench(w io.Writer, r *kernelbench.Report) {
	fmt.Fprintf(w, "goos: %s\ngoarch: %s\ndevice: %s\ndriver: %s, %s\nsealvk: %s\n", runtime.GOOS, runtime.GOARCH, r.Device.Name, r.Device.Driver, r.Device.DriverInfo, r.Program)
	fmt.Fprintln(w, "Unit GFLOP/s better=higher")
	for _, x := range r.Results {
		name := "Benchmark"
		for word := range strings.SplitSeq(x.Kernel, "_") {
			name += strings.ToUpper(word[:1]) + word[1:]
		}
		names, values := kernelCells(x)
		for i, key := range names {
			name += "/" + key + "=" + strings.NewReplacer(" ", "-", "/", "-").Replace(values[i])
		}
		name += "/tuning=" + x.VariantText()
		for _, us := range x.SamplesUS {
			fmt.Fprintf(w, "%s 1 %.0f ns/op", name, 1000*us)
			if us > 0 {
				fmt.Fprintf(w, " %.6g MB/s %.6g GFLOP/s", float64(x.ReadBytes+x.WrittenBytes)/us, float64(x.FLOPs)/us/1e3)
			}
			fmt.Fprintln(w)
		}
	}
}
