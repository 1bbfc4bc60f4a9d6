package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"sealvk/engine/profile/bench"
	"sealvk/weights"
)

// The demo's two tests in every form, each read back.
func TestBench(t *testing.T) {
	args := func(more ...string) []string {
		return append([]string{"bench", "-p", "8", "-n", "4", "-r", "2"}, more...)
	}
	check := func(form string, rows []bench.Row) {
		t.Helper()
		if len(rows) != 2 {
			t.Fatalf("%s: %d rows", form, len(rows))
		}
		for i, want := range []bench.Test{{Prompt: 8, Parallel: 1}, {Gen: 4, Parallel: 1}} {
			r := rows[i]
			if got := (bench.Test{Prompt: r.Prompt, Gen: r.Gen, Depth: r.Depth, Parallel: r.Parallel}); got != want || r.ModelType != "gemma ?B Q4_K - Medium" ||
				r.ModelFilename != nanoName || r.ModelParams != 4720896 || r.ModelSize != 2967552 || r.TypeK != "f16" || r.UBatch != 8 || r.GPU == "" ||
				r.AvgNS <= 0 || r.AvgTS <= 0 || r.LoadNS == nil || (r.FirstTokenColdNS == nil) != (i == 1) || (r.GBPerS == nil) != (i == 0) {
				t.Errorf("%s: row %d is %+v", form, i, r)
			}
		}
	}
	for _, form := range []string{"json", "jsonl"} {
		rows, err := bench.ReadRows(strings.NewReader(mustOnDevice(t, "", args("-o", form)...)))
		if err != nil {
			t.Fatal(err)
		}
		check(form, rows)
		if len(rows[0].SamplesNS) != 2 || len(rows[1].SamplesTS) != 2 {
			t.Errorf("%s: samples %v and %v", form, rows[0].SamplesNS, rows[1].SamplesTS)
		}
	}

	file := filepath.Join(t.TempDir(), "bench.csv")
	if out := mustOnDevice(t, "", args("-o", "csv", "--file", file)...); out != "" {
		t.Errorf("--file, and standard output has %q", out)
	}
	records, err := csv.NewReader(bytes.NewReader(readFile(t, file))).ReadAll()
	if err != nil || len(records) != 3 {
		t.Fatalf("%d records (%v)", len(records), err)
	}
	check("csv", []bench.Row{rowOf(t, records[0], records[1]), rowOf(t, records[0], records[2])})

	names, inserted := parseSQL(t, mustOnDevice(t, "", args("-o", "sql")...))
	if len(inserted) != 2 {
		t.Fatalf("%d rows of SQL", len(inserted))
	}
	check("sql", []bench.Row{rowOf(t, names, inserted[0]), rowOf(t, names, inserted[1])})

	lines := strings.Split(mustOnDevice(t, "", args("-pg", "6,3", "-d", "5", "-npl", "2", "-ctk", "f32", "-ub", "4", "-ngl", "99")...), "\n")
	if want := []string{"model", "size", "params", "backend", "ngl", "n_ubatch", "type_k", "type_v", "npl", "test", "t/s", "t/s a seq.", "first ms", "GB/s"}; !reflect.DeepEqual(cells(lines[0])[:len(want)], want) {
		t.Errorf("columns %q", cells(lines[0]))
	}
	for i, want := range []string{"pp8 @ d5", "tg4 @ d5", "pp6+tg3 @ d5"} {
		got := cells(lines[2+i])
		speed := regexp.MustCompile(`^\d+\.\d\d ± \d+\.\d\d$`)
		if len(got) != len(cells(lines[0])) || got[9] != want || got[4] != "99" || got[5] != "4" || got[6] != "f32" || !speed.MatchString(got[10]) {
			t.Errorf("row %q, want %s", got, want)
		}
	}
}

// cells are those of a line of a markdown table.
func cells(line string) []string {
	var list []string
	for _, cell := range strings.Split(strings.Trim(line, "|"), "|") {
		list = append(list, strings.TrimSpace(cell))
	}
	return list
}

