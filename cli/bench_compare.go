package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"sealvk/engine/profile/bench"
)

func (p *program) benchCompareCommand() *cli.Command {
	output := newOutputFlags("md", "csv", "json")
	return &cli.Command{
		Name:      "compare",
		Usage:     "set one bench beside others: medians and ratios",
		ArgsUsage: "OURS.jsonl [OTHER.jsonl…]",
		Description: "The files are what sealvk bench or llama-bench wrote with -o jsonl or json, of one run or of\n" +
			"several, one behind the other: samples of all runs of a test make its median. A ratio above 1\n" +
			"says that the first file's is faster.",
		Flags: output.benchFlags(),
		Action: func(c *cli.Context) error {
			if c.NArg() < 1 {
				return errors.New("bench compare takes files of sealvk bench or llama-bench -o jsonl; see sealvk bench compare --help")
			}
			return p.benchCompare(c.Args().Slice(), &output)
		},
	}
}

func (p *program) benchCompare(names []string, output *outputFlags) error {
	if err := output.check(names...); err != nil {
		return err
	}
	c := &benchComparison{names: shortNames(names)}
	var files [][]bench.Row
	for _, name := range names {
		rows, err := readBench(name)
		if err != nil {
			return err
		}
		files = append(files, rows)
		c.devices = append(c.devices, benchDevices(rows))
	}
	var err error
	if c.tests, err = bench.Compare(files); err != nil {
		return fmt.Errorf("%s: %w", strings.Join(names, ", "), err)
	}
	return output.write(p, func(w io.Writer) error {
		switch output.form.value {
		case "csv":
			return c.csv(w)
		case "json":
			return c.json(w)
		}
		return c.md(w)
	})
}

