package report

import (
	"fmt"
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/palette"
	"gonum.org/v1/plot/palette/moreland"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"sealvk/engine/profile"
)

// heatMap is the time of each operation in each layer.
type heatMap struct {
	operations []string // in the order of execution
	layers     []int
	us         map[int]map[string]float64 // of a step, by layer and operation
	most       float64
}

func newHeatMap(p *profile.Profile, r *profile.Run) *heatMap {
	h := &heatMap{us: map[int]map[string]float64{}}
	groups := groupsByLabel(p, r)
	for _, d := range r.Dispatches {
		g := groups[d.Label]
		if d.Layer < 0 || g == nil {
			continue
		}
		if !slices.Contains(h.operations, d.Operation) {
			h.operations = append(h.operations, d.Operation)
		}
		if h.us[d.Layer] == nil {
			h.layers = append(h.layers, d.Layer)
			h.us[d.Layer] = map[string]float64{}
		}
		h.us[d.Layer][d.Operation] += g.TotalUS
		h.most = max(h.most, h.us[d.Layer][d.Operation])
	}
	slices.Sort(h.layers)
	return h
}

func (h *heatMap) draw(c draw.Canvas) error {
	colours, err := viridis()
	if err != nil {
		return err
	}
	unit, name := axisUnit(h.most)
	colours.SetMin(0)
	colours.SetMax(max(h.most/unit, 1e-9))
	pl := newPlot("Layer", "Operation")
	pl.X.Min, pl.X.Max = -0.5, float64(len(h.layers))-0.5
	pl.Y.Min, pl.Y.Max = -0.5, float64(len(h.operations))-0.5
	pl.X.Tick.Marker, pl.Y.Tick.Marker = h.layerTicks(), h.operationTicks()
	pl.X.Tick.Length, pl.Y.Tick.Length = 4, 4
	pl.Add(drawing(func(c draw.Canvas, pl *plot.Plot) { h.drawCells(c, pl, colours, unit) }))

	const barWidth = 110
	pl.Draw(draw.Crop(c, 0, -barWidth-30, 0, 0))
	bar := newPlot("", fmt.Sprintf("Time of a step (%s)", name))
	bar.X.Min, bar.X.Max, bar.Y.Min, bar.Y.Max = 0, 1, 0, colours.Max()
	bar.HideX()
	bar.Add(drawing(func(c draw.Canvas, pl *plot.Plot) {
		const steps = 200 // as rectangles: an image is blurred or missing in some viewers of SVG
		_, y := pl.Transforms(&c)
		for i := range steps {
			low, high := colours.Max()*float64(i)/steps, colours.Max()*min(1, float64(i)/steps+2.0/steps) // overlapping: no seams
			if colour, err := colours.At(low); err == nil {
				fillRect(&c, vg.Rectangle{Min: vg.Point{X: c.Min.X, Y: y(low)}, Max: vg.Point{X: c.Max.X, Y: y(high)}}, colour)
			}
		}
	}))
	height := c.Size().Y
	bar.Draw(draw.Crop(c, c.Size().X-barWidth, 0, 0.2*height, -0.2*height))
	return nil
}

func (h *heatMap) drawCells(c draw.Canvas, pl *plot.Plot, colours palette.ColorMap, unit float64) {
	x, y := pl.Transforms(&c)
	style := lettering(tickSize)
	style.XAlign = text.XCenter
	for column, layer := range h.layers {
		for row, operation := range h.operations {
			us, ok := h.us[layer][operation]
			if !ok {
				continue
			}
			at := float64(len(h.operations) - 1 - row) // the first on top
			cell := vg.Rectangle{Min: vg.Point{X: x(float64(column) - 0.5), Y: y(at - 0.5)}, Max: vg.Point{X: x(float64(column) + 0.5), Y: y(at + 0.5)}}
			colour, err := colours.At(us / unit)
			if err != nil {
				colour = color.White
			}
			fillRect(&c, cell, colour)
			if label := digits(us / unit); style.Width(label)+4 < cell.Size().X && style.Height(label) < cell.Size().Y {
				c.FillText(on(style, colour), vg.Point{X: x(float64(column)), Y: y(at)}, label)
			}
		}
	}
}

// layerTicks numbers as many layers as there is room for.
func (h *heatMap) layerTicks() plot.ConstantTicks {
	var ticks plot.ConstantTicks
	every := int(math.Ceil(float64(len(h.layers)) / 40))
	for i, layer := range h.layers {
		if i%every == 0 {
			ticks = append(ticks, plot.Tick{Value: float64(i), Label: whole(layer)})
		}
	}
	return ticks
}

func (h *heatMap) operationTicks() plot.ConstantTicks {
	var ticks plot.ConstantTicks
	for i, name := range h.operations {
		ticks = append(ticks, plot.Tick{Value: float64(len(h.operations) - 1 - i), Label: name})
	}
	return ticks
}

// viridis rises evenly in lightness for every kind of colour vision.
// Smith and van der Walt, 2015; nine of its 256 colours, with those between interpolated.
func viridis() (palette.ColorMap, error) {
	var controls []color.Color
	for _, c := range []uint32{0x440154, 0x472d7b, 0x3b528b, 0x2c728e, 0x21918c, 0x28ae80, 0x5ec962, 0xaddc30, 0xfde725} {
		controls = append(controls, color.RGBA{uint8(c >> 16), uint8(c >> 8), uint8(c), 0xff})
	}
	return moreland.NewLuminance(controls)
}