// rowOf reads a row from its columns' texts, by way of JSON.
func rowOf(t *testing.T, names, texts []string) bench.Row {
	t.Helper()
	object := map[string]any{}
	for i, c := range bench.Columns() {
		if names[i] != c.Name || len(texts) != len(names) {
			t.Fatalf("column %d of %d is %s, want %s", i, len(texts), names[i], c.Name)
		}
		switch {
		case texts[i] == "":
		case c.SQL == "TEXT":
			object[c.Name] = texts[i]
		default:
			object[c.Name] = json.Number(texts[i])
		}
	}
	text, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	var row bench.Row
	if err := json.Unmarshal(text, &row); err != nil {
		t.Fatal(err)
	}
	return row
}

// parseSQL reads the statements that bench writes: a table, then rows, "" for NULL.
func parseSQL(t *testing.T, text string) (names []string, rows [][]string) {
	t.Helper()
	head := regexp.MustCompile(`^CREATE TABLE IF NOT EXISTS (\w+) \(\n((?:  \w+ (?:TEXT|INTEGER|REAL),?\n)+)\);\n\n`).FindStringSubmatch(text)
	if head == nil {
		t.Fatalf("no table:\n%s", text)
	}
	for line := range strings.Lines(head[2]) {
		names = append(names, strings.Fields(line)[0])
	}
	text = strings.TrimPrefix(text, head[0])
	before := "INSERT INTO " + head[1] + " (" + strings.Join(names, ", ") + ") VALUES ("
	value := regexp.MustCompile(`^(?:NULL|'((?:[^']|'')*)'|(-?\d+(?:\.\d+)?))(, |\);\n)`)
	for text != "" {
		rest, ok := strings.CutPrefix(text, before)
		if !ok {
			t.Fatalf("want %q, got\n%s", before, text)
		}
		var row []string
		for end := ""; end != ");\n"; {
			m := value.FindStringSubmatch(rest)
			if m == nil {
				t.Fatalf("no value: %q", rest)
			}
			row = append(row, strings.ReplaceAll(m[1], "''", "'")+m[2])
			rest, end = rest[len(m[0]):], m[3]
		}
		rows, text = append(rows, row), rest
	}
	return names, rows
}

// Several models, one after the other, in a form on each stream.
func TestBenchModels(t *testing.T) {
	file := filepath.Join(t.TempDir(), "it's.gguf")
	if err := os.WriteFile(file, nanoGGUF, 0o600); err != nil {
		t.Fatal(err)
	}
	o := onDevice(t, "", "bench", "-m", "../testdata/engine/nano-mlx,"+file, "-p", "0", "-n", "2", "-r", "1", "--no-warmup", "-o", "jsonl", "-oe", "md")
	rows, err := bench.ReadRows(strings.NewReader(o.stdout))
	if err != nil || o.code != 0 || len(rows) != 2 || rows[0].ModelFilename != "../testdata/engine/nano-mlx" || rows[1].ModelFilename != file ||
		rows[0].ModelSize == rows[1].ModelSize || rows[0].LoadNS == nil || rows[1].ModelParams != 4720896 {
		t.Fatalf("%v: %+v", err, o)
	}
	_, table, _ := strings.Cut(o.stderr, "|")
	lines := strings.Split(table, "\n")
	if len(lines) < 4 || cells(lines[0])[1] != "file" || cells(lines[2])[1] != "nano-mlx" || cells(lines[3])[1] != "it's.gguf" || !strings.Contains(table, "\nit's.gguf: loading ") {
		t.Errorf("the table:\n%s", table)
	}
}

