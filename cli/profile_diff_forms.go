package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"sealvk/engine/profile"
)

// writeDiff writes c in a form: text, json, csv or md.
func writeDiff(w io.Writer, form string, c *profile.Comparison, nameA, nameB string) error {
	switch form {
	case "json":
		return encodeJSON(w, "  ", c)
	case "csv":
		return diffCSV(w, c)
	case "md":
		diffTables(w, c, nameA, nameB, "- ", "### ", writeMarkdown)
	default:
		diffTables(w, c, nameA, nameB, "", "=== ", writeAligned)
	}
	return nil
}

// diffPart is a part of a run's table.
type diffPart struct {
	name  string // in CSV
	title string
	rows  []profile.Row
}

func diffParts(c *profile.Comparison, r *profile.RunComparison) []diffPart {
	return []diffPart{
		{"step", "unprofiled, median", []profile.Row{r.Step}},
		{"concurrent", "concurrent, mean", r.Overlapped},
		{"serialized", "serialized, mean", r.Budget},
		{string(c.By), "by " + string(c.By) + ", serialized, median", r.Rows},
	}
}

// diffTables writes facts and a table for each run.
func diffTables(w io.Writer, c *profile.Comparison, nameA, nameB, item, heading string, table func(io.Writer, [][]string)) {
	for _, side := range []struct {
		letter, file string
		origin       profile.Origin
	}{{"A", nameA, c.A}, {"B", nameB, c.B}} {
		fmt.Fprintf(w, "%s%s: %s, of %s, sealvk %s\n", item, side.letter, plainName(side.file),
			side.origin.Created.UTC().Format("2006-01-02 15:04 MST"), plainName(side.origin.Program))
	}
	random, integers := "", ""
	if c.Model.Synthetic {
		random = ", random weights"
	}
	if c.Model.IntDot {
		integers = ", integer dot products in decode"
	}
	fmt.Fprintf(w, "%s%s %s%s, KV cache %s%s, on %s\n", item, plainName(c.Model.Name), plainName(c.Model.FileType), random,
		plainName(c.Model.KV), integers, plainName(c.A.Device.Name))
	for _, d := range c.Differences {
		fmt.Fprintf(w, "%sdiffers: %s, A %s, B %s\n", item, d.Field, plainName(d.A), plainName(d.B))
	}
	for _, only := range []struct {
		side string
		runs []profile.RunKey
	}{{"A", c.OnlyA}, {"B", c.OnlyB}} {
		for _, key := range only.runs {
			fmt.Fprintf(w, "%sonly in %s: %v\n", item, only.side, key)
		}
	}
	for i := range c.Runs {
		r := &c.Runs[i]
		fmt.Fprintf(w, "\n%s%v, %s\n\n", heading, r.RunKey, stepsText(r))
		rows := [][]string{{"", "A µs", "B µs", "change", fmt.Sprintf("%g %% interval", 100*c.Confidence), "of step", "verdict"}}
		for _, part := range diffParts(c, r) {
			if len(part.rows) == 0 {
				continue
			}
			rows = append(rows, []string{part.title, "", "", "", "", "", ""})
			for _, row := range part.rows {
				rows = append(rows, diffCells(c, &row))
			}
		}
		table(w, rows)
	}
}

// stepsText is how many steps are compared.
func stepsText(r *profile.RunComparison) string {
	a, b := r.Step.A.Steps, r.Step.B.Steps
	if a == b {
		return fmt.Sprintf("%d steps", a)
	}
	return fmt.Sprintf("the first %d of A's %d and B's %d steps; better measure both with the same --reps", min(a, b), a, b)
}

func diffCells(c *profile.Comparison, row *profile.Row) []string {
	cells := []string{"  " + plainName(row.Name), timeText(row.A), timeText(row.B), "", "", changeText(row.OfStep), string(row.Verdict)}
	if row.Change != nil {
		cells[3] = changeText(*row.Change)
	}
	if row.Interval != nil {
		cells[4] = intervalText(row.Interval)
	}
	if a, b := row.A, row.B; (c.By == profile.ByOperation || c.By == profile.ByDispatch) && a != nil && b != nil && a.Kernel != b.Kernel {
		cells[6] += fmt.Sprintf(" (%s → %s)", plainName(a.Kernel), plainName(b.Kernel))
	}
	return cells
}

