package main

import (
	"fmt"
	"io"
	"os"

	"sealvk/prompt"
	"sealvk/tokenize"
	"sealvk/weights"
)

// maxTemplateBytes is far more than a tokenizer_config.json takes.
const maxTemplateBytes = 64 << 20

// chooseTemplate takes the template that --template names, or what the
// model's file says.
func chooseTemplate(name string, file *weights.Model, tok *tokenize.Tokenizer) (prompt.Template, error) {
	if name != "" && name != "auto" {
		return namedTemplate(name)
	}
	t, err := prompt.Auto(file.Path+": chat template", file.ChatTemplate, tok)
	if err != nil {
		return t, fmt.Errorf("%w; choose another with --template, or use --raw", err)
	}
	return t, nil
}

// namedTemplate takes a built-in template by its name, else a file with one.
func namedTemplate(name string) (prompt.Template, error) {
	t, unknown := prompt.ByName(name)
	if unknown == nil {
		return t, nil
	}
	file, err := os.Open(name)
	if err != nil {
		return t, fmt.Errorf("--template: want auto, seallm, chatml, gemma or a file with a Jinja template: %w", err)
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxTemplateBytes+1))
	switch {
	case err != nil:
		return t, fmt.Errorf("--template: %w", err)
	case len(content) > maxTemplateBytes:
		return t, fmt.Errorf("--template: %s is longer than %d MiB", name, maxTemplateBytes>>20)
	}
	return prompt.CompileFile(name, content)
}
