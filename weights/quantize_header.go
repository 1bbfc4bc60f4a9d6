package weights

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// quantizedHeader gives everything in front of the tensor data.
func (m *Model) quantizedHeader(mix FileType, vocab *Vocab, tensors []*Tensor) ([]byte, error) {
	if m.Vocab != nil {
		return m.carriedHeader(mix, tensors), nil
	}
	if vocab == nil {
		return nil, errors.New("has no vocabulary; put its tokenizer.model or tokenizer.json into the folder")
	}
	if n := len(vocab.Pieces); n > m.Config.Vocab {
		return nil, fmt.Errorf("the tokenizer has %d pieces, but token_embd only %d rows: they belong to different models", n, m.Config.Vocab)
	}
	return newHeader(&m.Config, padded(vocab, m.Config.Vocab), m.ChatTemplate, mix, tensors), nil
}

// padded gives v with unused pieces up to n, named as llama.cpp's converter does.
func padded(v *Vocab, n int) *Vocab {
	full := *v
	full.Pieces = slices.Clone(v.Pieces)
	for i := len(full.Pieces); i < n; i++ {
		full.Pieces = append(full.Pieces, Piece{fmt.Sprintf("[PAD%d]", i), -10000, Unused})
	}
	return &full
}

// carriedHeader repeats the metadata of a GGUF file, but for what depends on the tensors'
// types and places.
func (m *Model) carriedHeader(mix FileType, tensors []*Tensor) []byte {
	w := &ggufWriter{}
	for _, key := range m.md.keys {
		switch {
		case key == "general.file_type", key == "general.quantization_version", key == "general.alignment", strings.HasPrefix(key, "split."):
		default:
			w.keys++
			w.b = append(w.b, m.md.values[key].entry...)
		}
	}
	w.integer("general.quantization_version", 2)
	w.integer("general.file_type", int(mix))
	return w.finish(tensors)
}
