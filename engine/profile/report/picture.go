package report

import (
	"bytes"
	"fmt"
	"html"
	"image/color"
	"io"
	"regexp"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"

	"sealvk/engine/profile"
)

// A picture is 1600 x 1000 pixels as PNG.
const (
	pictureWidth  = 16 * vg.Inch
	pictureHeight = 10 * vg.Inch
	pictureDPI    = 100
)

// Picture is a drawing of a profile.
type Picture struct {
	Name     string // of its file, without the ending
	Title    string
	Subtitle string // model and device
	draw     func(draw.Canvas) error
}

// PictureFormats are those of Picture.Write, which are the files' endings too.
func PictureFormats() []string { return []string{"png", "svg"} }

// Pictures are those that a profile gives. omitted says which it does not give, and why.
func Pictures(p *profile.Profile) (pictures []Picture, omitted []string, err error) {
	if err := check(p); err != nil {
		return nil, nil, err
	}
	colours := newPaints(p)
	add := func(name, title string, draw func(draw.Canvas) error) {
		pictures = append(pictures, Picture{name, title, modelName(p) + " on " + p.Device.Name, draw})
	}
	for i := range p.Runs {
		r := &p.Runs[i]
		if points := rooflinePoints(p, r); len(points) > 0 {
			add("roofline-"+runFile(p, i), "Roofline of "+runName(r), func(c draw.Canvas) error { return drawRoofline(c, p.Roofs, boundMarks(points)) })
		} else {
			omitted = append(omitted, "the roofline of "+runName(r)+": no kernel has both bytes and FLOPs")
		}
		if h := newHeatMap(p, r); len(h.layers) > 0 {
			add("layers-"+runFile(p, i), "Time of each operation in each layer, "+runName(r), h.draw)
		} else {
			omitted = append(omitted, "the layers of "+runName(r)+": no dispatch belongs to a layer")
		}
		if tracks := timelineTracks(r); len(tracks) > 0 {
			add("timeline-"+runFile(p, i), "Timeline of one step, "+runName(r), func(c draw.Canvas) error { return drawTimeline(c, tracks, colours) })
		} else {
			omitted = append(omitted, "the timeline of "+runName(r)+": it holds no event")
		}
	}
	if bars := stepBars(p, colours); len(bars) > 0 {
		add("step", "Where the time of a step goes", func(c draw.Canvas) error { return drawStep(c, bars, colours) })
	}
	if points := depthPoints(p); len(points) > 1 {
		add("depth", "Time of a decode step over the depth of the KV cache", func(c draw.Canvas) error { return drawDepth(c, points) })
	} else {
		omitted = append(omitted, "the time over the KV cache's depth: it takes decode runs at two depths or more")
	}
	return pictures, omitted, nil
}

// Write draws the picture in one of PictureFormats.
func (p Picture) Write(w io.Writer, format string) error {
	var canvas vg.CanvasWriterTo
	switch format {
	case "png":
		canvas = vgimg.PngCanvas{Canvas: vgimg.NewWith(vgimg.UseWH(pictureWidth, pictureHeight), vgimg.UseDPI(pictureDPI))}
	case "svg":
		canvas = vgsvg.New(pictureWidth, pictureHeight)
	default:
		return fmt.Errorf("report: unknown format %q of a picture: want one of %v", format, PictureFormats())
	}
	c := draw.New(canvas)
	fillRect(&c, c.Rectangle, color.White)
	const margin, head = 14, 52
	for _, line := range []struct {
		text       string
		size, down vg.Length
	}{{p.Title, titleSize, 22}, {p.Subtitle, labelSize, 44}} {
		style := lettering(line.size)
		style.XAlign = text.XCenter
		c.FillText(style, vg.Point{X: c.Center().X, Y: c.Max.Y - line.down}, line.text)
	}
	if err := p.draw(draw.Crop(c, margin, -margin, margin, -margin-head)); err != nil {
		return fmt.Errorf("report: picture %s: %w", p.Name, err)
	}
	if format == "svg" {
		var b bytes.Buffer
		if _, err := canvas.WriteTo(&b); err != nil {
			return err
		}
		_, err := w.Write(fitText(b.Bytes()))
		return err
	}
	_, err := canvas.WriteTo(w)
	return err
}

