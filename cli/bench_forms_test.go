package main

import (
	"slices"
	"strings"
	"testing"

	"sealvk/engine/profile/bench"
)

// benchRows are two rows with fixed numbers.
func benchRows() []bench.Row {
	base := bench.Row{
		BuildCommit: "0123abcde", CPU: "C", GPU: "G", Driver: "D 1", Backends: "Vulkan", ModelFilename: "it's.gguf", ModelType: "gemma 7B Q4_K - Medium",
		ModelSize: 5329384864, ModelParams: 8537680896, Batch: 2048, UBatch: 256, TypeK: "f16", TypeV: "f16", GPULayers: -1, Numerics: "invariant", TestTime: "2026-01-02T03:04:05Z",
	}
	pp, tg := base, base
	pp.Prompt, pp.Parallel, pp.AvgNS, pp.StddevNS, pp.AvgTS, pp.StddevTS, pp.AvgTSSequence = 512, 1, 500000000, 1000, 1024, 0.5, 1024
	pp.LoadGBPerS = new(2.25)
	pp.LoadNS, pp.FirstTokenNS, pp.FirstTokenColdNS = new(int64(2500000000)), new(int64(499000000)), new(int64(750000000))
	pp.SamplesNS, pp.SamplesTS = []int64{500000000}, []float64{1024}
	tg.Gen, tg.Depth, tg.Parallel, tg.AvgNS, tg.StddevNS, tg.AvgTS, tg.StddevTS, tg.AvgTSSequence = 128, 4096, 2, 2000000000, 0, 128, 1.25, 64
	tg.LoadNS, tg.FirstTokenNS = pp.LoadNS, new(int64(20000000))
	tg.WeightBytes, tg.KVBytes, tg.GBPerS, tg.ReadShare, tg.CPUJoules = new(5e9), new(1e9), new(768.), new(0.754), new(0.0625)
	tg.SamplesNS, tg.SamplesTS = []int64{2000000000}, []float64{128}
	return []bench.Row{pp, tg}
}

const benchFields = "build_commit,cpu_info,gpu_info,driver,backends,model_filename,model_type,model_size,model_n_params,n_batch,n_ubatch,type_k,type_v,n_gpu_layers," +
	"n_prompt,n_gen,n_depth,n_parallel,numerics,test_time,avg_ns,stddev_ns,avg_ts,stddev_ts,avg_ts_sequence,load_ns,load_gb_per_s,first_token_ns,first_token_cold_ns," +
	"weight_bytes_per_token,kv_bytes_per_token,gb_per_s,read_share,cpu_j_per_token,gpu_j_per_token,tuning"

