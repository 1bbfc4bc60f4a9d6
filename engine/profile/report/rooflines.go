package report

import (
	"errors"
	"fmt"
	"image/color"
	"slices"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"sealvk/engine/profile"
)

// Series is a profile of which a run is drawn beside others' on one roofline.
type Series struct {
	Name     string // in the legend
	Profile  *profile.Profile
	Expected bool // not of the program as it runs: its marks are hollow
}

// Rooflines is the roofline of one run of each series, a colour each, under the roofs of the first that
// has some. A line joins what has one name. Of each run top operations are shown, those that take
// longest; 0: all. A series that lacks the run, or has no operation of it that can be drawn, is an error.
func Rooflines(series []Series, run profile.RunKey, top int) (Picture, error) {
	if most := len(okabeIto); len(series) == 0 || len(series) > most { // a colour each
		return Picture{}, fmt.Errorf("report: rooflines of %d profiles: want 1 to %d", len(series), most)
	}
	if top < 0 {
		return Picture{}, fmt.Errorf("report: cannot show the first %d operations: want 0 for all or more", top)
	}
	var marks []mark
	var origins []string
	roofs := series[0].Profile.Roofs
	for i, s := range series {
		points, r, err := s.points(run)
		if err != nil {
			return Picture{}, fmt.Errorf("report: %s: %w", s.Name, err)
		}
		if top > 0 {
			points = points[:min(top, len(points))]
		}
		l := s.look(r, okabeIto[i])
		for _, g := range points {
			marks = append(marks, mark{g, l})
		}
		if origin := modelName(s.Profile) + " on " + s.Profile.Device.Name; !slices.Contains(origins, origin) {
			origins = append(origins, origin)
		}
		if roofs == nil {
			roofs = s.Profile.Roofs
		}
	}
	return Picture{
		Name: "rooflines", Title: "Roofline of " + run.String(), Subtitle: strings.Join(origins, "; "),
		draw: func(c draw.Canvas) error { return drawRoofline(c, roofs, marks) },
	}, nil
}

// points are the operations of that run which can be drawn, the longest first.
func (s *Series) points(run profile.RunKey) ([]profile.Group, *profile.Run, error) {
	if err := check(s.Profile); err != nil {
		return nil, nil, err
	}
	var others []string
	for i := range s.Profile.Runs {
		r := &s.Profile.Runs[i]
		if r.Key() != run {
			others = append(others, runName(r))
			continue
		}
		if points := rooflinePoints(s.Profile, r); len(points) > 0 {
			return points, r, nil
		}
		return nil, nil, errors.New("no kernel of " + runName(r) + " has both bytes and FLOPs")
	}
	return nil, nil, fmt.Errorf("no %v; it has %s", run, strings.Join(others, ", "))
}

func (s *Series) look(r *profile.Run, colour color.Color) *look {
	if s.Expected {
		return &look{name: s.Name + ", expected", colour: colour, shape: hollow{}}
	}
	name := s.Name
	if speed := tokensPerS(r); speed > 0 {
		name += fmt.Sprintf(": %.0f tokens/s", speed)
	}
	return &look{name, colour, draw.CircleGlyph{}, draw.RingGlyph{}}
}

// hollow is a ring with white inside.
type hollow struct{}

func (hollow) DrawGlyph(c *draw.Canvas, g draw.GlyphStyle, at vg.Point) {
	const rim = 2
	c.DrawGlyph(draw.GlyphStyle{Color: g.Color, Radius: g.Radius, Shape: draw.CircleGlyph{}}, at)
	c.DrawGlyph(draw.GlyphStyle{Color: color.White, Radius: g.Radius - rim, Shape: draw.CircleGlyph{}}, at)
}
