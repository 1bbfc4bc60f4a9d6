package profile

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"sealvk/engine"
	"sealvk/engine/profile/roofline"
	"sealvk/vk"
	"sealvk/vk/vktest"
	"sealvk/weights"
)

var device *vk.Device

func TestMain(m *testing.M) {
	os.Exit(vktest.Main(m, &device))
}

const nano = "../../cli/nano/seallm-nano-Q4_K_M.gguf"

func loadNano(t *testing.T, context_ int) *engine.Model {
	t.Helper()
	file, err := weights.Open(nano)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	m, err := engine.Load(context.Background(), device, file, engine.Options{Context: context_, Statistics: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

// Whatever the device's speed, the parts add up and every dispatch was timed in every step.
// TestKernelsByBothClocks holds the kernels' time against the timestamps'.
func TestMeasure(t *testing.T) {
	o := MeasureOptions{
		Phases: []string{"decode"}, Depths: []int{0, 40}, Tokens: 12, Steps: 2,
		Roofs: &roofline.Roofs{ReadBytesPerS: 1e10, F32FLOPsPerS: 1e11, DispatchUS: 1},
	}
	m := loadNano(t, o.Positions())
	p, err := Measure(context.Background(), device, m, o)
	if err != nil || len(p.Runs) != 2 {
		t.Fatalf("%d runs, %v", len(p.Runs), err)
	}
	check(t, m, p, o)
	attention := func(r Run) Dispatch {
		return r.Dispatches[slices.IndexFunc(r.Dispatches, func(d Dispatch) bool { return d.Label == "blk.0.attention" })]
	}
	if a, b := attention(p.Runs[0]), attention(p.Runs[1]); b.ReadBytes-a.ReadBytes < 30*2*4*64*2 {
		t.Errorf("attention reads %d bytes at depth 0, %d at 40", a.ReadBytes, b.ReadBytes)
	}

	o.Phases, o.Depths = []string{"prefill"}, []int{40}
	if p, err = Measure(context.Background(), device, m, o); err != nil || len(p.Runs) != 1 {
		t.Fatalf("%d runs, %v", len(p.Runs), err)
	}
	check(t, m, p, o)

	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	back := &Profile{}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(back); err != nil || !reflect.DeepEqual(p, back) {
		t.Errorf("JSON: %v, or not what was written", err)
	}
}

func check(t *testing.T, m *engine.Model, p *Profile, o MeasureOptions) {
	t.Helper()
	for _, r := range p.Runs {
		name := r.Phase
		near := func(what string, got, want, tolerance float64) {
			t.Helper()
			if !(math.Abs(got-want) <= tolerance*math.Abs(want)) {
				t.Errorf("%s at %d: %s: %g, want %g", name, r.Depth, what, got, want)
			}
		}
		for _, b := range []Budget{r.Budget, r.Overlapped} {
			near("budget", b.KernelsUS+b.GapsUS+b.SubmitUS+b.WaitUS+b.ReadUS+b.HostUS+b.ProfileUS, b.WallUS, 1e-9)
			if !(b.KernelsUS > 0 && b.KernelTicksUS > 0 && b.KernelsUS <= b.WallUS) {
				t.Errorf("%s at %d: kernels take %g µs, by timestamps alone %g, of %g", name, r.Depth, b.KernelsUS, b.KernelTicksUS, b.WallUS)
			}
		}
		near("wall of the budget", r.Budget.WallUS, r.Serialized.MeanUS, 1e-9)
		for _, w := range []Wall{r.Unprofiled, r.Concurrent, r.Serialized} {
			if len(w.SamplesUS) != o.Steps || slices.Min(w.SamplesUS) <= 0 || w.P5US > w.MedianUS || w.MedianUS > w.P95US {
				t.Errorf("%s at %d: wall %+v", name, r.Depth, w)
			}
		}
		if want := map[string]int{"decode": 1, "prefill": o.Tokens}[r.Phase]; r.Tokens != want {
			t.Errorf("%s: %d tokens a step", name, r.Tokens)
		}
		calls := 0
		var traffic, flops int64
		var ticks float64
		for _, d := range r.Dispatches {
			calls += d.Calls
			traffic += d.ReadBytes + d.WrittenBytes
			flops += d.FLOPs
			if len(d.SamplesUS) != d.Calls*o.Steps || d.ReadBytes <= 0 || d.Grid[0] < 1 || d.Pipeline >= len(p.Pipelines) {
				t.Errorf("%s: %+v", name, d)
			}
			for _, us := range d.SamplesUS {
				ticks += us
			}
			if want := "blk." + d.Operation; d.Layer >= 0 && !strings.HasSuffix(d.Label, "."+d.Operation) || d.Layer < 0 && d.Label == want {
				t.Errorf("%s: layer %d, operation %s", d.Label, d.Layer, d.Operation)
			}
		}
		if calls != r.Schedule.Dispatches || r.Schedule.Barriers < 1 || r.Schedule.Submissions < 1 {
			t.Errorf("%s: %d calls, schedule %+v", name, calls, r.Schedule)
		}
		sections := []string{"token_embd", "blk.0", "blk.1", "blk.2", "blk.3", "output", "sample"}
		for i, s := range r.Sections {
			if s.Name != sections[i] || len(s.SamplesUS) != o.Steps {
				t.Errorf("%s: section %d: %+v", name, i, s)
			}
		}
		if len(r.Sections) != len(sections) || r.Floor.Share <= 0 || len(r.Timeline) == 0 {
			t.Errorf("%s: %d sections, floor %+v, %d events", name, len(r.Sections), r.Floor, len(r.Timeline))
		}
		const position = 2 * 4 * 4 * 64 * 2 // K and V, layers, heads, their size, bytes of f16
		if want := m.BytesPerToken() + int64(r.Depth+r.Tokens)*position; r.Floor.ReadBytes != want || r.Floor.FLOPs != flops {
			t.Errorf("%s at %d: the floor reads %d bytes for %d FLOPs, want %d for %d", name, r.Depth, r.Floor.ReadBytes, r.Floor.FLOPs, want, flops)
		}
		checkFloor(t, &r, o.Roofs)
		for _, w := range []Wall{r.Concurrent, r.Serialized} {
			near("overhead", w.Overhead, w.MedianUS/r.Unprofiled.MedianUS-1, 1e-9)
		}
		for _, by := range []By{ByOperation, ByLayer, ByKernel, ByDispatch} {
			var total float64
			var moved, computed int64
			for _, g := range r.Groups(p, by) {
				total += g.TotalUS
				moved += g.Bytes
				computed += g.FLOPs
			}
			near("groups by "+string(by), total, ticks/float64(o.Steps), 1e-9)
			if moved != traffic || computed != flops {
				t.Errorf("%s: groups by %s: %d bytes and %d FLOPs, the dispatches have %d and %d", name, by, moved, computed, traffic, flops)
			}
		}
	}
}

// By hand, of definition 7.
func TestQuantile(t *testing.T) {
	for _, c := range []struct {
		samples []float64
		p, want float64
	}{
		{nil, 0.5, 0}, {[]float64{7}, 0, 7}, {[]float64{7}, 0.95, 7}, {[]float64{5, 1, 3}, 0.5, 3},
		{[]float64{4, 2, 1, 3}, 0, 1}, {[]float64{4, 2, 1, 3}, 0.5, 2.5}, {[]float64{4, 2, 1, 3}, 0.95, 3.85}, {[]float64{4, 2, 1, 3}, 1, 4},
	} {
		if got := Quantile(c.samples, c.p); !(math.Abs(got-c.want) < 1e-12) {
			t.Errorf("%v of %v: %v, want %v", c.p, c.samples, got, c.want)
		}
	}
}

func TestMeasureStops(t *testing.T) {
	o := MeasureOptions{Phases: []string{"decode"}, Depths: []int{0}, Steps: 5}
	m := loadNano(t, o.Positions())
	ctx, cancel := context.WithCancel(context.Background())
	o.Progress = func(string) { cancel() }
	if _, err := Measure(ctx, device, m, o); err == nil || ctx.Err() == nil {
		t.Errorf("%v", err)
	}
	o.Depths, o.Progress = []int{1 << 20}, nil
	if _, err := Measure(context.Background(), device, m, o); err == nil || !strings.Contains(err.Error(), "decode at depth 1048576") {
		t.Errorf("deeper than the context: %v", err)
	}
}

func TestNoTimestamps(t *testing.T) {
	if err := device.CheckTimestamps(); err != nil {
		t.Fatal(err)
	}
	caps := device.Caps()
	family := &caps.QueueFamilies[caps.QueueFamily]
	bits := family.TimestampValidBits
	family.TimestampValidBits = 0
	defer func() { family.TimestampValidBits = bits }()
	if err := device.CheckTimestamps(); err == nil || !strings.Contains(err.Error(), "has no timestamps") {
		t.Errorf("a device without timestamps: %v", err)
	}
}
