package report

import (
	"cmp"
	"image/color"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"sealvk/engine/profile"
)

// okabeIto are colours that people with any colour vision tell apart.
// Okabe and Ito, Color Universal Design, 2008; black is left for text.
var okabeIto = []color.RGBA{
	{0x00, 0x72, 0xb2, 0xff}, // blue
	{0xe6, 0x9f, 0x00, 0xff}, // orange
	{0x00, 0x9e, 0x73, 0xff}, // bluish green
	{0xcc, 0x79, 0xa7, 0xff}, // reddish purple
	{0x56, 0xb4, 0xe9, 0xff}, // sky blue
	{0xd5, 0x5e, 0x00, 0xff}, // vermillion
	{0xf0, 0xe4, 0x42, 0xff}, // yellow
}

// pattern sets greys apart.
type pattern int

const (
	plain   pattern = iota
	upright         // |||
	level           // ===
	checked         // both
)

// paint fills an area.
type paint struct {
	name    string // in the legend
	colour  color.Color
	pattern pattern
}

// fill draws r, with a thin edge where there is room.
func (p paint) fill(c *draw.Canvas, r vg.Rectangle) {
	fillRect(c, r, p.colour)
	const apart = 5
	line := draw.LineStyle{Color: fixedInk, Width: 0.6}
	if p.pattern == upright || p.pattern == checked {
		for x := r.Min.X + apart/2; x < r.Max.X; x += apart {
			c.StrokeLine2(line, x, r.Min.Y, x, r.Max.Y)
		}
	}
	if p.pattern == level || p.pattern == checked {
		for y := r.Min.Y + apart/2; y < r.Max.Y; y += apart {
			c.StrokeLine2(line, r.Min.X, y, r.Max.X, y)
		}
	}
	if r.Size().X > 3 {
		strokeRect(c, r, draw.LineStyle{Color: fixedInk, Width: 0.4})
	}
}

// label writes a name into a filled area: upright where that is too narrow, not at all
// where it is too small.
func (p paint) label(c *draw.Canvas, r vg.Rectangle, name string) {
	style := on(lettering(tickSize), p.colour)
	style.XAlign = text.XCenter
	width, height := style.Width(name)+6, style.Height(name)+2
	if width > r.Size().X {
		style.Rotation = math.Pi / 2
		width, height = height, width
	}
	if width > r.Size().X || height > r.Size().Y {
		return
	}
	middle := r.Min.Add(r.Max).Scale(0.5)
	if p.pattern != plain {
		half := vg.Point{X: width / 2, Y: height / 2}
		fillRect(c, vg.Rectangle{Min: middle.Sub(half), Max: middle.Add(half)}, p.colour)
	}
	c.FillText(style, middle, name)
}

// paints gives every operation and every other part of a step its own look, the same in
// all pictures of a profile.
type paints struct {
	operations map[string]paint
	order      []paint // of legends
}

// partPaints are those of what is no kernel, by the names of parts.
var partPaints = map[string]paint{
	"gaps":     {"gaps", color.RGBA{0xe4, 0xe4, 0xe4, 0xff}, plain},
	"submit":   {"submit", color.RGBA{0xe4, 0xe4, 0xe4, 0xff}, upright},
	"wait":     {"wait", color.RGBA{0xe4, 0xe4, 0xe4, 0xff}, level},
	"readback": {"readback", color.RGBA{0xe4, 0xe4, 0xe4, 0xff}, checked},
	"host":     {"host", color.RGBA{0xa0, 0xa0, 0xa0, 0xff}, plain},
	"profile":  {"profile", color.RGBA{0xa0, 0xa0, 0xa0, 0xff}, upright},
}

// others is all operations that share what no colour is left for.
var others = paint{"other kernels", color.RGBA{0x60, 0x60, 0x60, 0xff}, plain}

// newPaints gives the colours to the operations that take most of any run's time.
func newPaints(p *profile.Profile) *paints {
	most := map[string]float64{}
	var names []string
	for i := range p.Runs {
		for _, g := range p.Runs[i].Groups(p, profile.ByOperation) {
			if _, ok := most[g.Name]; !ok {
				names = append(names, g.Name)
			}
			most[g.Name] = max(most[g.Name], g.Share)
		}
	}
	slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(most[b], most[a]) })
	s := &paints{operations: map[string]paint{}}
	for i, name := range names {
		look := others
		if i < len(okabeIto) {
			look = paint{name, okabeIto[i], plain}
			s.order = append(s.order, look)
		}
		s.operations[name] = look
	}
	if len(names) > len(okabeIto) {
		s.order = append(s.order, others)
	}
	return s
}

// operation is the look of a dispatch's label, blk.3.attn_q, or of an operation.
func (s *paints) operation(label string) paint {
	if look, ok := s.operations[label]; ok {
		return look
	}
	if look, ok := s.operations[label[strings.LastIndex(label, ".")+1:]]; ok {
		return look
	}
	return others
}

// hostPaint is the look of what the host does, by its name in the timeline.
func hostPaint(name string) paint {
	for _, rule := range []struct{ in, part string }{
		{"ubmit", "submit"}, {"wait", "wait"}, {"timestamp", "profile"}, {"profile", "profile"}, {"read", "readback"},
	} {
		if strings.Contains(name, rule.in) {
			return partPaints[rule.part]
		}
	}
	return partPaints["host"]
}

// legend draws looks below one another from the top left of c, and gives its width.
func legend(c draw.Canvas, looks []paint) {
	style := lettering(tickSize)
	const side, line = 13, 21
	y := c.Max.Y
	for _, look := range looks {
		if y-line < c.Min.Y {
			return
		}
		y -= line
		look.fill(&c, vg.Rectangle{Min: vg.Point{X: c.Min.X, Y: y}, Max: vg.Point{X: c.Min.X + side, Y: y + side}})
		c.FillText(style, vg.Point{X: c.Min.X + side + 6, Y: y + side/2}, look.name)
	}
}

func legendWidth(looks []paint) vg.Length {
	var width vg.Length
	for _, look := range looks {
		width = max(width, lettering(tickSize).Width(look.name))
	}
	return width + 24
}

// dark reports whether text on the colour must be white.
func dark(c color.Color) bool {
	r, g, b, _ := c.RGBA()
	return 299*r+587*g+114*b < 1000*0x6400
}

// Black and white follow the page into dark mode; what lies on a colour must not.
var (
	fixedInk   = color.RGBA{0x01, 0x01, 0x01, 0xff}
	fixedPaper = color.RGBA{0xfe, 0xfe, 0xfe, 0xff}
)

// on is text that is read on that colour.
func on(style draw.TextStyle, c color.Color) draw.TextStyle {
	style.Color = fixedInk
	if dark(c) {
		style.Color = fixedPaper
	}
	return style
}
