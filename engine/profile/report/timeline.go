package report

import (
	"image/color"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"sealvk/engine/profile"
)

// track is a row of the timeline.
type track struct {
	name       string // "serialized\nhost"
	host       bool
	begin, end float64 // µs: what is shown, the same for all rows of a mode
	events     []profile.Event
}

// timelineTracks are the rows of each mode while its first step runs.
func timelineTracks(r *profile.Run) (tracks []track) {
	for _, mode := range []string{"concurrent", "serialized"} {
		events := slices.DeleteFunc(slices.Clone(r.Timeline), func(e profile.Event) bool { return e.Mode != mode })
		if len(events) == 0 {
			continue
		}
		begin, end := firstStep(events)
		for _, name := range []string{"host", "device: submissions", "device: sections", "device: dispatches"} {
			row := track{name: mode + "\n" + strings.TrimPrefix(name, "device: "), host: name == "host", begin: begin, end: end}
			for _, e := range events {
				if e.Track != name || e.Begin >= end || e.Begin+e.Dur < begin {
					continue
				}
				last := min(e.Begin+e.Dur, end)
				e.Begin = max(e.Begin, begin)
				e.Dur = last - e.Begin
				row.events = append(row.events, e)
			}
			if len(row.events) > 0 {
				tracks = append(tracks, row)
			}
		}
	}
	return tracks
}

// firstStep is when a mode's first step runs. It may have been submitted long before, while
// the device was busy with others: of the time before it runs, little is shown.
func firstStep(events []profile.Event) (begin, end float64) {
	first := events[0].Step
	for _, e := range events {
		first = min(first, e.Step)
	}
	begin, device := math.Inf(1), math.Inf(1)
	for _, e := range events {
		if e.Step != first {
			continue
		}
		begin, end = min(begin, e.Begin), max(end, e.Begin+e.Dur)
		if e.Track != "host" {
			device = min(device, e.Begin)
		}
	}
	if device < end {
		begin = max(begin, device-(end-device)/50)
	}
	return begin, end
}

func drawTimeline(c draw.Canvas, tracks []track, colours *paints) error {
	var longest float64
	for _, t := range tracks {
		longest = max(longest, t.end-t.begin)
	}
	unit, name := axisUnit(longest)
	pl := newPlot("Time ("+name+")", "")
	pl.X.Min, pl.X.Max = 0, longest/unit*1.01
	looks := slices.Clone(colours.order)
	for _, part := range []string{"submit", "wait", "readback", "host", "profile"} {
		if slices.ContainsFunc(tracks, func(t track) bool {
			return t.host && slices.ContainsFunc(t.events, func(e profile.Event) bool { return hostPaint(e.Name).name == part })
		}) {
			looks = append(looks, partPaints[part])
		}
	}
	drawRows(c, pl, tracks, func(t track) string { return t.name }, looks, 16,
		func(t track, c draw.Canvas, at float64) { t.draw(c, pl, at, unit, colours) })
	return nil
}

// draw draws the row's events, on a line where there is none, with names where they fit.
func (t track) draw(c draw.Canvas, pl *plot.Plot, at, unit float64, colours *paints) {
	x, y := pl.Transforms(&c)
	c.StrokeLine2(draw.LineStyle{Color: gridLine, Width: 0.8}, x(0), y(at), x((t.end-t.begin)/unit), y(at))
	for i, e := range t.events {
		look, name := bands[i%2], e.Name
		switch {
		case t.host:
			look = hostPaint(e.Name)
		case e.Track == "device: dispatches":
			look, name = colours.operation(e.Name), e.Name[strings.LastIndex(e.Name, ".")+1:]
		}
		box := vg.Rectangle{Min: vg.Point{X: x((e.Begin - t.begin) / unit), Y: y(at - 0.3)}, Max: vg.Point{X: x((e.Begin + e.Dur - t.begin) / unit), Y: y(at + 0.3)}}
		box.Max.X = max(box.Max.X, box.Min.X+0.4) // never invisible
		look.fill(&c, box)
		look.label(&c, box, name)
	}
}

// bands set neighbours apart that have no colour of their own.
var bands = []paint{
	{colour: color.RGBA{0xd4, 0xd4, 0xd4, 0xff}},
	{colour: color.RGBA{0xf2, 0xf2, 0xf2, 0xff}},
}
