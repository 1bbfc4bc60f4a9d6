package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"sealvk/engine/profile"
)

// diffedOperations are those of a layer of a 7B model, with their times in µs.
var diffedOperations = []struct {
	name, kernel string
	us           float64
}{
	{"attn_qkv", "matmul", 4300}, {"attn", "attention", 600}, {"attn_output", "matmul", 1900},
	{"ffn_gate_up", "matmul", 23000}, {"ffn_down", "matmul", 11600},
}

// diffedProfile is a profile of a model of two layers; noise is of each step's times, and
// factor what an operation takes longer.
func diffedProfile(seed uint64, steps int, noise float64, factor map[string]float64) *profile.Profile {
	r := rand.New(rand.NewPCG(seed, 0))
	p := &profile.Profile{
		Format: profile.Format, Version: profile.Version, Created: time.Date(2025, 3, int(seed), 12, 0, 0, 0, time.UTC), Program: "v1." + strconv.FormatUint(seed, 10),
		Device:    profile.Device{Name: "some GPU", Driver: "driver", DriverInfo: "1.0", SubgroupSize: 32},
		Model:     profile.Model{Name: "seallm-7b-v2.5", Synthetic: true, FileType: "Q4_K_M", KV: "f16", Layers: 2, Dim: 3072},
		Pipelines: []profile.Pipeline{{Kernel: "matmul", Variant: "rows"}, {Kernel: "attention"}, {Kernel: "matmul", Variant: "subgroup"}},
	}
	for _, depth := range []int{0, 512} {
		run := profile.Run{Phase: "decode", Depth: depth, Tokens: 1}
		run.Serialized.SamplesUS = make([]float64, steps)
		add := func(label, section, operation, kernel string, layer int, us float64) {
			d := profile.Dispatch{Label: label, Section: section, Operation: operation, Layer: layer, Calls: 1}
			if f, ok := factor[operation]; ok {
				us *= f
			}
			if kernel == "attention" {
				d.Pipeline, us = 1, us*(1+float64(depth)/256)
			}
			for i := range run.Serialized.SamplesUS {
				d.SamplesUS = append(d.SamplesUS, us*math.Exp(noise*r.NormFloat64()))
				run.Serialized.SamplesUS[i] += d.SamplesUS[i]
			}
			run.Dispatches = append(run.Dispatches, d)
		}
		for layer := range p.Model.Layers {
			section := fmt.Sprintf("blk.%d", layer)
			for _, op := range diffedOperations {
				add(section+"."+op.name, section, op.name, op.kernel, layer, op.us)
			}
		}
		add("output", "output", "output", "matmul", -1, 117000)
		kernels := 0.0
		for _, us := range run.Serialized.SamplesUS {
			kernels += us / float64(steps)
			run.Unprofiled.SamplesUS = append(run.Unprofiled.SamplesUS, us*math.Exp(noise*r.NormFloat64()))
		}
		run.Budget = profile.Budget{WallUS: kernels + 400, KernelsUS: kernels, GapsUS: 300, WaitUS: 100}
		run.Overlapped = profile.Budget{WallUS: kernels + 120, KernelsUS: kernels, SubmitUS: 20, WaitUS: 100}
		p.Runs = append(p.Runs, run)
	}
	for i := range p.Runs {
		p.Runs[i].Operations = p.Runs[i].Groups(p, profile.ByOperation)
	}
	return p
}

