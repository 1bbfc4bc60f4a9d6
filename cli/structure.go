package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"sealvk/cli/openai"
	"sealvk/prompt/grammar"
)

// structureFlags say what an answer looks like.
type structureFlags struct {
	grammar string // a file
	schema  string // a file, or the schema itself
}

func (f *structureFlags) all() []cli.Flag {
	return []cli.Flag{
		fileFlag(&f.grammar, "", "grammar", "the answer is a text of the grammar in `FILE`, in GBNF as llama.cpp has it"),
		fileFlag(&f.schema, "", "json-schema", "the answer is JSON, a value of the JSON Schema in `FILE`, or of one such as '{\"type\": \"object\"}'"),
	}
}

// read is the grammar that answers follow; nil if there is none.
func (f *structureFlags) read() (*grammar.Grammar, error) {
	switch {
	case f.grammar != "" && f.schema != "":
		return nil, errors.New("--grammar and --json-schema: want one of them")
	case f.grammar != "":
		text, err := readText(f.grammar)
		if err != nil {
			return nil, fmt.Errorf("--grammar: %w", err)
		}
		return openai.GrammarOf("--grammar "+f.grammar, string(text))
	case strings.HasPrefix(strings.TrimSpace(f.schema), "{"):
		return openai.SchemaGrammar("--json-schema", []byte(f.schema))
	case f.schema != "":
		text, err := readText(f.schema)
		if err != nil {
			return nil, fmt.Errorf("--json-schema: want a file or a schema in braces: %w", err)
		}
		return openai.SchemaGrammar("--json-schema "+f.schema, text)
	}
	return nil, nil
}
