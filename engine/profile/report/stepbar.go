package report

import (
	"fmt"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"sealvk/engine/profile"
)

// stepBar is a step, divided.
type stepBar struct {
	name     string
	wall     float64 // µs
	segments []segment
}

type segment struct {
	look paint
	us   float64
}

// stepBars are two for each run: the concurrent step by its budget, the serialized one by
// operations too. Where that makes too many, the serialized ones stay.
func stepBars(p *profile.Profile, colours *paints) (bars []stepBar) {
	const few, many = 5, 14 // runs
	for i := range p.Runs {
		r := &p.Runs[i]
		name := runName(r)
		if len(p.Runs) <= few {
			name = strings.Replace(name, " at ", "\nat ", 1) + "\n"
		} else {
			name += ", "
		}
		if r.Overlapped.WallUS > 0 && len(p.Runs) <= many {
			bar := stepBar{name: name + "concurrent", wall: r.Overlapped.WallUS}
			bar.segments = append(bar.segments, segment{others, r.Overlapped.KernelsUS})
			bar.segments[0].look.name = "all kernels"
			bars = append(bars, bar.with(&r.Overlapped))
		}
		if r.Budget.WallUS > 0 {
			bar := stepBar{name: name + "serialized", wall: r.Budget.WallUS}
			us := map[string]float64{}
			for _, g := range r.Groups(p, profile.ByOperation) {
				us[colours.operation(g.Name).name] += g.TotalUS
			}
			for _, look := range colours.order {
				bar.segments = append(bar.segments, segment{look, us[look.name]})
			}
			bars = append(bars, bar.with(&r.Budget))
		}
	}
	return bars
}

// with appends what is no kernel.
func (b stepBar) with(budget *profile.Budget) stepBar {
	for _, part := range parts(budget)[1:] {
		b.segments = append(b.segments, segment{partPaints[part.name], part.us})
	}
	return b
}

func drawStep(c draw.Canvas, bars []stepBar, colours *paints) error {
	looks := append([]paint(nil), colours.order...)
	for _, part := range parts(&profile.Budget{})[1:] {
		looks = append(looks, partPaints[part.name])
	}
	pl := newPlot("Share of the step's wall time (%)", "")
	pl.X.Min, pl.X.Max = 0, 100
	drawRows(c, pl, bars, func(b stepBar) string { return b.name }, looks, 110,
		func(b stepBar, c draw.Canvas, at float64) { drawBar(c, pl, b, at) })
	return nil
}

// drawBar draws a bar at y, with its shares where they fit and its time behind it.
func drawBar(c draw.Canvas, pl *plot.Plot, bar stepBar, at float64) {
	x, y := pl.Transforms(&c)
	style := lettering(tickSize)
	style.XAlign = text.XCenter
	from := 0.0
	for _, s := range bar.segments {
		to := from + 100*s.us/bar.wall
		box := vg.Rectangle{Min: vg.Point{X: x(from), Y: y(at - 0.36)}, Max: vg.Point{X: x(to), Y: y(at + 0.36)}}
		if s.us > 0 {
			s.look.fill(&c, box)
		}
		label := s.look.name + "\n" + digits(to-from) + " %"
		if style.Width(label)+6 > box.Size().X {
			label = digits(to-from) + " %"
		}
		s.look.label(&c, box, label)
		from = to
	}
	style.XAlign = text.XLeft
	c.FillText(style, vg.Point{X: x(100) + 10, Y: y(at)}, fmt.Sprintf("= %s", duration(bar.wall)))
}
