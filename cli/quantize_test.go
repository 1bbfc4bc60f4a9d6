package main

import (
	"encoding/json"
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
	sealvk("", "quantize", bf16, bf16, "--type", "Q8_0").wantError(t, "the input's own file", "choose another name")
	sealvk("", "quantize", bf16, "--type", "Q8_0").wantError(t, "quantize takes two arguments")
	sealvk("", "quantize", bf16, q8).wantError(t, "quantize needs --type", "Q5_K_M")
	sealvk("", "quantize", bf16, q8, "--type", "Q3_X").wantError(t, "--type", `unknown type mix "Q3_X"; want Q4_K_M, Q5_K_M, Q6_K, Q8_0, Q4_0, BF16 or F16`)
	sealvk("", "quantize", filepath.Join(dir, "absent.gguf"), q8, "--type", "Q8_0").wantError(t, "absent.gguf")
}

func TestQuantizeFolderCommand(t *testing.T) {
	for _, folder := range []string{"hf", "hf-sharded", "mlx"} {
		t.Run(folder, func(t *testing.T) {
			in := sharedNano + folder
			if !exists(in) {
				t.Skip(in, "is not there")
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
		})
	}
}
