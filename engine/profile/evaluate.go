package profile

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"gonum.org/v1/gonum/stat"

	"sealvk/shaders"
	"sealvk/vk"
)

// evaluate fills the run from its series.
func (r *runner) evaluate(measured map[vk.TraceMode][]*series) error {
	run := &r.run
	run.Unprofiled = wallOf(measured[vk.TraceOff])
	run.Concurrent = wallOf(measured[vk.TraceSections])
	run.Serialized = wallOf(measured[vk.TraceCommands])
	run.Concurrent.Overhead = run.Concurrent.MedianUS/run.Unprofiled.MedianUS - 1
	run.Serialized.Overhead = run.Serialized.MedianUS/run.Unprofiled.MedianUS - 1
	run.Budget = budgetOf(measured[vk.TraceCommands])
	run.Overlapped = budgetOf(measured[vk.TraceSections])
	for _, s := range measured[vk.TraceSections][0].steps[0].submissions {
		run.Schedule.Submissions++
		run.Schedule.Dispatches += len(s.Dispatches)
		run.Schedule.Barriers += s.Barriers
	}
	r.sections(measured[vk.TraceSections])
	if err := r.dispatches(measured[vk.TraceCommands]); err != nil {
		return err
	}
	r.floor()
	r.timeline("concurrent", measured[vk.TraceSections][0])
	r.timeline("serialized", measured[vk.TraceCommands][0])
	return nil
}

// stepsOf are those of all series, in their order.
func stepsOf(measured []*series) (steps []step) {
	for _, b := range measured {
		steps = append(steps, b.steps...)
	}
	return steps
}

func wallOf(measured []*series) Wall {
	var w Wall
	for _, s := range stepsOf(measured) {
		w.SamplesUS = append(w.SamplesUS, micros(s.end.Sub(s.begin)))
	}
	w.MeanUS = stat.Mean(w.SamplesUS, nil)
	w.MedianUS, w.P5US, w.P95US = Quantile(w.SamplesUS, 0.5), Quantile(w.SamplesUS, 0.05), Quantile(w.SamplesUS, 0.95)
	return w
}

// Quantile of samples in any order, 0 of none: between the two nearest, as the median is of
// an even number (definition 7 of Hyndman and Fan, "Sample quantiles in statistical
// packages", 1996; gonum's own lie half a sample below).
func Quantile(samples []float64, p float64) float64 {
	if len(samples) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(samples))
	at := p * float64(len(sorted)-1)
	low := int(at)
	high := min(low+1, len(sorted)-1)
	return sorted[low] + (at-float64(low))*(sorted[high]-sorted[low])
}

func (r *runner) sections(measured []*series) {
	index := map[string]int{}
	for step, s := range stepsOf(measured) {
		for _, sub := range s.submissions {
			for _, span := range sub.Spans {
				i, ok := index[span.Section]
				if !ok {
					i = len(r.run.Sections)
					index[span.Section] = i
					r.run.Sections = append(r.run.Sections, Section{Name: span.Section})
				}
				section := &r.run.Sections[i]
				for len(section.SamplesUS) <= step {
					section.SamplesUS = append(section.SamplesUS, 0)
				}
				section.SamplesUS[step] += micros(r.dev.Between(span.Begin, span.End))
			}
		}
	}
	for i := range r.run.Sections {
		r.run.Sections[i].MedianUS = Quantile(r.run.Sections[i].SamplesUS, 0.5)
	}
}

// dispatches makes the table of dispatches. All steps have the same ones.
func (r *runner) dispatches(measured []*series) error {
	index := map[string]int{}
	steps := stepsOf(measured)
	for step, s := range steps {
		for _, sub := range s.submissions {
			if len(sub.Spans) != len(sub.Dispatches) {
				return fmt.Errorf("%d times of %d dispatches", len(sub.Spans), len(sub.Dispatches))
			}
			for n, span := range sub.Spans {
				d := &sub.Dispatches[n]
				grid, work := d.At(sub.Lengths)
				i, ok := index[d.Label]
				if !ok {
					i = len(r.run.Dispatches)
					index[d.Label] = i
					layer, operation := operationOf(d.Label)
					r.run.Dispatches = append(r.run.Dispatches, Dispatch{
						Label: d.Label, Section: span.Section, Layer: layer, Operation: operation,
						Pipeline: r.pipelines.index(d.Pipeline), Shape: shapeText(d), Grid: grid,
					})
				}
				row := &r.run.Dispatches[i]
				if step == 0 {
					row.Calls++
					row.ReadBytes += work.Read
					row.WrittenBytes += work.Written
					row.FLOPs += work.FLOPs
				}
				row.SamplesUS = append(row.SamplesUS, micros(r.dev.Between(span.Begin, span.End)))
			}
		}
	}
	for _, d := range r.run.Dispatches {
		if len(d.SamplesUS) != d.Calls*len(steps) {
			return fmt.Errorf("%s: %d times in %d steps of %d", d.Label, len(d.SamplesUS), len(steps), d.Calls)
		}
	}
	return nil
}

