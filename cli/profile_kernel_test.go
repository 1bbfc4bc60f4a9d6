package main

import (
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"sealvk/engine/profile/kernelbench"
)

// Every combination is there, in every form.
func TestProfileKernel(t *testing.T) {
	args := []string{"profile", "kernel", "matmul", "--shape", "rows=5/9,cols=256", "--shape", "rows=2,cols=512,tokens=3", "--reps", "3"}
	const shapes = 2 + 1
	text := mustOnDevice(t, "", append(args, "--type", "q4_k,MLX 4-bit/64 BF16", "--tuning", "lanes=8/16,row_lanes=8,max_lanes=8,groups=4,tokens=2")...)
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if len(lines) < 3+shapes*2*2 || !strings.Contains(lines[0], "3 runs each, 128.00 MiB through the caches") && !strings.Contains(lines[0], "256.00 MiB") {
		t.Errorf("%d lines:\n%s", len(lines), text)
	}
	for _, want := range []string{"p50 µs", "GFLOP/s", "% roof", "Q4_K", "MLX 4-bit/64 BF16", "all", "lanes=16,max_lanes=8,row_lanes=8,groups=4,"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}

	args = append(args, "--tuning", "lanes=8,row_lanes=8,max_lanes=8,groups=4,tokens=2")
	file := filepath.Join(t.TempDir(), "out.json")
	if out := mustOnDevice(t, "", append(args, "--warm", "--format", "json", "-o", file)...); out != "" {
		t.Errorf("standard output has %q", out)
	}
	var r kernelbench.Report
	raw, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(raw, &r)
	}
	if err != nil || r.Format != kernelbench.Format || len(r.Results) != shapes || r.Device.Name == "" || !slices.Contains(r.Command, "matmul") {
		t.Fatalf("%v, %+v", err, r)
	}
	for _, x := range r.Results {
		if len(x.SamplesUS) != 3 || x.Checked != x.Outputs || x.FlushedBytes != 0 || x.Variant["groups"] != 4 {
			t.Errorf("%+v", x)
		}
	}

	rows, err := csv.NewReader(strings.NewReader(mustOnDevice(t, "", append(args, "--format", "csv")...))).ReadAll()
	if err != nil || len(rows) != 1+shapes {
		t.Fatalf("CSV of %d rows, want %d (%v)", len(rows), 1+shapes, err)
	}
	at := func(column string) string { return rows[1][slices.Index(rows[0], column)] }
	if at("kernel") != "matmul" || at("type") != "Q4_K" || at("rows") != "5" || at("tuning_lanes") != "8" || at("read_bytes") != strconv.Itoa(32*144+4*256) || at("outputs") != "5" {
		t.Errorf("%q\n%q", rows[0], rows[1])
	}
}

// What of a sweep fails does not take the rest with it, nor does it pass.
func TestProfileKernelFailures(t *testing.T) {
	o := onDevice(t, "", "profile", "kernel", "sum_norm", "--shape", "dim=1,tokens=3/70000/5,splits=2", "--reps", "2", "--warm")
	lines := strings.Split(o.stdout, "\n")
	if len(lines) < 6 || strings.Contains(lines[3]+lines[5], "failed") || !strings.Contains(lines[0], ": 2 runs each") {
		t.Fatalf("exit code %d\n%s%s", o.code, o.stdout, o.stderr)
	}
	const why = "dim=1 tokens=70000 splits=2 (wide="
	switch failed := !strings.Contains(lines[4], "70000x1x1"); { // a GPU may have so many workgroups
	case failed != (o.code != 0) || failed != strings.Contains(o.stdout, "\nfailed: "+why):
		t.Errorf("exit code %d\n%s%s", o.code, o.stdout, o.stderr)
	case failed:
		o.code = 1 // with something on standard output
		if !strings.Contains(o.stderr, "1 of 3 cases failed, the first of them sum_norm "+why) || !strings.Contains(lines[4], "70000") || !strings.Contains(lines[4], " failed ") {
			t.Errorf("%s%s", o.stdout, o.stderr)
		}
	}
}

