package bench

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"sealvk/engine"
	"sealvk/vk"
	"sealvk/vk/vktest"
	"sealvk/weights"
)

var device *vk.Device

func TestMain(m *testing.M) { os.Exit(vktest.Main(m, &device)) }

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-12*math.Abs(b) }

func TestRow(t *testing.T) {
	r := &Result{
		Test:  Test{Gen: 10, Depth: 16, Parallel: 2},
		Begun: time.Date(2026, 1, 2, 3, 4, 5, 6, time.FixedZone("", 3600)), Cold: 9 * time.Millisecond,
		Samples:     []time.Duration{100 * time.Millisecond, 200 * time.Millisecond, 250 * time.Millisecond},
		FirstTokens: []time.Duration{10 * time.Millisecond, 20 * time.Millisecond, 31 * time.Millisecond},
		Joules:      map[string]float64{"cpu": 120, "gpu": math.NaN()},
		WeightBytes: 3e6, KVBytes: 1e6,
	}
	row := r.Row(Row{GPU: "g", Depth: 99}, 1e9)
	// 20 tokens a repetition: 200, 100 and 80 a second.
	if row.TestTime != "2026-01-02T02:04:05Z" || row.GPU != "g" || row.Depth != 16 || row.Gen != 10 || row.Parallel != 2 ||
		row.AvgNS != 183333333 || row.StddevNS != 76376262 || !reflect.DeepEqual(row.SamplesNS, []int64{1e8, 2e8, 25e7}) {
		t.Errorf("%+v", row)
	}
	for _, c := range []struct {
		name      string
		got, want float64
	}{
		{"mean", row.AvgTS, 380. / 3},
		{"standard deviation", row.StddevTS, math.Sqrt((200*200 + 100*100 + 80*80 - 380.*380/3) / 2)},
		{"of a sequence", row.AvgTSSequence, 380. / 6},
		{"first token", float64(*row.FirstTokenNS), 20333333},
		{"cold first token", float64(*row.FirstTokenColdNS), 9e6},
		{"GB/s", *row.GBPerS, 4e6 * 380 / 3 / 1e9},
		{"share", *row.ReadShare, 4e6 * 380 / 3 / 1e9},
		{"joules", *row.CPUJoules, 2},
	} {
		if !near(c.got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, c.got, c.want)
		}
	}
	if row.GPUJoules != nil || row.LoadNS != nil {
		t.Errorf("told what is not known: %+v", row)
	}
	one := (&Result{Test: Test{Prompt: 5, Parallel: 1}, Samples: []time.Duration{time.Second}}).Row(Row{}, 0)
	if one.AvgTS != 5 || one.StddevTS != 0 || one.StddevNS != 0 || one.GBPerS != nil || one.FirstTokenNS != nil || one.FirstTokenColdNS != nil {
		t.Errorf("one repetition of a prompt: %+v", one)
	}
}

func TestNames(t *testing.T) {
	for _, c := range []struct {
		test      Test
		name      string
		positions int
	}{
		{Test{Prompt: 512, Parallel: 1}, "pp512", 512},
		{Test{Gen: 128, Depth: 4096, Parallel: 4}, "tg128 @ d4096", 4224},
		{Test{Prompt: 8, Gen: 4, Depth: 16, Parallel: 1}, "pp8+tg4 @ d16", 28},
	} {
		if c.test.String() != c.name || c.test.Positions() != c.positions {
			t.Errorf("%v of %d positions, want %s of %d", c.test, c.test.Positions(), c.name, c.positions)
		}
	}
	if n := (Test{Gen: 3, Depth: 10}).kvPositions(); n != 12 { // 11, 12, 13
		t.Errorf("%v positions", n)
	}
}