var svgText = regexp.MustCompile(`style="(font-family:Liberation Sans);([^"]*font-size:([0-9.]+)px[^"]*)">([^<]*)</text>`)

// fitText gives every text of an SVG file the width that it was laid out for, and fonts
// like Liberation Sans: a viewer may have another font.
func fitText(svg []byte) []byte {
	return svgText.ReplaceAllFunc(svg, func(found []byte) []byte {
		m := svgText.FindSubmatch(found)
		size, err := strconv.ParseFloat(string(m[3]), 64)
		if err != nil {
			return found
		}
		width := lettering(vg.Length(size)).Width(html.UnescapeString(string(m[4])))
		return fmt.Appendf(nil, `style="%s,Arimo,Arial,Helvetica,sans-serif;%s" textLength="%.1f" lengthAdjust="spacingAndGlyphs">%s</text>`,
			m[1], m[2], width.Points(), m[4])
	})
}

// Sizes of text, in points: 11 points are 15 pixels.
const (
	titleSize = 16
	labelSize = 13
	tickSize  = 11
)

var (
	ink      = color.Black
	gridLine = color.NRGBA{0x88, 0x88, 0x88, 0x60}
	leader   = color.NRGBA{0x88, 0x88, 0x88, 0xff} // from a point to its name
)

// lettering is text of that size, set from its left and on its middle.
func lettering(size vg.Length) text.Style {
	return text.Style{Color: ink, Font: font.Font{Typeface: "Liberation", Variant: "Sans", Size: size},
		XAlign: text.XLeft, YAlign: text.YCenter, Handler: plot.DefaultTextHandler}
}

// newPlot has the fonts and ticks of all pictures. x and y are the labels of the axes.
func newPlot(x, y string) *plot.Plot {
	p := plot.New()
	p.BackgroundColor = nil
	p.X.Label.Text, p.Y.Label.Text = x, y
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.Tick.Marker = evenly{}
		axis.Label.Padding = 6
		axis.Label.TextStyle.Font = lettering(labelSize).Font
		axis.Tick.Label.Font = lettering(tickSize).Font
		axis.Padding = 0
	}
	return p
}

func fillRect(c *draw.Canvas, r vg.Rectangle, colour color.Color) {
	c.FillPolygon(colour, corners(r))
}

func strokeRect(c *draw.Canvas, r vg.Rectangle, line draw.LineStyle) {
	c.StrokeLines(line, append(corners(r), r.Min))
}

func corners(r vg.Rectangle) []vg.Point {
	return []vg.Point{r.Min, {X: r.Max.X, Y: r.Min.Y}, r.Max, {X: r.Min.X, Y: r.Max.Y}}
}

// drawRows draws a plot with rows and their names, the first on top, and looks beside it, apart
// by gap. row draws one at its height.
func drawRows[T any](c draw.Canvas, pl *plot.Plot, rows []T, name func(T) string, looks []paint, gap vg.Length, row func(r T, c draw.Canvas, at float64)) {
	var ticks plot.ConstantTicks
	for i, r := range rows {
		ticks = append(ticks, plot.Tick{Value: float64(len(rows) - 1 - i), Label: name(r)})
	}
	pl.Y.Min, pl.Y.Max = -0.5, float64(len(rows))-0.5
	pl.Y.Tick.Marker, pl.Y.Tick.Length = ticks, 0
	pl.Add(drawing(func(c draw.Canvas, _ *plot.Plot) {
		for i, r := range rows {
			row(r, c, ticks[i].Value)
		}
	}))
	width := legendWidth(looks)
	pl.Draw(draw.Crop(c, 0, -width-gap, 0, 0))
	legend(draw.Crop(c, c.Size().X-width, 0, 0, -70), looks)
}

// drawing is a part of a plot that a function draws.
type drawing func(c draw.Canvas, p *plot.Plot)

func (f drawing) Plot(c draw.Canvas, p *plot.Plot) { f(c, p) }
