package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"sealvk/prompt"
	"sealvk/tokenize"
	"sealvk/weights"
)

// maxTemplateBytes is far more than a tokenizer_config.json takes.
const maxTemplateBytes = 64 << 20

// chooseTemplate takes the template that --template named, or what the
// model's file says.
func chooseTemplate(named *prompt.Template, file *weights.Model, tok *tokenize.Tokenizer) (prompt.Template, error) {
	if named != nil {
		return *named, nil
	}
	t, err := prompt.Auto(file.Path+": chat template", file.ChatTemplate, tok)
	if err != nil {
		return t, fmt.Errorf("%w; choose another with --template, or use --raw", err)
	}
	return t, nil
}

// namedTemplate takes a built-in template by its name, else a file with one;
// nil if --template leaves the choice to the model ("" and "auto").
func namedTemplate(name string) (*prompt.Template, error) {
	if name == "" || name == "auto" {
		return nil, nil
	}
	if t, ok := prompt.ByName(name); ok {
		return &t, nil
	}
	content, err := readText(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("--template: want auto, seallm, chatml, gemma or a file with a Jinja template: %w", err)
	case err != nil:
		return nil, fmt.Errorf("--template: %w", err)
	}
	t, err := prompt.CompileFile(name, content)
	if err != nil {
		return nil, err
	}
	return &t, nil
}

// readText reads a file that must hold text, and leaves its byte order mark out.
func readText(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxTemplateBytes+1))
	content = bytes.TrimPrefix(content, []byte(byteOrderMark))
	switch {
	case err != nil:
		return nil, err
	case len(content) > maxTemplateBytes:
		return nil, fmt.Errorf("%s is longer than %d MiB", path, maxTemplateBytes>>20)
	case len(bytes.TrimSpace(content)) == 0:
		return nil, fmt.Errorf("%s is empty", path)
	}
	return content, checkUTF8(path, string(content))
}
