package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// sharedNano is a folder with further forms of the demo model, which not everybody has.
const sharedNano = "../../shared/models/seallm-nano/"

func TestQuantizeCommand(t *testing.T) {
	dir := t.TempDir()
	bf16, q8, again := filepath.Join(dir, "bf16.gguf"), filepath.Join(dir, "q8.gguf"), filepath.Join(dir, "again.gguf")
	const shape = "seallm-nano:layers=2,dim=256,ffn=512,heads=4,kv_heads=1,head_dim=64,vocab=700,context=64"
	if o := sealvk("", "synth", shape, "--type", "BF16", "-o", bf16); o != (outcome{}) {
		t.Fatalf("%+v", o)
	}
	if o := sealvk("", "quantize", bf16, q8, "--type", "q8_0"); o != (outcome{}) {
		t.Fatalf("%+v", o)
	}
	if o := sealvk("", "quantize", "--type", "Q4_K_M", q8, again); o.code != 0 || o.stdout != "" || !strings.Contains(o.stderr, "has Q8_0 tensors: quantizing them again costs quality") {
		t.Fatalf("%+v", o)
	}
	var in inspection
	if o := sealvk("", "inspect", "--json", again); json.Unmarshal([]byte(o.stdout), &in) != nil || in.FileType != "Q4_K_M" || in.Config.Layers != 2 {
		t.Fatalf("%+v", o)
	}
	g := parseGenerated(t, mustOnDevice(t, "", "generate", "--raw", "--json", "-m", again, "-n", "5", "hello"))
	if len(g.Tokens) == 0 {
		t.Errorf("no tokens: %+v", g)
	}
	sealvk("", "quantize", bf16, bf16, "--type", "Q8_0").wantError(t, "same file as the input", "choose another name")
	sealvk("", "quantize", bf16, "--type", "Q8_0").wantError(t, "quantize takes two arguments")
	sealvk("", "quantize", bf16, q8).wantError(t, "quantize needs --type", "Q5_K_M")
	sealvk("", "quantize", bf16, q8, "--type", "Q3_X").wantError(t, "--type", `unknown type mix "Q3_X"; want Q4_K_M, Q5_K_M, Q6_K, Q8_0, Q4_0, BF16 or F16`)
	sealvk("", "quantize", filepath.Join(dir, "absent.gguf"), q8, "--type", "Q8_0").wantError(t, "absent.gguf")
}

func TestQuantizeFolderCommand(t *testing.T) {
	for _, folder := range []string{"hf", "hf-sharded", "mlx"} {
		in := sharedNano + folder
		if !exists(in) {
			continue
		}
		out := filepath.Join(t.TempDir(), "x.gguf")
		if o := sealvk("", "quantize", in, out, "--type", "Q8_0"); o.code != 0 || o.stdout != "" || (o.stderr != "") != (folder == "mlx") {
			t.Fatalf("%+v", o)
		}
		ids := func(file string) string {
			return sealvk("", "tokenize", "-m", file, "ສະບາຍດີ 12 + 30 <eos>\nThủ đô").stdout
		}
		if got, want := ids(out), ids(sharedNano+"gguf/seallm-nano-Q8_0.gguf"); got != want || got == "" {
			t.Errorf("%s: ids %s, want %s", folder, got, want)
		}
		if o := mustOnDevice(t, "", "generate", "--temp", "0", "-m", out, "What is the capital of Thailand?"); o != "The capital of Thailand is Bangkok.\n" {
			t.Errorf("%s: %q", folder, o)
		}
	}
}

// What quantization changes in the distribution of the next token, as the Kullback-Leibler
// divergence from BF16, is at most 1.05 times as much as in llama-quantize's files.
func TestQuantizedDistributions(t *testing.T) {
	const index = "../../shared/golden/logits-nano/index.json"
	if !exists(index) {
		return
	}
	var golden struct{ Prompts []struct{ IDs []int32 } }
	if err := json.Unmarshal(readFile(t, index), &golden); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	source := sharedNano + "gguf/seallm-nano-bf16.gguf"
	logProbabilities := func(model string) (rows [][]float64) {
		for _, p := range golden.Prompts {
			if n := len(p.IDs); n != 31 && n != 150 {
				continue
			}
			out := filepath.Join(dir, "logits")
			mustOnDevice(t, "", "logits", "-m", model, "--all", "-o", out, "--ids", strings.Trim(strings.Join(strings.Fields(fmt.Sprint(p.IDs)), ","), "[]"))
			for data := readFile(t, out); len(data) > 0; data = data[4*2048:] {
				rows = append(rows, logSoftmax(data[:4*2048]))
			}
		}
		return rows
	}
	want := logProbabilities(source)
	if len(want) != 31+150 {
		t.Fatalf("%d positions", len(want))
	}
	for _, mix := range []string{"Q4_K_M", "Q4_0", "Q5_K_M", "Q6_K", "Q8_0", "F16"} {
		ours, reference := filepath.Join(dir, mix), sharedNano+"gguf/seallm-nano-"+mix+".gguf"
		if mix == "F16" {
			reference = sharedNano + "gguf/seallm-nano-f16.gguf"
		}
		if o := sealvk("", "quantize", source, ours, "--type", mix); o != (outcome{}) {
			t.Fatalf("%+v", o)
		}
		a, b := divergence(want, logProbabilities(ours)), divergence(want, logProbabilities(reference))
		t.Logf("%-6s divergence %.3e, the reference's %.3e", mix, a, b)
		if !(a > 0 && a <= 1.05*b) {
			t.Errorf("%s: divergence %g, the reference's %g", mix, a, b)
		}
		os.Remove(ours)
	}
}

func logSoftmax(data []byte) []float64 {
	row := make([]float64, len(data)/4)
	largest, sum := math.Inf(-1), 0.0
	for i := range row {
		row[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:])))
		largest = max(largest, row[i])
	}
	for _, v := range row {
		sum += math.Exp(v - largest)
	}
	for i := range row {
		row[i] -= largest + math.Log(sum)
	}
	return row
}

// divergence is the mean of Σ p (log p - log q) over the positions.
func divergence(p, q [][]float64) (mean float64) {
	for i := range p {
		for j, l := range p[i] {
			mean += math.Exp(l) * (l - q[i][j]) / float64(len(p))
		}
	}
	return mean
}
