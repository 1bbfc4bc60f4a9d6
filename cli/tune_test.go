package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sealvk/engine/profile/bench"
)

// A profile and a bench run with what --tune says, and tell it.
func TestTune(t *testing.T) {
	file := filepath.Join(t.TempDir(), "profile.json")
	out := mustOnDevice(t, "", "profile", "--reps", "2", "--format", "json", "--tune", "matmul_add.groups=2", "--tune", "rope.lanes=16, geglu.lanes=16")
	if err := os.WriteFile(file, []byte(out), 0o666); err != nil {
		t.Fatal(err)
	}
	text := sealvk("", "profile", "show", file).stdout
	const tuning = "matmul_add.groups=2,rope.lanes=16,geglu.lanes=16"
	if !strings.Contains(text, "\ntuning      "+tuning+"\n") {
		t.Errorf("the text does not say it:\n%s", text)
	}
	tuned, err := (&program{}).readProfile(file)
	if err != nil || tuned.Model.Tuning != tuning || tuned.Model.IntDot {
		t.Fatalf("%v, model %+v", err, tuned.Model)
	}
	lanes := map[string]int{}
	for _, p := range tuned.Pipelines {
		lanes[p.Kernel] = p.Lanes
	}
	if lanes["embed"] != 16 { // it shares the knob
		t.Errorf("lanes of the pipelines: %v", lanes)
	}

	out = mustOnDevice(t, "", "bench", "-p", "0", "-n", "2", "-r", "1", "-o", "jsonl", "--tune", "output.groups=2")
	var row bench.Row
	if err := json.Unmarshal([]byte(out), &row); err != nil || row.Tuning != "output.groups=2" {
		t.Errorf("%v: %s", err, out)
	}
	if text := mustOnDevice(t, "", "bench", "-p", "0", "-n", "2", "-r", "1", "--tune", "output.groups=2"); !strings.Contains(text, "\ntuning: output.groups=2\n") {
		t.Errorf("the table does not say it:\n%s", text)
	}
	o := onDevice(t, "", "generate", "-v", "-n", "1", "--tune", "matmul_add.groups=2,attention.positions=2", "hi")
	for _, want := range []string{"tuning: matmul_add.groups=2, for attn_qkv, ffn_gate_up, matmul, output too\n", "tuning: attention.positions=2\n"} {
		if o.code != 0 || !strings.Contains(o.stderr, want) {
			t.Errorf("no %q in\n%s", want, o.stderr)
		}
	}
}

func TestTuneErrors(t *testing.T) {
	for _, c := range []struct{ tune, want string }{
		{"lanes=8", `--tune: "lanes=8": want KERNEL.KNOB=NUMBER, such as matmul_add.lanes=128`},
		{"rope.lanes", `"rope.lanes": want KERNEL.KNOB=NUMBER`},
		{"rope.lanes=8,", `"": want KERNEL.KNOB=NUMBER`},
		{"rope.lanes=8/16", `want KERNEL.KNOB=NUMBER`},
		{"rope.width=8", `rope has no tuning "width"; it has lanes`},
		{"ropes.lanes=8", `unknown kernel "ropes"; there are adjust, advance, attention`},
		{"rope.lanes=9", "rope: lanes=9: want a power of two"},
	} {
		for _, command := range []string{"bench", "profile", "generate hi"} {
			t.Run(command+" "+c.tune, func(t *testing.T) {
				sealvk("", append(strings.Fields(command), "--tune", c.tune)...).wantError(t, "--tune", c.want)
			})
		}
	}
	sealvk("", "generate", "--int-dot", "--tune", "output.int_dot=1", "hi").wantError(t, "--int-dot and --tune …int_dot=…: want one of them")
}
