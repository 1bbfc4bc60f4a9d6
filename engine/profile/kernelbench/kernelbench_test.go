package kernelbench

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"sealvk/engine/profile/roofline"
	"sealvk/shaders"
	kernelcases "sealvk/shaders/cases"
	"sealvk/vk"
	"sealvk/vk/vktest"
	"sealvk/weights/format"
)

var device *vk.Device

func TestMain(m *testing.M) { os.Exit(vktest.Main(m, &device)) }

func newWorkbench(t *testing.T, o Options) *Workbench {
	t.Helper()
	if o.Flush == 0 {
		o.Flush = 1 << 16 // what is to be flushed is small too
	}
	w, err := New(device, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Free)
	return w
}

func results(t *testing.T, w *Workbench, s Sweep) (list []*Result) {
	t.Helper()
	cases, err := s.Cases(device.Caps())
	if err != nil {
		t.Fatal(err)
	}
	return run(t, w, cases)
}

func run(t *testing.T, w *Workbench, cases []Case) (list []*Result) {
	t.Helper()
	if err := w.Run(context.Background(), cases, func(r *Result) error { list = append(list, r); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(list) != len(cases) {
		t.Fatalf("%d results of %d cases", len(list), len(cases))
	}
	return list
}

// small is some cases of a kernel.
func small(t *testing.T, kernel string, kv shaders.KVType) (list []Case) {
	t.Helper()
	k, typ := shaders.FindKernel(kernel), NoType
	if k.Weights {
		typ = format.Q4_K
	}
	tuning, err := k.Tuning(device.Caps())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range kernelcases.Ragged(k, typ, kv, tuning, 1)[:3] {
		c.Odd = 0
		list = append(list, *c)
	}
	return list
}

// possible tells whether the device can run the kernel; where it cannot, the error says so.
func possible(t *testing.T, kernel string) bool {
	_, err := shaders.FindKernel(kernel).Tuning(device.Caps())
	if err == nil {
		return true
	}
	_, got := (&Sweep{Kernel: kernel}).Cases(device.Caps())
	matrices := slices.Contains([]string{"matmul_coopmat", "matmul_registers", "attention_coopmat"}, kernel)
	if got == nil || !strings.HasSuffix(got.Error(), kernel+": "+err.Error()) || !matrices {
		t.Errorf("%s: %v, want %v", kernel, got, err)
	}
	return false
}

// Every kernel passes its check, and all that is told of it makes sense.
func TestEveryKernel(t *testing.T) {
	w := newWorkbench(t, Options{Reps: 2})
	for _, kernel := range Kernels() {
		t.Run(kernel, func(t *testing.T) {
			if !possible(t, kernel) {
				return
			}
			for _, r := range run(t, w, small(t, kernel, shaders.KVF16)) {
				checkResult(t, r)
			}
		})
	}
}

func checkResult(t *testing.T, r *Result) {
	t.Helper()
	bytes := float64(r.ReadBytes + r.WrittenBytes)
	switch {
	case r.Checked != r.Outputs || r.Outputs == 0:
		t.Errorf("%s: %d of %d values checked", r.ShapeText(), r.Checked, r.Outputs)
	case len(r.SamplesUS) != 2 || r.MinUS > r.P50US || r.P50US > r.P95US || r.MeanUS < r.MinUS || r.P95US > slices.Max(r.SamplesUS):
		t.Errorf("%s: times %+v", r.ShapeText(), r)
	case r.P50US > 0 && math.Abs(r.BytesPerS*r.P50US/1e6-bytes) > 1e-6*bytes:
		t.Errorf("%s: %v bytes/s in %v µs, want %v bytes", r.ShapeText(), r.BytesPerS, r.P50US, bytes)
	case r.ReadBytes <= 0 || r.Intensity*bytes-float64(r.FLOPs) > 1e-6 || r.Dispatches < 1 || r.Lanes < 1 || slices.Min(r.Grid[:]) < 1:
		t.Errorf("%s: %+v", r.ShapeText(), r)
	case len(r.Variant) != len(Knobs(r.Kernel)) || len(r.Shape) != len(Sizes(r.Kernel)) || r.FlushedBytes != 1<<16:
		t.Errorf("%s: %+v", r.ShapeText(), r)
	}
}

// A kernel that computes something else is found out, and the error says what of which case.
func TestWrongOutput(t *testing.T) {
	w := newWorkbench(t, Options{Reps: 1})
	cases := small(t, "rope", shaders.KVF32)
	if _, err := w.set(&cases[0]); err != nil {
		t.Fatal(err)
	}
	for key, set := range w.sets { // one of another cache
		set.Free()
		other, err := shaders.New(device, shaders.Config{KV: shaders.KVF16, Tuning: cases[0].Variant.Tuning})
		if err != nil {
			t.Fatal(err)
		}
		w.sets[key] = other
	}
	for _, r := range run(t, w, cases) {
		for _, part := range []string{kernelcases.ErrWrong.Error(), "k_cache[sequence 0][position ", "the reference has", "allowed"} {
			if !strings.Contains(r.Error, part) || len(r.SamplesUS) > 0 || r.Variant["lanes"] == 0 {
				t.Errorf("%+v does not tell %q alone", r, part)
			}
		}
	}
}

// A case that fails tells why in its result, and the others go on, whichever it is.
func TestOneFailingCase(t *testing.T) {
	count := &device.Caps().Limits.MaxComputeWorkGroupCount
	before := *count
	count[0] = 1000
	defer func() { *count = before }()
	for _, tokens := range [][]int{{2000, 1, 2}, {1, 2000, 2}, {1, 2, 2000}} {
		w := newWorkbench(t, Options{Reps: 2})
		for i, r := range results(t, w, Sweep{Kernel: "to_half", Sizes: map[string][]int{"cols": {3}, "tokens": tokens}}) {
			switch {
			case tokens[i] < 2000:
				checkResult(t, r)
			case !strings.Contains(r.Error, "grid 2000 x 1 x 1") || len(r.SamplesUS) > 0 || r.Shape["tokens"] != 2000 || r.Variant["wide"] == 0:
				t.Errorf("%v: %+v", tokens, r)
			}
		}
	}
}

// Beside each run the same chain is timed; a GPU has work before, between and after the runs.
func TestClock(t *testing.T) {
	caps := device.Caps()
	before := caps.Type
	defer func() { caps.Type = before }()
	for _, typ := range []vk.DeviceType{vk.CPU, vk.Discrete} {
		caps.Type = typ
		w := newWorkbench(t, Options{Reps: 3})
		list := results(t, w, Sweep{Kernel: "geglu", Sizes: map[string][]int{"ffn_dim": {67}, "tokens": {1, 2}}})
		if k := w.clock; k.best <= 0 || (k.ahead != nil) != (typ != vk.CPU) || (k.filling > 0) != (typ != vk.CPU) {
			t.Errorf("%v: %+v", typ, k)
		}
		if took, err := w.took(w.clock.control); err != nil || took <= 0 {
			t.Errorf("%v: the control chain takes %v (%v)", typ, took, err)
		}
		w.Report(list)
		for _, r := range list {
			if want := r.ControlUS/w.clock.best - 1; r.Error != "" || len(r.SamplesUS) != 3 || r.ControlUS < w.clock.best || math.Abs(r.ControlMoved-want) > 1e-9 {
				t.Errorf("%v: %+v, want it moved by %v", typ, r, want)
			}
		}
	}
}

func TestClockText(t *testing.T) {
	for _, c := range []struct {
		moved []float64
		want  string
	}{
		{nil, ""},
		{[]float64{0, 0.05}, ""},
		{[]float64{0.01, 0.06, 0}, "the clock moved: beside 1 of 3 results a chain of always the same work took up to 6 % longer than at its best (other work on the device looks the same)"},
		{[]float64{2.5, 0.07}, "the clock moved: beside 2 of 2 results a chain of always the same work took up to 250 % longer than at its best (other work on the device looks the same)"},
	} {
		r := &Report{}
		for _, m := range c.moved {
			r.Results = append(r.Results, &Result{ControlMoved: m})
		}
		if got := r.ClockText(); got != c.want {
			t.Errorf("%v: %q, want %q", c.moved, got, c.want)
		}
	}
}

// A kernel that does not find the same inputs in every run is found out.
func TestRunsAreCompared(t *testing.T) {
	w := newWorkbench(t, Options{Reps: 1})
	c := Case{Kernel: "sum_norm", Type: NoType, Shape: []int{64, 1, 2}, Variant: Variant{Tuning: shaders.DefaultTuning(device.Caps())}}
	b, err := w.plan(&c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Free)
	if err := b.Make(); err != nil {
		t.Fatal(err)
	}
	set, err := w.set(&c)
	if err != nil {
		t.Fatal(err)
	}
	r, err := w.record(b, set)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.free)
	r.before.Free() // it adds to what is there
	if r.before, err = device.NewCommands("nothing before"); err == nil {
		err = r.before.End()
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := w.submit(context.Background(), r); err != nil {
		t.Fatal(err)
	}
	if _, _, err := w.time(context.Background(), b, r); !errors.Is(err, kernelcases.ErrWrong) {
		t.Errorf("another input: %v", err)
	}
}

// Variants change the program and the grid; a big matrix is bound in parts; of many
// outputs some are checked.
func TestVariantsPartsAndSamples(t *testing.T) {
	w := newWorkbench(t, Options{Reps: 1})
	sizes := map[string][]int{"rows": {100}, "cols": {256}, "tokens": {3}}
	knobs := map[string][]int{"lanes": {32, 64}, "max_lanes": {4}, "row_lanes": {32}, "groups": {1, 2}, "tokens": {2}, "exact": {0}, "in_place": {0, 1}}
	var got []string
	for _, r := range results(t, w, Sweep{Kernel: "matmul", Sizes: sizes, Knobs: knobs}) {
		if r.Lanes != r.Variant["lanes"] || r.Grid != [3]int{4 / r.Variant["groups"], 1, 2} {
			t.Errorf("%s: %d lanes, grid %v", r.VariantText(), r.Lanes, r.Grid)
		}
		got = append(got, fmt.Sprint(r.Variant["lanes"], r.Variant["groups"], r.Variant["in_place"]))
	}
	if want := []string{"32 1 0", "32 1 1", "32 2 0", "32 2 1", "64 1 0", "64 1 1", "64 2 0", "64 2 1"}; !slices.Equal(got, want) {
		t.Errorf("variants %q, want %q", got, want)
	}
	split := Sweep{Kernel: "attention", Sizes: map[string][]int{"heads": {6}, "kv_heads": {2}, "head_dim": {32}, "tokens": {1}}, Depths: []int{100}, Knobs: map[string][]int{"split": {40}, "lanes": {4}, "positions": {2}}}
	if r := results(t, w, split)[0]; r.Grid != [3]int{6, 2, 1} || r.Variant["split"] != 64 {
		t.Errorf("101 positions in splits of 40, rounded up to pages: grid %v, %s", r.Grid, r.VariantText())
	}

	limit := &device.Caps().Limits.MaxStorageBufferRange
	before := *limit
	*limit = 32 * 144 // a tile of Q4_K
	r := results(t, w, Sweep{Kernel: "matmul", Sizes: map[string][]int{"rows": {70}, "cols": {256}, "tokens": {1}}})[0]
	if r.Dispatches != 3 || r.Checked != 70 || r.ReadBytes != 96*144+3*1024 {
		t.Errorf("70 rows in parts of 32: %+v", r)
	}
	*limit = before

	r = results(t, w, Sweep{Kernel: "threshold", Sizes: map[string][]int{"vocab": {5000}, "tokens": {100}}})[0]
	if r.Outputs != 100 || r.Checked >= 60 || r.Checked < 40 {
		t.Errorf("%d of %d values checked", r.Checked, r.Outputs)
	}
}

func TestRoofShare(t *testing.T) {
	w := newWorkbench(t, Options{Reps: 1, Warm: true, RoofsFolder: t.TempDir()})
	if w.o.Flush != 0 || w.roofs != nil {
		t.Errorf("%d bytes flush warm caches, or roofs %+v", w.o.Flush, w.roofs)
	}
	w.roofs = &roofline.Roofs{ReadBytesPerS: 1e9, F32FLOPsPerS: 1e9, DispatchUS: 1}
	for _, c := range []struct {
		bytes, flops int64
		share        float64
		bound        string
	}{{5000, 1000, 0.5, "memory"}, {1000, 5000, 0.5, "compute"}, {500, 100, 0.05, "latency"}} {
		r := &Result{ReadBytes: c.bytes, FLOPs: c.flops, Dispatches: 1, SamplesUS: []float64{30, 11, 8, 9}}
		if r.summarize(w); math.Abs(r.RoofShare-c.share) > 1e-9 || r.Bound != c.bound || r.MinUS != 8 || r.MeanUS != 14.5 || r.P50US != 10 || math.Abs(r.P95US-27.15) > 1e-9 {
			t.Errorf("%+v: %+v", c, r)
		}
	}
}

// A GPU's caches are flushed by the device, a CPU device's by the host.
func TestFlush(t *testing.T) {
	caps := device.Caps()
	before := caps.Type
	defer func() { caps.Type = before }()
	for _, typ := range []vk.DeviceType{vk.CPU, vk.Discrete} {
		caps.Type = typ
		w := newWorkbench(t, Options{Reps: 1, Flush: 1000})
		r := results(t, w, Sweep{Kernel: "geglu", Sizes: map[string][]int{"ffn_dim": {67}, "tokens": {1}}})[0]
		if r.Checked != 67 || r.FlushedBytes != 896 || len(r.SamplesUS) != 1 {
			t.Errorf("%v: %+v", typ, r)
		}
		onHost := w.flush.memory != nil && w.flush.sum.Load() >= 2*896/line // before the check, and the run
		if onHost != (typ == vk.CPU) || (w.flush.to != nil) == onHost {
			t.Errorf("%v: on the host: %v", typ, onHost)
		}
	}
}
