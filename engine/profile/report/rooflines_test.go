package report

import (
	"image/color"
	"io"
	"math"
	"strings"
	"testing"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/recorder"

	"sealvk/engine/profile"
)

// faster is the sample with one run, whose dispatches take a part of their time.
func faster(run int, factor float64) *profile.Profile {
	p := sample()
	p.Runs = p.Runs[run : run+1]
	for _, d := range p.Runs[0].Dispatches {
		for i := range d.SamplesUS {
			d.SamplesUS[i] *= factor
		}
	}
	return p
}

// disc is a filled circle of a picture.
type disc struct {
	at     vg.Point
	radius vg.Length
	colour color.Color
}

// drawn gives what a picture consists of: its discs, and the places of its texts.
func drawn(t *testing.T, p Picture) (discs []disc, texts map[string]vg.Point) {
	t.Helper()
	var canvas recorder.Canvas
	if err := p.draw(draw.NewCanvas(&canvas, 1100, 700)); err != nil {
		t.Fatal(err)
	}
	texts = map[string]vg.Point{}
	var colour color.Color
	for _, action := range canvas.Actions {
		switch a := action.(type) {
		case *recorder.SetColor:
			colour = a.Color
		case *recorder.FillString:
			texts[a.String] = a.Point
		case *recorder.Fill:
			for _, part := range a.Path {
				if part.Type == vg.ArcComp {
					discs = append(discs, disc{part.Pos, part.Radius, colour})
				}
			}
		}
	}
	return discs, texts
}