func TestProfileKernelForms(t *testing.T) {
	knobs := map[string]int{"lanes": 8}
	r := &kernelbench.Report{Results: []*kernelbench.Result{
		{Kernel: "geglu", Shape: map[string]int{"ffn_dim": 7, "tokens": 1}, Variant: knobs, Error: "no driver"},
		{Kernel: "geglu", Shape: map[string]int{"ffn_dim": 9, "tokens": 1}, Variant: knobs, SamplesUS: []float64{1, 2, 3}, P50US: 2, Checked: 9, Outputs: 9, ControlUS: 44, ControlMoved: 0.1},
	}}
	write := func(form string) string {
		var b strings.Builder
		if err := writeKernel(&b, form, r); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	text := write("text")
	for _, want := range []string{": 3 runs each", "  failed  lanes=8", " +10.0 %  lanes=8", "\nthe clock moved: beside 1 of 2 results", "\nfailed: ffn_dim=7 tokens=1 (lanes=8): no driver\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if r.Results[1].ControlMoved = 0.05; strings.Contains(write("text"), "the clock") {
		t.Errorf("5 %% are told of")
	}
	rows, err := csv.NewReader(strings.NewReader(write("csv"))).ReadAll()
	if err != nil || len(rows) != 3 || !slices.Equal(rows[1][len(rows[1])-3:], []string{"0", "0", "no driver"}) || !slices.Equal(rows[2][len(rows[2])-3:], []string{"44", "0.05", ""}) {
		t.Errorf("%v, %q", err, rows)
	}
	if text := write("gobench"); strings.Contains(text, "ffn_dim=7") || strings.Count(text, "\nBenchmarkGeglu/ffn_dim=9/") != 3 {
		t.Error(text)
	}
}

// The lines are those of Go's benchmark format: configuration, units, and results of one
// iteration each.
func TestProfileKernelForBenchstat(t *testing.T) {
	out := mustOnDevice(t, "", "profile", "kernel", "attention_merge", "--shape", "heads=2,head_dim=32", "--depth", "0,300", "--reps", "4", "--format", "gobench")
	config, unit := regexp.MustCompile(`^[a-z][^\s:A-Z]*: \S.*$`), regexp.MustCompile(`^Unit \S+ better=higher$`)
	result := regexp.MustCompile(`^(BenchmarkAttentionMerge(?:/[a-z_]+=[^/\s]+)+) 1 \d+ ns/op \S+ MB/s \S+ GFLOP/s$`)
	names := map[string]int{}
	for line := range strings.Lines(out) {
		line = strings.TrimSuffix(line, "\n")
		if m := result.FindStringSubmatch(line); m != nil {
			names[m[1]]++
			for _, field := range strings.Fields(line)[2:] {
				if v, err := strconv.ParseFloat(field, 64); err == nil && v <= 0 {
					t.Errorf("%s", line)
				}
			}
		} else if !config.MatchString(line) && !unit.MatchString(line) {
			t.Errorf("no line of the format: %q", line)
		}
	}
	if len(names) != 2 {
		t.Fatalf("%d benchmarks, want one for each depth:\n%s", len(names), out)
	}
	for name, n := range names {
		if n != 4 || !strings.HasPrefix(name, "BenchmarkAttentionMerge/heads=2/head_dim=32/tokens=1/depth=") || !strings.Contains(name, "/tuning=lanes=") {
			t.Errorf("%d samples of %s", n, name)
		}
	}
}

func TestProfileKernelErrors(t *testing.T) {
	for _, c := range []struct {
		args string
		want []string
	}{
		{"", []string{"takes one kernel", "attention_merge"}},
		{"matmul rope", []string{"takes one kernel", "got 2"}},
		{"matmull", []string{`unknown kernel "matmull"`, "advance, attention, attention_coopmat, attention_merge, attention_prefill, "}},
		{"matmul --shape rows", []string{"--shape", "each name once", "rows=1024/4096,cols=3072"}},
		{"matmul --shape rows=1,rows=2", []string{"each name once"}},
		{"matmul --shape rows=1x2", []string{"rows=1x2", "whole numbers"}},
		{"matmul --shape rows=99999999999999999999", []string{"whole numbers"}},
		{"matmul --shape dim=4", []string{`no size "dim"`, "rows, cols, tokens"}},
		{"matmul --shape rows=0", []string{"rows=0: want 1 to"}},
		{"matmul --shape rows=-4", []string{"rows=-4: want 1 to"}},
		{"matmul --shape cols=100", []string{"cols=100", "Q4_K's block of 256"}},
		{"matmul --shape rows=2000000000,cols=256", []string{"the device binds at most"}},
		{"matmul --type Q9_K", []string{"--type", `"Q9_K"`, "Q6_K"}},
		{"sum_norm --type F16", []string{"--type", "sum_norm has no weights"}},
		{"sum_norm --kv f32", []string{"--kv", "sum_norm has no KV cache"}},
		{"sum_norm --depth 5", []string{"no depth"}},
		{"rope --depth -1", []string{"--depth", "whole numbers"}},
		{"matmul --tuning wide=8", []string{`no tuning "wide"`, "lanes, max_lanes, row_lanes, groups, outputs, span, tokens"}},
		{"matmul --tuning span=3", []string{"span=3", "power of two"}},
		{"matmul --tuning groups=x", []string{"--tuning", "whole numbers"}},
		{"matmul --reps 0", []string{"--reps", "1 to"}},
		{"matmul --format html", []string{"--format", "gobench"}},
		{"geglu -o nowhere/out.txt", []string{"nowhere", "folder"}},
		{"geglu --device 99", []string{"99"}},
	} {
		t.Run(c.args, func(t *testing.T) {
			sealvk("", append([]string{"profile", "kernel"}, strings.Fields(c.args)...)...).wantError(t, c.want...)
		})
	}
}
