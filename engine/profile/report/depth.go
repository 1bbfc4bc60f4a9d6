package report

import (
	"cmp"
	"slices"

	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"sealvk/engine/profile"
)

// depthPoint is a decode run.
type depthPoint struct {
	depth             float64
	low, median, high float64 // ms, unprofiled: p5, median, p95
	floor             float64 // ms; 0: unknown
}

// depthPoints are the decode runs of a profile, by depth.
func depthPoints(p *profile.Profile) (points []depthPoint) {
	for i := range p.Runs {
		if r := &p.Runs[i]; r.Phase == "decode" {
			u := &r.Unprofiled
			points = append(points, depthPoint{float64(r.Depth), u.P5US / 1e3, u.MedianUS / 1e3, u.P95US / 1e3, floorUS(r) / 1e3})
		}
	}
	slices.SortStableFunc(points, func(a, b depthPoint) int { return cmp.Compare(a.depth, b.depth) })
	return slices.CompactFunc(points, func(a, b depthPoint) bool { return a.depth == b.depth })
}

// drawDepth draws the medians with bars from p5 to p95, and the floor under them.
func drawDepth(c draw.Canvas, points []depthPoint) error {
	pl := newPlot("Positions in the KV cache (tokens)", "Time of a decode step (ms)")
	var medians, floors plotter.XYs
	spread := struct {
		plotter.XYs
		plotter.YErrors
	}{}
	for _, p := range points {
		medians = append(medians, plotter.XY{X: p.depth, Y: p.median})
		spread.YErrors = append(spread.YErrors, struct{ Low, High float64 }{p.median - p.low, p.high - p.median})
		if p.floor > 0 {
			floors = append(floors, plotter.XY{X: p.depth, Y: p.floor})
		}
	}
	spread.XYs = medians
	line, dots, err := plotter.NewLinePoints(medians)
	if err != nil {
		return err
	}
	bars, err := plotter.NewYErrorBars(spread)
	if err != nil {
		return err
	}
	line.Color, line.Width = okabeIto[0], 2
	dots.GlyphStyle = draw.GlyphStyle{Color: okabeIto[0], Radius: 5, Shape: draw.CircleGlyph{}}
	bars.LineStyle, bars.CapWidth = draw.LineStyle{Color: ink, Width: 1.2}, 18
	pl.Add(plotter.NewGrid(), line, dots, bars)
	pl.Legend.Add("median, unprofiled; bars from p5 to p95", line, dots)
	if len(floors) > 0 {
		floor, err := plotter.NewLine(floors)
		if err != nil {
			return err
		}
		floor.Color, floor.Width, floor.Dashes = okabeIto[5], 2, []vg.Length{8, 4}
		pl.Add(floor)
		pl.Legend.Add("floor: the least time at the measured roofs", floor)
	}
	pl.X.Min, pl.Y.Min = 0, 0
	pl.X.Max, pl.Y.Max = 1.03*pl.X.Max, 1.15*pl.Y.Max
	pl.Legend.Top, pl.Legend.Left = true, true
	pl.Legend.TextStyle.Font = lettering(tickSize).Font
	pl.Legend.ThumbnailWidth, pl.Legend.Padding = 40, 4
	pl.Legend.XOffs, pl.Legend.YOffs = 12, -6
	pl.Draw(c)
	return nil
}
