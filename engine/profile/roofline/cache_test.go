package roofline

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"sealvk/vk"
)

func sample(c *vk.Caps) *Roofs {
	return &Roofs{Version: Version, Identity: identify(c), MeasuredAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Clock: "timestamps",
		WorkingSetBytes: 1 << 28, ReadBytesPerS: 1.5e9, CopyBytesPerS: 2e9, F32FLOPsPerS: 3e9, F16FLOPsPerS: 4e9, DispatchUS: 5, SubmissionUS: 6,
		Spread: map[string]float64{"read_bytes_per_s": 0.25}, Variant: map[string]string{"read_bytes_per_s": "8 lanes"}}
}

func testCaps() *vk.Caps {
	return &vk.Caps{Name: "Test", Type: vk.Discrete, VendorID: 0x1002, DeviceID: 0x744c, DeviceUUID: vk.UUID{1}, DriverUUID: vk.UUID{2},
		PipelineCacheUUID: vk.UUID{3}, Driver: vk.Driver{ID: 3, Name: "radv", Info: "Mesa 25.0", Version: 7}}
}

func TestSaveAndLoad(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "folder")
	c := testCaps()
	if _, err := Load(dir, c); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nothing saved: error %v", err)
	}
	want := sample(c)
	for range 2 { // the second replaces the first
		want.ReadBytesPerS++
		if err := want.Save(dir); err != nil {
			t.Fatal(err)
		}
		if got, err := Load(dir, c); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("error %v\n got %+v\nwant %+v", err, got, want)
		}
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 || !strings.HasPrefix(files[0].Name(), "roofs-1002-744c-") {
		t.Errorf("files %v, error %v", files, err)
	}
}

// Anything that sets devices or drivers apart leads to other roofs, each with its file.
func TestOtherDevicesAndDrivers(t *testing.T) {
	dir := t.TempDir()
	if err := sample(testCaps()).Save(dir); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*vk.Caps){
		"device":         func(c *vk.Caps) { c.DeviceID++ },
		"device uuid":    func(c *vk.Caps) { c.DeviceUUID[5]++ },
		"driver version": func(c *vk.Caps) { c.Driver.Version++ },
		"driver info":    func(c *vk.Caps) { c.Driver.Info = "Mesa 25.1" },
		"driver uuid":    func(c *vk.Caps) { c.DriverUUID[0]++ },
		"cache uuid":     func(c *vk.Caps) { c.PipelineCacheUUID[15]++ },
		"host":           func(c *vk.Caps) { c.Type = vk.CPU },
	} {
		c := testCaps()
		change(c)
		if r, err := Load(dir, c); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %+v, error %v", name, r, err)
		}
		if err := sample(c).Save(dir); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(dir, c); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Load(dir, testCaps()); err != nil {
		t.Error(err)
	}
}

func TestDamagedFiles(t *testing.T) {
	dir := t.TempDir()
	c := testCaps()
	r := sample(c)
	if err := r.Save(dir); err != nil {
		t.Fatal(err)
	}
	name := r.path(dir)
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	text := string(whole)
	for what, damaged := range map[string]string{
		"empty":           "",
		"cut short":       text[:len(text)/2],
		"no JSON":         "roofs",
		"another format":  strings.Replace(text, `"format": 1`, `"format": 999`, 1),
		"another device":  strings.Replace(text, `"device": "Test"`, `"device": "Toast"`, 1),
		"a figure of 0":   strings.Replace(text, `"read_bytes_per_s": 1500000000`, `"read_bytes_per_s": 0`, 1),
		"a negative one":  strings.Replace(text, `"barrier_us": 0`, `"barrier_us": -1`, 1),
		"one beyond f64":  strings.Replace(text, `"f32_flops_per_s": 3000000000`, `"f32_flops_per_s": 1e999`, 1),
		"far too long":    text + strings.Repeat(" ", maxFile),
		"a list":          "[" + text + "]",
		"null":            "null",
		"figures as text": strings.Replace(text, `"dispatch_us": 5`, `"dispatch_us": "5"`, 1),
	} {
		if damaged == text {
			t.Fatalf("%s: nothing was changed in %s", what, text)
		}
		if err := os.WriteFile(name, []byte(damaged), 0o644); err != nil {
			t.Fatal(err)
		}
		if got, err := Load(dir, c); got != nil || !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %+v, error %v", what, got, err)
		}
	}
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(name, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(dir, c); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder: error %v", err)
	}
	if err := r.Save(dir); err == nil {
		t.Error("saved in place of a folder")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*.tmp")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
