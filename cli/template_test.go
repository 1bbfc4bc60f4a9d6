package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestTemplateFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const conversation = `[{"role":"user","content":"You"}]`
	const source = "{{ bos_token }}{{ messages[0].content }}"
	for _, path := range []string{write("good.jinja", source), write("tokenizer_config.json", `{"chat_template":"`+source+`"}`)} {
		if o := sealvk(conversation, "tokenize", "--chat", "--template", path); o.code != 0 || o.stdout != `{"input_ids":[2,437]}`+"\n" {
			t.Errorf("%s: %+v", path, o)
		}
	}
	for path, want := range map[string]string{
		write("empty.jinja", " \n"):         "empty.jinja is empty",
		write("binary.jinja", "a\xff"):      "binary.jinja is not UTF-8 text: byte 1",
		write("open.jinja", "x\n{{ y"):      "open.jinja: line 2",
		write("none.json", `{"a":1}`):       "none.json: there is no chat_template",
		filepath.Join(dir, "absent.jinja"):  "absent.jinja: no such file",
		dir:                                 "is a directory",
		filepath.Join(dir, "empty.jinja/x"): "not a directory",
	} {
		for _, args := range [][]string{{"generate", "hi"}, {"chat"}, {"tokenize", "--chat"}} {
			sealvk(conversation, append(args, "--template", path)...).wantError(t, want)
		}
	}
}
