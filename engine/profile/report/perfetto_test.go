//go:build perfetto

package report

import (
	"bytes"
	"cmp"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sealvk/engine/profile"
)

// traceProcessor names the folder of Perfetto's trace processor; .ci/report fetches it.
const traceProcessor = "SEALVK_TRACE_PROCESSOR"

// ask runs queries on a trace and gives the rows of each.
func ask(t *testing.T, trace []byte, queries ...string) [][]map[string]any {
	t.Helper()
	folder := os.Getenv(traceProcessor)
	if folder == "" {
		t.Fatalf("%s is not set: run .ci/report", traceProcessor)
	}
	path := filepath.Join(t.TempDir(), "trace.json")
	if err := os.WriteFile(path, trace, 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", append([]string{"testdata/trace_processor.mjs", folder, path}, queries...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("the trace processor: %v\n%s", err, stderr.Bytes())
	}
	var answers [][]map[string]any
	for decoder := json.NewDecoder(bytes.NewReader(out)); decoder.More(); {
		var rows []map[string]any
		if err := decoder.Decode(&rows); err != nil {
			t.Fatal(err)
		}
		answers = append(answers, rows)
	}
	if len(answers) != len(queries) {
		t.Fatalf("%d answers to %d queries\n%s", len(answers), len(queries), stderr.Bytes())
	}
	return answers
}

// bar is a slice as the trace processor knows it.
type bar struct {
	Process, Name   string
	Begin, Duration float64 // ns
}

func TestPerfettoReadsMeasuredTraces(t *testing.T) {
	for name, p := range profiles(t) {
		t.Run(name, func(t *testing.T) { checkTrace(t, p) })
	}
}

func TestPerfettoReadsTraces(t *testing.T) {
	p := sample()
	// Bars that touch at every fraction of a nanosecond, late as in a long run, and bars that overlap.
	random := rand.New(rand.NewPCG(3, 4))
	r := &p.Runs[0]
	for i, now := 0, 1e7; i < 5000; i++ {
		d := random.Float64() * 30
		r.Timeline = append(r.Timeline, profile.Event{Mode: "concurrent", Track: "device: dispatches", Name: "many", Step: i, Begin: now, Dur: d})
		now += d
	}
	for i := range 10 {
		r.Timeline = append(r.Timeline, profile.Event{Mode: "concurrent", Track: "device: overlapping", Name: "two", Begin: float64(10 * i), Dur: 15})
	}
	answers := checkTrace(t, p, `select distinct thread.name as name from thread_track join thread using (utid) order by 1`,
		`select args.display_value as kernel, count(*) as n from slice join args using (arg_set_id)
		where args.key = 'args.kernel' and slice.name = 'blk.2.ffn_gate' group by 1`,
		`select sum(args.display_value) as bytes from slice join args using (arg_set_id) join thread_track on slice.track_id = thread_track.id
		join thread using (utid) join process using (upid)
		where args.key = 'args.bytes' and process.name = 'decode at depth 512, serialized: device' and thread.name = 'dispatches'`)
	var threads []string
	for _, row := range answers[0] {
		threads = append(threads, row["name"].(string))
	}
	if want := []string{"dispatches", "host", "overlapping", "overlapping 2", "sections", "submissions"}; !slices.Equal(threads, want) {
		t.Errorf("threads %q, want %q", threads, want)
	}
	// ffn_gate of layer 2 runs once in each decode and twice in the prefill, all with matmul.
	if rows := answers[1]; len(rows) != 1 || rows[0]["kernel"] != "matmul" || rows[0]["n"] != 4.0 {
		t.Errorf("ffn_gate: %v", rows)
	}
	var moved int64
	for _, d := range p.Runs[1].Dispatches {
		moved += d.ReadBytes + d.WrittenBytes
	}
	if rows := answers[2]; len(rows) != 1 || rows[0]["bytes"] != float64(moved) {
		t.Errorf("bytes: %v, want %d", rows, moved)
	}
}

// checkTrace compares the slices that the trace processor finds with the timelines, and
// gives its answers to further queries.
func checkTrace(t *testing.T, p *profile.Profile, queries ...string) [][]map[string]any {
	t.Helper()
	var want []bar
	for i := range p.Runs {
		for _, e := range p.Runs[i].Timeline {
			begin, end := math.Round(1000*e.Begin), math.Round(1000*(e.Begin+e.Dur))
			process, _, _ := strings.Cut(e.Track, ":")
			want = append(want, bar{runName(&p.Runs[i]) + ", " + e.Mode + ": " + process, e.Name, begin, end - begin})
		}
	}
	var trace bytes.Buffer
	if err := Write(&trace, "trace", p, View{}); err != nil {
		t.Fatal(err)
	}
	answers := ask(t, trace.Bytes(), append([]string{`
		select process.name as process, slice.name as name, slice.ts as ts, slice.dur as dur
		from slice join thread_track on slice.track_id = thread_track.id join thread using (utid) join process using (upid)`,
		`select name, value from stats where severity in ('error', 'data_loss') and value > 0`}, queries...)...)
	if len(answers[1]) > 0 {
		t.Errorf("the trace processor complains: %v", answers[1])
	}
	var got []bar
	for _, row := range answers[0] {
		got = append(got, bar{row["process"].(string), row["name"].(string), row["ts"].(float64), row["dur"].(float64)})
	}
	order := func(a, b bar) int {
		return cmp.Or(cmp.Compare(a.Process, b.Process), cmp.Compare(a.Begin, b.Begin), cmp.Compare(a.Duration, b.Duration), cmp.Compare(a.Name, b.Name))
	}
	slices.SortFunc(got, order)
	slices.SortFunc(want, order)
	if len(got) != len(want) {
		t.Errorf("%d bars of %d", len(got), len(want))
	}
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			t.Fatalf("bar %d is %+v, want %+v", i, got[i], want[i])
		}
	}
	return answers[2:]
}

// The trace processor must be able to say no.
func TestPerfettoNoticesWhatIsWrong(t *testing.T) {
	answers := ask(t, []byte(`{"traceEvents":[{"ph":"X","name":"a","pid":1,"tid":1,"ts":0,"dur":15},{"ph":"X","name":"b","pid":1,"tid":1,"ts":10,"dur":15}]}`),
		`select count(*) as n from slice`, `select name from stats where severity = 'error' and value > 0`)
	if answers[0][0]["n"] != 1.0 || len(answers[1]) != 1 {
		t.Errorf("bars that overlap in one thread: %v", answers)
	}
}