// Each operation lies where the labels of the axes say, in the colour of its profile and as large as its
// share of the step, and hollow where it is only expected.
func TestRooflinesPutMarksWhereTheyBelong(t *testing.T) {
	before, after, hoped := faster(0, 1), faster(0, 0.25), faster(0, 0.125)
	picture, err := Rooflines([]Series{{Name: "before", Profile: before}, {Name: "after", Profile: after}, {Name: "hope", Profile: hoped, Expected: true}},
		before.Runs[0].Key(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if picture.Title != "Roofline of decode at depth 0" || picture.Subtitle != "seallm-nano Q4_K_M on llvmpipe (LLVM 15.0.6, 256 bits)" {
		t.Errorf("%q, %q", picture.Title, picture.Subtitle)
	}
	discs, texts := drawn(t, picture)
	for _, want := range []string{"hope, expected", "read 13.2 GB/s", "f32 61.5 GFLOP/s"} {
		if _, ok := texts[want]; !ok {
			t.Errorf("no text %q in %v", want, texts)
		}
	}
	// The labels of 1 and 10 give the scale of an axis.
	style := lettering(tickSize)
	middle := func(label string) vg.Length { return texts[label].X + style.Width(label)/2 }
	decadeX, decadeY := middle("10")-middle("1"), texts["10 G"].Y-texts["1 G"].Y
	if decadeX < 50 || decadeY < 50 {
		t.Fatalf("decades of %v and %v", decadeX, decadeY)
	}
	at := func(g profile.Group, from profile.Group, origin vg.Point) vg.Point {
		return origin.Add(vg.Point{X: decadeX * vg.Length(math.Log10(g.Intensity/from.Intensity)), Y: decadeY * vg.Length(math.Log10(g.FLOPsPerS/from.FLOPsPerS))})
	}
	radius := func(g profile.Group) vg.Length { return vg.Length(4 + 8*math.Sqrt(g.Share)) }
	first := rooflinePoints(before, &before.Runs[0])
	find := func(where vg.Point, radius vg.Length, colour color.Color) bool {
		for _, d := range discs {
			if distance(d.at, where) < 1 && math.Abs(float64(d.radius-radius)) < 1e-6 && d.colour == colour {
				return true
			}
		}
		return false
	}
	var origin vg.Point
	for _, d := range discs {
		if d.colour == color.Color(okabeIto[0]) && math.Abs(float64(d.radius-radius(first[0]))) < 1e-9 {
			origin = d.at
		}
	}
	for i, p := range []*profile.Profile{before, after, hoped} {
		points := rooflinePoints(p, &p.Runs[0])
		if len(points) < 10 {
			t.Fatalf("%d points", len(points))
		}
		for _, g := range points {
			where := at(g, first[0], origin)
			if !find(where, radius(g), okabeIto[i]) {
				t.Errorf("profile %d: no mark of %s at %v", i, g.Name, where)
			}
			if hollow := find(where, radius(g)-2, color.White); hollow != (i == 2) {
				t.Errorf("profile %d: %s is hollow: %v", i, g.Name, hollow)
			}
		}
	}
	// And against the axes themselves: a mark of 1 FLOP per byte and 1 GFLOP/s.
	one := at(profile.Group{Intensity: 1, FLOPsPerS: 1e9}, first[0], origin)
	if right, up := float64(one.X-middle("1")), float64(one.Y-texts["1 G"].Y); math.Abs(right) > 1 || up < 0 || up > float64(style.Height("1 G")) {
		t.Errorf("it is %v right of the middle of 1 and %v above the foot of 1 G", right, up)
	}
}

func TestRooflinesShowTheLongestOfEach(t *testing.T) {
	p := faster(2, 1)
	picture, err := Rooflines([]Series{{Name: "a", Profile: p}}, p.Runs[0].Key(), 3)
	if err != nil {
		t.Fatal(err)
	}
	_, texts := drawn(t, picture)
	for i, g := range rooflinePoints(p, &p.Runs[0]) {
		if _, ok := texts[g.Name]; ok != (i < 3) {
			t.Errorf("%s, number %d by its time, is shown: %v", g.Name, i, ok)
		}
	}
}

func TestRooflinesNameEveryDevice(t *testing.T) {
	a, b := faster(0, 1), faster(0, 1)
	a.Roofs, b.Device.Name = nil, "another GPU"
	picture, err := Rooflines([]Series{{Name: "a", Profile: a}, {Name: "b", Profile: b}}, a.Runs[0].Key(), 0)
	if err != nil || !strings.HasSuffix(picture.Subtitle, "; seallm-nano Q4_K_M on another GPU") {
		t.Fatalf("%q, %v", picture.Subtitle, err)
	}
	if _, texts := drawn(t, picture); texts["f32 61.5 GFLOP/s"] == (vg.Point{}) {
		t.Error("no roofs, though the second profile has some")
	}
}

func TestRooflinesTellWhatTheyLack(t *testing.T) {
	p := faster(0, 1)
	run := p.Runs[0].Key()
	endless := faster(0, 1e-320) // a time of which a rate is infinite
	idle := faster(0, 1)
	for i := range idle.Runs[0].Dispatches {
		idle.Runs[0].Dispatches[i].FLOPs = 0
	}
	broken := faster(0, 1)
	broken.Runs[0].Dispatches[2].Pipeline = 99
	for _, c := range []struct {
		series []Series
		run    profile.RunKey
		top    int
		want   string
	}{
		{nil, run, 0, "want 1 to 7"},
		{make([]Series, 8), run, 0, "want 1 to 7"},
		{[]Series{{Name: "a", Profile: p}}, run, -1, "want 0 for all or more"},
		{[]Series{{Name: "a", Profile: p}, {Name: "b", Profile: faster(1, 1)}}, run, 0, "b: no decode at depth 0; it has decode at depth 512"},
		{[]Series{{Name: "a", Profile: endless}}, run, 0, "a: no kernel of decode at depth 0 has"},
		{[]Series{{Name: "a", Profile: idle}}, run, 0, "a: no kernel of decode at depth 0 has"},
		{[]Series{{Name: "a", Profile: broken}}, run, 0, "refers to program 99"},
	} {
		if _, err := Rooflines(c.series, c.run, c.top); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}

// Figures that a file may hold and no device gives are an error, not a scale without end.
func TestRooflinesOfExtremes(t *testing.T) {
	for name, change := range map[string]func(p *profile.Profile){
		"slow memory": func(p *profile.Profile) { p.Roofs.ReadBytesPerS, p.Roofs.CoopMatFLOPsPerS = 1e-300, 1e24 },
		"slow roof":   func(p *profile.Profile) { p.Roofs.F32FLOPsPerS, p.Roofs.ReadBytesPerS = 1e-300, 1e24 },
		"short time": func(p *profile.Profile) {
			for i := range p.Runs[0].Dispatches[:3] {
				d := &p.Runs[0].Dispatches[i]
				d.Operation, d.SamplesUS = "short", []float64{1e-280}
			}
		},
		"large FLOPs":  func(p *profile.Profile) { p.Runs[0].Dispatches[1].FLOPs = 1 << 53 },
		"many samples": func(p *profile.Profile) { p.Runs[0].Dispatches[1].SamplesUS[0] = 1e12 },
	} {
		p := faster(0, 1)
		change(p)
		picture, err := Rooflines([]Series{{Name: "a", Profile: p}}, p.Runs[0].Key(), 0)
		if err != nil {
			t.Fatal(err)
		}
		err = picture.Write(io.Discard, "svg")
		if bad := name == "slow memory" || name == "short time"; bad != (err != nil) || bad && !strings.Contains(err.Error(), "no measurements") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
