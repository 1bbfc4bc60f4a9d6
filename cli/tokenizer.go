package main

import (
	"fmt"

	"github.com/urfave/cli/v2"

	"sealvk/tokenize"
	"sealvk/weights"
)

// marksFlags name the pieces that the model's file should have named.
func (m *modelFlags) marksFlags() []cli.Flag {
	return []cli.Flag{
		textFlag(&m.marks.BOS, categoryModel, "bos", "`PIECE`, by its text or id, that begins a text, where the file names none or a wrong one"),
		textFlag(&m.marks.EOS, categoryModel, "eos", "`PIECE`, by its text or id, that ends an answer, likewise"),
	}
}

// tokenizerOf makes the tokenizer of a model: of the vocabulary that a GGUF file holds,
// or from the file beside the weights of a folder.
func tokenizerOf(m *weights.Model, marks tokenize.Marks) (*tokenize.Tokenizer, error) {
	if m.Vocab != nil {
		return newTokenizer(m.Path, m.Vocab, marks)
	}
	if m.Tokenizer == "" {
		return nil, fmt.Errorf("%s: has neither tokenizer.json nor tokenizer.model; fetch one of them from where the model comes from", m.Path)
	}
	return tokenize.LoadSized(m.Tokenizer, m.Config.Vocab, marks)
}

// newTokenizer makes a tokenizer of a GGUF file's vocabulary.
func newTokenizer(path string, v *weights.Vocab, marks tokenize.Marks) (*tokenize.Tokenizer, error) {
	pieces := make([]tokenize.Piece, len(v.Pieces))
	for i, p := range v.Pieces {
		pieces[i] = tokenize.Piece{Text: p.Text, Score: p.Score, Kind: tokenize.Kind(p.Kind)}
	}
	vocab := tokenize.Vocab{Pieces: pieces, BOS: v.BOS, EOS: v.EOS, UNK: v.UNK}
	if err := vocab.Mark(marks); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	tok, err := tokenize.New(vocab)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return tok, nil
}

// checkMarks wants what conversations need: that something begins them and something ends an answer.
func checkMarks(path string, tok *tokenize.Tokenizer) error {
	for _, m := range []struct {
		id         int32
		does, flag string
	}{{tok.BOS(), "begins a conversation", "bos"}, {tok.EOS(), "ends an answer", "eos"}} {
		if m.id < 0 {
			return fmt.Errorf("%s: no piece is named, or known by its name, that %s; name it with --%s PIECE", path, m.does, m.flag)
		}
	}
	return nil
}