func readBench(name string) ([]bench.Row, error) {
	file, err := openInput(name, "a file of sealvk bench or llama-bench -o jsonl")
	if err != nil {
		return nil, err
	}
	defer file.Close()
	rows, err := bench.ReadRows(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return rows, nil
}

// benchDevices are the devices that rows name, each once.
func benchDevices(rows []bench.Row) string {
	var list []string
	for _, r := range rows {
		name := strings.TrimSpace(r.Backends + " " + r.GPU)
		if r.GPULayers == 0 { // llama-bench names the GPU all the same
			name = strings.TrimSpace("CPU " + r.CPU)
		}
		if !slices.Contains(list, name) {
			list = append(list, name)
		}
	}
	return strings.Join(list, "; ")
}

// shortNames are the files' without folder and ending, as far as they differ then.
func shortNames(names []string) []string {
	short := make([]string, len(names))
	count := map[string]int{}
	for i, name := range names {
		short[i] = printable(strings.TrimSuffix(strings.TrimSuffix(filepath.Base(name), ".jsonl"), ".json"))
		count[short[i]]++
	}
	for i, name := range names {
		if count[short[i]] > 1 {
			short[i] = printable(name)
		}
	}
	return short
}

type benchComparison struct {
	names, devices []string // of the files
	tests          []bench.Compared
}

// comparisonColumn is a column of md; its cells are "" where there is nothing to show.
type comparisonColumn struct {
	name string
	cell func(*bench.Compared) string
}

func (c *benchComparison) columns() []comparisonColumn {
	list := []comparisonColumn{
		{"model", func(t *bench.Compared) string { return mdText(t.Model) }},
		{"KV", func(t *bench.Compared) string { return mdText(kvName(t)) }},
		{"npl", func(t *bench.Compared) string { return strconv.Itoa(t.Npl) }},
		{"test", func(t *bench.Compared) string { return t.Name }},
	}
	for i, name := range c.names {
		list = append(list, comparisonColumn{mdText(name) + " t/s", func(t *bench.Compared) string {
			switch f := t.Files[i]; {
			case f.Samples == 0:
				return ""
			case f.LeastTS == f.MostTS:
				return fmt.Sprintf("%.2f", f.MedianTS)
			default:
				return fmt.Sprintf("%.2f (%.2f to %.2f, %d)", f.MedianTS, f.LeastTS, f.MostTS, f.Samples)
			}
		}})
		if i > 0 {
			list = append(list, comparisonColumn{"ratio", func(t *bench.Compared) string { return unlessZero("%.2f", t.Files[i].Ratio) }})
		}
	}
	return append(list,
		comparisonColumn{"over one sequence", func(t *bench.Compared) string { return unlessZero("%.2f", t.Scaling) }},
		comparisonColumn{"first ms", func(t *bench.Compared) string { return unlessZero("%.1f", t.Files[0].FirstTokenMS) }},
		comparisonColumn{"GB/s", func(t *bench.Compared) string { return unlessZero("%.2f", t.Files[0].GBPerS) }},
		comparisonColumn{"% read", func(t *bench.Compared) string { return unlessZero("%.1f", 100*t.Files[0].ReadShare) }},
		comparisonColumn{"CPU J/t", func(t *bench.Compared) string { return unlessZero("%.3g", t.Files[0].CPUJoules) }},
		comparisonColumn{"GPU J/t", func(t *bench.Compared) string { return unlessZero("%.3g", t.Files[0].GPUJoules) }},
	)
}

func unlessZero(format string, v float64) string {
	if v == 0 {
		return ""
	}
	return fmt.Sprintf(format, v)
}

// md writes the columns in which some test has more than the default.
func (c *benchComparison) md(w io.Writer) error {
	head, rule := "|", "|"
	lines := make([]string, len(c.tests))
	for i, column := range c.columns() {
		var cells []string
		shown := false
		for j := range c.tests {
			cells = append(cells, column.cell(&c.tests[j]))
			shown = shown || cells[j] != "" && (column.name != "npl" || cells[j] != "1")
		}
		if !shown {
			continue
		}
		head += " " + column.name + " |"
		if i < 2 {
			rule += " --- |"
		} else {
			rule += " ---: |"
		}
		for j, cell := range cells {
			lines[j] += " " + cell + " |"
		}
	}
	text := head + "\n" + rule + "\n"
	for _, line := range lines {
		text += "|" + line + "\n"
	}
	text += "\nMedian tokens a second of all samples (least to most, how many)"
	if len(c.names) > 1 {
		text += "; a ratio is the first column's median over this one's; what follows the last ratio is of the first"
	}
	text += ".\n\n"
	for i, name := range c.names {
		text += fmt.Sprintf("- %s: %s\n", mdText(name), mdText(c.devices[i]))
	}
	_, err := io.WriteString(w, text)
	return err
}

func mdText(s string) string { return strings.ReplaceAll(printable(s), "|", `\|`) }

// kvName is the type of the KV cache.
func kvName(t *bench.Compared) string {
	if t.TypeK == t.TypeV {
		return t.TypeK
	}
	return t.TypeK + "/" + t.TypeV
}

func (c *benchComparison) csv(to io.Writer) error {
	w := csv.NewWriter(to)
	rows := [][]string{{"model_type", "type_k", "type_v", "n_parallel", "test", "over_one_sequence", "file", "backend", "runs", "samples", "median_ts", "least_ts", "most_ts", "ratio"}}
	number := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	for _, t := range c.tests {
		for i, f := range t.Files {
			if f.Samples == 0 {
				continue
			}
			scaling := ""
			if t.Scaling > 0 && i == 0 {
				scaling = number(t.Scaling)
			}
			rows = append(rows, []string{t.Model, t.TypeK, t.TypeV, strconv.Itoa(t.Npl), t.Name, scaling, c.names[i], c.devices[i],
				strconv.Itoa(f.Runs), strconv.Itoa(f.Samples), number(f.MedianTS), number(f.LeastTS), number(f.MostTS), number(f.Ratio)})
		}
	}
	return errors.Join(w.WriteAll(rows), w.Error())
}

func (c *benchComparison) json(w io.Writer) error {
	type file struct {
		Name    string `json:"name"`
		Backend string `json:"backend"`
	}
	var files []file
	for i, name := range c.names {
		files = append(files, file{name, c.devices[i]})
	}
	return encodeJSON(w, "  ", struct {
		Files []file           `json:"files"`
		Tests []bench.Compared `json:"tests"`
	}{files, c.tests})
}
