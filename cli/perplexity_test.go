package main

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strconv"
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

func (w *wantedPerplexity) args(method string) []string {
	args := []string{"perplexity", perplexityText, "--json", "--method", method, "--ctx", strconv.Itoa(w.Ctx)}
	if w.Stride > 0 {
		args = append(args, "--stride", strconv.Itoa(w.Stride))
	}
	return args
}

// compare wants the run to give the same, within a relative error.
func (w *wantedPerplexity) compare(t *testing.T, args []string, most float64) {
	t.Helper()
	var got perplexityResult
	if err := json.Unmarshal([]byte(mustOnDevice(t, "", args...)), &got); err != nil {
		t.Fatal(err)
	}
	off := func(got, want float64) float64 { return math.Abs(got-want) / want }
	d := off(got.Perplexity, w.Perplexity)
	if !(d <= most) {
		t.Errorf("%v: %v, want %v", args, got.Perplexity, w.Perplexity)
	}
	if w.Stderr > 0 && !(off(got.StdErr, w.Stderr) <= 2*most) {
		t.Errorf("%v: ± %v, want %v", args, got.StdErr, w.Stderr)
	}
	for i, v := range w.Running {
		if len(got.Running) != len(w.Running) || !(off(got.Running[i], v) <= most) {
			t.Errorf("%v: up to each chunk %v, want %v", args, got.Running, w.Running)
			break
		}
	}
	t.Logf("%v: off by %.2g", args, d)
}

// The two methods are those of the programs that they are named after. With -short each is tried once.
func TestPerplexityIsThatOfLlamaAndTransformers(t *testing.T) {
	var want struct {
		Models map[string]struct{ Stride, Llama, Direct []wantedPerplexity }
	}
	if err := json.Unmarshal(readFile(t, "../testdata/score/perplexity.json"), &want); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{"gguf-Q4_K_M": "", "gguf-f16": sharedNano + "gguf/seallm-nano-f16.gguf", "hf-bf16": sharedNano + "hf"} {
		var model []string
		if path != "" {
			if _, err := os.Stat(path); err != nil || testing.Short() {
				continue
			}
			model = []string{"-m", path}
		}
		w := want.Models[name]
		for i := range w.Llama {
			if i == 0 || !testing.Short() {
				w.Llama[i].compare(t, append(w.Llama[i].args("llama"), model...), 1e-3)
			}
		}
		for i := range w.Stride {
			if i == 0 || !testing.Short() {
				w.Stride[i].compare(t, append(w.Stride[i].args("stride"), append(model, "--parse-special")...), 1e-4)
			}
		}
	}
}

// Running values and progress go to standard error; the demo's notice aside.
func TestPerplexityPrintsOneLine(t *testing.T) {
	text := readFile(t, perplexityText)
	path := filepath.Join(t.TempDir(), "bom.txt")
	if err := os.WriteFile(path, append([]byte("\ufeff"), text...), 0o666); err != nil {
		t.Fatal(err)
	}
	o := onDevice(t, "", "perplexity", path, "--ctx", "64", "--chunks", "2")
	if o.code != 0 || !strings.HasPrefix(o.stdout, "PPL = 6.92") || strings.Count(o.stdout, "\n") != 1 || !strings.Contains(o.stdout, " ± ") {
		t.Errorf("code %d: %q", o.code, o.stdout)
	}
	if !strings.Contains(o.stderr, "542 tokens: 2 chunks of 64, of which the last 31 count\n") || !strings.Contains(o.stderr, "\n[1]15.2") || !strings.HasSuffix(o.stderr, ",\n") {
		t.Errorf("standard error: %s", o.stderr)
	}
	if again := onDevice(t, string(text), "perplexity", "-", "--ctx", "64", "--chunks", "2"); again.stdout != o.stdout {
		t.Errorf("from standard input %q, from a file with a byte order mark %q", again.stdout, o.stdout)
	}
}

func TestPerplexityErrors(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	short, empty, damaged := file("short.txt", "Hello there!"), file("empty.txt", ""), file("damaged.txt", "ab\xffc")
	sealvk("", "perplexity").wantError(t, "one text file")
	sealvk("", "perplexity", short, short).wantError(t, "one text file", "2 arguments")
	sealvk("", "perplexity", filepath.Join(dir, "nowhere")).wantError(t, "nowhere: no such file")
	sealvk("", "perplexity", dir).wantError(t, dir, "is a folder; want a text file")
	sealvk("", "perplexity", damaged).wantError(t, "damaged.txt", "not UTF-8", "byte 2")
	sealvk("", "perplexity", short, "--stride", "4").wantError(t, "--stride needs --method stride")
	sealvk("", "perplexity", short, "--method", "gpt").wantError(t, "llama or stride")
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{short, "--ctx", "64"}, []string{"short.txt", "8 tokens", "two chunks of 64", "--ctx"}},
		{[]string{short, "--method", "stride", "--ctx", "64", "--stride", "65"}, []string{"--stride 65", "64 tokens"}},
		{[]string{empty, "--method", "stride", "--ctx", "64"}, []string{"empty.txt", "the text is empty"}},
	} {
		onDevice(t, "", append([]string{"perplexity"}, c.args...)...).wantError(t, c.want...)
	}
}
