package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// badFiles is a folder of malformed GGUF files, each named after what is wrong
// with it, and valid-tiny.gguf, which they were made from.
const badFiles = "../testdata/weights/bad-files"

func TestBadFilesEndInOneLine(t *testing.T) {
	files, err := filepath.Glob(badFiles + "/gguf-*.gguf")
	if err != nil || len(files) < 38 {
		t.Fatalf("%d files, error %v", len(files), err)
	}
	for _, path := range files {
		name := filepath.Base(path)
		t.Run(name, func(t *testing.T) {
			sealvk("", "inspect", path).wantError(t, name)
			sealvk("", "inspect", "--json", "-m", path).wantError(t, name)
			onDevice(t, "", "generate", "hi", "-m", path).wantError(t, name)
		})
	}
	if o := sealvk("", "inspect", badFiles+"/valid-tiny.gguf"); o.code != 0 {
		t.Errorf("the file that they were made from: %+v", o)
	}
}

func TestInspectQuickLeavesTheValuesOut(t *testing.T) {
	path := filepath.Join(badFiles, "gguf-nan-scale.gguf")
	if o := sealvk("", "inspect", "--quick", path); o.code != 0 || !strings.Contains(o.stdout, "not checked") {
		t.Errorf("%+v", o)
	}
}

func TestInspect(t *testing.T) {
	o := sealvk("", "inspect", "--json")
	var in inspection
	if err := json.Unmarshal([]byte(o.stdout), &in); err != nil || o.code != 0 {
		t.Fatalf("%v: %+v", err, o)
	}
	wantConfig := inspectedConfig{"gemma", "seallm-nano", 4, 256, 1024, 4, 4, 64, 2048, 1024, 10000, 1e-6}
	if in.Config != wantConfig || in.Vocabulary != (inspectedVocab{2048, 2, 1, 3, 0}) || in.ChatTemplate != "seallm" ||
		in.FileType != "Q4_K_M" || in.Parameters != 4720896 || !in.ChecksValues || in.Format != "GGUF version 3" || in.Bytes != int64(len(nanoGGUF)) {
		t.Errorf("%+v", in)
	}
	var tensors int
	var bytes, values int64
	for _, y := range in.Types {
		tensors, bytes, values = tensors+y.Tensors, bytes+y.Bytes, values+y.Values
	}
	for _, x := range in.Tensors {
		bytes -= x.Bytes
	}
	if tensors != 38 || len(in.Tensors) != 38 || bytes != 0 || values != in.Parameters {
		t.Errorf("%d tensors in the mix, %d in the table, bytes differ by %d", tensors, len(in.Tensors), bytes)
	}
	if !slices.ContainsFunc(in.Metadata, func(m inspectedEntry) bool { return m == inspectedEntry{"gemma.block_count", "uint32", "4"} }) {
		t.Errorf("metadata %v", in.Metadata)
	}
	text := sealvk("", "inspect").stdout
	for _, part := range []string{"seallm-nano", "Q4_K_M", "blk.3.ffn_down.weight", "2048 pieces", "with the markers of seallm", "all finite"} {
		if !strings.Contains(text, part) {
			t.Errorf("the text does not tell %q:\n%s", part, text)
		}
	}
}

func TestLogits(t *testing.T) {
	dir := t.TempDir()
	last, every := filepath.Join(dir, "last"), filepath.Join(dir, "every")
	const vocabulary = 2048 * 4 // bytes
	if out := mustOnDevice(t, "", "logits", "--ids", "2,10, 7", "-o", last); out != "" {
		t.Errorf("stdout %q", out)
	}
	mustOnDevice(t, "", "logits", "--ids", "2,10,7", "--all", "-o", every)
	one, all := readFile(t, last), readFile(t, every)
	if len(one) != vocabulary || len(all) != 3*vocabulary || string(one) != string(all[2*vocabulary:]) {
		t.Errorf("%d and %d bytes, want %d and %d, the last row equal", len(one), len(all), vocabulary, 3*vocabulary)
	}
	onDevice(t, "", "logits", "--ids", "2,2048", "-o", last).wantError(t, "id 2048 at position 1", "2048 pieces")
	onDevice(t, "", "logits", "--ids", "2,3,4,5", "--ctx", "3", "-o", last).wantError(t, "4 ids", "the context holds 3")
	if string(readFile(t, last)) != string(one) {
		t.Error("a failed run changed the file")
	}
	onDevice(t, "", "logits", "--ids", "2", "-o", filepath.Join(dir, "no", "folder")).wantError(t, "folder")
	if entries, _ := os.ReadDir(dir); len(entries) != 2 {
		t.Errorf("left behind: %v", entries)
	}
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestSynthesizedModelRuns(t *testing.T) {
	const shape = "seallm-nano:layers=2,dim=256,ffn=512,heads=4,kv_heads=1,head_dim=64,vocab=700,context=64"
	for _, mix := range []string{"Q4_K_M", "Q4_0", "Q8_0", "BF16"} {
		t.Run(mix, func(t *testing.T) {
			dir := t.TempDir()
			path, again := filepath.Join(dir, "tiny.gguf"), filepath.Join(dir, "again.gguf")
			for _, p := range []string{path, again} {
				if o := sealvk("", "synth", shape, "--type", mix, "-o", p, "--seed", "5"); o != (outcome{}) {
					t.Fatalf("%+v", o)
				}
			}
			if string(readFile(t, path)) != string(readFile(t, again)) {
				t.Error("the same seed gave two files")
			}
			var in inspection
			o := sealvk("", "inspect", "--json", path)
			if err := json.Unmarshal([]byte(o.stdout), &in); err != nil || in.FileType != mix || in.Config.Layers != 2 || in.Config.Vocab != 700 {
				t.Fatalf("%v: %+v\n%+v", err, in.Config, o.stderr)
			}
			g := parseGenerated(t, mustOnDevice(t, "", "generate", "--raw", "--json", "-m", path, "-n", "5", "hello"))
			if len(g.Tokens) == 0 {
				t.Errorf("no tokens: %+v", g)
			}
		})
	}
}

func TestDevices(t *testing.T) {
	o := onDevice(t, "", "devices", "--json")
	var list []map[string]json.RawMessage
	if err := json.Unmarshal([]byte(o.stdout), &list); err != nil || o.code != 0 || len(list) == 0 {
		t.Fatalf("%v: %+v", err, o)
	}
	selected := ""
	for _, d := range list {
		for _, field := range []string{"index", "selected", "name", "type", "driver", "device_uuid", "limits", "subgroup", "features", "memory", "queue_families"} {
			if d[field] == nil {
				t.Errorf("no field %q in %s", field, o.stdout)
			}
		}
		if string(d["selected"]) == "true" {
			selected += string(d["index"])
		}
	}
	if len(selected) != 1 {
		t.Errorf("selected: %q, want one device", selected)
	}
	text := mustOnDevice(t, "", "devices")
	if !strings.Contains(text, "* "+selected+"  ") {
		t.Errorf("no star at device %s:\n%s", selected, text)
	}
}
