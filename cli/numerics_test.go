package main

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"sealvk/engine/profile/bench"
)

// The mode is told where figures are: by -v, in the JSON of answers, benchmarks and profiles.
func TestNumericsIsTold(t *testing.T) {
	for _, mode := range numericsModes {
		o := onDevice(t, "", "generate", "--temp", "0", "-n", "3", "--numerics", mode, "--json", "-v", "hi")
		var answer generated
		if err := json.Unmarshal([]byte(o.stdout), &answer); err != nil || answer.Numerics != mode {
			t.Errorf("%s: %s (%v)", mode, o.stdout, err)
		}
		if want := "numerics " + mode + ": decode by "; !strings.Contains(o.stderr, want) {
			t.Errorf("no %q in\n%s", want, o.stderr)
		}
	}
	o := onDevice(t, "", "generate", "--temp", "0", "-n", "3", "--numerics", "exact", "-v", "hi")
	if want := "numerics exact: decode by f32, prompts by f32\n"; !strings.Contains(o.stderr, want) {
		t.Errorf("no %q in\n%s", want, o.stderr)
	}
	var row bench.Row
	text := mustOnDevice(t, "", "bench", "-p", "0", "-n", "2", "-r", "1", "--no-warmup", "--numerics", "invariant", "-o", "jsonl")
	if err := json.Unmarshal([]byte(text), &row); err != nil || row.Numerics != "invariant" {
		t.Errorf("bench: %s (%v)", text, err)
	}
	dir := t.TempDir()
	if text := mustOnDevice(t, "", "profile", "--reps", "1", "--numerics", "exact", "-o", dir); !strings.Contains(text, ", numerics exact; ") {
		t.Errorf("profile does not tell:\n%s", text)
	}
	if p, err := (&program{}).readProfile(filepath.Join(dir, "profile.json")); err != nil || p.Model.Numerics != "exact" || p.Model.IntDot {
		t.Errorf("profile: %v, %+v", err, p.Model)
	}
}

func TestNumericsErrors(t *testing.T) {
	sealvk("", "generate", "--numerics", "fast", "hi").wantError(t, "want auto or invariant or exact")
	onDevice(t, "", "generate", "--numerics", "exact", "--int-dot", "hi").wantError(t, "sealvk: --int-dot and --numerics exact: want one of them\n")
	onDevice(t, "", "generate", "--numerics", "exact", "--tune", "output.int_dot=1", "hi").wantError(t, "sealvk: --tune output.int_dot=1 and --numerics exact: want one of them\n")
}
