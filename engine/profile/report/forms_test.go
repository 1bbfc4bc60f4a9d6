package report

import (
	"cmp"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"sealvk/engine/profile"
)

func TestJSONReadsBack(t *testing.T) {
	p := sample()
	text := written(t, "json", p, View{})
	got, err := profile.Read(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, p) {
		t.Error("the profile that is read differs from the one that was written")
	}
	if !strings.Contains(text, "\n      \"phase\": \"decode\",\n") {
		t.Error("the JSON is not indented")
	}
}

func TestCSVHoldsEveryDispatch(t *testing.T) {
	p := sample()
	text := written(t, "csv", p, View{})
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(text, "\r\n") != len(rows) {
		t.Error("RFC 4180 wants CRLF")
	}
	head := rows[0]
	if sorted := slices.Sorted(slices.Values(head)); len(slices.Compact(sorted)) != len(head) {
		t.Errorf("columns of one name: %q", head)
	}
	rows = rows[1:]
	for i := range p.Runs {
		r := &p.Runs[i]
		groups := r.Groups(p, profile.ByDispatch)
		for j := range r.Dispatches {
			d := &r.Dispatches[j]
			pipeline := &p.Pipelines[d.Pipeline]
			row := map[string]string{}
			for k, cell := range rows[0] {
				row[head[k]] = cell
			}
			rows = rows[1:]
			for column, want := range map[string]string{"device": p.Device.Name, "model": "seallm-nano", "phase": r.Phase, "label": d.Label, "section": d.Section,
				"operation": d.Operation, "kernel": pipeline.Kernel, "variant": pipeline.Variant, "type": pipeline.Type, "shape": d.Shape} {
				if row[column] != want {
					t.Errorf("%s of %s is %q, want %q", column, d.Label, row[column], want)
				}
			}
			var total float64
			for _, s := range d.SamplesUS {
				total += s / float64(len(d.SamplesUS)/d.Calls)
			}
			moved := float64(d.ReadBytes + d.WrittenBytes)
			for column, want := range map[string]float64{"depth_tokens": float64(r.Depth), "step_tokens": float64(r.Tokens), "layer": float64(d.Layer),
				"grid_x": float64(d.Grid[0]), "lanes": 64, "subgroup_size": 8, "calls": float64(d.Calls), "samples": float64(len(d.SamplesUS)),
				"read_bytes": float64(d.ReadBytes), "written_bytes": float64(d.WrittenBytes), "flops": float64(d.FLOPs), "total_us": total,
				"call_mean_us": total / float64(d.Calls), "call_min_us": slices.Min(d.SamplesUS), "call_max_us": slices.Max(d.SamplesUS),
				"call_p50_us": groups[j].P50US, "call_p95_us": groups[j].P95US, "roof_share": groups[j].RoofShare,
				"step_share": total / r.Budget.WallUS, "bytes_per_s": moved / total * 1e6, "flops_per_s": float64(d.FLOPs) / total * 1e6,
				"flops_per_byte": float64(d.FLOPs) / moved, "step_wall_us": r.Unprofiled.MedianUS} {
				if got, err := strconv.ParseFloat(row[column], 64); err != nil || math.Abs(got-want) > 1e-9*math.Abs(want) {
					t.Errorf("%s of %s is %q, want %v", column, d.Label, row[column], want)
				}
			}
		}
	}
	if len(rows) > 0 {
		t.Errorf("%d rows too many", len(rows))
	}
}

// flamegraph.pl and speedscope read such lines, and nothing else.
var foldedLine = regexp.MustCompile(`^([^; ][^;]*(?:;[^;]+)*) ([0-9]+)$`)

func TestFoldedStacksAddUpToTheStep(t *testing.T) {
	p := sample()
	p.Runs[0].Dispatches[5].Operation = "a;b\nc"
	sums := map[string]float64{}
	stacks := map[string]bool{}
	for line := range strings.Lines(written(t, "folded", p, View{})) {
		m := foldedLine.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		if m == nil {
			t.Fatalf("no folded stack: %q", line)
		}
		if stacks[m[1]] {
			t.Errorf("%q twice", m[1])
		}
		stacks[m[1]] = true
		run, _, _ := strings.Cut(m[1], ";")
		ns, _ := strconv.ParseFloat(m[2], 64)
		sums[run] += ns
	}
	for i := range p.Runs {
		r := &p.Runs[i]
		if got, want := sums[runName(r)], 1000*r.Budget.WallUS; math.Abs(got-want) > float64(len(stacks)) {
			t.Errorf("%s: %v ns, want %v", runName(r), got, want)
		}
	}
	for _, stack := range []string{"decode at depth 512;blk.3;ffn_down;matmul Q6_K rows=2, \"wide\"", "decode at depth 0;gaps", "decode at depth 0;blk.0;a,b c;rope"} {
		if !stacks[stack] {
			t.Errorf("no stack %q", stack)
		}
	}
}

