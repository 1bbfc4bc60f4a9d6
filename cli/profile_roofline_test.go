package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// rooflineProfile is a profile whose kernels have bytes and FLOPs, as JSON.
func rooflineProfile(t *testing.T, factor float64) []byte {
	t.Helper()
	p := diffedProfile(1, 4, 0.01, map[string]float64{"ffn_gate_up": factor})
	for i := range p.Runs {
		for j := range p.Runs[i].Dispatches {
			d := &p.Runs[i].Dispatches[j]
			d.ReadBytes, d.FLOPs = 1<<20, int64(j+1)<<24
		}
		p.Runs[i].Unprofiled.MedianUS = 5000 * factor
	}
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestProfileRoofline(t *testing.T) {
	dir := t.TempDir()
	before, after, out := filepath.Join(dir, "before.json.gz"), filepath.Join(dir, "after.json"), filepath.Join(dir, "roofline.svg")
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	if _, err := z.Write(rooflineProfile(t, 1)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{before: zipped.Bytes(), after: rooflineProfile(t, 0.5)} {
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	o := sealvk("", "profile", "roofline", before, after, "--expected", after, "--depth", "512", "-o", out)
	if o.code != 0 || o.stdout != "" || o.stderr != "" {
		t.Fatalf("exit code %d, %q, %q", o.code, o.stdout, o.stderr)
	}
	svg := string(readFile(t, out))
	for _, want := range []string{">before: 200 tokens/s<", ">after: 400 tokens/s<", ">after, expected<", ">ffn_gate_up<", ">Roofline of decode at depth 512<"} {
		if !strings.Contains(svg, want) {
			t.Errorf("no %q in the picture", want)
		}
	}
	few := sealvk("", "profile", "roofline", before, "--names", "all of it", "--top", "1")
	if few.code != 0 || !strings.Contains(few.stdout, ">all of it: 200 tokens/s<") || !strings.Contains(few.stdout, "at depth 0<") ||
		!strings.Contains(few.stdout, ">output<") || strings.Contains(few.stdout, ">ffn_down<") {
		t.Errorf("exit code %d, %s: not one operation of the first run", few.code, few.stderr)
	}
	if png := sealvk("", "profile", "roofline", after, "--format", "png"); png.code != 0 || !strings.HasPrefix(png.stdout, "\x89PNG") {
		t.Errorf("exit code %d, %s, and no PNG", png.code, png.stderr)
	}

	cut, other := filepath.Join(dir, "cut.json.gz"), filepath.Join(dir, "other.json")
	for name, text := range map[string][]byte{cut: zipped.Bytes()[:zipped.Len()/2], other: []byte(`{"format":"x"}`)} {
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ args, want string }{
		{"", "takes profiles"},
		{before + " " + cut, "cut.json.gz: profile: the compressed file is cut"},
		{before + " " + other, "other.json: profile: not a profile"},
		{before + " missing.json", "missing.json"},
		{before + " --phase prefill", "has no run of that phase and depth"},
		{before + " --depth 7", "has no run of that phase and depth"},
		{before + " --names a,b", "--names a,b: 2 names for 1 profiles"},
		{before + " --format text", "want png or svg"},
		{before + " -o " + dir, "is a folder"},
		{after + " -o " + after, "choose another name"},
		{strings.Repeat(before+" ", 8), "want 1 to 7"},
	} {
		o := sealvk("", append([]string{"profile", "roofline"}, strings.Fields(c.args)...)...)
		if o.code != 1 || o.stdout != "" || strings.Count(o.stderr, "\n") != 1 || !strings.Contains(o.stderr, c.want) {
			t.Errorf("%s: exit code %d, stdout %.80q, stderr %q; want %q", c.args, o.code, o.stdout, o.stderr, c.want)
		}
	}
}
