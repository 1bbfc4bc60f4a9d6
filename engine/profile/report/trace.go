package report

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"sealvk/engine/profile"
)

// nanoseconds are written as microseconds with three decimals: bars that touch still do
// after a reader has rounded them.
type nanoseconds int64

func (n nanoseconds) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(n)/1000, 'f', 3, 64), nil
}

func toNanoseconds(us float64) nanoseconds { return nanoseconds(math.Round(us * 1000)) }

// traceEvent is an event of Chrome's trace format: "X" is a bar, "M" names its rows.
// https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
type traceEvent struct {
	Phase     string         `json:"ph"`
	Name      string         `json:"name"`
	PID       int            `json:"pid"`
	TID       int            `json:"tid"`
	Timestamp *nanoseconds   `json:"ts,omitempty"`
	Duration  *nanoseconds   `json:"dur,omitempty"`
	Args      map[string]any `json:"args,omitempty"`
}

// writeTrace writes the timelines, an event a line: of each run and mode the host and the
// device as processes, and their tracks as threads.
func writeTrace(w io.Writer, p *profile.Profile, _ View) error {
	t := &tracer{pids: map[string]int{}}
	for i := range p.Runs {
		t.run(p, &p.Runs[i])
	}
	var b strings.Builder
	other, err := json.Marshal(map[string]string{"device": p.Device.Name, "driver": p.Device.DriverInfo, "model": modelName(p),
		"clock": p.Device.Clock, "program": p.Program})
	if err != nil {
		return fmt.Errorf("report: trace: %w", err)
	}
	fmt.Fprintf(&b, "{\"displayTimeUnit\":\"ns\",\"otherData\":%s,\"traceEvents\":[", other)
	for i, e := range t.events {
		line, err := json.Marshal(e)
		if err != nil {
			return fmt.Errorf("report: trace: %s: %w", e.Name, err)
		}
		if i > 0 {
			b.WriteString(",")
		}
		b.WriteString("\n")
		b.Write(line)
	}
	b.WriteString("\n]}\n")
	_, err = io.WriteString(w, b.String())
	return err
}

// tracer gathers events and hands out the numbers of processes and threads.
type tracer struct {
	events []traceEvent
	pids   map[string]int
}

func (t *tracer) run(p *profile.Profile, r *profile.Run) {
	args := traceArgs(p, r)
	var tracks []string
	rows := map[string][]profile.Event{}
	for _, e := range r.Timeline {
		track := e.Mode + "\x00" + e.Track
		if rows[track] == nil {
			tracks = append(tracks, track)
		}
		rows[track] = append(rows[track], e)
	}
	for _, track := range tracks {
		mode, name, _ := strings.Cut(track, "\x00")
		process, thread, ok := strings.Cut(name, ": ")
		if !ok {
			thread = name
		}
		pid := t.process(fmt.Sprintf("%s, %s: %s", runName(r), mode, process))
		for i, lane := range lanes(rows[track]) {
			name := thread
			if i > 0 {
				name = fmt.Sprintf("%s %d", thread, i+1)
			}
			tid := t.thread(pid, name)
			for _, e := range lane {
				begin := toNanoseconds(e.Begin)
				duration := toNanoseconds(e.Begin+e.Dur) - begin
				t.events = append(t.events, traceEvent{Phase: "X", Name: e.Name, PID: pid, TID: tid,
					Timestamp: &begin, Duration: &duration, Args: args(e)})
			}
		}
	}
}

func (t *tracer) process(name string) int {
	if pid, ok := t.pids[name]; ok {
		return pid
	}
	pid := len(t.pids) + 1
	t.pids[name] = pid
	t.name("process", pid, 0, name, pid)
	return pid
}

// thread numbers threads through all processes, as they are in Linux.
func (t *tracer) thread(pid int, name string) int {
	tid := 1000*pid + len(t.events) // names of other threads came before
	t.name("thread", pid, tid, name, tid)
	return tid
}

func (t *tracer) name(kind string, pid, tid int, name string, order int) {
	t.events = append(t.events,
		traceEvent{Phase: "M", Name: kind + "_name", PID: pid, TID: tid, Args: map[string]any{"name": name}},
		traceEvent{Phase: "M", Name: kind + "_sort_index", PID: pid, TID: tid, Args: map[string]any{"sort_index": order}})
}

// lanes parts events so that those of a lane follow or hold one another: of others a
// viewer drops some.
func lanes(events []profile.Event) [][]profile.Event {
	sorted := slices.Clone(events)
	end := func(e *profile.Event) nanoseconds { return toNanoseconds(e.Begin + e.Dur) }
	slices.SortStableFunc(sorted, func(a, b profile.Event) int {
		return cmp.Or(cmp.Compare(toNanoseconds(a.Begin), toNanoseconds(b.Begin)), cmp.Compare(end(&b), end(&a)))
	})
	var lanes [][]profile.Event
	var open [][]nanoseconds // of each lane the ends of what is not over
next:
	for _, e := range sorted {
		for i := range lanes {
			ends := open[i]
			for len(ends) > 0 && ends[len(ends)-1] <= toNanoseconds(e.Begin) {
				ends = ends[:len(ends)-1]
			}
			open[i] = ends
			if len(ends) == 0 || end(&e) <= ends[len(ends)-1] {
				lanes[i], open[i] = append(lanes[i], e), append(ends, end(&e))
				continue next
			}
		}
		lanes, open = append(lanes, []profile.Event{e}), append(open, []nanoseconds{end(&e)})
	}
	return lanes
}

// traceArgs gives what a click on an event shows.
func traceArgs(p *profile.Profile, r *profile.Run) func(profile.Event) map[string]any {
	dispatches := map[string]*profile.Dispatch{}
	sections := map[string]*profile.Dispatch{}
	for i := range r.Dispatches {
		d := &r.Dispatches[i]
		dispatches[d.Label] = d
		s := sections[d.Section]
		if s == nil {
			s = &profile.Dispatch{Calls: 1}
			sections[d.Section] = s
		}
		s.ReadBytes, s.WrittenBytes, s.FLOPs = s.ReadBytes+d.ReadBytes, s.WrittenBytes+d.WrittenBytes, s.FLOPs+d.FLOPs
	}
	return func(e profile.Event) map[string]any {
		args := map[string]any{"step": e.Step}
		var d *profile.Dispatch
		switch e.Track {
		case "device: dispatches":
			if d = dispatches[e.Name]; d == nil {
				return args
			}
			pipeline := &p.Pipelines[d.Pipeline]
			args["operation"], args["kernel"], args["shape"], args["grid"] = d.Operation, pipeline.Kernel, d.Shape, grid(d.Grid)
			if pipeline.Type != "" {
				args["type"] = pipeline.Type
			}
			if pipeline.Variant != "" {
				args["variant"] = pipeline.Variant
			}
		case "device: sections":
			if d = sections[e.Name]; d == nil {
				return args
			}
		default:
			return args
		}
		calls := float64(max(1, d.Calls))
		bytes, flops := float64(d.ReadBytes+d.WrittenBytes)/calls, float64(d.FLOPs)/calls
		args["bytes"], args["FLOPs"] = math.Round(bytes), math.Round(flops)
		if e.Dur > 0 {
			args["GB/s"], args["GFLOP/s"] = bytes/e.Dur/1e3, flops/e.Dur/1e3
		}
		return args
	}
}
