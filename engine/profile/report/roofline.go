package report

import (
	"cmp"
	"fmt"
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"sealvk/engine/profile"
	"sealvk/engine/profile/roofline"
)

// rooflinePoints are the operations that can be put on logarithmic axes, the longest first.
func rooflinePoints(p *profile.Profile, r *profile.Run) []profile.Group {
	groups := slices.DeleteFunc(r.Groups(p, profile.ByOperation), func(g profile.Group) bool {
		return g.Intensity <= 0 || g.FLOPsPerS <= 0 || math.IsInf(g.FLOPsPerS, 1) // of next to no time
	})
	slices.SortStableFunc(groups, func(a, b profile.Group) int { return cmp.Compare(b.TotalUS, a.TotalUS) })
	return groups
}

// roof is a rate of arithmetic that was measured.
type roof struct {
	name, unit string
	rate       float64
}

func computeRoofs(r *roofline.Roofs) []roof {
	if r == nil {
		return nil
	}
	roofs := []roof{
		{"f32", "FLOP/s", r.F32FLOPsPerS}, {"f16", "FLOP/s", r.F16FLOPsPerS},
		{"int8 dot products", "OP/s", r.Int8DotOpsPerS}, {"cooperative matrices", "FLOP/s", r.CoopMatFLOPsPerS},
	}
	slices.SortFunc(roofs, func(a, b roof) int { return cmp.Compare(a.rate, b.rate) })
	return slices.DeleteFunc(roofs, func(r roof) bool { return r.rate <= 0 })
}

// look is how marks of one kind are drawn, and what the legend says of them.
type look struct {
	name   string
	colour color.Color
	shape  draw.GlyphDrawer
	edge   draw.GlyphDrawer // in white around the shape, apart from those behind; nil: none
}

func (l *look) draw(c *draw.Canvas, at vg.Point, radius vg.Length) {
	c.DrawGlyph(draw.GlyphStyle{Color: l.colour, Radius: radius, Shape: l.shape}, at)
	if l.edge != nil {
		c.DrawGlyph(draw.GlyphStyle{Color: color.White, Radius: radius, Shape: l.edge}, at)
	}
}

// mark is an operation of a run on the roofline.
type mark struct {
	profile.Group
	look *look
}

// bounds are the looks of what may limit a kernel.
var bounds = map[string]*look{
	"memory":  {"bound by memory", okabeIto[0], draw.CircleGlyph{}, draw.RingGlyph{}},
	"compute": {"bound by compute", okabeIto[5], draw.PyramidGlyph{}, draw.TriangleGlyph{}},
	"latency": {"bound by latency", okabeIto[3], draw.BoxGlyph{}, draw.SquareGlyph{}},
	"":        {"a kernel", color.RGBA{0x60, 0x60, 0x60, 0xff}, draw.CircleGlyph{}, draw.RingGlyph{}}, // without roofs
}

// boundMarks are points of one run, told apart by what limits them.
func boundMarks(points []profile.Group) (marks []mark) {
	for _, g := range points {
		l, ok := bounds[g.Bound]
		if !ok {
			l = bounds[""]
		}
		marks = append(marks, mark{g, l})
	}
	return marks
}

// drawRoofline draws marks, of which there is at least one, under what the device can do at most, if that is known.
func drawRoofline(c draw.Canvas, r *roofline.Roofs, marks []mark) error {
	pl := newPlot("Arithmetic intensity (FLOP per byte)", "Speed (FLOP/s)")
	pl.X.Scale, pl.Y.Scale = plot.LogScale{}, plot.LogScale{}
	pl.X.Tick.Marker, pl.Y.Tick.Marker = decades{}, decades{}
	roofs := computeRoofs(r)
	x0, x1, y0, y1 := math.Inf(1), 0.0, math.Inf(1), 0.0
	for _, m := range marks {
		x0, x1, y0, y1 = min(x0, m.Intensity), max(x1, m.Intensity), min(y0, m.FLOPsPerS), max(y1, m.FLOPsPerS)
	}
	var bandwidth float64
	if r != nil {
		bandwidth = r.ReadBytesPerS
	}
	for _, r := range roofs {
		y1 = max(y1, r.rate)
		if bandwidth > 0 {
			x1 = max(x1, 4*r.rate/bandwidth)
		}
	}
	const most = 1e40 // of a scale; what was measured stays below 1e10
	if !(x1/x0 < most && y1/y0 < most) {
		return fmt.Errorf("its figures are no measurements: from %.3g to %.3g FLOP per byte, from %.3g to %.3g FLOP/s", x0, x1, y0, y1)
	}
	pl.X.Min, pl.X.Max, pl.Y.Min, pl.Y.Max = x0/3, 3*x1, y0/3, 3*y1
	pl.Add(drawing(logGrid), drawing(func(c draw.Canvas, pl *plot.Plot) {
		taken := drawRoofs(c, pl, roofs, bandwidth)
		taken = append(taken, drawLooks(c, marks))
		drawMarks(c, pl, marks, taken)
	}))
	pl.Draw(c)
	return nil
}

