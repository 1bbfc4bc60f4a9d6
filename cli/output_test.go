package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// An output that cannot be, or that would replace what is read, ends a command before
// anything is written.
func TestOutputsThatCannotBe(t *testing.T) {
	dir := t.TempDir()
	model, file := filepath.Join(dir, "model"), filepath.Join(dir, "file.gguf")
	if err := os.CopyFS(model, os.DirFS(tiny)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, nanoGGUF, 0o666); err != nil {
		t.Fatal(err)
	}
	missing := filepath.Join(dir, "no", "out")
	for _, args := range [][]string{
		{"quantize", file, missing, "--type", "Q8_0"},
		{"synth", "seallm-nano", "--type", "Q8_0", "-o", missing},
		{"logits", "--ids", "2", "-o", missing},
	} {
		sealvk("", args...).wantError(t, missing+": its folder", "make it or choose another")
	}
	sealvk("", "quantize", file, dir, "--type", "Q8_0").wantError(t, dir+" is a folder")
	sealvk("", "quantize", file, filepath.Join(file, "out"), "--type", "Q8_0").wantError(t, file+" is not a folder")
	sealvk("", "quantize", file, "", "--type", "Q8_0").wantError(t, "two arguments")
	for _, name := range []string{"config.json", "model.safetensors", "tokenizer.model"} {
		out := filepath.Join(model, name)
		before := string(readFile(t, out))
		sealvk("", "quantize", model, out, "--type", "F16").wantError(t, out, "the input's own file", "choose another name")
		if string(readFile(t, out)) != before {
			t.Errorf("%s was changed", out)
		}
	}
	onDevice(t, "", "logits", "-m", file, "--ids", "2", "-o", file).wantError(t, file, "the input's own file")
	if string(readFile(t, file)) != string(nanoGGUF) {
		t.Error("logits changed the model")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*.part")); left != nil {
		t.Errorf("left behind: %v", left)
	}
}

// An empty name, as of a script's unset variable, is not the demo.
func TestEmptyNames(t *testing.T) {
	sealvk("", "generate", "-m", "", "hi").wantError(t, "--model is empty", "sealvk generate --help")
	sealvk("", "tokenize", "--tokenizer", "", "hi").wantError(t, "--tokenizer is empty")
	sealvk("", "chat", "--template", "").wantError(t, "--template is empty")
	sealvk("", "inspect", "").wantError(t, "one model file")
}

// What cannot be written as a whole leaves what was there, and nothing else.
func TestWriteFile(t *testing.T) {
	path, broken := filepath.Join(t.TempDir(), "out"), errors.New("broken")
	for text, fails := range map[string]error{"whole": nil, "half": broken} {
		if err := writeFile(path, func(w io.Writer) error {
			_, err := io.WriteString(w, text)
			return errors.Join(err, fails)
		}); !errors.Is(err, fails) {
			t.Errorf("%s: %v", text, err)
		}
	}
	if err := writeFile(path, func(io.Writer) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("%v, want %v", err, broken)
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 1 || string(readFile(t, path)) != "whole" {
		t.Errorf("%v, %v", left, err)
	}
}

// A prompt may have 64 MiB.
func TestPromptOnStandardInput(t *testing.T) {
	text := bytes.Repeat([]byte("a"), maxPromptBytes+1)
	for n, want := range map[int]string{maxPromptBytes: "", maxPromptBytes + 1: "longer than 64 MiB"} {
		p := &program{stdin: bytes.NewReader(text[:n])}
		got, err := p.promptText(nil)
		if want == "" && (err != nil || len(got) != n) || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%d bytes: %d, %v, want %q", n, len(got), err, want)
		}
	}
}