func TestBenchSynthetic(t *testing.T) {
	out := mustOnDevice(t, "", "bench", "--synthetic", "seallm-nano:layers=1,vocab=1000:Q8_0", "-p", "0", "-n", "2", "-npl", "1-3*3", "-r", "1", "--no-warmup", "-o", "jsonl")
	rows, err := bench.ReadRows(strings.NewReader(out))
	if err != nil || len(rows) != 2 {
		t.Fatalf("%v\n%s", err, out)
	}
	for i, r := range rows {
		if r.ModelFilename != "seallm-nano:layers=1,vocab=1000:Q8_0" || r.ModelType != "gemma ?B Q8_0" || r.LoadNS != nil || r.Gen != 2 || r.Parallel != 1+2*i ||
			len(r.SamplesNS) != 1 || r.StddevTS != 0 || r.AvgTSSequence != r.AvgTS/float64(r.Parallel) {
			t.Errorf("%+v", r)
		}
	}
	if *rows[0].WeightBytes != 3**rows[1].WeightBytes || *rows[0].KVBytes != *rows[1].KVBytes {
		t.Errorf("%v and %v bytes of weights a token, of the cache %v and %v", *rows[0].WeightBytes, *rows[1].WeightBytes, *rows[0].KVBytes, *rows[1].KVBytes)
	}
}