// drawRoofs draws the slope of the bandwidth up to the highest roof, and each roof from
// that slope on. It gives boxes around the lines and their names.
func drawRoofs(c draw.Canvas, pl *plot.Plot, roofs []roof, bandwidth float64) (taken []vg.Rectangle) {
	x, y := pl.Transforms(&c)
	line := draw.LineStyle{Color: ink, Width: 1.8}
	style := lettering(tickSize)
	style.YAlign = text.YBottom
	if bandwidth > 0 {
		top := pl.Y.Max
		if len(roofs) > 0 {
			top = roofs[len(roofs)-1].rate
		}
		from, to := max(pl.X.Min, pl.Y.Min/bandwidth), min(pl.X.Max, top/bandwidth)
		if from < to {
			a, b := vg.Point{X: x(from), Y: y(from * bandwidth)}, vg.Point{X: x(to), Y: y(to * bandwidth)}
			c.StrokeLine2(line, a.X, a.Y, b.X, b.Y)
			style.Rotation = math.Atan2(float64(b.Y-a.Y), float64(b.X-a.X))
			sin, cos := math.Sincos(style.Rotation)
			up := vg.Point{X: vg.Length(-4 * sin), Y: vg.Length(4 * cos)}
			c.FillText(style, a.Add(b.Sub(a).Scale(0.06)).Add(up), "read "+si(bandwidth)+"B/s")
			style.Rotation = 0
			taken = append(taken, along(a, b, up.Scale(2))...)
		}
	}
	style.XAlign = text.XRight
	var names []vg.Rectangle
	for i, r := range roofs {
		from := pl.X.Min
		if bandwidth > 0 {
			from = max(from, r.rate/bandwidth)
		}
		look := line
		look.Dashes = [][]vg.Length{nil, {8, 4}, {2, 3}, {10, 3, 2, 3}}[i%4]
		a, b := vg.Point{X: x(from), Y: y(r.rate)}, vg.Point{X: x(pl.X.Max), Y: y(r.rate)}
		c.StrokeLine2(look, a.X, a.Y, b.X, b.Y)
		name := r.name + " " + si(r.rate) + r.unit
		at := vg.Point{X: b.X - 6, Y: b.Y + 3}
		if height := style.Height(name) + 4; i+1 < len(roofs) && y(roofs[i+1].rate)-b.Y < height {
			at.Y = b.Y - height // the next roof is too near
		}
		for overlapsAny(style.Rectangle(name).Add(at), names) {
			at.X -= 20
		}
		c.FillText(style, at, name)
		names = append(names, style.Rectangle(name).Add(at))
		taken = append(taken, along(a, b, vg.Point{})...)
	}
	return append(taken, names...)
}

// along gives boxes that cover the line from a to b, moved by shift, which may be askew.
func along(a, b, shift vg.Point) (boxes []vg.Rectangle) {
	const side = 8
	steps := int(math.Hypot(float64(b.X-a.X), float64(b.Y-a.Y))/side) + 1
	for i := range steps + 1 {
		at := a.Add(b.Sub(a).Scale(vg.Length(i) / vg.Length(steps))).Add(shift)
		half := vg.Point{X: side/2 + max(shift.X, -shift.X), Y: side/2 + max(shift.Y, -shift.Y)}
		boxes = append(boxes, vg.Rectangle{Min: at.Sub(half), Max: at.Add(half)})
	}
	return boxes
}

// drawMarks draws the operations, larger where they take more of the step, with names that do not cover
// one another. A line leads from an operation to the next mark of its name: in another run.
func drawMarks(c draw.Canvas, pl *plot.Plot, marks []mark, taken []vg.Rectangle) {
	x, y := pl.Transforms(&c)
	var anchors []anchor
	last := map[string]vg.Point{}
	for _, m := range marks {
		radius := vg.Length(4 + 8*math.Sqrt(min(1, max(0, m.Share))))
		at := vg.Point{X: x(m.Intensity), Y: y(m.FLOPsPerS)}
		if from, ok := last[m.Name]; ok {
			c.StrokeLine2(draw.LineStyle{Color: leader, Width: 1.2, Dashes: []vg.Length{2, 2}}, from.X, from.Y, at.X, at.Y)
		}
		last[m.Name] = at
		anchors = append(anchors, anchor{m.Name, at, radius})
	}
	for i, m := range marks {
		m.look.draw(&c, anchors[i].at, anchors[i].radius)
	}
	placeLabels(&c, lettering(tickSize), anchors, taken)
}

// drawLooks explains the marks, and gives the box that the explanation takes.
func drawLooks(c draw.Canvas, marks []mark) vg.Rectangle {
	const left, down = 30, 20
	style := lettering(tickSize)
	y, width := c.Max.Y-16, left+style.Width("larger: more of the step's time")
	var seen []*look
	for _, m := range marks {
		if slices.Contains(seen, m.look) {
			continue
		}
		seen = append(seen, m.look)
		m.look.draw(&c, vg.Point{X: c.Min.X + 16, Y: y}, 6)
		c.FillText(style, vg.Point{X: c.Min.X + left, Y: y}, m.look.name)
		width = max(width, left+style.Width(m.look.name))
		y -= down
	}
	c.FillText(style, vg.Point{X: c.Min.X + 10, Y: y}, "larger: more of the step's time")
	return vg.Rectangle{Min: vg.Point{X: c.Min.X, Y: y - down/2}, Max: vg.Point{X: c.Min.X + width, Y: c.Max.Y}}
}

// logGrid draws a line at every labelled tick.
func logGrid(c draw.Canvas, pl *plot.Plot) {
	x, y := pl.Transforms(&c)
	line := draw.LineStyle{Color: gridLine, Width: 0.5}
	for _, t := range pl.X.Tick.Marker.Ticks(pl.X.Min, pl.X.Max) {
		if t.Label != "" {
			c.StrokeLine2(line, x(t.Value), c.Min.Y, x(t.Value), c.Max.Y)
		}
	}
	for _, t := range pl.Y.Tick.Marker.Ticks(pl.Y.Min, pl.Y.Max) {
		if t.Label != "" {
			c.StrokeLine2(line, c.Min.X, y(t.Value), c.Max.X, y(t.Value))
		}
	}
}
