package report

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"image"
	stdraw "image/draw"
	"image/png"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/recorder"

	"sealvk/engine/profile"
)

// pictureTexts are what must be read in each picture of the sample, beside model and device.
var pictureTexts = map[string][]string{
	"roofline-decode-0": {"Roofline of decode at depth 0", "Arithmetic intensity (FLOP per byte)", "Speed (FLOP/s)", "read 13.2 GB/s", "f32 61.5 GFLOP/s",
		"int8 dot products 20.2 GOP/s", "bound by memory", "bound by latency", "attn_q", "attn_k", "attn_v", "attention", "output", "ffn_down", "10 G"},
	"layers-decode-512":  {"Operation", "Layer", "0", "3", "attn_norm", "ffn_down", "Time of a step (µs)"},
	"layers-prefill-0":   {"prefill of 128 tokens at depth 0", "Time of a step (µs)"},
	"timeline-decode-0":  {"Time (µs)", "concurrent", "serialized", "host", "submissions", "sections", "dispatches", "blk.2", "wait", "output"},
	"timeline-prefill-0": {"Time (ms)", "ffn_gate"},
	"step":               {"Share of the step's wall time (%)", "decode", "at depth 512", "all kernels", "other kernels", "gaps", "readback", "100"},
	"depth":              {"Positions in the KV cache (tokens)", "Time of a decode step (ms)", "median, unprofiled; bars from p5 to p95", "floor: the least time at the measured roofs", "500"},
}

func TestPictures(t *testing.T) {
	p := sample()
	pictures, omitted, err := Pictures(p)
	if err != nil || len(pictures) != 3*len(p.Runs)+2 || len(omitted) > 0 {
		t.Fatalf("%d pictures, omitted %q, error %v", len(pictures), omitted, err)
	}
	names := map[string]bool{}
	for _, picture := range pictures {
		if names[picture.Name] {
			t.Errorf("two pictures are %s", picture.Name)
		}
		names[picture.Name] = true
		t.Run(picture.Name, func(t *testing.T) {
			var b bytes.Buffer
			if err := picture.Write(&b, "png"); err != nil {
				t.Fatal(err)
			}
			drawn, err := png.Decode(&b)
			if err != nil {
				t.Fatal(err)
			}
			if drawn.Bounds() != image.Rect(0, 0, 1600, 1000) {
				t.Errorf("%v, want 1600 x 1000", drawn.Bounds())
			}
			checkMargin(t, drawn)
			b.Reset()
			if err := picture.Write(&b, "svg"); err != nil {
				t.Fatal(err)
			}
			texts := svgTexts(t, b.Bytes())
			for _, want := range append(pictureTexts[picture.Name], "seallm-nano Q4_K_M on llvmpipe (LLVM 15.0.6, 256 bits)") {
				if !slices.ContainsFunc(texts, func(s string) bool { return s == want || len(want) > 20 && strings.Contains(s, want) }) {
					t.Errorf("no text %q among %q", want, texts)
				}
			}
		})
	}
	for name := range pictureTexts {
		if !names[name] {
			t.Errorf("no picture %s", name)
		}
	}
}

// checkMargin wants ink inside, and none at the very edge, where it would be cut.
func checkMargin(t *testing.T, drawn image.Image) {
	t.Helper()
	pixels := image.NewRGBA(drawn.Bounds())
	stdraw.Draw(pixels, pixels.Rect, drawn, image.Point{}, stdraw.Src)
	ink := 0
	for i := 0; i < len(pixels.Pix); i += 4 {
		if p := pixels.Pix[i : i+3]; p[0]&p[1]&p[2] == 0xff {
			continue
		}
		ink++
		if x, y := i/4%1600, i/4/1600; x < 3 || y < 3 || x >= 1597 || y >= 997 {
			t.Fatalf("ink at the edge, (%d, %d)", x, y)
		}
	}
	if ink < 10000 {
		t.Errorf("%d pixels are not white", ink)
	}
}

