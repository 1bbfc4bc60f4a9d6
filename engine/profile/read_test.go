package profile

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"sealvk/engine/profile/roofline"
	"sealvk/vk"
)

// small is a profile of one run of two steps, with everything that a file can hold.
func small() *Profile {
	p := &Profile{
		Format: Format, Version: Version, Created: time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC), Program: "v1.0",
		Command: []string{"profile", "--phase", "decode"},
		Device:  Device{Name: "some GPU", Type: "discrete", Driver: "driver", DriverInfo: "1.2", APIVersion: "1.3.0", SubgroupSize: 32, Clock: "calibrated"},
		Model:   Model{Name: "tiny", FileType: "Q4_K_M", KV: "f16", Layers: 1, Dim: 64, FFNDim: 128, Heads: 2, KVHeads: 1, HeadDim: 32, Vocab: 100},
		Roofs:   &roofline.Roofs{Version: roofline.Version, ReadBytesPerS: 1e9, F32FLOPsPerS: 1e10, Spread: map[string]float64{"read_bytes_per_s": 0.01}},
		Pipelines: []Pipeline{{Kernel: "matmul", Variant: "rows", Type: "Q4_K", Lanes: 64, SubgroupSize: 32,
			Statistics: []vk.Statistic{{Name: "Registers \"all\"", Value: "40"}}}},
	}
	r := Run{
		Phase: "decode", Depth: 0, Tokens: 1,
		Schedule:   Schedule{Submissions: 1, Dispatches: 2, Barriers: 1, InFlight: 3},
		Unprofiled: Wall{MedianUS: 100, MeanUS: 100, P5US: 99, P95US: 101, SamplesUS: []float64{99, 101}},
		Concurrent: Wall{SamplesUS: []float64{99, 102, 103}, Overhead: -0.01},
		Serialized: Wall{SamplesUS: []float64{120, 121}, Overhead: 0.2},
		Budget:     Budget{WallUS: 120.5, KernelsUS: 90, GapsUS: 20, HostUS: -1e-9},
		Sections:   []Section{{Name: "blk.0", SamplesUS: []float64{40, 41, 42}}},
		Dispatches: []Dispatch{
			{Label: "blk.0.attn_q", Section: "blk.0", Operation: "attn_q", Calls: 2, ReadBytes: 10, SamplesUS: []float64{10, 11, 12, 13}},
			{Label: "output", Section: "output", Layer: -1, Operation: "output", Calls: 1, SamplesUS: []float64{7, 8}},
		},
		Timeline: []Event{{Mode: "serialized", Track: "host", Name: "submit", Begin: -0.5, Dur: 3}},
	}
	p.Runs = []Run{r}
	p.Runs[0].Operations = p.Runs[0].Groups(p, ByOperation)
	return p
}

func encode(t testing.TB, p *Profile) string {
	t.Helper()
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestReadGivesBackWhatWasWritten(t *testing.T) {
	want := small()
	text, err := json.MarshalIndent(want, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	for _, reader := range []io.Reader{bytes.NewReader(text), iotest.OneByteReader(bytes.NewReader(append(text, " \n"...))), strings.NewReader("\ufeff" + string(text))} {
		got, err := Read(reader)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("read %+v\nwant %+v", got, want)
		}
	}
	unknown := strings.Replace(encode(t, want), `{"format"`, `{"later":{"a":[1]},"format"`, 1)
	if _, err := Read(strings.NewReader(unknown)); err != nil {
		t.Errorf("an unknown field: %v", err)
	}
}

// What gzip compressed is read, within the same limits, and a cut or damaged file is told of.
func TestReadsWhatGzipCompressed(t *testing.T) {
	compress := func(text string) string {
		var b strings.Builder
		w := gzip.NewWriter(&b)
		io.WriteString(w, text)
		w.Close()
		return b.String()
	}
	whole := compress(encode(t, small()))
	got, err := Read(strings.NewReader(whole))
	if err != nil || !reflect.DeepEqual(got, small()) {
		t.Errorf("read %+v, %v", got, err)
	}
	for what, c := range map[string]struct{ text, want string }{
		"a cut file":     {whole[:len(whole)-9], "the compressed file is cut"},
		"a cut head":     {whole[:5], "profile: "},
		"a damaged file": {whole[:60] + strings.Repeat("x", 20) + whole[80:], "profile: "},
		"what unfolds":   {compress(strings.Repeat(" ", 1<<24)), "more than 65536 bytes"},
		"other JSON":     {compress(`{"a":1}`), "not a profile"},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := read(strings.NewReader(c.text), 1<<16)
		runtime.ReadMemStats(&after)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", what, err, c.want)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
			t.Errorf("%s: %d bytes were allocated", what, n)
		}
	}
}

