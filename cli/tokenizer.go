package main

import (
	"fmt"

	"sealvk/tokenize"
	"sealvk/weights"
)

// tokenizerOf makes the tokenizer of a model: of the vocabulary that a GGUF file holds,
// or from the file beside the weights of a folder.
func tokenizerOf(m *weights.Model) (*tokenize.Tokenizer, error) {
	if m.Vocab != nil {
		return newTokenizer(m.Path, m.Vocab)
	}
	if m.Tokenizer == "" {
		return nil, fmt.Errorf("%s: has neither tokenizer.json nor tokenizer.model; fetch one of them from where the model comes from", m.Path)
	}
	return tokenize.LoadSized(m.Tokenizer, m.Config.Vocab)
}

// newTokenizer makes a tokenizer of a GGUF file's vocabulary.
func newTokenizer(path string, v *weights.Vocab) (*tokenize.Tokenizer, error) {
	pieces := make([]tokenize.Piece, len(v.Pieces))
	for i, p := range v.Pieces {
		pieces[i] = tokenize.Piece{Text: p.Text, Score: p.Score, Kind: tokenize.Kind(p.Kind)}
	}
	tok, err := tokenize.New(tokenize.Vocab{Pieces: pieces, BOS: v.BOS, EOS: v.EOS, UNK: v.UNK})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return tok, nil
}