func TestBenchForms(t *testing.T) {
	for form, want := range map[string]string{
		"md": `
| model                          |       size |     params | backend    | npl |            test |                  t/s | t/s a seq. |  first ms |     GB/s | % read |  CPU J/t |
| ------------------------------ | ---------: | ---------: | ---------- | --: | --------------: | -------------------: | ---------: | --------: | -------: | -----: | -------: |
| gemma 7B Q4_K - Medium         |   4.96 GiB |     8.54 B | Vulkan     |   1 |           pp512 |       1024.00 ± 0.50 |    1024.00 |     499.0 |          |        |          |
| gemma 7B Q4_K - Medium         |   4.96 GiB |     8.54 B | Vulkan     |   2 |   tg128 @ d4096 |        128.00 ± 1.25 |      64.00 |      20.0 |   768.00 |   75.4 |   0.0625 |

device: G (D 1)
build: 0123abcde
numerics: invariant
loading 2.50 s, weights at 2.25 GB/s, first token of all 750.0 ms after its request
`,
		"csv": `
` + benchFields + `
0123abcde,C,G,D 1,Vulkan,it's.gguf,gemma 7B Q4_K - Medium,5329384864,8537680896,2048,256,f16,f16,-1,512,0,0,1,invariant,2026-01-02T03:04:05Z,500000000,1000,1024.000000,0.500000,1024.000000,2500000000,2.250000,499000000,750000000,,,,,,,
0123abcde,C,G,D 1,Vulkan,it's.gguf,gemma 7B Q4_K - Medium,5329384864,8537680896,2048,256,f16,f16,-1,0,128,4096,2,invariant,2026-01-02T03:04:05Z,2000000000,0,128.000000,1.250000,64.000000,2500000000,,20000000,,5000000000.000000,1000000000.000000,768.000000,0.754000,0.062500,,
`,
		"jsonl": `
{"build_commit":"0123abcde","cpu_info":"C","gpu_info":"G","driver":"D 1","backends":"Vulkan","model_filename":"it's.gguf","model_type":"gemma 7B Q4_K - Medium","model_size":5329384864,"model_n_params":8537680896,"n_batch":2048,"n_ubatch":256,"type_k":"f16","type_v":"f16","n_gpu_layers":-1,"n_prompt":512,"n_gen":0,"n_depth":0,"n_parallel":1,"numerics":"invariant","test_time":"2026-01-02T03:04:05Z","avg_ns":500000000,"stddev_ns":1000,"avg_ts":1024,"stddev_ts":0.5,"avg_ts_sequence":1024,"load_ns":2500000000,"load_gb_per_s":2.25,"first_token_ns":499000000,"first_token_cold_ns":750000000,"samples_ns":[500000000],"samples_ts":[1024]}
{"build_commit":"0123abcde","cpu_info":"C","gpu_info":"G","driver":"D 1","backends":"Vulkan","model_filename":"it's.gguf","model_type":"gemma 7B Q4_K - Medium","model_size":5329384864,"model_n_params":8537680896,"n_batch":2048,"n_ubatch":256,"type_k":"f16","type_v":"f16","n_gpu_layers":-1,"n_prompt":0,"n_gen":128,"n_depth":4096,"n_parallel":2,"numerics":"invariant","test_time":"2026-01-02T03:04:05Z","avg_ns":2000000000,"stddev_ns":0,"avg_ts":128,"stddev_ts":1.25,"avg_ts_sequence":64,"load_ns":2500000000,"first_token_ns":20000000,"weight_bytes_per_token":5000000000,"kv_bytes_per_token":1000000000,"gb_per_s":768,"read_share":0.754,"cpu_j_per_token":0.0625,"samples_ns":[2000000000],"samples_ts":[128]}
`,
		"sql": `
CREATE TABLE IF NOT EXISTS sealvk_bench (
  build_commit TEXT,
  cpu_info TEXT,
  gpu_info TEXT,
  driver TEXT,
  backends TEXT,
  model_filename TEXT,
  model_type TEXT,
  model_size INTEGER,
  model_n_params INTEGER,
  n_batch INTEGER,
  n_ubatch INTEGER,
  type_k TEXT,
  type_v TEXT,
  n_gpu_layers INTEGER,
  n_prompt INTEGER,
  n_gen INTEGER,
  n_depth INTEGER,
  n_parallel INTEGER,
  numerics TEXT,
  test_time TEXT,
  avg_ns INTEGER,
  stddev_ns INTEGER,
  avg_ts REAL,
  stddev_ts REAL,
  avg_ts_sequence REAL,
  load_ns INTEGER,
  load_gb_per_s REAL,
  first_token_ns INTEGER,
  first_token_cold_ns INTEGER,
  weight_bytes_per_token REAL,
  kv_bytes_per_token REAL,
  gb_per_s REAL,
  read_share REAL,
  cpu_j_per_token REAL,
  gpu_j_per_token REAL,
  tuning TEXT
);

INSERT INTO sealvk_bench (` + strings.ReplaceAll(benchFields, ",", ", ") + `) VALUES ('0123abcde', 'C', 'G', 'D 1', 'Vulkan', 'it''s.gguf', 'gemma 7B Q4_K - Medium', 5329384864, 8537680896, 2048, 256, 'f16', 'f16', -1, 512, 0, 0, 1, 'invariant', '2026-01-02T03:04:05Z', 500000000, 1000, 1024.000000, 0.500000, 1024.000000, 2500000000, 2.250000, 499000000, 750000000, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO sealvk_bench (` + strings.ReplaceAll(benchFields, ",", ", ") + `) VALUES ('0123abcde', 'C', 'G', 'D 1', 'Vulkan', 'it''s.gguf', 'gemma 7B Q4_K - Medium', 5329384864, 8537680896, 2048, 256, 'f16', 'f16', -1, 0, 128, 4096, 2, 'invariant', '2026-01-02T03:04:05Z', 2000000000, 0, 128.000000, 1.250000, 64.000000, 2500000000, NULL, 20000000, NULL, 5000000000.000000, 1000000000.000000, 768.000000, 0.754000, 0.062500, NULL, NULL);
`,
	} {
		got := benchTableText(t, form, benchRows())
		if want = strings.TrimPrefix(want, "\n"); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", form, got, want)
		}
	}
	if got := benchTableText(t, "json", nil); got != "[]\n" {
		t.Errorf("no rows as json: %q", got)
	}
	for _, form := range []string{"md", "csv", "jsonl", "sql"} {
		if got := benchTableText(t, form, nil); got != "" {
			t.Errorf("no rows as %s: %q", form, got)
		}
	}
	array := benchTableText(t, "json", benchRows())
	if !strings.HasPrefix(array, "[\n  {\n    \"build_commit\": \"0123abcde\",\n") || !strings.HasSuffix(array, "    ]\n  }\n]\n") || strings.Count(array, "\n  },\n  {\n") != 1 {
		t.Errorf("json:\n%s", array)
	}
}

