package roofline

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"sealvk/vk"
	"sealvk/vk/vktest"
)

var device *vk.Device

func TestMain(m *testing.M) { os.Exit(vktest.Main(m, &device)) }

func newTestBench(t testing.TB) *bench {
	t.Helper()
	b, err := newBench(t.Context(), device)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.free)
	return b
}

// For measures where a damaged file is, and then finds what it saved. Measure checks every
// result itself; here the figures are checked to be there, whatever the device's speed.
func TestMeasure(t *testing.T) {
	dir := t.TempDir()
	id := identify(device.Caps())
	if err := os.WriteFile(id.path(dir), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	var heard []string
	r, err := For(t.Context(), device, dir, func(what string) { heard = append(heard, what) })
	if err != nil {
		t.Fatal(err)
	}
	again, err := For(t.Context(), device, dir, func(what string) { t.Errorf("%s is measured again", what) })
	if err != nil || !reflect.DeepEqual(again, r) {
		t.Errorf("error %v\nmeasured %+v\nloaded   %+v", err, r, again)
	}
	if want := []string{"memory", "f32", "f16", "int8 dot products", "cooperative matrices", "dispatches and barriers", "submission"}; !slices.Equal(heard, want) && r.Clock == "timestamps" {
		t.Errorf("progress was called with %q, want %q", heard, want)
	}
	f := &device.Caps().Features
	for _, c := range []struct {
		name  string
		value float64
		has   bool
	}{
		{"read_bytes_per_s", r.ReadBytesPerS, true},
		{"copy_bytes_per_s", r.CopyBytesPerS, true},
		{"f32_flops_per_s", r.F32FLOPsPerS, true},
		{"f16_flops_per_s", r.F16FLOPsPerS, f.ShaderFloat16},
		{"int8_dot_ops_per_s", r.Int8DotOpsPerS, f.IntegerDotProduct},
		{"coopmat_flops_per_s", r.CoopMatFLOPsPerS, len(coopMatrices(device.Caps())) > 0},
		{"dispatch_us", r.DispatchUS, true},
		{"submission_us", r.SubmissionUS, true},
	} {
		if !c.has {
			if _, ok := r.Spread[c.name]; c.value != 0 || ok {
				t.Errorf("%s is %v of a device without", c.name, c.value)
			}
			continue
		}
		if !(c.value > 0) || math.IsInf(c.value, 0) {
			t.Errorf("%s is %v", c.name, c.value)
		}
		if s, ok := r.Spread[c.name]; !ok || !(s >= 0) || math.IsInf(s, 0) {
			t.Errorf("the spread of %s is %v", c.name, s)
		}
	}
	if !(r.BarrierUS >= 0) || math.IsInf(r.BarrierUS, 0) {
		t.Errorf("barrier_us is %v", r.BarrierUS)
	}
	if has := len(coopMatrices(device.Caps())) > 0; has != strings.Contains(r.CoopMat, " f16→f") {
		t.Errorf("cooperative matrix %q", r.CoopMat)
	}
	if r.Version != Version || r.Identity != id || r.MeasuredAt.IsZero() {
		t.Errorf("%+v", r)
	}
	checkNames(t, r)
}

// checkNames compares the keys of Spread and Variant with the names in JSON.
func checkNames(t *testing.T, r *Roofs) {
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(text, &fields); err != nil {
		t.Fatal(err)
	}
	for _, m := range []any{r.Spread, r.Variant} {
		for _, k := range reflect.ValueOf(m).MapKeys() {
			if _, ok := fields[k.String()]; !ok {
				t.Errorf("%q is no field of %s", k, text)
			}
		}
	}
}

func TestMeasureIsEndedByItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	_, err := Measure(ctx, device, func(what string) {
		if what == "f32" {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// Devices without timestamps are measured by the host's clock.
func TestHostClock(t *testing.T) {
	b := newTestBench(t)
	b.timed = false
	r := &Roofs{Spread: map[string]float64{}, Variant: map[string]string{}}
	for _, measure := range []func(*bench, *Roofs) error{measureSubmission, f32Chains.measure, measureDispatches} {
		if err := measure(b, r); err != nil {
			t.Fatal(err)
		}
	}
	if b.clock() != "host" || b.roundTrip <= 0 || math.Abs(microseconds(b.roundTrip)-r.SubmissionUS) > 0.01 {
		t.Errorf("clock %q, round trip %v, a submission %v µs", b.clock(), b.roundTrip, r.SubmissionUS)
	}
	if us := microseconds(1500 * time.Nanosecond); us != 1.5 {
		t.Errorf("1500 ns are %v µs", us)
	}
	if !(r.F32FLOPsPerS > 0 && r.DispatchUS > 0 && r.SubmissionUS > 0) || math.IsInf(r.F32FLOPsPerS+r.DispatchUS, 0) {
		t.Errorf("%+v", r)
	}
}

func TestSamples(t *testing.T) {
	var s samples
	for _, v := range []float64{5, 1, 3, 2, 4} {
		s.add(v)
	}
	for p, want := range map[float64]float64{0: 1, 0.05: 1.2, 0.5: 3, 0.95: 4.8, 1: 5} {
		if got := s.quantile(p); math.Abs(got-want) > 1e-12 {
			t.Errorf("quantile %v is %v, want %v", p, got, want)
		}
	}
	if got := s.spread(); math.Abs(got-1.2) > 1e-12 {
		t.Errorf("spread %v, want 1.2", got)
	}
}