// timeText is the median, or the mean where there are no samples, to a tenth of a
// microsecond, from 10 ms on whole.
func timeText(t *profile.Times) string {
	if t == nil {
		return ""
	}
	us := t.MedianUS
	if t.Steps == 0 {
		us = t.MeanUS
	}
	if us >= 1e4 {
		return strconv.FormatFloat(us, 'f', 0, 64)
	}
	return strconv.FormatFloat(us, 'f', 1, 64)
}

func changeText(relative float64) string { return signed(relative) + " %" }

func intervalText(in *profile.Interval) string {
	return signed(in.Low) + " to " + signed(in.High) + " %"
}

// signed is a percentage with one decimal and its sign.
func signed(relative float64) string {
	switch x := 100 * relative; {
	case math.Abs(x) < 0.05:
		return "0.0"
	case math.Abs(x) >= 1e4:
		return fmt.Sprintf("%+.2g", x)
	default:
		return fmt.Sprintf("%+.1f", x)
	}
}

// plainName keeps what a file says on one line, and from commanding the terminal.
func plainName(s string) string { return printable(strings.Join(strings.Fields(s), " ")) }

// writeAligned sets the first and the last column to the left, figures to the right.
func writeAligned(w io.Writer, rows [][]string) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			switch i {
			case 0:
				fmt.Fprintf(&line, "%-*s", widths[i], cell)
			case len(row) - 1:
				line.WriteString("  " + cell)
			default:
				fmt.Fprintf(&line, "  %*s", widths[i], cell)
			}
		}
		fmt.Fprintln(w, strings.TrimRight(line.String(), " "))
	}
}

func writeMarkdown(w io.Writer, rows [][]string) {
	for i, row := range rows {
		cells := make([]string, len(row))
		for j, cell := range row {
			cells[j] = strings.NewReplacer("|", `\|`, "<", "&lt;").Replace(strings.TrimSpace(cell))
		}
		if i > 0 && strings.Join(cells[1:], "") == "" {
			cells[0] = "**" + cells[0] + "**"
		}
		fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | "))
		if i == 0 {
			fmt.Fprintln(w, "|---|---:|---:|---:|---:|---:|---|")
		}
	}
}

// diffCSV writes a line for each row; what is unknown is empty. Changes are relative: 0.02
// is 2 %.
func diffCSV(w io.Writer, c *profile.Comparison) error {
	out := csv.NewWriter(w)
	lines := [][]string{{"phase", "depth", "tokens", "part", "name",
		"a_mean_us", "a_median_us", "a_steps", "a_kernel", "b_mean_us", "b_median_us", "b_steps", "b_kernel",
		"delta_us", "of_step", "change", "low", "high", "p", "p_adjusted", "verdict"}}
	number := func(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }
	times := func(t *profile.Times) []string {
		switch {
		case t == nil:
			return make([]string, 4)
		case t.Steps == 0:
			return []string{number(t.MeanUS), "", "", t.Kernel}
		}
		return []string{number(t.MeanUS), number(t.MedianUS), strconv.Itoa(t.Steps), t.Kernel}
	}
	for i := range c.Runs {
		r := &c.Runs[i]
		for _, part := range diffParts(c, r) {
			for _, row := range part.rows {
				line := []string{r.Phase, strconv.Itoa(r.Depth), strconv.Itoa(r.Tokens), part.name, row.Name}
				line = append(append(line, times(row.A)...), times(row.B)...)
				line = append(line, number(row.DeltaUS), number(row.OfStep))
				test := make([]string, 5)
				if row.Change != nil {
					test[0] = number(*row.Change)
				}
				if in := row.Interval; in != nil {
					test = []string{test[0], number(in.Low), number(in.High), number(in.P), number(in.PAdjusted)}
				}
				lines = append(lines, append(append(line, test...), string(row.Verdict)))
			}
		}
	}
	return out.WriteAll(lines)
}
