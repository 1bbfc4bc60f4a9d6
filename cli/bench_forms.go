package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"sealvk/engine/profile/bench"
	"sealvk/vk"
)

// benchFlags are flags by the names that llama-bench has for them.
func (o *outputFlags) benchFlags() []cli.Flag {
	return []cli.Flag{
		valueFlag(&o.form, categoryShow, "o, output", "`FORM` of the output: "+strings.Join(o.form.words, ", ")),
		fileFlag(&o.file, categoryShow, "file", "`FILE` to write instead of standard output"),
	}
}

// benchTable writes rows as they come.
type benchTable struct {
	w       io.Writer
	form    string
	columns []benchColumn // of md
	rows    int
	last    bench.Row
	loads   []string
	err     error // the first
}

// benchColumn is a column of md, as wide as llama-bench's; its text is to the left, as there,
// if width is negative.
type benchColumn struct {
	name  string
	width int
	value func(*bench.Row) string
}

func newBenchTable(w io.Writer, f *benchFlags, roof bool, meters []*bench.Meter) *benchTable {
	t := &benchTable{w: w, form: f.output.form.value}
	add := func(show bool, name string, width int, value func(*bench.Row) string) {
		if show {
			t.columns = append(t.columns, benchColumn{name, width, value})
		}
	}
	metered := func(of string) bool {
		return slices.ContainsFunc(meters, func(m *bench.Meter) bool { return m.Of == of })
	}
	several := !slices.Equal(f.parallel.values, []int{1})
	add(true, "model", -30, func(r *bench.Row) string { return r.ModelType })
	add(true, "size", 10, func(r *bench.Row) string { return vk.SizeText(r.ModelSize) })
	add(true, "params", 10, func(r *bench.Row) string { return benchParams(r.ModelParams) })
	add(true, "backend", -10, func(r *bench.Row) string { return r.Backends })
	add(f.layers != allLayers, "ngl", 3, func(r *bench.Row) string { return strconv.Itoa(r.GPULayers) })
	add(f.batch.given, "n_batch", 7, func(r *bench.Row) string { return strconv.Itoa(r.Batch) })
	add(f.ubatch.given || f.batch.given, "n_ubatch", 8, func(r *bench.Row) string { return strconv.Itoa(r.UBatch) })
	add(f.typeK.given, "type_k", 6, func(r *bench.Row) string { return r.TypeK })
	add(f.typeK.given, "type_v", 6, func(r *bench.Row) string { return r.TypeV })
	add(several, "npl", 3, func(r *bench.Row) string { return strconv.Itoa(r.Parallel) })
	add(true, "test", 15, func(r *bench.Row) string {
		return bench.Test{Prompt: r.Prompt, Gen: r.Gen, Depth: r.Depth, Parallel: r.Parallel}.String()
	})
	add(true, "t/s", 20, func(r *bench.Row) string { return fmt.Sprintf("%.2f ± %.2f", r.AvgTS, r.StddevTS) })
	add(several, "t/s a seq.", 10, func(r *bench.Row) string { return fmt.Sprintf("%.2f", r.AvgTSSequence) })
	add(true, "first ms", 9, func(r *bench.Row) string {
		if r.FirstTokenNS == nil {
			return ""
		}
		return fmt.Sprintf("%.1f", float64(*r.FirstTokenNS)/1e6)
	})
	add(true, "GB/s", 8, func(r *bench.Row) string { return optional("%.2f", r.GBPerS, 1) })
	add(roof, "% read", 6, func(r *bench.Row) string { return optional("%.1f", r.ReadShare, 100) })
	add(metered("cpu"), "CPU J/t", 8, func(r *bench.Row) string { return optional("%.3g", r.CPUJoules, 1) })
	add(metered("gpu"), "GPU J/t", 8, func(r *bench.Row) string { return optional("%.3g", r.GPUJoules, 1) })
	return t
}

func optional(format string, v *float64, times float64) string {
	if v == nil {
		return ""
	}
	return fmt.Sprintf(format, *v*times)
}

// benchParams writes as llama-bench does, and so does vk.SizeText.
func benchParams(n int64) string {
	if n < 1e9 {
		return fmt.Sprintf("%.2f M", float64(n)/1e6)
	}
	return fmt.Sprintf("%.2f B", float64(n)/1e9)
}

func (t *benchTable) print(format string, args ...any) {
	if t.err == nil {
		_, t.err = fmt.Fprintf(t.w, format, args...)
	}
}

