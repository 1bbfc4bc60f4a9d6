package main

import (
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sealvk/engine/profile"
	"sealvk/engine/profile/report"
)

// A profile of the demo in every form, and the same shown again from its JSON.
func TestProfile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	text := mustOnDevice(t, "", "profile", "--depth", "0,20", "--reps", "2", "-o", dir)
	for _, want := range []string{"decode at depth 0", "decode at depth 20", "ffn_gate", "seallm-nano", "% roof"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	for _, f := range report.Forms() {
		if info, err := os.Stat(filepath.Join(dir, f.File)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", f.Name, err)
		}
	}
	if pictures, err := filepath.Glob(filepath.Join(dir, "*.png")); err != nil || len(pictures) < 6 {
		t.Errorf("pictures %v (%v)", pictures, err)
	}
	file := filepath.Join(dir, "profile.json")
	p, err := (&program{}).readProfile(file)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Runs) != 2 || p.Runs[1].Depth != 20 || p.Model.FileType != "Q4_K_M" || p.Model.Synthetic || p.Model.IntDot || !slices.Contains(p.Command, "0,20") || p.Roofs == nil {
		t.Errorf("runs %d, model %+v, command %q, roofs %+v", len(p.Runs), p.Model, p.Command, p.Roofs)
	}

	if shown := sealvk("", "profile", "show", file); shown.code != 0 || shown.stdout != text {
		t.Errorf("exit code %d, %s, or the text is another one", shown.code, shown.stderr)
	}
	table := sealvk("", "profile", "show", file, "--format", "csv")
	rows, err := csv.NewReader(strings.NewReader(table.stdout)).ReadAll()
	if want := 1 + len(p.Runs[0].Dispatches) + len(p.Runs[1].Dispatches); err != nil || len(rows) != want {
		t.Errorf("CSV of %d rows, want %d (%v)", len(rows), want, err)
	}
	narrow := sealvk("", "profile", "show", file, "--by", "dispatch", "--filter", "^attn_(qk|qkv|output)$", "--sort", "order", "--top", "3").stdout
	if !strings.Contains(narrow, "blk.1.attn_qkv") || strings.Contains(narrow, "blk.1.attn_output") || strings.Contains(narrow, "ffn_down") {
		t.Errorf("filtered:\n%s", narrow)
	}
}

func TestProfileSynthetic(t *testing.T) {
	text := mustOnDevice(t, "", "profile", "--synthetic", "seallm-nano:layers=1,vocab=1000:Q8_0", "--phase", "both", "--tokens", "9", "--reps", "2", "--kv", "f32", "--format", "json")
	var p profile.Profile
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		t.Fatal(err)
	}
	if !p.Model.Synthetic || p.Model.Layers != 1 || p.Model.FileType != "Q8_0" || p.Model.KV != "f32" ||
		len(p.Runs) != 2 || p.Runs[1].Phase != "prefill" || p.Runs[1].Tokens != 9 {
		t.Errorf("%+v, %d runs", p.Model, len(p.Runs))
	}
}

func TestProfileErrors(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte(`{"format":"sealvk-profile","version":1,"runs":[`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ args, want string }{
		{"profile nonsense", `takes no argument, got "nonsense"; a model is named by -m`},
		{"profile --synthetic seallm-nano", "want SHAPE:TYPE"},
		{"profile --synthetic gpt:Q4_K_M", `unknown model shape "gpt"`},
		{"profile --synthetic seallm-nano:Q9", "--synthetic seallm-nano:Q9"},
		{"profile --synthetic seallm-nano:Q8_0 -m x.gguf", "want one of them"},
		{"profile --synthetic seallm-7b-v2.5:layers=4000:F16", "does not fit"},
		{"profile --depth 1,x", "want whole numbers"},
		{"profile --depth 2000000", "want whole numbers"},
		{"profile --phase sleep", "decode or prefill or both"},
		{"profile --filter (", "--filter"},
		{"profile --format png", "text or json"},
		{"profile -o " + file, "want the name of a folder"},
		{"profile --device 99", "no device matches"},
		{"profile show", "one profile.json"},
		{"profile show " + dir, "is a folder"},
		{"profile show " + filepath.Join(dir, "missing.json"), "missing.json"},
		{"profile show " + file, file},
	} {
		o := sealvk("", strings.Fields(c.args)...)
		lines := strings.Split(strings.TrimSuffix(o.stderr, "\n"), "\n")
		last := lines[len(lines)-1]
		if o.code != 1 || o.stdout != "" || !strings.Contains(last, c.want) || strings.Contains(last, "panic") {
			t.Errorf("sealvk %s: exit code %d, stdout %q, stderr %q; want %q", c.args, o.code, o.stdout, o.stderr, c.want)
		}
	}
}
