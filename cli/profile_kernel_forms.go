package main

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strconv"
	"strings"

	"sealvk/engine/profile/kernelbench"
)

// writeKernel writes r in a form: text, json, csv or gobench.
func writeKernel(w io.Writer, form string, r *kernelbench.Report) error {
	out := bufio.NewWriter(w)
	var err error
	switch form {
	case "json":
		err = encodeJSON(out, "  ", r)
	case "csv":
		err = kernelCSV(out, r)
	case "gobench":
		kernelBench(out, r)
	default:
		kernelText(out, r)
	}
	return errors.Join(err, out.Flush())
}

func kernelText(w io.Writer, r *kernelbench.Report) {
	first := r.Results[0]
	caches := "caches warm"
	if first.FlushedBytes > 0 {
		caches = bytesText(first.FlushedBytes) + " through the caches before each"
	}
	fmt.Fprintf(w, "%s on %s: %d runs each, %s\n\n", first.Kernel, r.Device.Name, len(first.SamplesUS), caches)
	header := kernelNames(first)
	rows := [][]string{append(header, "p50 µs", "min µs", "p95 µs", "GB/s", "GFLOP/s", "FLOP/B", "% roof", "bound", "grid", "lanes", "checked", "tuning")}
	for _, x := range r.Results {
		roof, bound := "-", "-"
		if x.RoofShare > 0 {
			roof, bound = fmt.Sprintf("%.1f", 100*x.RoofShare), x.Bound
		}
		checked := "all"
		if x.Checked < x.Outputs {
			checked = strconv.FormatInt(x.Checked, 10)
		}
		rows = append(rows, append(kernelValues(x), figure(x.P50US), figure(x.MinUS), figure(x.P95US), figure(x.BytesPerS/1e9), figure(x.FLOPsPerS/1e9),
			figure(x.Intensity), roof, bound, fmt.Sprintf("%dx%dx%d", x.Grid[0], x.Grid[1], x.Grid[2]), strconv.Itoa(x.Lanes), checked, x.VariantText()))
	}
	writeAligned(w, rows)
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

// kernelNames are the columns that tell results of a kernel apart, but for the tuning.
func kernelNames(r *kernelbench.Result) []string {
	var names []string
	if kernelbench.HasWeights(r.Kernel) {
		names = append(names, "type")
	}
	names = append(names, kernelbench.Sizes(r.Kernel)...)
	if kernelbench.HasCache(r.Kernel) {
		names = append(names, "kv")
	}
	if kernelbench.HasDepth(r.Kernel) {
		names = append(names, "depth")
	}
	return names
}

// kernelValues are the values of the columns of kernelNames.
func kernelValues(r *kernelbench.Result) []string {
	var values []string
	if kernelbench.HasWeights(r.Kernel) {
		values = append(values, r.Type)
	}
	for _, name := range kernelbench.Sizes(r.Kernel) {
		values = append(values, strconv.Itoa(r.Shape[name]))
	}
	if kernelbench.HasCache(r.Kernel) {
		values = append(values, r.KV)
	}
	if kernelbench.HasDepth(r.Kernel) {
		values = append(values, strconv.Itoa(r.Depth))
	}
	return values
}

func kernelCSV(w io.Writer, r *kernelbench.Report) error {
	out := csv.NewWriter(w)
	first := r.Results[0]
	header := append([]string{"kernel"}, kernelNames(first)...)
	for _, knob := range kernelbench.Knobs(first.Kernel) {
		header = append(header, "tuning_"+knob)
	}
	header = append(header, "lanes", "dispatches", "grid_x", "grid_y", "grid_z", "read_bytes", "written_bytes", "flops", "intensity", "runs",
		"min_us", "mean_us", "p50_us", "p95_us", "bytes_per_s", "flops_per_s", "roof_share", "bound", "flushed_bytes", "outputs", "checked")
	_ = out.Write(header) // out keeps its first error
	for _, x := range r.Results {
		row := append([]string{x.Kernel}, kernelValues(x)...)
		for _, knob := range kernelbench.Knobs(x.Kernel) {
			row = append(row, strconv.Itoa(x.Variant[knob]))
		}
		for _, v := range []any{
			x.Lanes, x.Dispatches, x.Grid[0], x.Grid[1], x.Grid[2], x.ReadBytes, x.WrittenBytes, x.FLOPs, x.Intensity, len(x.SamplesUS),
			x.MinUS, x.MeanUS, x.P50US, x.P95US, x.BytesPerS, x.FLOPsPerS, x.RoofShare, x.Bound, x.FlushedBytes, x.Outputs, x.Checked,
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
		values := kernelValues(x)
		for i, key := range kernelNames(x) {
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
