package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const tiny = "../testdata/weights/bad-files/valid-tiny-hf"

// A folder is a model for every command that takes one.
func TestFolders(t *testing.T) {
	for _, name := range []string{tiny, tiny + "-sharded", tiny + "/config.json", tiny + "/model.safetensors"} {
		var in inspection
		o := sealvk("", "inspect", "--json", name)
		if err := json.Unmarshal([]byte(o.stdout), &in); err != nil || in.Format != "safetensors" || in.Vocabulary.Size != in.Config.Vocab {
			t.Errorf("%s: %v, %+v", name, err, o)
		}
	}
	sealvk("", "generate", "-m", tiny, "--raw", "hi").wantError(t, "head dimension 8: a multiple of 32", tiny)
	byModel := sealvk("", "tokenize", "-m", tiny, "hello there").stdout
	for _, file := range []string{tiny, tiny + "/tokenizer.json", tiny + "/tokenizer.model"} {
		if o := sealvk("", "tokenize", "--tokenizer", file, "hello there"); o.stdout != byModel || byModel == "" {
			t.Errorf("%s: %+v, the model's own gives %q", file, o, byModel)
		}
	}
}

// A folder with a damaged tokenizer, or none, names the file that is wrong.
func TestFoldersWithBadTokenizers(t *testing.T) {
	for _, c := range []struct{ name, content, want string }{
		{"tokenizer.json", `{"model":{"type":"WordPiece"}}`, "WordPiece"},
		{"tokenizer.model", "\xff", "tokenizer.model"},
		{"", "", "neither tokenizer.json nor tokenizer.model"},
	} {
		dir := t.TempDir()
		for _, name := range []string{"config.json", "model.safetensors"} {
			data, err := os.ReadFile(filepath.Join(tiny, name))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if c.name != "" {
			if err := os.WriteFile(filepath.Join(dir, c.name), []byte(c.content), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		sealvk("", "generate", "-m", dir, "hi").wantError(t, dir, c.want)
	}
}

// The forms in which seallm-nano is published answer alike; with -short four of them (engine
// compares the logits of all).
func TestPublishedForms(t *testing.T) {
	const models = "../../shared/models/seallm-nano"
	forms := []string{"", "../testdata/engine/nano-mlx"} // there without the others
	if exists(models) {
		files, err := filepath.Glob(models + "/gguf/*.gguf")
		if err != nil || len(files) < 9 {
			t.Fatal(files, err)
		}
		forms = append(forms, models+"/hf", models+"/hf-sharded")
		forms = append(forms, files...)
	}
	if testing.Short() {
		forms = forms[:min(4, len(forms))]
	}
	for _, form := range forms {
		args := []string{"generate", "--temp", "0", "What is the capital of Thailand?"}
		if form != "" {
			args = append(args, "-m", form)
		}
		if out := mustOnDevice(t, "", args...); strings.TrimSpace(out) != "The capital of Thailand is Bangkok." {
			t.Errorf("%s: %q", form, out)
		}
	}
}