// Every test runs what it says: Run itself checks tokens and cached positions.
func TestRun(t *testing.T) {
	file, err := weights.Open("../../../cli/nano/seallm-nano-Q4_K_M.gguf")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	suite := Suite{Repetitions: 2, Tests: []Test{
		{Prompt: 21, Parallel: 1}, {Gen: 1, Parallel: 1}, {Gen: 11, Depth: 30, Parallel: 1}, {Gen: 3, Depth: 5, Parallel: 3},
		{Prompt: 7, Gen: 4, Depth: 30, Parallel: 2}, {Prompt: 33, Depth: 8, Parallel: 1},
	}}
	if suite.Positions() != 41 || suite.Sequences() != 3 {
		t.Fatalf("%d positions, %d sequences", suite.Positions(), suite.Sequences())
	}
	m, err := engine.Load(context.Background(), device, file, engine.Options{Context: suite.Positions(), Sequences: suite.Sequences(), Chunk: 16, KV: engine.KVF32}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if m.Chunk() != 16 {
		t.Errorf("chunks of %d, want 16", m.Chunk())
	}
	submitted := map[int]int{} // chunks by the cache's positions behind them
	if err := m.Trace(vk.TraceSections, func(s engine.Submission) {
		if s.Lengths.Longest > 1 {
			submitted[s.Lengths.Longest]++
		}
	}); err != nil {
		t.Fatal(err)
	}
	var got []Test
	err = suite.Run(context.Background(), m, func(r *Result) error {
		got = append(got, r.Test)
		if len(r.Samples) != 2 || len(r.FirstTokens) != 2 || (r.Cold > 0) != (len(got) == 1) {
			t.Errorf("%v: %d samples, %d first tokens, cold %v", r.Test, len(r.Samples), len(r.FirstTokens), r.Cold)
		}
		for i, s := range r.Samples {
			if s <= 0 || r.FirstTokens[i] <= 0 || r.FirstTokens[i] > s {
				t.Errorf("%v: %v, first token after %v", r.Test, s, r.FirstTokens[i])
			}
		}
		cfg := m.Config()
		weight, kv := 0., 0.
		if r.Prompt == 0 {
			weight = float64(m.BytesPerToken()) / float64(r.Parallel)
			kv = float64(2*4*cfg.Layers*cfg.KVHeads*cfg.HeadDim) * (float64(r.Depth) + float64(r.Gen+1)/2)
		}
		if r.WeightBytes != weight || r.KVBytes != kv {
			t.Errorf("%v reads %v and %v bytes a token, want %v and %v", r.Test, r.WeightBytes, r.KVBytes, weight, kv)
		}
		return nil
	})
	if err != nil || !reflect.DeepEqual(got, suite.Tests) {
		t.Errorf("%v: %v", got, err)
	}
	for _, longest := range []int{21, 41} { // a prompt's end, a generation's
		if submitted[longest] == 0 {
			t.Errorf("nothing at %d positions: %v", longest, submitted)
		}
	}

	ctx, cancel := context.WithCancel(context.Background())
	err = suite.Run(ctx, m, func(*Result) error { cancel(); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: %v", err)
	}
	ctx, cancel = context.WithCancel(context.Background())
	suite.Delay = time.Hour
	err = suite.Run(ctx, m, func(*Result) error { time.AfterFunc(time.Millisecond, cancel); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("stopped between two tests: %v", err)
	}
	suite.NoWarmup, suite.Tests, suite.Repetitions = true, suite.Tests[:1], 1
	err = suite.Run(context.Background(), m, func(r *Result) error {
		if r.Cold != r.FirstTokens[0] || len(r.Samples) != 1 {
			t.Errorf("without a warm-up: %+v", r)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if s, err := m.NewSession(); err != nil {
		t.Error(err)
	} else {
		s.Close()
	}
}

func TestColumns(t *testing.T) {
	columns := Columns()
	row := Row{GPU: "g", ModelSize: 3, AvgTS: 2.5, LoadNS: new(int64(7))}
	values := row.Values()
	if len(columns) != len(values) {
		t.Fatalf("%d columns, %d values", len(columns), len(values))
	}
	for i, c := range columns {
		want, ok := map[string]any{"gpu_info": "g", "build_commit": nil, "model_size": int64(3), "avg_ts": 2.5, "load_ns": int64(7), "gb_per_s": nil}[c.Name]
		if ok && values[i] != want {
			t.Errorf("%s: %v, want %v", c.Name, values[i], want)
		}
		if typ, ok := map[string]string{"gpu_info": "TEXT", "n_prompt": "INTEGER", "load_ns": "INTEGER", "gb_per_s": "REAL"}[c.Name]; ok && typ != c.SQL {
			t.Errorf("%s is %s", c.Name, c.SQL)
		}
		if strings.HasPrefix(c.Name, "samples") {
			t.Errorf("%s is a column", c.Name)
		}
	}
}

// A file of ours beside the peer's, whose rows are those of llama-bench 11669.
func TestCompare(t *testing.T) {
	var files [][]Row
	for _, text := range []string{
		`{"model_type":"m","type_k":"f16","type_v":"f16","n_ubatch":256,"n_prompt":8,"n_gen":0,"n_depth":0,"n_parallel":1,"avg_ts":10,"samples_ts":[8,12]}
		 {"model_type":"m","type_k":"f16","type_v":"f16","n_ubatch":128,"n_prompt":8,"n_gen":0,"n_depth":0,"n_parallel":1,"avg_ts":40,"samples_ts":[40]}
		 {"model_type":"m","type_k":"f16","type_v":"f16","n_ubatch":256,"n_prompt":0,"n_gen":4,"n_depth":0,"n_parallel":1,"avg_ts":5}
		 {"model_type":"m","type_k":"f16","type_v":"f16","n_ubatch":256,"n_prompt":0,"n_gen":4,"n_depth":0,"n_parallel":16,"avg_ts":45,"gb_per_s":7,"read_share":0.5,"first_token_ns":3000000}`,
		"\ufeff" + `[{"model_type":"m","type_k":"f16","type_v":"f16","n_ubatch":512,"n_prompt":8,"n_gen":0,"n_depth":0,"test_time":"2026-11-24T03:52:57Z","cpu_strict":false,"avg_ts":4,"samples_ts":[3,5]},
		  {"model_type":"m","type_k":"f32","type_v":"f16","n_ubatch":512,"n_prompt":0,"n_gen":4,"n_depth":0,"avg_ts":1}]`,
	} {
		rows, err := ReadRows(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, rows)
	}
	got, err := Compare(files)
	if err != nil {
		t.Fatal(err)
	}
	common := func(name string, test Test) Compared {
		return Compared{Test: test, Name: name, Model: "m", TypeK: "f16", TypeV: "f16", Npl: test.Parallel}
	}
	pp, tg, tg16 := common("pp8", Test{8, 0, 0, 1}), common("tg4", Test{0, 4, 0, 1}), common("tg4", Test{0, 4, 0, 16})
	figures := func(runs, samples int, median, least, most, ratio float64) Summary {
		return Summary{Runs: runs, Samples: samples, MedianTS: median, LeastTS: least, MostTS: most, Ratio: ratio}
	}
	pp.Files = []Summary{figures(2, 3, 12, 8, 40, 1), figures(1, 2, 4, 3, 5, 3)}
	tg.Files = []Summary{figures(1, 1, 5, 5, 5, 1), {}}
	tg16.Files, tg16.Scaling = []Summary{figures(1, 1, 45, 45, 45, 1), {}}, 9
	tg16.Files[0].GBPerS, tg16.Files[0].ReadShare, tg16.Files[0].FirstTokenMS = 7, 0.5, 3
	if want := []Compared{pp, tg, tg16}; !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}

	other := files[0][0]
	other.UBatch = 4
	if _, err := Compare([][]Row{append(files[0], other)}); err == nil || !strings.Contains(err.Error(), "n_ubatch 8 and 4") {
		t.Errorf("two chunk sizes: %v", err)
	}
	other = files[0][2]
	other.ModelFilename = "other.gguf"
	if _, err := Compare([][]Row{append(files[0], other)}); err == nil || !strings.Contains(err.Error(), `tg4 of "." and of "other.gguf", both m`) {
		t.Errorf("two models: %v", err)
	}
	if _, err := Compare([][]Row{files[0], files[1][1:]}); err == nil || !strings.Contains(err.Error(), "no test in common") {
		t.Errorf("nothing in common: %v", err)
	}
}

func TestReadRowsRefuses(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "no rows"}, {"[]", "no rows"}, {"| model |", "-o jsonl"}, {"7", "row 1"}, {`["x"]`, "array of rows"},
		{`{"n_prompt":8}`, "0 tokens a second"}, {`{"avg_ts":1}`, "n_prompt 0"}, {`{"n_gen":8,"avg_ts":1,"samples_ts":[1,-1]}`, "-1 tokens"},
	} {
		if _, err := ReadRows(strings.NewReader(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.text, err, c.want)
		}
	}
}

// tree writes files below a folder that stands for /sys.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		name = filepath.Join(dir, "class", name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, []byte(text+"\n"), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestMeters(t *testing.T) {
	files := map[string]string{
		"powercap/intel-rapl:0/name": "package-0", "powercap/intel-rapl:0/energy_uj": "900", "powercap/intel-rapl:0/max_energy_range_uj": "1000",
		"powercap/intel-rapl:1/name": "package-1", "powercap/intel-rapl:1/energy_uj": "5000000", "powercap/intel-rapl:1/max_energy_range_uj": "99000000",
		"powercap/intel-rapl:0:0/name": "core", "powercap/intel-rapl:2/name": "psys",
		"hwmon/hwmon0/name": "nvme", "hwmon/hwmon0/device/vendor": "0x144d", "hwmon/hwmon0/device/device": "0x1",
		"hwmon/hwmon1/device/vendor": "0x1002", "hwmon/hwmon1/device/device": "0x73bf", "hwmon/hwmon1/power1_average": "30000000",
	}
	dir := tree(t, files)
	list := Meters(dir, 0x1002, 0x73bf)
	if len(list) != 2 || list[0].Of != "cpu" || list[1].Of != "gpu" || !strings.HasSuffix(list[1].power, "power1_average") {
		t.Fatalf("%+v", list)
	}
	stop := list[0].start()
	set := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, "class", name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	set("powercap/intel-rapl:0/energy_uj", "150") // around its end: 250
	set("powercap/intel-rapl:1/energy_uj", "7000000")
	if joules := stop(); !near(joules, 2.00025) {
		t.Errorf("%v J, want 2.00025", joules)
	}

	begun := time.Now()
	stop = list[1].start()
	time.Sleep(3 * powerInterval)
	joules, seconds := stop(), time.Since(begun).Seconds()
	if least := 30 * 3 * powerInterval.Seconds(); joules < least*0.99 || joules > 30*seconds {
		t.Errorf("%v J in %v s at 30 W", joules, seconds)
	}

	set("hwmon/hwmon1/energy1_input", "1000000")
	stop = Meters(dir, 0x1002, 0x73bf)[1].start()
	set("hwmon/hwmon1/energy1_input", "4000000")
	if joules := stop(); !near(joules, 3) {
		t.Errorf("%v J, want 3", joules)
	}
	stop = list[0].start()
	if err := os.Remove(filepath.Join(dir, "class/powercap/intel-rapl:1/energy_uj")); err != nil {
		t.Fatal(err)
	}
	if joules := stop(); !math.IsNaN(joules) {
		t.Errorf("%v J of a counter that is gone", joules)
	}
	if list := Meters(dir, 0x1002, 0x73bf); len(list) != 1 || list[0].Of != "gpu" {
		t.Errorf("one package of two: %+v", list)
	}
	if list := Meters(dir, 0x10005, 0); len(list) != 0 {
		t.Errorf("another device: %+v", list)
	}
	files["hwmon/hwmon2/device/vendor"], files["hwmon/hwmon2/device/device"] = "0x1002", "0x73bf"
	if list := Meters(tree(t, files), 0x1002, 0x73bf); len(list) != 1 || list[0].Of != "cpu" {
		t.Errorf("two alike: %+v", list)
	}
	if list := Meters(t.TempDir(), 0, 0); list != nil {
		t.Errorf("nothing there: %+v", list)
	}
}

func TestCPUName(t *testing.T) {
	for text, want := range map[string]string{"processor\t: 0\nmodel name\t: A: B\n\nmodel name\t: C\n": "A: B", "": "", "Hardware : x\n": ""} {
		if got := CPUName(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// A row that was written is read back as it was.
func TestRowAsJSON(t *testing.T) {
	row := Row{GPU: "g", Backends: "Vulkan", ModelType: "m", Prompt: 4, Parallel: 2, AvgTS: 1.0 / 3, SamplesTS: []float64{1.0 / 3}, SamplesNS: []int64{12}, LoadNS: new(int64(5))}
	text, err := json.Marshal(row)
	if err != nil {
		t.Fatal(err)
	}
	if rows, err := ReadRows(strings.NewReader(string(text))); err != nil || !reflect.DeepEqual(rows, []Row{row}) {
		t.Errorf("%+v (%v)", rows, err)
	}
}

func FuzzReadRows(f *testing.F) {
	for _, seed := range []string{
		`{"n_prompt":8,"n_gen":4,"n_ubatch":4,"avg_ts":1.5,"samples_ts":[1,2],"first_token_ns":3}`, `[{"n_gen":1,"avg_ts":1e308}]`, `[]`, `{}`, `[{},7]`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		rows, err := ReadRows(strings.NewReader(string(data)))
		if err != nil {
			return
		}
		if list, err := Compare([][]Row{rows, rows}); err == nil && (len(list) == 0 || list[0].Files[0] != list[0].Files[1]) {
			t.Errorf("%d rows beside themselves: %+v", len(rows), list)
		}
	})
}