func TestBenchCompare(t *testing.T) {
	dir := t.TempDir()
	ours, peer := filepath.Join(dir, "ours.jsonl"), filepath.Join(dir, "peer.json")
	for name, text := range map[string]string{
		ours: `{"gpu_info":"G","backends":"Vulkan","n_gpu_layers":-1,"model_type":"m","type_k":"f16","type_v":"f16","n_gen":4,"n_parallel":1,"avg_ts":6}` + "\n",
		peer: `[{"gpu_info":"G","cpu_info":"C","backends":"Vulkan","n_gpu_layers":0,"model_type":"m","type_k":"f16","type_v":"f16","n_gen":4,"avg_ts":4}]`,
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if o := sealvk("", "bench", "compare", ours, peer); o.code != 0 || !strings.Contains(o.stdout, "| m | f16 | tg4 | 6.00 | 4.00 | 1.50 |") || !strings.Contains(o.stdout, "- ours: Vulkan G\n- peer: CPU C\n") {
		t.Errorf("%+v", o)
	}
	var c struct {
		Files []struct{ Name string }
		Tests []bench.Compared
	}
	o := sealvk("", "bench", "compare", ours, peer, "-o", "json")
	if err := json.Unmarshal([]byte(o.stdout), &c); err != nil || len(c.Files) != 2 || c.Files[1].Name != "peer" || len(c.Tests) != 1 || c.Tests[0].Files[1].Ratio != 1.5 {
		t.Errorf("%v: %+v", err, o)
	}
	for _, e := range []struct {
		args []string
		want []string
	}{
		{nil, []string{"bench compare takes files"}},
		{[]string{dir}, []string{dir, "is a folder"}},
		{[]string{filepath.Join(dir, "none")}, []string{"none", "no such file"}},
		{[]string{ours, "bench_test.go"}, []string{"bench_test.go", "-o jsonl"}},
		{[]string{ours, "-o", "sql"}, []string{"-o", "md or csv or json"}},
		{[]string{ours, "--file", ours}, []string{ours, "choose another name"}},
	} {
		sealvk("", append([]string{"bench", "compare"}, e.args...)...).wantError(t, e.want...)
	}
}

func TestBenchErrors(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct{ args, want string }{
		{"tg128", `bench takes no argument, got "tg128"; a model is named by -m`},
		{"-p 1025", "test pp1025 needs 1025 positions, the model was trained for 1024; want smaller -p, -n, -pg or -d, or --ctx 1025"},
		{"-d 1000 -p 16 -n 25", "test tg25 @ d1000 needs 1025"},
		{"-p 9 -ctx 8", "--ctx allows 8"},
		{"-p 0 -n 0", "nothing to measure"},
		{"-p ,", "for flag -p: want whole numbers from 0"},
		{"-n x", "for flag -n: want whole numbers"},
		{"-pg 8", "for flag --pg: want PP,TG"},
		{"-pg 8,0", "for flag --pg: want PP,TG"},
		{"-d -1", "for flag -d: want whole numbers"},
		{"-npl 0", "for flag --npl: want whole numbers from 1"},
		{"-b 0", "for flag -b: want whole numbers from 1"},
		{"-ub 0", "for flag --ub: want whole numbers from 1"},
		{"-r 0", "for flag -r: want a whole number from 1"},
		{"-ctk q9", "for flag --ctk: want f16"},
		{"-ctk f32 -ctv f16", "want the same for both"},
		{"-ctv f32", "want the same for both"},
		{"-ngl 1", "-ngl 1: all 4 layers run on the device"},
		{"-o xml", "for flag -o: want md or csv or json or jsonl or sql"},
		{"--file " + dir, "is a folder"},
		{"--synthetic seallm-nano", "want SHAPE:TYPE"},
		{"--synthetic seallm-nano:Q8_0 -m x.gguf", "want one of them"},
		{"--synthetic seallm-7b-v2.5:layers=4000:F16 -p 8 -n 0", "does not fit"},
		{"--synthetic seallm-7b-v2.5:layers=4000:F16 -p 8 -n 0", "-npl"},
		{"-m ../testdata/engine/nano-mlx,", "for flag -m: want the names of models"},
		{"-m ../testdata/engine/nano-mlx -m nowhere.gguf", "nowhere.gguf: no such file"},
		{"-oe xml", "for flag --oe: want none or md"},
		{"--delay -1", "for flag --delay: want a whole number"},
		{"-fa 1", "unknown flag --fa: attention is always computed in one kernel"},
		{"--device 99", "no device matches"},
		{"--frob", "unknown flag --frob"},
	} {
		o := sealvk("", append([]string{"bench"}, strings.Fields(c.args)...)...)
		lines := strings.Split(strings.TrimSuffix(o.stderr, "\n"), "\n")
		last := lines[len(lines)-1]
		if o.code != 1 || strings.Trim(o.stdout, "[]\n") != "" || !strings.Contains(last, c.want) || strings.Contains(last, "panic") {
			t.Errorf("sealvk bench %s: exit code %d, stdout %q, stderr %q; want %q", c.args, o.code, o.stdout, o.stderr, c.want)
		}
	}
}

// The setups of llama-bench's lists: a model each.
func TestBenchSetups(t *testing.T) {
	for _, c := range []struct {
		batch, ubatch string
		chunks        string
	}{
		{"", "", "0"}, {"64", "", "64"}, {"", "32,512", "32 512"}, {"64", "32,512", "32 64"}, {"", "4096", "2048"},
	} {
		f := &benchFlags{batch: numbers{values: []int{2048}, max: mostPositions}, ubatch: numbers{max: mostPositions}, typeK: choices{values: []string{"f16"}}}
		for n, text := range map[*numbers]string{&f.batch: c.batch, &f.ubatch: c.ubatch} {
			if text != "" {
				if err := n.Set(text); err != nil {
					t.Fatal(err)
				}
			}
		}
		var chunks []string
		for _, s := range f.setups() {
			chunks = append(chunks, strconv.Itoa(s.chunk()))
		}
		if got := strings.Join(chunks, " "); got != c.chunks {
			t.Errorf("-b %q -ub %q: chunks of %s, want %s", c.batch, c.ubatch, got, c.chunks)
		}
	}
}

// Models are named as llama-bench 11669 names them.
func TestLlamaModelType(t *testing.T) {
	for _, c := range []struct {
		layers int
		mix    weights.FileType
		want   string
	}{
		{28, 15, "gemma 7B Q4_K - Medium"}, {18, 32, "gemma 2B BF16"}, {4, 1, "gemma ?B F16"}, {28, 0, "gemma 7B all F32"}, {28, 7, "gemma 7B Q8_0"},
		{28, 18, "gemma 7B Q6_K"}, {28, 10, "gemma 7B Q2_K - Medium"}, {28, 13, "gemma 7B Q3_K - Large"}, {28, 16, "gemma 7B Q5_K - Small"},
	} {
		m := &weights.Model{FileType: c.mix, Config: weights.Config{Arch: "gemma", Layers: c.layers}}
		if got := llamaModelType(m); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