func writeProfile(t *testing.T, path string, p *profile.Profile) string {
	t.Helper()
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// diffedFiles are a profile, another one of the same program, and one of a program whose
// ffn_gate_up is a tenth slower and whose attn is a tenth faster.
func diffedFiles(t *testing.T) (a, same, slower string) {
	dir := t.TempDir()
	a = writeProfile(t, filepath.Join(dir, "a.json"), diffedProfile(1, 20, 0.01, nil))
	same = writeProfile(t, filepath.Join(dir, "same.json"), diffedProfile(2, 20, 0.01, nil))
	p := diffedProfile(3, 20, 0.01, map[string]float64{"ffn_gate_up": 1.1, "attn": 0.9})
	for i := range p.Runs {
		for j := range p.Runs[i].Dispatches {
			if d := &p.Runs[i].Dispatches[j]; d.Operation == "ffn_gate_up" {
				d.Pipeline = 2
			}
		}
	}
	return a, same, writeProfile(t, filepath.Join(dir, "slower.json"), p)
}

func TestProfileDiffPrintsTables(t *testing.T) {
	a, _, b := diffedFiles(t)
	o := sealvk("", "profile", "diff", a, b)
	if o.code != 0 || o.stderr != "" {
		t.Fatalf("%+v", o)
	}
	for _, part := range []string{
		"A: " + a + ", of 2025-03-01 12:00 UTC, sealvk v1.1\nB: " + b + ", of 2025-03-03 12:00 UTC, sealvk v1.3\n" +
			"seallm-7b-v2.5 Q4_K_M, random weights, KV cache f16, on some GPU\ndiffers: program, A v1.1, B v1.3\n",
		"\n=== decode at depth 0, 20 steps\n\n", "\n=== decode at depth 512, 20 steps\n\n",
		"95 % interval", "slower (matmul rows → matmul subgroup)\n", "  faster\n", "  same within noise\n",
		"by operation, serialized, median\n  ffn_gate_up ", // the largest difference first
	} {
		if !strings.Contains(o.stdout, part) {
			t.Errorf("no %q in\n%s", part, o.stdout)
		}
	}
	for line := range strings.Lines(o.stdout) {
		if strings.TrimRight(line, " \n")+"\n" != line {
			t.Errorf("blanks behind %q", line)
		}
	}
	if o := sealvk("", "profile", "diff", a, b, "--by", "layer", "--filter", "^blk", "--confidence", "80%"); !strings.Contains(o.stdout, "\n  blk.0 ") ||
		!strings.Contains(o.stdout, "80 % interval") || strings.Contains(o.stdout, "\n  output ") || strings.Contains(o.stdout, "→") {
		t.Errorf("by layer: %+v", o)
	}
}

func TestProfileDiffForms(t *testing.T) {
	a, _, b := diffedFiles(t)
	file := filepath.Join(t.TempDir(), "diff")
	write := func(form string) string {
		t.Helper()
		if o := sealvk("", "profile", "diff", a, b, "-o", file, "--format", form); o != (outcome{}) {
			t.Fatalf("%s: %+v", form, o)
		}
		text := string(readFile(t, file))
		if o := sealvk("", "profile", "diff", a, b, "--format", form); o.stdout != text {
			t.Errorf("%s: standard output and the file differ", form)
		}
		return text
	}

	var c profile.Comparison
	if err := json.Unmarshal([]byte(write("json")), &c); err != nil {
		t.Fatal(err)
	}
	if c.Format != profile.DiffFormat || len(c.Runs) != 2 || len(c.Runs[1].Rows) != 6 || c.Runs[1].Rows[0].Verdict != profile.Slower {
		t.Errorf("%+v", c)
	}

	lines, err := csv.NewReader(strings.NewReader(write("csv"))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	column := map[string]int{}
	for i, name := range lines[0] {
		column[name] = i
	}
	if want := 1 + 2*(1+4+4+6); len(lines) != want {
		t.Errorf("%d lines, want %d", len(lines), want)
	}
	row := c.Runs[1].Rows[0]
	found := false
	for _, line := range lines[1:] {
		if line[column["depth"]] != "512" || line[column["part"]] != "operation" || line[column["name"]] != row.Name {
			continue
		}
		found = true
		for name, want := range map[string]float64{
			"a_median_us": row.A.MedianUS, "b_mean_us": row.B.MeanUS, "b_steps": 20, "delta_us": row.DeltaUS, "of_step": row.OfStep,
			"change": *row.Change, "low": row.Interval.Low, "high": row.Interval.High, "p": row.Interval.P, "p_adjusted": row.Interval.PAdjusted,
		} {
			if got, err := strconv.ParseFloat(line[column[name]], 64); err != nil || got != want {
				t.Errorf("%s is %s in CSV and %v in JSON", name, line[column[name]], want)
			}
		}
		if line[column["verdict"]] != "slower" || line[column["b_kernel"]] != "matmul subgroup" {
			t.Errorf("%q", line)
		}
	}
	if !found {
		t.Errorf("no line of %s", row.Name)
	}

	md := write("md")
	for line := range strings.Lines(md) {
		if strings.HasPrefix(line, "|") && strings.Count(line, "|") != 8 {
			t.Errorf("%q has not 7 cells", line)
		}
	}
	for _, part := range []string{"- A: ", "\n### decode at depth 512, 20 steps\n\n|  | A µs |", "\n|---|---:|", "\n| **by operation, serialized, median** |  |", "\n| ffn_gate_up | "} {
		if !strings.Contains(md, part) {
			t.Errorf("no %q in\n%s", part, md)
		}
	}
}

func TestProfileDiffFailsOver(t *testing.T) {
	a, same, slower := diffedFiles(t)
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{a, slower}, 0, ""},
		{[]string{a, a, "--fail-over", "0%"}, 0, ""},
		{[]string{a, same, "--fail-over", "0"}, 0, ""},
		{[]string{slower, a, "--fail-over", "3%", "--filter", "ffn"}, 0, ""},
		{[]string{a, slower, "--fail-over", "15%"}, 0, ""},
		{[]string{a, slower, "--fail-over", "3%", "--filter", "^attn$"}, 0, ""},
		{[]string{a, slower, "--fail-over", "5%"}, 3, "sealvk: " + slower + " is slower than " + a + " by more than 5 %: decode at depth 0: ffn_gate_up +9.8 % (+9.4 to +10.3 %); decode at"},
		{[]string{a, slower, "--fail-over", "1", "--by", "layer"}, 3, "sealvk: " + slower + " is slower than " + a + " by more than 1 %: decode at depth 512: step +"},
	} {
		o := sealvk("", append([]string{"profile", "diff"}, c.args...)...)
		if o.code != c.code || !strings.HasPrefix(o.stderr, c.want) || strings.Count(o.stderr, "\n") != min(c.code, 1) || o.stdout == "" {
			t.Errorf("%q: exit code %d, want %d, %q", c.args, o.code, c.code, o.stderr)
		}
	}
	if o := sealvk("", "profile", "diff", a, slower, "--fail-over", "1%", "--by", "dispatch"); !strings.Contains(o.stderr, "; and ") || len(o.stderr) > 600 {
		t.Errorf("a long list: %q", o.stderr)
	}
	file := filepath.Join(t.TempDir(), "diff.csv")
	if o := sealvk("", "profile", "diff", a, slower, "--fail-over", "1%", "--format", "csv", "-o", file); o.code != 3 || o.stdout != "" {
		t.Errorf("with a file: %+v", o)
	}
	if len(readFile(t, file)) == 0 {
		t.Error("the file is empty")
	}
	// Output that cannot be written is an error before it is a verdict.
	var stderr bytes.Buffer
	if code := run([]string{"profile", "diff", a, slower, "--fail-over", "1%"}, strings.NewReader(""), fullDisk{}, &stderr); code != 1 {
		t.Errorf("on a full disk: exit code %d, %q", code, stderr.String())
	}
}

