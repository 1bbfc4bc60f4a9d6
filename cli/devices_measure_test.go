package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sealvk/engine/profile/roofline"
)

func TestDevicesMeasure(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	o := onDevice(t, "", "devices", "--measure", "--json")
	var list []struct {
		Selected bool            `json:"selected"`
		Name     string          `json:"name"`
		Roofs    *roofline.Roofs `json:"roofs"`
	}
	if err := json.Unmarshal([]byte(o.stdout), &list); err != nil || o.code != 0 || o.stderr != "" {
		t.Fatalf("%v: %+v", err, o)
	}
	for _, d := range list {
		if (d.Roofs != nil) != d.Selected {
			t.Errorf("%s: selected %v, roofs %+v", d.Name, d.Selected, d.Roofs)
		}
		if r := d.Roofs; r != nil && (r.Device != d.Name || !(r.ReadBytesPerS > 0) || !(r.F32FLOPsPerS > 0) || !(r.SubmissionUS > 0)) {
			t.Errorf("%+v", r)
		}
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(cache, "sealvk", "roofs-*.json"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v: kept in %q", err, files)
	}
	// What is kept is what was printed.
	text, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	var kept roofline.Roofs
	if err := json.Unmarshal(text, &kept); err != nil {
		t.Fatal(err)
	}
	for _, d := range list {
		if d.Selected && (d.Roofs.ReadBytesPerS != kept.ReadBytesPerS || !d.Roofs.MeasuredAt.Equal(kept.MeasuredAt)) {
			t.Errorf("kept %+v, printed %+v", kept, d.Roofs)
		}
	}
}

func TestDevicesMeasureOfNoDevice(t *testing.T) {
	o := onDevice(t, "", "devices", "--measure", "--device", "no such device")
	if o.code != 1 || !strings.Contains(o.stderr, "no such device") || strings.Contains(o.stdout, "measured") {
		t.Errorf("%+v", o)
	}
}

func TestRoofsText(t *testing.T) {
	var b strings.Builder
	l := &listedDevice{Index: 3, Roofs: &roofline.Roofs{
		MeasuredAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Clock: "host", ReadBytesPerS: 3.35e12, CopyBytesPerS: 999.9e6, F32FLOPsPerS: 60e12,
		DispatchUS: 1.234, SubmissionUS: 25,
		Spread:  map[string]float64{"read_bytes_per_s": 0.014, "copy_bytes_per_s": 0.2, "f32_flops_per_s": 0, "dispatch_us": 1.5, "barrier_us": 0, "submission_us": 0.1},
		Variant: map[string]string{"read_bytes_per_s": "64 lanes", "copy_bytes_per_s": "vkCmdCopyBuffer"},
	}}
	printDevice(&b, l)
	_, got, _ := strings.Cut(b.String(), "an allocation\n")
	want := `     measured  2026-01-02 03:04:05 UTC by the host's clock; spread of the runs (p5 to p95), fastest variant
     read      3.35 TB/s         1 %  64 lanes
     copy      999.90 MB/s      20 %  vkCmdCopyBuffer
     f32       60.00 TFLOP/s     0 %
     f16       -
     int8 dot  -
     matrices  -
     dispatch  1.23 µs         150 %
     barrier   0.00 µs           0 %
     submit    25.00 µs         10 %
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