func TestReadRejectsEveryTruncation(t *testing.T) {
	p := small()
	p.Program, p.Runs[0].Unprofiled.MeanUS = "<ü>", 1.5e-9
	text := encode(t, p)
	for n := range len(text) {
		_, err := Read(strings.NewReader(text[:n]))
		if err == nil {
			t.Fatalf("the first %d of %d bytes were taken for a profile", n, len(text))
		}
		if want := fmt.Sprintf("ends at byte %d ", n); !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "cut") {
			t.Fatalf("%d bytes: %v", n, err)
		}
	}
}

func TestReadTellsWhatIsWrong(t *testing.T) {
	edit := func(change func(p *Profile)) string {
		p := small()
		change(p)
		return encode(t, p)
	}
	swap := func(old, new string) string {
		text := encode(t, small())
		if strings.Count(text, old) == 0 {
			t.Fatalf("no %s in %s", old, text)
		}
		return strings.Replace(text, old, new, 1)
	}
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"empty", "", []string{"ends at byte 0"}},
		{"other bytes", "GGUF\x03\x00", []string{"not JSON at byte 1", "'G'"}},
		{"other JSON", `{"a":1}`, []string{"not a profile", `""`, Format}},
		{"array", `[1,2]`, []string{"not a profile"}},
		{"null", `null`, []string{"not a profile"}},
		{"number", `7`, []string{"not a profile"}},
		{"other format", swap(Format, "sealvk-profile-diff"), []string{"not a profile", `"sealvk-profile-diff"`}},
		{"long format", swap(Format, strings.Repeat("x", 1000)), []string{`"` + strings.Repeat("x", 40) + `"`}},
		{"newer", `{"format":"sealvk-profile","version":99,"runs":7}`, []string{"version 99", "up to version 1", "update"}},
		{"no version", `{"format":"sealvk-profile"}`, []string{"version 0"}},
		{"version as text", `{"format":"sealvk-profile","version":"1"}`, []string{"version", "string where int belongs"}},
		{"trailing", encode(t, small()) + "{}", []string{"not JSON at byte", "after top-level value"}},
		{"doubled", encode(t, small()) + encode(t, small()), []string{"after top-level value"}},
		{"NaN", swap(`"depth":0`, `"depth":NaN`), []string{"not JSON at byte", "'N'"}},
		{"number out of range", swap(`"mean_us":100`, `"mean_us":1e999`), []string{"byte ", "runs.unprofiled.mean_us", "1e999", "float64"}},
		{"text for a number", swap(`"depth":0`, `"depth":"0"`), []string{"byte ", "runs.depth", "string where int belongs"}},
		{"object for a list", swap(`"timeline":[`, `"timeline":{"a":[`)[:0] + `{"format":"sealvk-profile","version":1,"runs":{}}`, []string{"runs", "object where"}},
		{"date", swap("2025-03-01", "2025-13-01"), []string{"2025-13-01"}},
		{"no runs", edit(func(p *Profile) { p.Runs = nil }), []string{"runs is empty"}},
		{"phase", edit(func(p *Profile) { p.Runs[0].Phase = "training" }), []string{"runs[0].phase", `"training"`, "decode or prefill"}},
		{"depth", edit(func(p *Profile) { p.Runs[0].Depth = -1 }), []string{"runs[0].depth is -1"}},
		{"tokens", edit(func(p *Profile) { p.Runs[0].Tokens = 0 }), []string{"runs[0].tokens is 0"}},
		{"negative time", edit(func(p *Profile) { p.Runs[0].Unprofiled.SamplesUS[1] = -4 }),
			[]string{"runs[0].unprofiled.samples_us[1] is -4", "from 0 to 1e12"}},
		{"negative part", edit(func(p *Profile) { p.Runs[0].Budget.HostUS = -2 }), []string{"runs[0].budget.host_us is -2"}},
		{"endless time", edit(func(p *Profile) { p.Runs[0].Dispatches[0].SamplesUS[3] = 1e300 }),
			[]string{"runs[0].dispatches[0].samples_us[3] is 1e+300"}},
		{"roof", edit(func(p *Profile) { p.Roofs.ReadBytesPerS = -1 }), []string{"roofs.read_bytes_per_s is -1"}},
		{"spread", edit(func(p *Profile) { p.Roofs.Spread["read_bytes_per_s"] = -1 }), []string{"roofs.spread.read_bytes_per_s is -1"}},
		{"bytes", edit(func(p *Profile) { p.Model.WeightsBytes = 1 << 60 }), []string{"model.weights_bytes is 1152921504606846976"}},
		{"grid", edit(func(p *Profile) { p.Runs[0].Dispatches[1].Grid[2] = -1 }), []string{"runs[0].dispatches[1].grid[2] is -1"}},
		{"layer", edit(func(p *Profile) { p.Runs[0].Dispatches[1].Layer = -2 }), []string{"runs[0].dispatches[1].layer is -2"}},
		{"program", edit(func(p *Profile) { p.Runs[0].Dispatches[1].Pipeline = 1 }), []string{"runs[0].dispatches[1].program is 1", "1 programs"}},
		{"program below 0", edit(func(p *Profile) { p.Runs[0].Dispatches[1].Pipeline = -1 }), []string{"runs[0].dispatches[1].program is -1"}},
		{"calls", edit(func(p *Profile) { p.Runs[0].Dispatches[1].Calls = 0 }), []string{"runs[0].dispatches[1].calls is 0"}},
		{"many calls", edit(func(p *Profile) { p.Runs[0].Dispatches[1].Calls = 1 << 40 }), []string{"runs[0].dispatches[1]", "2 samples"}},
		{"samples", edit(func(p *Profile) { p.Runs[0].Dispatches[0].SamplesUS = []float64{1, 2, 3} }),
			[]string{"runs[0].dispatches[0].samples_us has 3 samples: want 4, 2 calls in each of 2 steps"}},
		{"no samples", edit(func(p *Profile) { p.Runs[0].Dispatches[0].SamplesUS = nil }), []string{"has 0 samples"}},
		{"sections", edit(func(p *Profile) { p.Runs[0].Sections[0].SamplesUS = nil }), []string{"runs[0].sections[0].samples_us", "3 steps"}},
		{"operations", edit(func(p *Profile) { p.Runs[0].Operations[0].StepSamplesUS = []float64{1} }),
			[]string{"runs[0].operations[0].step_samples_us has 1 samples", "2 steps"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Read(strings.NewReader(c.text))
			if err == nil {
				t.Fatal("no error")
			}
			for _, part := range append(c.want, "profile: ") {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not tell %q", err, part)
				}
			}
			if len(err.Error()) > 300 || strings.Contains(err.Error(), "\n") {
				t.Errorf("not one short line: %q", err)
			}
		})
	}
}