func TestProfileDiffReadsStandardInput(t *testing.T) {
	a, _, b := diffedFiles(t)
	want := sealvk("", "profile", "diff", a, b, "--format", "csv")
	for _, c := range []struct{ stdin, a, b string }{{a, "-", b}, {b, a, "-"}} {
		if got := sealvk(string(readFile(t, c.stdin)), "profile", "diff", c.a, c.b, "--format", "csv"); got != want {
			t.Errorf("%s %s: %+v", c.a, c.b, got)
		}
	}
}

func TestProfileDiffErrors(t *testing.T) {
	a, _, b := diffedFiles(t)
	dir := filepath.Dir(a)
	text := readFile(t, a)
	write := func(name string, text []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, text, 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	missing, cut := filepath.Join(dir, "missing.json"), write("cut.json", text[:len(text)/2])
	other, empty, gguf := write("other.json", []byte(`{"format":"else"}`)), write("empty.json", nil), write("model.gguf", nanoGGUF)
	newer := write("newer.json", bytes.Replace(text, []byte(`"version":1`), []byte(`"version":2`), 1))
	small := diffedProfile(1, 5, 0.01, nil)
	small.Model.Layers, small.Model.KV = 1, "f32"
	work := writeProfile(t, filepath.Join(dir, "work.json"), small)
	deep := diffedProfile(1, 5, 0.01, nil)
	deep.Runs = deep.Runs[:1]
	deep.Runs[0].Depth = 64
	apart := writeProfile(t, filepath.Join(dir, "apart.json"), deep)
	for _, c := range []struct {
		stdin string
		args  []string
		want  []string
	}{
		{"", nil, []string{"two profiles", "got 0", "sealvk profile diff --help"}},
		{"", []string{a}, []string{"two profiles", "got 1"}},
		{"", []string{a, b, b}, []string{"two profiles", "got 3"}},
		{"", []string{"-", "-"}, []string{"only one of them"}},
		{"", []string{a, missing}, []string{missing + ": no such file"}},
		{"", []string{dir, b}, []string{dir + " is a folder", "profile.json"}},
		{"", []string{a, cut}, []string{cut + ": profile: the JSON ends at byte " + strconv.Itoa(len(text)/2), "cut"}},
		{"", []string{a, empty}, []string{empty, "ends at byte 0"}},
		{"", []string{gguf, b}, []string{gguf, "not JSON at byte 1"}},
		{"", []string{other, b}, []string{other, "not a profile", `"else"`}},
		{"", []string{a, newer}, []string{newer, "version 2", "update"}},
		{"{", []string{a, "-"}, []string{"standard input: profile: the JSON ends at byte 1"}},
		{"", []string{a, work}, []string{a + " and " + work, "KV cache f16 against f32, layers 2 against 1"}},
		{"", []string{a, apart}, []string{"no run to compare", "decode at depth 512", "B [decode at depth 64]"}},
		{"", []string{a, b, "--fail-over", "much"}, []string{"--fail-over", `"much"`, "0% to 1000%"}},
		{"", []string{a, b, "--fail-over", "-3%"}, []string{"--fail-over", "0% to 1000%"}},
		{"", []string{a, b, "--fail-over", "NaN"}, []string{"--fail-over", "0% to 1000%"}},
		{"", []string{a, b, "--fail-over", "%"}, []string{"--fail-over", "0% to 1000%"}},
		{"", []string{a, b, "--fail-over", "3%%"}, []string{"--fail-over", "0% to 1000%"}},
		{"", []string{a, b, "--fail-over"}, []string{"--fail-over", "needs an argument"}},
		{"", []string{a, b, "--confidence", "0.95"}, []string{"--confidence", "50% to 99.99%"}},
		{"", []string{a, b, "--confidence", "100%"}, []string{"--confidence", "50% to 99.99%"}},
		{"", []string{a, b, "--by", "colour"}, []string{"--by", "want operation or layer or kernel or dispatch"}},
		{"", []string{a, b, "--format", "xml"}, []string{"--format", "text or json or csv or md"}},
		{"", []string{a, b, "--filter", "("}, []string{"--filter", "missing closing )"}},
		{"", []string{a, b, "-o", ""}, []string{"--output is empty"}},
		{"", []string{a, b, "-o", dir}, []string{dir + " is a folder"}},
		{"", []string{a, b, "-o", b}, []string{b + " is one of the inputs", "choose another name"}},
		{"", []string{a, b, "-o", filepath.Join(missing, "x")}, []string{"its folder"}},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			sealvk(c.stdin, append([]string{"profile", "diff"}, c.args...)...).wantError(t, c.want...)
		})
	}
	if !bytes.Equal(readFile(t, a), text) {
		t.Error("a profile was changed")
	}
}

