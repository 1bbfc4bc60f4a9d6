package main

import (
	"encoding/json"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sealvk/engine/profile/kernelbench"
)

// withIntDot is the standard output of a command with --int-dot. Whether the device can is what
// `devices` says of it, not what the command under test says.
func withIntDot(t *testing.T, args ...string) string {
	t.Helper()
	if !strings.Contains(onDevice(t, "", "devices", "--json").stdout, `"integer_dot_product": true`) {
		t.Skip("the device has no integer dot products")
	}
	o := onDevice(t, "", append(args, "--int-dot")...)
	if o.code != 0 {
		t.Fatalf("sealvk %q: exit code %d\n%s", args, o.code, o.stderr)
	}
	return o.stdout
}

// The text and the JSON say so, and the kernels whose activations come as integers are those that
// read them. A profile without can be compared.
func TestProfileIntDot(t *testing.T) {
	dir := t.TempDir()
	text := withIntDot(t, "profile", "--reps", "2", "-o", dir)
	for _, want := range []string{"KV cache f16, integer dot products in decode, numerics auto; ", "1 token, integer dot"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	file, other := filepath.Join(dir, "profile.json"), filepath.Join(dir, "other.json")
	p, err := (&program{}).readProfile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !p.Model.IntDot {
		t.Errorf("model %+v", p.Model)
	}
	seen := map[string]bool{}
	for _, d := range p.Runs[0].Dispatches {
		variant := p.Pipelines[d.Pipeline].Variant
		want := slices.Contains([]string{"attn_qkv", "attn_qk", "attn_v", "ffn_gate_up", "ffn_down", "output"}, d.Operation)
		if got := strings.Contains(variant, ", integer dot"); got != want {
			t.Errorf("%s is %q", d.Label, variant)
		}
		seen[d.Operation] = true
	}
	if !seen["attn_qkv"] || !seen["ffn_gate_up"] || !seen["ffn_down"] {
		t.Errorf("operations %v", seen)
	}

	p.Model.IntDot = false
	if err := writeFile(other, func(w io.Writer) error { return encodeJSON(w, "", p) }); err != nil {
		t.Fatal(err)
	}
	diff := sealvk("", "profile", "diff", file, other)
	for _, want := range []string{"KV cache f16, integer dot products in decode, on ", "differs: integer dot products, A true, B false"} {
		if diff.code != 0 || !strings.Contains(diff.stdout, want) {
			t.Errorf("no %q in\n%s%s", want, diff.stdout, diff.stderr)
		}
	}
}

// --int-dot is int_dot=1 in every tuning, and in the one that is the device's own.
func TestProfileKernelIntDot(t *testing.T) {
	args := []string{"profile", "kernel", "matmul_add", "--shape", "rows=5/9,cols=256", "--reps", "1", "--format", "json"}
	tunings := []string{"--tuning", "lanes=8,row_lanes=8,max_lanes=8,groups=2/4", "--tuning", "lanes=8,row_lanes=8,max_lanes=8,groups=1"}
	for _, c := range []struct {
		args    []string
		results int
	}{{args, 2}, {append(args, tunings...), 2 * 3}} {
		var r kernelbench.Report
		if err := json.Unmarshal([]byte(withIntDot(t, c.args...)), &r); err != nil {
			t.Fatal(err)
		}
		if len(r.Results) != c.results {
			t.Errorf("%d results, want %d", len(r.Results), c.results)
		}
		for _, x := range r.Results {
			if x.Variant["int_dot"] != 1 || x.Checked != x.Outputs {
				t.Errorf("%+v", x)
			}
		}
	}
	if text := withIntDot(t, "profile", "kernel", "output", "--shape", "rows=5,cols=256", "--reps", "1"); !strings.Contains(text, "int_dot=1") {
		t.Errorf("the tuning does not say it:\n%s", text)
	}
}

func TestProfileKernelIntDotErrors(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"rope", "--int-dot: rope has no integer dot products; attn_qkv, ffn_gate_up, matmul_add, output have"},
		{"matmul", "--int-dot: matmul has no integer dot products; attn_qkv,"},
		{"matmul_add --tuning int_dot=0/1", "--int-dot and --tuning int_dot=…: want one of them"},
		{"matmul_add --tuning groups=4 --tuning groups=2,int_dot=1", "--int-dot and --tuning int_dot=…: want one of them"},
		{"matmull", `unknown kernel "matmull"`},
	} {
		t.Run(c.args, func(t *testing.T) {
			sealvk("", append([]string{"profile", "kernel", "--int-dot"}, strings.Fields(c.args)...)...).wantError(t, c.want)
		})
	}
}

// Every command that takes the flag gives the same error, before it measures or loads.
func TestIntDotOnADeviceWithout(t *testing.T) {
	for _, command := range []string{"generate hi", "logits --ids 2,3", "bench", "profile", "profile kernel matmul_add"} {
		t.Run(command, func(t *testing.T) {
			args := append(strings.Fields(command), "--int-dot", "--restrict", "no-int-dot")
			if command == "logits --ids 2,3" {
				args = append(args, "-o", filepath.Join(t.TempDir(), "out"))
			}
			onDevice(t, "", args...).wantError(t, "sealvk: --int-dot: the device has no integer dot products\n")
		})
	}
}

// Commands that compute nothing with it do not take the flag, wherever it stands.
func TestIntDotIsRefused(t *testing.T) {
	for _, args := range []string{
		"devices --int-dot", "inspect --int-dot", "bench compare a.json b.json --int-dot",
		"profile diff a.json b.json --int-dot", "profile --int-dot diff a.json b.json", "--int-dot profile diff a.json b.json",
		"profile static --int-dot", "profile --int-dot static matmul_add", "profile show a.json --int-dot", "profile --int-dot show a.json",
	} {
		t.Run(args, func(t *testing.T) {
			sealvk("", strings.Fields(args)...).wantError(t, "unknown flag --int-dot")
		})
	}
}
