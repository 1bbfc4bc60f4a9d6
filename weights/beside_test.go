package weights

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Adapters beside a model are told, and a folder with both opens the model.
func TestAdaptersBesideAModel(t *testing.T) {
	model := readTiny(t).bytes()
	other := readTiny(t)
	other.set("general.type", textValue("adapter"))
	adapter := other.bytes()
	for _, c := range []struct {
		name  string
		files map[string][]byte
		open  string
		want  string // a part of the one warning, "" for none
	}{
		{"alone", map[string][]byte{"m.gguf": model}, "m.gguf", ""},
		{"an adapter's GGUF", map[string][]byte{"m.gguf": model, "m-LoRA.gguf": adapter}, "m.gguf", "(m-LoRA.gguf): answers are the model's own"},
		{"a folder with it", map[string][]byte{"m.gguf": model, "m-lora.gguf": adapter}, "", "(m-lora.gguf)"},
		{"a model of such a name", map[string][]byte{"m.gguf": model, "m-lora.gguf": model}, "m.gguf", ""},
		{"no GGUF of such a name", map[string][]byte{"m.gguf": model, "lora.gguf": []byte("x")}, "m.gguf", ""},
		{"PEFT's files", map[string][]byte{"m.gguf": model, "adapter_config.json": nil, "adapter_model.safetensors": nil}, "m.gguf",
			"(adapter_config.json, adapter_model.safetensors)"},
	} {
		m := mustOpen(t, filepath.Join(writeFiles(t, c.files), c.open))
		if got := strings.Join(m.Warnings, "\n"); (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	for _, c := range []struct {
		files      map[string][]byte
		open, want string
	}{
		{map[string][]byte{"adapter_config.json": nil, "adapter_model.safetensors": nil}, "", "holds no model but an adapter (adapter_config.json)"},
		{map[string][]byte{"adapter_config.json": nil, "adapter_model.safetensors": nil}, "adapter_model.safetensors", "adapter_model.safetensors: is no model but an adapter (LoRA)"},
		{map[string][]byte{"m.gguf": model, "adapter_model.safetensors": nil}, "adapter_model.safetensors", "adapter_model.safetensors: is no model but an adapter (LoRA)"},
		{map[string][]byte{"m.gguf": model, "adapter_config.json": nil}, "adapter_config.json", "adapter_config.json: is no model but an adapter (LoRA)"},
		{map[string][]byte{"lora.gguf": adapter}, "", "lora.gguf: is no model but an adapter (LoRA)"},
		{map[string][]byte{"a.gguf": model, "b.gguf": model, "lora.gguf": adapter}, "", "holds 2 models, name one of them: a.gguf, b.gguf"},
	} {
		dir := writeFiles(t, c.files)
		_, err := Open(filepath.Join(dir, c.open))
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "weights: "+dir) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}

// A file is what its bytes say, whatever its name: Ollama's have no extension.
func TestNamesWithoutExtension(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sha256-0f"+strings.Repeat("a", 62))
	if err := os.WriteFile(path, readTiny(t).bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	if m := mustOpen(t, path); m.Format != "GGUF version 3" || len(m.Warnings) > 0 {
		t.Errorf("%s, %q", m.Format, m.Warnings)
	}
}