// svgTexts are the text nodes of an SVG file, each with the width that it may take.
func svgTexts(t *testing.T, file []byte) (texts []string) {
	t.Helper()
	type node struct {
		Text   string `xml:",chardata"`
		Length string `xml:"textLength,attr"`
	}
	d := xml.NewDecoder(bytes.NewReader(file))
	for {
		token, err := d.Token()
		if token == nil {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if start, ok := token.(xml.StartElement); ok && start.Name.Local == "text" {
			var n node
			if err := d.DecodeElement(&n, &start); err != nil {
				t.Fatal(err)
			}
			if n.Length == "" {
				t.Errorf("%q has no width", n.Text)
			}
			texts = append(texts, n.Text)
		}
	}
	return texts
}

func TestPicturesEscapeNames(t *testing.T) {
	p := sample()
	p.Device.Name = `GPU <i>"x" & y`
	pictures, _, err := Pictures(p)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := pictures[0].Write(&b, "svg"); err != nil {
		t.Fatal(err)
	}
	if texts := svgTexts(t, b.Bytes()); !slices.Contains(texts, `seallm-nano Q4_K_M on GPU <i>"x" & y`) {
		t.Errorf("%q", texts)
	}
}

func TestLongTimesAreInMilliseconds(t *testing.T) {
	p := sample()
	p.Runs = p.Runs[:1]
	for i := range p.Runs[0].Dispatches {
		for j := range p.Runs[0].Dispatches[i].SamplesUS {
			p.Runs[0].Dispatches[i].SamplesUS[j] *= 1000
		}
	}
	pictures, _, err := Pictures(p)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := pictures[1].Write(&b, "svg"); err != nil {
		t.Fatal(err)
	}
	want := digits(newHeatMap(p, &p.Runs[0]).us[2]["ffn_up"] / 1000)
	if texts := svgTexts(t, b.Bytes()); pictures[1].Name != "layers-decode-0" || !slices.Contains(texts, "Time of a step (ms)") || !slices.Contains(texts, want) {
		t.Errorf("no %s among %q", want, texts)
	}
}

func TestOneDepthGivesNoPictureOfDepths(t *testing.T) {
	p := sample()
	p.Runs = p.Runs[1:]
	pictures, omitted, err := Pictures(p)
	if err != nil || len(omitted) != 1 || !strings.Contains(omitted[0], "at two depths") {
		t.Errorf("omitted %q, error %v", omitted, err)
	}
	if slices.ContainsFunc(pictures, func(p Picture) bool { return p.Name == "depth" }) {
		t.Error("a picture of one depth")
	}
}

func TestRunsOfOneKindHaveFilesOfTheirOwn(t *testing.T) {
	p := sample()
	p.Runs = append(p.Runs, p.Runs[2])
	p.Runs[3].Tokens = 64
	if a, b, c := runFile(p, 0), runFile(p, 2), runFile(p, 3); a != "decode-0" || b != "prefill-0-3" || c != "prefill-0-4" {
		t.Errorf("%s, %s, %s", a, b, c)
	}
}

// Names of points that lie close together cover neither one another nor a point.
func TestLabelsKeepApart(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	var anchors []anchor
	for i := range 30 {
		at := vg.Point{X: 500 + vg.Length(60*random.NormFloat64()), Y: 300 + vg.Length(30*random.NormFloat64())}
		if i%5 == 0 {
			at = vg.Point{X: 500, Y: 300}
		}
		anchors = append(anchors, anchor{fmt.Sprintf("operation_%d", i), at, 6})
	}
	var canvas recorder.Canvas
	c := draw.NewCanvas(&canvas, 1000, 600)
	style := lettering(tickSize)
	placeLabels(&c, style, anchors, nil)
	boxes := map[string]vg.Rectangle{}
	for _, action := range canvas.Actions {
		if text, ok := action.(*recorder.FillString); ok {
			size := vg.Point{X: style.Width(text.String), Y: style.Height(text.String)}
			boxes[text.String] = vg.Rectangle{Min: text.Point, Max: text.Point.Add(size)}
		}
	}
	for i, a := range anchors {
		box, ok := boxes[a.name]
		if !ok {
			t.Fatalf("%s has no place", a.name)
		}
		for _, b := range anchors[i+1:] {
			if overlapsAny(box, []vg.Rectangle{boxes[b.name]}) {
				t.Errorf("%s covers %s", a.name, b.name)
			}
		}
		for _, b := range anchors {
			if distance(b.at, nearest(box, b.at)) < 4 {
				t.Errorf("%s covers the point of %s", a.name, b.name)
			}
		}
	}
}

func TestTicksAreRound(t *testing.T) {
	for _, high := range []float64{0.0031, 0.97, 1, 8, 12.4, 99, 100, 101, 2048, 1e7} {
		ticks := evenly{}.Ticks(0, high)
		if len(ticks) < 5 || len(ticks) > 13 || ticks[0].Label != "0" {
			t.Errorf("%v: %v", high, ticks)
		}
		for _, tick := range ticks {
			if tick.Value > high*1.001 || len(tick.Label) > 8 {
				t.Errorf("%v: tick %v", high, tick)
			}
		}
	}
	var labels []string
	for _, tick := range (decades{}).Ticks(0.05, 2e4) {
		if tick.Label != "" {
			labels = append(labels, tick.Label)
		}
	}
	if want := []string{"0.1", "1", "10", "100", "1 k", "10 k"}; !slices.Equal(labels, want) {
		t.Errorf("%q, want %q", labels, want)
	}
}

// What the host submitted long before a step ran is cut off its timeline, other steps' bars
// that lie in it are shown.
func TestTimelineShowsTheStepThatRuns(t *testing.T) {
	bars := []profile.Event{
		{Mode: "concurrent", Track: "host", Name: "vkQueueSubmit", Step: 0, Begin: 0, Dur: 10},
		{Mode: "concurrent", Track: "device: sections", Name: "blk.0", Step: 0, Begin: 1000, Dur: 100},
		{Mode: "concurrent", Track: "host", Name: "wait", Step: 0, Begin: 900, Dur: 210},
		{Mode: "concurrent", Track: "host", Name: "vkQueueSubmit", Step: 2, Begin: 1050, Dur: 10},
		{Mode: "concurrent", Track: "device: sections", Name: "blk.0", Step: 1, Begin: 1200, Dur: 100},
	}
	tracks := timelineTracks(&profile.Run{Timeline: bars})
	if len(tracks) != 2 || tracks[0].name != "concurrent\nhost" || len(tracks[0].events) != 2 || len(tracks[1].events) != 1 {
		t.Fatalf("%+v", tracks)
	}
	if first := tracks[0]; first.end != 1110 || math.Abs(first.begin-997.8) > 1e-9 || first.events[0].Begin != first.begin || first.events[1].Step != 2 {
		t.Errorf("%+v", first)
	}
}

// Pictures that are looked at together share their colours.
func TestOperationsKeepTheirColours(t *testing.T) {
	colours := newPaints(sample())
	if a, b := colours.operation("blk.3.ffn_down"), colours.operation("ffn_down"); a != b || a.name != "ffn_down" {
		t.Errorf("%v and %v", a, b)
	}
	if got := colours.operation("rope"); got != others {
		t.Errorf("rope takes little and has %v", got)
	}
	seen := map[paint]bool{}
	for _, look := range colours.order {
		seen[look] = true
	}
	for _, look := range partPaints {
		seen[look] = true
	}
	if len(colours.order) != len(okabeIto)+1 || len(seen) != len(colours.order)+len(partPaints) {
		t.Errorf("%d looks for %d operations and %d parts", len(seen), len(colours.order), len(partPaints))
	}
}
