package report

import (
	"math"
	"slices"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// anchor is a point that wants a name beside it.
type anchor struct {
	name   string
	at     vg.Point
	radius vg.Length // of the point
}

// placeLabels writes the names near their points, the first ones nearest, so that none
// covers a point, another name or what is taken. Those that end up farther off get a line.
func placeLabels(c *draw.Canvas, style draw.TextStyle, anchors []anchor, taken []vg.Rectangle) {
	crossed := append([]vg.Rectangle(nil), taken...) // what lines to names keep clear of
	var names []vg.Rectangle                         // above all of what is written
	for _, a := range anchors {
		r := vg.Point{X: a.radius, Y: a.radius}
		taken = append(taken, vg.Rectangle{Min: a.at.Sub(r), Max: a.at.Add(r)})
	}
	for _, a := range anchors {
		const near, far = 100, 400
		var box vg.Rectangle
		var end vg.Point
		ok := false
		for _, try := range []struct {
			reach   vg.Length
			crossed []vg.Rectangle
			others  []anchor
		}{{near, crossed, anchors}, {near, crossed, nil}, {near, names, nil}, {far, names, nil}, {far, nil, nil}} {
			if box, end, ok = findRoom(c, style, a, try.reach, taken, try.crossed, try.others); ok {
				break
			}
		}
		if !ok {
			continue
		}
		if distance(end, a.at) > float64(a.radius+5) {
			c.StrokeLine2(draw.LineStyle{Color: leader, Width: 0.8}, a.at.X, a.at.Y, end.X, end.Y)
			crossed = append(crossed, along(a.at, end, vg.Point{})...)
		}
		c.FillText(style, vg.Point{X: box.Min.X + 2, Y: (box.Min.Y + box.Max.Y) / 2}, a.name)
		taken, crossed, names = append(taken, box), append(crossed, box), append(names, box)
	}
}

// findRoom looks around a for a place, farther and farther off up to reach, that is not
// nearer to one of the others. It gives the box of the name and its corner or edge next to the point.
func findRoom(c *draw.Canvas, style draw.TextStyle, a anchor, reach vg.Length, taken, crossed []vg.Rectangle, others []anchor) (box vg.Rectangle, end vg.Point, ok bool) {
	width, height := style.Width(a.name), style.Height(a.name)
	half := vg.Point{X: width/2 + 2, Y: height/2 + 1}
	for far := a.radius + 4; far < a.radius+reach; far += 8 {
		for _, angle := range []float64{0, 180, 90, 270, 30, 150, 330, 210, 60, 120, 300, 240, 15, 165, 345, 195, 75, 105, 285, 255} {
			sin, cos := math.Sincos(angle * math.Pi / 180)
			middle := a.at.Add(vg.Point{X: vg.Length(cos) * (far + width/2), Y: vg.Length(sin) * (far + height/2)})
			box = vg.Rectangle{Min: middle.Sub(half), Max: middle.Add(half)}
			end = nearest(box, a.at)
			if inside(box, c.Rectangle) && !overlapsAny(box, taken) && !crosses(a.at, end, crossed) && isNearest(box, a, others) {
				return box, end, true
			}
		}
	}
	return box, end, false
}

// nearest is the point of the box next to at.
func nearest(box vg.Rectangle, at vg.Point) vg.Point {
	return vg.Point{X: min(max(at.X, box.Min.X), box.Max.X), Y: min(max(at.Y, box.Min.Y), box.Max.Y)}
}

func distance(a, b vg.Point) float64 { return math.Hypot(float64(a.X-b.X), float64(a.Y-b.Y)) }

// isNearest reports whether a is clearly nearer to the box than all others, but for those at
// its place.
func isNearest(box vg.Rectangle, a anchor, others []anchor) bool {
	own := distance(a.at, nearest(box, a.at))
	return !slices.ContainsFunc(others, func(o anchor) bool {
		return distance(a.at, o.at) > 3 && distance(o.at, nearest(box, o.at)) < own+6
	})
}

func inside(box, in vg.Rectangle) bool {
	return box.Min.X >= in.Min.X && box.Max.X <= in.Max.X && box.Min.Y >= in.Min.Y && box.Max.Y <= in.Max.Y
}

func overlapsAny(box vg.Rectangle, others []vg.Rectangle) bool {
	return slices.ContainsFunc(others, func(o vg.Rectangle) bool {
		return box.Min.X < o.Max.X && o.Min.X < box.Max.X && box.Min.Y < o.Max.Y && o.Min.Y < box.Max.Y
	})
}

// crosses reports whether the line from a to b runs through one of the boxes.
func crosses(a, b vg.Point, boxes []vg.Rectangle) bool {
	const steps = 24
	for i := range steps {
		at := a.Add(b.Sub(a).Scale(vg.Length(i) / steps))
		if overlapsAny(vg.Rectangle{Min: at, Max: at}, boxes) {
			return true
		}
	}
	return false
}
