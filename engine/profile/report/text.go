package report

import (
	"fmt"
	"io"
	"strings"

	"sealvk/engine/profile"
)

// lineWidth is what running text is broken at.
const lineWidth = 140

func writeText(w io.Writer, p *profile.Profile, v View) error {
	if err := v.Check(); err != nil {
		return err
	}
	var b strings.Builder
	for i := range p.Runs {
		fmt.Fprintf(&b, "%s\n", headline(&p.Runs[i]))
	}
	b.WriteString("\n")
	writeFacts(&b, facts(p))
	for i := range p.Runs {
		r := &p.Runs[i]
		fmt.Fprintf(&b, "\n=== %s\n\n", runName(r))
		writeFacts(&b, runFacts(r))
		b.WriteString("\n")
		c := &columns{titles: []string{"<part of a step", "concurrent µs", "%", "serialized µs", "%", "<what it is"}}
		for _, l := range budget(r) {
			c.add(l.Name, l.Concurrent.US, l.Concurrent.Percent, l.Serialized.US, l.Serialized.Percent, l.About)
		}
		c.write(&b)
		b.WriteString("\n")
		writeGroups(&b, p, r, v)
	}
	if len(p.Pipelines) > 0 {
		b.WriteString("\n=== programs, as the driver built them\n\n")
		writePipelines(&b, p)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// headline says what share of the possible speed a run reached.
func headline(r *profile.Run) string {
	if floorUS(r) <= 0 {
		return fmt.Sprintf("%s: %s a step, %s tokens/s; the floor is unknown without measured roofs",
			runName(r), duration(r.Unprofiled.MedianUS), digits(tokensPerS(r)))
	}
	return fmt.Sprintf("%s %% of the floor's speed: %s takes %s a step where %s would do, %s tokens/s, bound by %s",
		percent(r.Floor.Share), runName(r), duration(r.Unprofiled.MedianUS), duration(floorUS(r)), digits(tokensPerS(r)), r.Floor.Bound)
}

// fact is a line of a list.
type fact struct{ Label, Text string }

// writeFacts breaks long lines.
func writeFacts(b *strings.Builder, facts []fact) {
	const indent = 12
	for _, f := range facts {
		name := f.Label
		for _, line := range wrap(strings.Fields(f.Text), lineWidth-indent) {
			fmt.Fprintf(b, "%-*s%s\n", indent, name, line)
			name = ""
		}
	}
}

// facts are what was measured, and on what.
func facts(p *profile.Profile) []fact {
	d, m := &p.Device, &p.Model
	arithmetic := ""
	if m.IntDot {
		arithmetic = ", integer dot products in decode"
	}
	if m.Numerics != "" {
		arithmetic += ", numerics " + m.Numerics
	}
	list := []fact{
		{"device", fmt.Sprintf("%s, %s, Vulkan %s, subgroups of %d, %s clock", d.Name, d.Type, d.APIVersion, d.SubgroupSize, d.Clock)},
		{"driver", strings.TrimSuffix(d.Driver+", "+d.DriverInfo, ", ")},
		{"model", fmt.Sprintf("%s, KV cache %s%s; %d layers, dim %d, ffn %d, heads %d, KV heads %d of %d, vocabulary %d",
			modelName(p), m.KV, arithmetic, m.Layers, m.Dim, m.FFNDim, m.Heads, m.KVHeads, m.HeadDim, m.Vocab)},
		{"weights", fmt.Sprintf("%sB, of which a decode step reads %sB", si(float64(m.WeightsBytes)), si(float64(m.BytesPerToken)))},
	}
	if m.Tuning != "" {
		list = append(list, fact{"tuning", m.Tuning})
	}
	if text := roofsText(p); text != "" {
		list = append(list, fact{"roofs", text})
	}
	return list
}

// roofsText is what the device was measured to do; "" without.
func roofsText(p *profile.Profile) string {
	r := p.Roofs
	if r == nil {
		return ""
	}
	var list []string
	rate := func(name string, v float64, unit string) {
		if v > 0 {
			list = append(list, name+" "+si(v)+unit)
		}
	}
	rate("read", r.ReadBytesPerS, "B/s")
	rate("copy", r.CopyBytesPerS, "B/s")
	rate("f32", r.F32FLOPsPerS, "FLOP/s")
	rate("f16", r.F16FLOPsPerS, "FLOP/s")
	rate("int8 dot", r.Int8DotOpsPerS, "OP/s")
	rate("cooperative matrices", r.CoopMatFLOPsPerS, "FLOP/s")
	list = append(list, "dispatch "+duration(r.DispatchUS), "barrier "+duration(r.BarrierUS), "submission "+duration(r.SubmissionUS))
	return strings.Join(list, ", ")
}

// runFacts are what the tables of a run do not show.
func runFacts(r *profile.Run) []fact {
	f, u := &r.Floor, &r.Unprofiled
	floor := fact{"floor", fmt.Sprintf("memory %s for %sB, compute %s for %sFLOP",
		duration(f.MemoryUS), si(float64(f.ReadBytes)), duration(f.ComputeUS), si(float64(f.FLOPs)))}
	if floorUS(r) <= 0 {
		floor.Text = fmt.Sprintf("unknown without measured roofs; %sB are read, %sFLOP computed", si(float64(f.ReadBytes)), si(float64(f.FLOPs)))
	}
	cost := func(w *profile.Wall) string {
		return fmt.Sprintf("%+.1f %% (%s a step)", 100*w.Overhead, duration(w.MedianUS))
	}
	s := &r.Schedule
	return []fact{
		floor,
		{"wall", fmt.Sprintf("%s a step, the median of %s (mean %s, p5 %s, p95 %s): %s tokens/s", duration(u.MedianUS),
			plural(len(u.SamplesUS), "step", "s"), duration(u.MeanUS), duration(u.P5US), duration(u.P95US), digits(tokensPerS(r)))},
		{"profiling", "adds to that: concurrent " + cost(&r.Concurrent) + ", serialized " + cost(&r.Serialized)},
		{"schedule", fmt.Sprintf("%s a step, %s, %s, at most %s in flight", plural(s.Submissions, "submission", "s"),
			plural(s.Dispatches, "dispatch", "es"), plural(s.Barriers, "barrier", "s"), plural(s.InFlight, "step", "s"))},
	}
}

// budgetLine is a part of the mean step, or a line below the parts.
type budgetLine struct {
	Name, About            string
	Concurrent, Serialized budgetShare
	InBar                  bool
}

// budgetShare is a time, and its percentage in digits that are shown and that are drawn.
type budgetShare struct{ US, Percent, Width string }

// budget divides the mean step.
func budget(r *profile.Run) (lines []budgetLine) {
	o, b := &r.Overlapped, &r.Budget
	share := func(us, part, wall float64) budgetShare {
		if wall <= 0 {
			return budgetShare{micro(us), "-", "0"}
		}
		return budgetShare{micro(us), percent(part / wall), fmt.Sprintf("%.3f", 100*part/wall)}
	}
	add := func(name, about string, bar bool, ous, opart, bus, bpart float64) {
		lines = append(lines, budgetLine{name, about, share(ous, opart, o.WallUS), share(bus, bpart, b.WallUS), bar})
	}
	concurrent := parts(o)
	for i, part := range parts(b) {
		add(part.name, part.about, true, concurrent[i].us, concurrent[i].us, part.us, part.us)
	}
	add("wall", "% is the sum of the parts", false, o.WallUS, sum(o), b.WallUS, sum(b))
	add("(kernels)", "once more, by the device's clock alone", false, o.KernelTicksUS, o.KernelTicksUS, b.KernelTicksUS, b.KernelTicksUS)
	return lines
}

func sum(b *profile.Budget) (us float64) {
	for _, p := range parts(b) {
		us += p.us
	}
	return us
}
