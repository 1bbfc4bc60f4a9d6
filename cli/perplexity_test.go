package main

import (
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const perplexityText = "../testdata/score/text.txt"

// wantedPerplexity is what another program gives; see testdata/score/perplexity.py.
type wantedPerplexity struct {
	Ctx, Stride        int
	Perplexity, Stderr float64
	Running            []float64
}

// compare wants the method to give the same, within a relative error.
func (w *wantedPerplexity) compare(t *testing.T, o *opened, method string, most float64) {
	t.Helper()
	f := &perplexityFlags{method: choice{value: method}, stride: whole{value: uint64(w.Stride)}, special: method == "stride"}
	text := string(readFile(t, perplexityText))
	if method == "llama" {
		text = strings.TrimSuffix(text, "\n")
	}
	r := &perplexityRun{p: &program{stderr: io.Discard}, o: o, f: f, text: text, size: w.Ctx}
	if err := errors.Join(r.cut(), r.compute(t.Context())); err != nil {
		t.Fatal(err)
	}
	got, off := r.result(), func(got, want float64) float64 { return math.Abs(got-want) / want }
	d := off(got.Perplexity, w.Perplexity)
	if !(d <= most) {
		t.Errorf("%s, %+v: %v", method, w, got.Perplexity)
	}
	if w.Stderr > 0 && !(off(got.StdErr, w.Stderr) <= 2*most) {
		t.Errorf("%s, %+v: ± %v", method, w, got.StdErr)
	}
	for i, v := range w.Running {
		if len(got.Running) != len(w.Running) || !(off(got.Running[i], v) <= most) {
			t.Errorf("%s, %+v: up to each chunk %v", method, w, got.Running)
			break
		}
	}
	t.Logf("%s, %d tokens: off by %.2g", method, w.Ctx, d)
}

// The two methods are those of the programs that they are named after. With -short the demo alone is tried.
func TestPerplexityIsThatOfLlamaAndTransformers(t *testing.T) {
	var want struct {
		Models map[string]struct{ Stride, Llama, Direct []wantedPerplexity }
	}
	if err := json.Unmarshal(readFile(t, "../testdata/score/perplexity.json"), &want); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{"gguf-Q4_K_M": "", "gguf-f16": sharedNano + "gguf/seallm-nano-f16.gguf", "hf-bf16": sharedNano + "hf"} {
		if _, err := os.Stat(path); path != "" && (err != nil || testing.Short()) {
			continue
		}
		f := newModelFlags()
		f.path, f.kv.value, f.numerics.value, f.context.value = path, "f32", "exact", 128
		o, err := (&program{stderr: io.Discard}).open(t.Context(), f, nil, true)
		if err != nil {
			t.Fatal(err)
		}
		llama := want.Models[name].Llama
		if name == "gguf-f16" { // llama.cpp rounds what it multiplies quantized weights by
			llama = append(llama, want.Models[name].Direct...)
		}
		for i, w := range llama {
			if i == 0 || !testing.Short() {
				w.compare(t, o, "llama", 1e-3)
			}
		}
		want.Models[name].Stride[0].compare(t, o, "stride", 1e-4)
		if path == "" {
			checkPerplexityErrors(t, o)
		}
		if err := o.end(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// What only a model's tokens tell.
func checkPerplexityErrors(t *testing.T, o *opened) {
	for _, c := range []struct {
		text, method string
		stride       uint64
		want         string
	}{
		{"Hello there!", "llama", 0, "has 8 tokens, two chunks of 64 are the least"},
		{"Hello there!", "stride", 65, "--stride 65 is more than a window's 64 tokens"},
		{"", "stride", 0, "the text is empty"},
	} {
		f := &perplexityFlags{method: choice{value: c.method}, stride: whole{value: c.stride}}
		r := &perplexityRun{o: o, f: f, text: c.text, size: 64}
		if err := r.cut(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// Running values and progress go to standard error; a byte order mark is no part of the text.
func TestPerplexityPrintsOneLine(t *testing.T) {
	text := "\ufeff" + string(readFile(t, perplexityText))
	o := onDevice(t, text, "perplexity", "-", "--ctx", "64", "--chunks", "2")
	if o.code != 0 || !strings.HasPrefix(o.stdout, "PPL = 6.92") || strings.Count(o.stdout, "\n") != 1 || !strings.Contains(o.stdout, " ± ") {
		t.Errorf("code %d: %q", o.code, o.stdout)
	}
	if !strings.Contains(o.stderr, "542 tokens: 2 chunks of 64, of which the last 31 count\n") || !strings.Contains(o.stderr, "\n[1]15.2") || !strings.HasSuffix(o.stderr, ",\n") {
		t.Errorf("standard error: %s", o.stderr)
	}
}

func TestPerplexityErrors(t *testing.T) {
	dir := t.TempDir()
	damaged := filepath.Join(dir, "damaged.txt")
	if err := os.WriteFile(damaged, []byte("ab\xffc"), 0o666); err != nil {
		t.Fatal(err)
	}
	sealvk("", "perplexity").wantError(t, "one text file")
	sealvk("", "perplexity", damaged, damaged).wantError(t, "one text file", "2 arguments")
	sealvk("", "perplexity", filepath.Join(dir, "nowhere")).wantError(t, "nowhere: no such file")
	sealvk("", "perplexity", dir).wantError(t, dir, "is a folder; want a text file")
	sealvk("", "perplexity", damaged).wantError(t, "damaged.txt", "not UTF-8", "byte 2")
	sealvk("", "perplexity", damaged, "--stride", "4").wantError(t, "--stride needs --method stride")
	sealvk("", "perplexity", damaged, "--method", "gpt").wantError(t, "llama or stride")
}