func TestTraceHoldsEveryEvent(t *testing.T) {
	p := sample()
	p.Runs[0].Timeline = append(p.Runs[0].Timeline, // they overlap, and one begins before time
		profile.Event{Mode: "serialized", Track: "host", Name: "late", Begin: 10, Dur: 30},
		profile.Event{Mode: "serialized", Track: "host", Name: "later", Begin: 20, Dur: 30},
		profile.Event{Mode: "serialized", Track: "host", Name: "early", Begin: -1.25, Dur: 0})
	var trace struct {
		TraceEvents []struct {
			Ph, Name string
			PID, TID int
			TS, Dur  float64
			Args     map[string]any
		}
	}
	text := written(t, "trace", p, View{})
	if err := json.Unmarshal([]byte(text), &trace); err != nil {
		t.Fatal(err)
	}
	type row struct{ pid, tid int }
	processes, threads := map[int]string{}, map[row]string{}
	bars := map[row][][2]float64{}
	n := 0
	for _, e := range trace.TraceEvents {
		switch {
		case e.Ph == "X":
			n++
			at := row{e.PID, e.TID}
			if processes[e.PID] == "" || threads[at] == "" {
				t.Fatalf("%s is in a row without a name", e.Name)
			}
			bars[at] = append(bars[at], [2]float64{math.Round(1000 * e.TS), math.Round(1000 * (e.TS + e.Dur))})
		case e.Ph == "M" && e.Name == "process_name":
			processes[e.PID] = e.Args["name"].(string)
		case e.Ph == "M" && e.Name == "thread_name":
			threads[row{e.PID, e.TID}] = e.Args["name"].(string)
		}
		if e.Name == "blk.1.ffn_up" && processes[e.PID] == "decode at depth 0, serialized: device" {
			d := p.Runs[0].Dispatches[1+13+10]
			want := map[string]any{"operation": "ffn_up", "kernel": "matmul", "type": "Q4_K", "variant": "rows=4", "shape": d.Shape, "grid": "256", "step": 0.0,
				"bytes": float64(d.ReadBytes + d.WrittenBytes), "FLOPs": float64(d.FLOPs),
				"GB/s": float64(d.ReadBytes+d.WrittenBytes) / d.SamplesUS[0] / 1e3, "GFLOP/s": float64(d.FLOPs) / d.SamplesUS[0] / 1e3}
			if fmt.Sprint(e.Args) != fmt.Sprint(want) {
				t.Errorf("%s: %v, want %v", e.Name, e.Args, want)
			}
		}
	}
	want := 0
	for _, r := range p.Runs {
		want += len(r.Timeline)
	}
	if n != want || len(processes) != 4*len(p.Runs) {
		t.Errorf("%d bars in %d processes, want %d in %d", n, len(processes), want, 4*len(p.Runs))
	}
	if !strings.Contains(text, `"ts":-1.250,"dur":0.000`) {
		t.Error("no bar at -1.25 µs")
	}
	for at, list := range bars {
		slices.SortFunc(list, func(a, b [2]float64) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(b[1], a[1])) })
		for i := 1; i < len(list); i++ {
			if a, b := list[i-1], list[i]; b[0] < a[1] && b[1] > a[1] {
				t.Errorf("%s, %s: bars %v and %v cut each other", processes[at.pid], threads[at], a, b)
			}
		}
	}
}

// full is a disk without room.
type full struct{}

var errFull = errors.New("no space left")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestWritersFail(t *testing.T) {
	for _, f := range Forms() {
		if err := Write(full{}, f.Name, sample(), View{}); !errors.Is(err, errFull) {
			t.Errorf("%s: %v", f.Name, err)
		}
	}
	pictures, _, err := Pictures(sample())
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range PictureFormats() {
		if err := pictures[0].Write(full{}, format); !errors.Is(err, errFull) {
			t.Errorf("%s: %v", format, err)
		}
	}
	if err := pictures[0].Write(full{}, "bmp"); err == nil || !strings.Contains(err.Error(), "png svg") {
		t.Errorf("bmp: %v", err)
	}
}