// What a file says commands neither the terminal nor the table.
func TestProfileDiffOfOddNames(t *testing.T) {
	p := diffedProfile(1, 2, 0.01, nil)
	p.Runs[0].Dispatches[0].Operation = "a|<b>\n\x1b[31m\tc"
	p.Device.Name = "\x1b]0;x\a"
	path := writeProfile(t, filepath.Join(t.TempDir(), "odd.json"), p)
	for _, form := range []string{"text", "md"} {
		o := sealvk("", "profile", "diff", path, path, "--format", form)
		if o.code != 0 || strings.ContainsAny(o.stdout, "\x1b\a\t") || !strings.Contains(o.stdout, "too few steps") {
			t.Errorf("%s: %+v", form, o)
		}
		if name := map[string]string{"text": `a|<b> \x1b[31m c`, "md": `a\|&lt;b> \x1b[31m c`}[form]; !strings.Contains(o.stdout, name) {
			t.Errorf("no %q in %s", name, o.stdout)
		}
	}
}

func TestSignedPercentages(t *testing.T) {
	for x, want := range map[float64]string{0: "0.0", 0.0004: "0.0", -0.0004: "0.0", 0.0005: "+0.1", -0.0312: "-3.1", 1.5: "+150.0", 1e6: "+1e+08", math.Inf(1): "+Inf"} {
		if got := signed(x); got != want {
			t.Errorf("%g is %s, want %s", x, got, want)
		}
	}
}