// benchTableText writes rows as bench -npl 1,2 does.
func benchTableText(t *testing.T, form string, rows []bench.Row) string {
	t.Helper()
	f := &benchFlags{layers: allLayers, parallel: numbers{values: []int{1, 2}}, output: newOutputFlags(form)}
	var b strings.Builder
	table := newBenchTable(&b, form, &benchSession{flags: f, roof: 1, suite: bench.Suite{Meters: []*bench.Meter{{Of: "cpu"}}}})
	for i := range rows {
		if err := table.row(&rows[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := table.end(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestBenchLists(t *testing.T) {
	for _, c := range []struct {
		sets []string
		want []int // nil: an error
	}{
		{[]string{"512"}, []int{512}},
		{[]string{"1,2, 4"}, []int{1, 2, 4}},
		{[]string{"1", "2,1"}, []int{1, 2}},
		{[]string{"1-4"}, []int{1, 2, 3, 4}},
		{[]string{"1-16*2"}, []int{1, 2, 4, 8, 16}},
		{[]string{"0-1000+400,7"}, []int{0, 400, 800, 7}},
		{[]string{""}, nil}, {[]string{"1,"}, nil}, {[]string{"x"}, nil}, {[]string{"-1"}, nil}, {[]string{"1001"}, nil},
		{[]string{"5-3"}, nil}, {[]string{"0-8*2"}, nil}, {[]string{"1-8*1"}, nil}, {[]string{"1-8+0"}, nil}, {[]string{"1-2000"}, nil}, {[]string{"1-100"}, nil},
	} {
		n := &numbers{values: []int{99}, max: 1000}
		var err error
		for _, s := range c.sets {
			if err == nil {
				err = n.Set(s)
			}
		}
		if (err == nil) != (c.want != nil) || err == nil && !slices.Equal(n.values, c.want) {
			t.Errorf("%q: %v (%v), want %v", c.sets, n.values, err, c.want)
		}
	}
}

func TestBenchComparisonForms(t *testing.T) {
	c := &benchComparison{
		names: []string{"ours", "a|b"}, devices: []string{"Vulkan G", "Vulkan H"},
		tests: []bench.Compared{
			{Name: "tg4", Model: "m", TypeK: "f16", TypeV: "f16", Npl: 1, Files: []bench.Summary{{Runs: 2, Samples: 4, MedianTS: 30, LeastTS: 25, MostTS: 31.5, Ratio: 1}, {Runs: 1, Samples: 1, MedianTS: 12, LeastTS: 12, MostTS: 12, Ratio: 2.5}}},
			{Name: "tg4", Model: "m", TypeK: "f16", TypeV: "f32", Npl: 16, Files: []bench.Summary{{Runs: 1, Samples: 1, MedianTS: 270, LeastTS: 270, MostTS: 270, Ratio: 1, GBPerS: 7, ReadShare: 0.5, FirstTokenMS: 3}, {}}, Scaling: 9},
		},
	}
	var md, table strings.Builder
	if err := c.md(&md); err != nil {
		t.Fatal(err)
	}
	if want := `| model | KV | npl | test | ours t/s | a\|b t/s | ratio | over one sequence | first ms | GB/s | % read |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
| m | f16 | 1 | tg4 | 30.00 (25.00 to 31.50, 4) | 12.00 | 2.50 |  |  |  |  |
| m | f16/f32 | 16 | tg4 | 270.00 |  |  | 9.00 | 3.0 | 7.00 | 50.0 |

Median tokens a second of all samples (least to most, how many); a ratio is the first column's median over this one's; what follows the last ratio is of the first.

- ours: Vulkan G
- a\|b: Vulkan H
`; md.String() != want {
		t.Errorf("got\n%s\nwant\n%s", md.String(), want)
	}
	if err := c.csv(&table); err != nil {
		t.Fatal(err)
	}
	if want := `model_type,type_k,type_v,n_parallel,test,over_one_sequence,file,backend,runs,samples,median_ts,least_ts,most_ts,ratio
m,f16,f16,1,tg4,,ours,Vulkan G,2,4,30,25,31.5,1
m,f16,f16,1,tg4,,a|b,Vulkan H,1,1,12,12,12,2.5
m,f16,f32,16,tg4,9,ours,Vulkan G,1,1,270,270,270,1
`; table.String() != want {
		t.Errorf("got\n%s\nwant\n%s", table.String(), want)
	}
}