// row writes one row, and in front of the first what is the form's head.
func (t *benchTable) row(r *bench.Row) error {
	first := t.rows == 0
	t.rows++
	t.last = *r
	switch t.form {
	case "md":
		if first {
			t.mdHead()
		}
		t.mdRow(r)
	case "csv":
		t.csvRow(r, first)
	case "json", "jsonl":
		t.jsonRow(r, first)
	case "sql":
		t.sqlRow(r, first)
	}
	return t.err
}

// end writes what stands behind the last row. An array is one without any row, too.
func (t *benchTable) end() error {
	switch {
	case t.form == "json" && t.rows == 0:
		t.print("[]\n")
	case t.form == "json":
		t.print("\n]\n")
	case t.form == "md" && t.rows > 0:
		t.mdEnd()
	}
	return t.err
}

func (t *benchTable) mdHead() {
	t.mdLine(func(c *benchColumn) string { return c.name })
	t.mdLine(func(c *benchColumn) string {
		if c.width < 0 {
			return strings.Repeat("-", -c.width)
		}
		return strings.Repeat("-", max(c.width, len(c.name))-1) + ":"
	})
}

func (t *benchTable) mdLine(cell func(*benchColumn) string) {
	line := "|"
	for i := range t.columns {
		c := &t.columns[i]
		width := c.width
		if width >= 0 {
			width = max(width, len(c.name))
		}
		line += fmt.Sprintf(" %*s |", width, cell(c))
	}
	t.print("%s\n", line)
}

func (t *benchTable) mdRow(r *bench.Row) {
	t.mdLine(func(c *benchColumn) string { return c.value(r) })
	if r.FirstTokenColdNS == nil {
		return
	}
	text := fmt.Sprintf("first token of all %.1f ms after its request", float64(*r.FirstTokenColdNS)/1e6)
	if r.LoadGBPerS != nil {
		text = fmt.Sprintf("weights at %.2f GB/s, %s", *r.LoadGBPerS, text)
	}
	if r.LoadNS != nil {
		text = fmt.Sprintf("loading %.2f s, %s", time.Duration(*r.LoadNS).Seconds(), text)
	}
	t.loads = append(t.loads, text)
}

func (t *benchTable) mdEnd() {
	device := t.last.GPU
	if t.last.Driver != "" {
		device += " (" + t.last.Driver + ")"
	}
	t.print("\ndevice: %s\n", device)
	if t.last.Tuning != "" {
		t.print("tuning: %s\n", t.last.Tuning)
	}
	if t.last.BuildCommit != "" {
		t.print("build: %s\n", t.last.BuildCommit)
	}
	t.print("numerics: %s\n", t.last.Numerics)
	for _, text := range t.loads {
		t.print("%s\n", text)
	}
}

func (t *benchTable) csvRow(r *bench.Row, first bool) {
	w := csv.NewWriter(t.w)
	if first {
		t.err = errors.Join(t.err, w.Write(columnNames()))
	}
	var texts []string
	for _, v := range r.Values() {
		texts = append(texts, benchText(v))
	}
	t.err = errors.Join(t.err, w.Write(texts))
	w.Flush()
	t.err = errors.Join(t.err, w.Error())
}

func columnNames() []string {
	var names []string
	for _, c := range bench.Columns() {
		names = append(names, c.Name)
	}
	return names
}

func benchText(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case float64:
		return strconv.FormatFloat(v, 'f', 6, 64)
	default:
		return fmt.Sprint(v)
	}
}

func (t *benchTable) jsonRow(r *bench.Row, first bool) {
	if t.form == "jsonl" {
		t.err = errors.Join(t.err, encodeJSON(t.w, "", r))
		return
	}
	var text strings.Builder
	t.err = errors.Join(t.err, encodeJSON(&text, "  ", r))
	before := ",\n"
	if first {
		before = "[\n"
	}
	t.print("%s  %s", before, strings.ReplaceAll(strings.TrimSpace(text.String()), "\n", "\n  "))
}

func (t *benchTable) sqlRow(r *bench.Row, first bool) {
	const table = "sealvk_bench"
	if first {
		var lines []string
		for _, c := range bench.Columns() {
			lines = append(lines, "  "+c.Name+" "+c.SQL)
		}
		t.print("CREATE TABLE IF NOT EXISTS %s (\n%s\n);\n\n", table, strings.Join(lines, ",\n"))
	}
	var values []string
	for _, v := range r.Values() {
		switch v := v.(type) {
		case nil:
			values = append(values, "NULL")
		case string:
			values = append(values, "'"+strings.ReplaceAll(v, "'", "''")+"'")
		default:
			values = append(values, benchText(v))
		}
	}
	t.print("INSERT INTO %s (%s) VALUES (%s);\n", table, strings.Join(columnNames(), ", "), strings.Join(values, ", "))
}
