package report

import (
	"cmp"
	"fmt"
	"strings"

	"sealvk/engine/profile"
)

// writeGroups writes the kernels of a run: what they take, then what they are.
func writeGroups(b *strings.Builder, p *profile.Profile, r *profile.Run, v View) {
	groups, left := v.groups(p, r)
	if len(groups) == 0 {
		b.WriteString("no dispatch fits the filter\n")
		return
	}
	by := cmp.Or(v.By, profile.ByOperation)
	times := &columns{titles: []string{"<" + string(by), "calls", "total µs", "mean µs", "p50 µs", "p95 µs", "% step",
		"bytes", "GB/s", "FLOPs", "GFLOP/s", "FLOP/B", "% roof", "<bound"}}
	launches := &columns{titles: []string{"<" + string(by), "<kernel", "<type", "<variant", "<shape", "grid", "lanes"}}
	all := profile.Group{Name: "all of these"}
	for i := range groups {
		g := &groups[i]
		all.Calls += g.Calls
		all.TotalUS += g.TotalUS
		all.Share += g.Share
		all.Bytes += g.Bytes
		all.FLOPs += g.FLOPs
		times.add(timeCells(g)...)
		launches.add(clip(g.Name, 32), clip(g.Kernel, 28), clip(orNone(g.Type), 12), clip(orNone(g.Variant), 24), clip(orNone(g.Shape), 44),
			grid(g.Grid), orDash(float64(g.Lanes), func(v float64) string { return fmt.Sprint(v) }))
	}
	all.SetRates()
	if all.Calls > 0 {
		all.MeanUS = all.TotalUS / float64(all.Calls)
	}
	times.add(timeCells(&all)...)
	times.write(b)
	if left > 0 {
		fmt.Fprintf(b, "%d more are not shown\n", left)
	}
	b.WriteString("\n")
	launches.write(b)
	if by == profile.ByLayer && len(r.Sections) > 0 {
		b.WriteString("\nconcurrent, without timestamps inside:\n")
		c := &columns{titles: []string{"<section", "median µs", "% step"}}
		for _, s := range r.Sections {
			share := "-"
			if r.Concurrent.MedianUS > 0 {
				share = percent(s.MedianUS / r.Concurrent.MedianUS)
			}
			c.add(s.Name, micro(s.MedianUS), share)
		}
		c.write(b)
	}
}

func timeCells(g *profile.Group) []string {
	giga := func(v float64) string { return digits(v / 1e9) }
	scaled := func(v float64) string { return strings.TrimRight(si(v), " ") }
	return []string{clip(g.Name, 32), fmt.Sprint(g.Calls), micro(g.TotalUS), micro(g.MeanUS), orDash(g.P50US, micro), orDash(g.P95US, micro),
		percent(g.Share), orDash(float64(g.Bytes), scaled), orDash(g.BytesPerS, giga), orDash(float64(g.FLOPs), scaled),
		orDash(g.FLOPsPerS, giga), orDash(g.Intensity, digits), orDash(g.RoofShare, percent), orNone(g.Bound)}
}

func orNone(text string) string { return cmp.Or(text, "-") }

// grid is "768 x 4", without trailing ones; "-" if the group's grids differ.
func grid(g [3]int) string {
	switch {
	case g == [3]int{}:
		return "-"
	case g[2] > 1:
		return fmt.Sprintf("%d x %d x %d", g[0], g[1], g[2])
	case g[1] > 1:
		return fmt.Sprintf("%d x %d", g[0], g[1])
	}
	return fmt.Sprint(g[0])
}

// writePipelines lists the kernels' variants with the driver's own figures under them.
func writePipelines(b *strings.Builder, p *profile.Profile) {
	c := &columns{titles: []string{"<kernel", "<type", "<variant", "lanes", "subgroup", "<the driver's statistics"}}
	const room = 80
	for _, pipeline := range p.Pipelines {
		var words []string
		for _, s := range pipeline.Statistics {
			words = append(words, strings.ReplaceAll(s.Name, " ", "\u00a0")+"\u00a0"+strings.ReplaceAll(s.Value, " ", "\u00a0")+",")
		}
		lines := wrap(words, room)
		if len(lines) == 0 {
			lines = []string{"-"}
		}
		for i, line := range lines {
			line = strings.ReplaceAll(strings.TrimSuffix(line, ","), "\u00a0", " ")
			if i == 0 {
				c.add(clip(pipeline.Kernel, 28), clip(orNone(pipeline.Type), 12), clip(orNone(pipeline.Variant), 24),
					fmt.Sprint(pipeline.Lanes), fmt.Sprint(pipeline.SubgroupSize), line)
			} else {
				c.add("", "", "", "", "", line)
			}
		}
	}
	c.write(b)
}