func TestReadPassesOnTheReadersError(t *testing.T) {
	broken := errors.New("the disk is broken")
	if _, err := Read(io.MultiReader(strings.NewReader(`{"format":`), iotest.ErrReader(broken))); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

// endless is a file without end.
type endless struct{ text string }

func (e endless) Read(p []byte) (int, error) { return copy(p, e.text), nil }

// Short hostile JSON stands for objects that take much memory.
func TestReadTakesBoundedMemory(t *testing.T) {
	if _, err := read(endless{"[[ "}, 1<<16); err == nil || !strings.Contains(err.Error(), "more than 65536 bytes") {
		t.Errorf("an endless file: %v", err)
	}
	if _, err := read(strings.NewReader(strings.Repeat(" ", 1<<16)), 1<<16); err == nil || !strings.Contains(err.Error(), "ends at byte 65536") {
		t.Errorf("a file at the limit: %v", err)
	}
	if _, err := Read(strings.NewReader(strings.Repeat("[", 1<<20))); err == nil {
		t.Error("a deep file was read")
	}
	head := `{"format":"sealvk-profile","version":1,"runs":[`
	for what, text := range map[string]string{
		"runs":    head + strings.Repeat("{},", maxRuns) + "{}]}",
		"groups":  head + `{"operations":[` + strings.Repeat("{},", maxObjects) + "{}]}]}",
		"samples": head + `{"unprofiled":{"samples_us":[` + strings.Repeat("0,", maxValues) + "0]}}]}",
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := Read(strings.NewReader(text))
		runtime.ReadMemStats(&after)
		if err == nil || !strings.Contains(err.Error(), "are the most") {
			t.Errorf("%s: %v", what, err)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 8*uint64(len(text)) {
			t.Errorf("%s: %d bytes were allocated for %d of JSON", what, n, len(text))
		}
	}
	// Braces and commas in text are no objects.
	p := small()
	p.Program = `\"` + strings.Repeat("{,", maxObjects)
	if _, err := Read(strings.NewReader(encode(t, p))); err != nil {
		t.Errorf("braces in text: %.200v", err)
	}
}

// What Read takes can be summed up, compared and written again, whatever it holds.
func FuzzReadProfile(f *testing.F) {
	text := encode(f, small())
	f.Add([]byte(text))
	f.Add([]byte(text[:len(text)/2]))
	f.Add([]byte(`{"format":"sealvk-profile","version":1,"runs":[{"phase":"decode","tokens":1},{"phase":"prefill","tokens":8}]}`))
	f.Add([]byte(`{"format":"sealvk-profile","version":1,"programs":[{}],"runs":[{"phase":"decode","tokens":1,` +
		`"unprofiled":{"samples_us":[1e12,1e-9,0,5]},"serialized":{"samples_us":[1,2,3]},` +
		`"dispatches":[{"calls":1,"samples_us":[1e-6,1e12,1e-6]},{"calls":1,"samples_us":[1e-6,1e12,1e-6]}]}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := Read(bytes.NewReader(text))
		if err != nil {
			if p != nil || !strings.HasPrefix(err.Error(), "profile: ") {
				t.Fatalf("%v and %v", p, err)
			}
			return
		}
		if _, err := Read(strings.NewReader(encode(t, p))); err != nil {
			t.Fatalf("written again: %v", err)
		}
		other, err := Read(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		for i := range other.Runs { // so that the ratios differ
			if s := other.Runs[i].Unprofiled.SamplesUS; len(s) > 1 {
				s[0], s[1] = s[1], s[0]
			}
		}
		for _, by := range []By{ByOperation, ByLayer, ByKernel, ByDispatch} {
			c, err := Compare(p, other, CompareOptions{By: by, Confidence: 0.9999})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := json.Marshal(c); err != nil {
				t.Fatal(err)
			}
			for _, r := range c.Regressions(0) {
				if r.Row.Name != "step" {
					t.Fatalf("%s is slower than itself", r.Row.Name)
				}
			}
		}
	})
}
