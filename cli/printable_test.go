package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPrintable(t *testing.T) {
	for text, want := range map[string]string{
		"SeaLLM ไทย ខ្ញុំ 👩‍👩‍👧 a\u00a0b": "SeaLLM ไทย ខ្ញុំ 👩‍👩‍👧 a\u00a0b",
		"\x1b[31mred\x07\r\n\t":      `\x1b[31mred\a\r\n\t`,
		"\x7f\u009b2J":               `\x7f\u009b2J`,
		"a\u202egpj.exe\u2066\u061c": `a\u202egpj.exe\u2066\u061c`,
		"a\u2028b":                   `a\u2028b`,
		"a\xffb\xe0\xb8":             `a\xffb\xe0\xb8`,
		"\ufffd \"\\":                "\ufffd \"\\",
	} {
		if got := printable(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// Whatever a file is called, and its model, does not reach a terminal as it is.
func TestNamesCommandNoTerminal(t *testing.T) {
	const name, shown = "\x1b[31mred\x07\u202e.gguf", `\x1b[31mred\a\u202e.gguf`
	dir := t.TempDir()
	model, bad, missing := filepath.Join(dir, name), filepath.Join(dir, "bad"+name), filepath.Join(dir, "missing"+name)
	named := bytes.Replace(nanoGGUF, []byte("seallm-nano"), []byte("\x1b[31m\x07nano!"), 1) // general.name
	for path, content := range map[string][]byte{model: named, bad: []byte("{{ bad\n")} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("HF_HUB_CACHE", missing)
	for _, args := range [][]string{
		{"inspect", model}, {"inspect", bad}, {"inspect", missing}, {"generate", "-m", bad, "hi"}, {"generate", "-m", missing, "hi"},
		{"generate", "--template", bad, "hi"}, {"generate", "--template", missing, "hi"}, {"generate", "--grammar", bad, "hi"}, {"generate", "--json-schema", missing, "hi"},
		{"generate", "--jsonl", missing}, {"tokenize", "-m", bad, "hi"}, {"tokenize", "--tokenizer", bad, "hi"}, {"tokenize", "--chat", bad}, {"tokenize", "--chat", dir + "/" + name},
		{"quantize", model, filepath.Join(missing, "out"), "--type", "Q8_0"}, {"quantize", model, model, "--type", "Q8_0"}, {"synth", "seallm-nano", "--type", "Q8_0", "-o", filepath.Join(bad, "out")},
		{"batch", missing}, {"batch", "--dry-run", bad}, {"score", missing}, {"perplexity", missing}, {"bench", "-m", missing}, {"bench", "compare", bad},
		{"profile", "show", bad}, {"profile", "diff", bad, missing}, {"serve", "--tls-cert", missing, "--tls-key", bad}, {"serve", "--api-key-file", missing},
		{"list"}, {"pull", missing}, {"devices", name}, {name}, {"generate", "--" + name}, {"generate", "hi", "--temp", name}, {"logits", "--ids", "2", "-o", filepath.Join(missing, "out")},
	} {
		o := sealvk("", args...)
		if all := o.stdout + o.stderr; strings.ContainsAny(all, "\x1b\x07\u202e") || !strings.Contains(all, `\x1b[31m`) {
			t.Errorf("sealvk %q: %q", args, all)
		}
	}
	if o := sealvk("", "inspect", model); o.code != 0 || !strings.Contains(o.stdout, shown) || !strings.Contains(o.stdout, `\x1b[31m\anano!, gemma`) {
		t.Errorf("%+v", o)
	}
}
