package engine

import (
	"context"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"sealvk/vk"
)

// What was reached is counted on at the next start, but for a margin, on this device and driver alone; what is no
// more than that is not written again.
func TestSpeedsAreKept(t *testing.T) {
	dir, guess := t.TempDir(), speed{1e11, 1e10}
	gpu := &vk.Caps{Type: vk.Discrete, DeviceID: 1}
	s := speedsOf(dir, gpu)
	if got := s.of("f32", guess); got != guess {
		t.Errorf("at first %+v", got)
	}
	other := speedsOf(dir, gpu) // of a model beside it
	other.keep("f32", speed{4e12, 0})
	s.keep("f16 matrices", speed{8e13, 2e11})
	s = speedsOf(dir, gpu)
	for arithmetic, want := range map[string]speed{"f32": {3e12, 1e10}, "f16 matrices": {6e13, 1.5e11}, "f64": guess} {
		if got := s.of(arithmetic, guess); math.Abs(got.FLOPs/want.FLOPs-1) > 1e-9 || math.Abs(got.Bytes/want.Bytes-1) > 1e-9 {
			t.Errorf("%s: %+v, want %+v", arithmetic, got, want)
		}
	}
	if err := os.Remove(s.path); err != nil {
		t.Fatal(err)
	}
	s.keep("f16 matrices", speed{1e14, 2.5e11})
	s.keep("f16 matrices", speed{1e12, 1e10})
	if _, err := os.Stat(s.path); err == nil {
		t.Error("written again for a quarter more")
	}
	s.keep("f16 matrices", speed{1e12, 4e11})
	if got := speedsOf(dir, gpu).ByArithmetic["f16 matrices"]; got != (speed{8e13, 4e11}) {
		t.Errorf("%+v: want the greater of each", got)
	}
	for name, c := range map[string]*vk.Caps{"another device": {Type: vk.Discrete, DeviceID: 2}, "a CPU": {Type: vk.CPU, DeviceID: 1}} {
		if s := speedsOf(dir, c); len(s.ByArithmetic) > 0 {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

// A file that is damaged, too large, none, or cannot be written is as no file.
func TestDamagedSpeeds(t *testing.T) {
	gpu, guess := &vk.Caps{Type: vk.Discrete}, speed{1e11, 1e10}
	path := speedsOf(t.TempDir(), gpu).path
	for _, text := range []string{
		"", "{", "[]", "null", `{"by_arithmetic": 3}`, `{"by_arithmetic": {"f32": {"flops": -1, "bytes": 0}}}`, `{"by_arithmetic": {"f32": {"flops": "fast"}}}`,
		`{"by_arithmetic": {"f32": {"flops": 1e13}}}` + string(make([]byte, maxSpeeds)),
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(path)), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s := speedsOf(dir, gpu)
		if got := s.of("f32", guess); got != guess {
			t.Errorf("%.60s: %+v", text, got)
		}
		s.keep("f32", speed{1e12, 1e11})
		if got := speedsOf(dir, gpu).ByArithmetic["f32"]; got != (speed{1e12, 1e11}) {
			t.Errorf("%.60s: afterwards %+v", text, got)
		}
	}
	s := speedsOf(filepath.Join(path, "nowhere"), gpu)
	s.keep("f32", speed{1e12, 1e11})
	none := speedsOf("", gpu)
	none.keep("f32", speed{1e12, 1e11})
	if none.path != "" || len(none.ByArithmetic) > 0 {
		t.Errorf("without a folder: %+v", none)
	}
}

// A model that is closed leaves what it reached in prompts and in steps.
func TestModelKeepsItsSpeed(t *testing.T) {
	m := loadFile(t, oneLayer(t), Options{Context: 128})
	m.speeds.path = filepath.Join(t.TempDir(), "speeds.json")
	if got := m.reached(); got != (speed{}) {
		t.Errorf("before anything was computed: %+v", got)
	}
	begun := time.Now()
	if _, err := session(t, m).Generate(context.Background(), Request{Prompt: slices.Repeat([]int32{5}, 70), MaxTokens: 20}); err != nil {
		t.Fatal(err)
	}
	took := time.Since(begun).Seconds()
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	got := slices.Collect(maps.Values(m.speeds.ByArithmetic))
	if len(got) != 1 || got[0] != m.reached() {
		t.Fatalf("%+v is kept, %+v reached", got, m.reached())
	}
	// All of it took as long as the whole at most.
	if least := 70 * layerFLOPs(m.cfg) / took; got[0].FLOPs < least {
		t.Errorf("%g operations a second, want %g at least", got[0].FLOPs, least)
	}
	if least := 19 * float64(m.BytesPerToken()) / took; got[0].Bytes < least {
		t.Errorf("%g bytes a second, want %g at least", got[0].Bytes, least)
	}
	if _, err := os.Stat(m.speeds.path); err != nil {
		t.Error(err)
	}
}