// operationOf splits blk.3.attn_q into 3 and attn_q; the layer is -1 where there is none.
func operationOf(label string) (layer int, operation string) {
	if rest, ok := strings.CutPrefix(label, "blk."); ok {
		number, name, _ := strings.Cut(rest, ".")
		if n, err := strconv.Atoi(number); err == nil {
			return n, name
		}
	}
	return -1, label
}

func shapeText(d *shaders.Dispatch) string {
	var b strings.Builder
	for i, name := range shaders.FindKernel(d.Pipeline.Kernel).Sizes {
		if i > 0 {
			b.WriteByte(' ')
		}
		fmt.Fprintf(&b, "%s=%d", name, d.Shape[i])
	}
	return b.String()
}

// floor needs the dispatches.
func (r *runner) floor() {
	run, m := &r.run, r.model
	cfg := m.Config()
	positions := int64(run.Depth + run.Tokens)
	heads := shaders.Heads{Heads: cfg.Heads, KVHeads: cfg.KVHeads, HeadDim: cfg.HeadDim}
	perPosition := 2 * int64(cfg.Layers) * shaders.KVBytes(heads, m.KV()) / shaders.PageTokens
	run.Floor.ReadBytes = m.BytesPerToken() + positions*perPosition
	for _, d := range run.Dispatches {
		run.Floor.FLOPs += d.FLOPs
	}
	roof := r.options.Roofs
	if roof == nil {
		return
	}
	run.Floor.MemoryUS = atRate(run.Floor.ReadBytes, roof.ReadBytesPerS) * 1e6
	run.Floor.ComputeUS = atRate(run.Floor.FLOPs, max(roof.F32FLOPsPerS, roof.F16FLOPsPerS, roof.Int8DotOpsPerS, roof.CoopMatFLOPsPerS)) * 1e6
	run.Floor.Bound = "memory"
	if run.Floor.ComputeUS > run.Floor.MemoryUS {
		run.Floor.Bound = "compute"
	}
	run.Floor.Share = max(run.Floor.MemoryUS, run.Floor.ComputeUS) / run.Unprofiled.MedianUS
}

// timelineSteps are shown; a step may have thousands of events.
const timelineSteps = 2

func (r *runner) timeline(mode string, b *series) {
	var origin time.Time
	add := func(step int, track, name string, begin, end time.Time) {
		if origin.IsZero() {
			origin = begin
		}
		r.run.Timeline = append(r.run.Timeline, Event{mode, track, name, step, micros(begin.Sub(origin)), micros(end.Sub(begin))})
	}
	for i, s := range b.steps[:min(timelineSteps, len(b.steps))] {
		for n, sub := range s.submissions {
			add(i, "host", "vkQueueSubmit", sub.Submit, sub.Submitted)
			if last := n == len(s.submissions)-1; last || sub.Wait != s.submissions[n+1].Wait {
				add(i, "host", "wait", sub.Wait, sub.Woken)
				if last {
					add(i, "host", "read timestamps", sub.Woken, sub.Read)
					add(i, "host", "read result", sub.Read, s.end)
				}
			}
			if len(sub.Spans) == 0 {
				continue
			}
			at := b.clock.at
			add(i, "device: submissions", sub.Name, at(sub.Spans[0].Begin), at(sub.Spans[len(sub.Spans)-1].End))
			for j := 0; j < len(sub.Spans); {
				k := j
				for k < len(sub.Spans) && sub.Spans[k].Section == sub.Spans[j].Section {
					k++
				}
				add(i, "device: sections", sub.Spans[j].Section, at(sub.Spans[j].Begin), at(sub.Spans[k-1].End))
				j = k
			}
			if mode == "serialized" {
				for _, span := range sub.Spans {
					add(i, "device: dispatches", span.Label, at(span.Begin), at(span.End))
				}
			}
		}
	}
}

// pipelines gathers those that ran.
type pipelines struct {
	profile *Profile
	known   map[*shaders.Pipeline]int
}

func (t *pipelines) index(p *shaders.Pipeline) int {
	if i, ok := t.known[p]; ok {
		return i
	}
	i := len(t.profile.Pipelines)
	t.known[p] = i
	entry := Pipeline{Kernel: p.Kernel, Variant: p.Variant, Lanes: p.Lanes, SubgroupSize: t.profile.Device.SubgroupSize}
	if p.Type != shaders.NoType {
		entry.Type = p.Type.String()
	}
	if list, err := p.Executables(); err == nil && len(list) > 0 { // an error: the device gives no statistics
		entry.SubgroupSize, entry.Statistics = list[0].SubgroupSize, list[0].Statistics
	}
	t.profile.Pipelines = append(t.profile.Pipelines, entry)
	return i
}
