package tokenize

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// model is what ModelProto says, with the proto's defaults.
type model struct {
	pieces                     []Piece
	addPiece                   func(wire) error // see pieceReader
	kind                       uint64           // TrainerSpec.ModelType
	byteFallback, suffix       bool
	bos, eos                   string
	normalizer                 string
	dummyPrefix, extra, escape bool
	charsmap, decodeCharsmap   string // precompiled_charsmap of normalizer and denormalizer
}

// TrainerSpec.ModelType
const (
	typeUnigram = 1
	typeBPE     = 2
	typeWord    = 3
	typeChar    = 4
)

// parseModel reads a SentencePiece ModelProto (sentencepiece_model.proto, wire
// format of Protocol Buffers). Settings that this package can't honour are
// errors: a model type other than BPE, no byte fallback, a normalizer that
// changes the text. The pieces are checked by New.
func parseModel(data []byte) (Vocab, error) {
	switch {
	case len(data) == 0:
		return Vocab{}, fmt.Errorf("not a SentencePiece model: the file is empty")
	case bytes.HasPrefix(data, []byte("GGUF")):
		return Vocab{}, fmt.Errorf("not a SentencePiece model: it is a GGUF file")
	}
	m := model{
		kind: typeUnigram, bos: "<s>", eos: "</s>",
		dummyPrefix: true, extra: true, escape: true,
	}
	// One string for the whole file, so that pieces share its memory.
	m.addPiece = m.pieceReader()
	err := wire{text: string(data), data: data}.read(m.message)
	if len(m.pieces) == 0 {
		if err == nil {
			err = errors.New("it has no pieces")
		}
		return Vocab{}, fmt.Errorf("not a SentencePiece model: %w; want the model's tokenizer.model or tokenizer.json", err)
	}
	if err != nil {
		return Vocab{}, fmt.Errorf("%w; download the file again", err)
	}
	if err := m.check(); err != nil {
		return Vocab{}, fmt.Errorf("%w; only tokenizers of Gemma's kind are supported", err)
	}
	return Vocab{
		Pieces: m.pieces,
		BOS:    int32(slices.IndexFunc(m.pieces, func(p Piece) bool { return p.Kind == Control && p.Text == m.bos })),
		EOS:    int32(slices.IndexFunc(m.pieces, func(p Piece) bool { return p.Kind == Control && p.Text == m.eos })),
		UNK:    int32(slices.IndexFunc(m.pieces, func(p Piece) bool { return p.Kind == Unknown })),
	}, nil
}

// check refuses settings under which the ids would be other than ours.
func (m *model) check() error {
	if m.kind != typeBPE {
		names := map[uint64]string{typeUnigram: "unigram", typeWord: "word", typeChar: "char"}
		name, ok := names[m.kind]
		if !ok {
			name = fmt.Sprint(m.kind)
		}
		return fmt.Errorf("model type %s is not bpe", name)
	}
	charsmap := len(m.charsmap) + len(m.decodeCharsmap)
	for _, s := range []struct {
		bad  bool
		what string
	}{
		{!m.byteFallback, "byte_fallback is off"},
		{m.suffix, "treat_whitespace_as_suffix is on"},
		{m.dummyPrefix, "add_dummy_prefix is on"},
		{m.extra, "remove_extra_whitespaces is on"},
		{!m.escape, "escape_whitespaces is off"},
		{charsmap > 0, fmt.Sprintf("there is a precompiled_charsmap of %d bytes (normalizer %q)", charsmap, m.normalizer)},
		{m.normalizer != "" && m.normalizer != "identity", fmt.Sprintf("the normalizer is %q, not identity", m.normalizer)},
	} {
		if s.bad {
			return fmt.Errorf("not a Gemma tokenizer: %s", s.what)
		}
	}
	return nil
}

// message gives where ModelProto's fields go; self_test_data and extensions
// don't matter here.
func (m *model) message(n protowire.Number) any {
	switch n {
	case 1:
		return m.addPiece
	case 2:
		return named("trainer_spec", m.trainer)
	case 3:
		return named("normalizer_spec", m.normalizerSpec)
	case 5:
		return named("denormalizer_spec", m.denormalizerSpec)
	}
	return nil
}

// named reads a submessage; its errors name it and its place.
func named(name string, target func(protowire.Number) any) func(wire) error {
	return func(w wire) error {
		if err := w.read(target); err != nil {
			return fmt.Errorf("%s at byte %d: %w", name, w.at, err)
		}
		return nil
	}
}

// pieceReader gives a function that reads one ModelProto.SentencePiece after
// the other, in the same memory.
func (m *model) pieceReader() func(wire) error {
	var p Piece
	var kind uint64
	target := func(n protowire.Number) any {
		switch n {
		case 1:
			return &p.Text
		case 2:
			return &p.Score
		case 3:
			return &kind
		}
		return nil
	}
	return func(w wire) error {
		p, kind = Piece{}, uint64(Normal)
		err := w.read(target)
		if err == nil && (kind < uint64(Normal) || kind > uint64(Byte)) {
			err = fmt.Errorf("unknown type %d", kind)
		}
		p.Kind = Kind(kind)
		m.pieces = append(m.pieces, p)
		if err != nil {
			return fmt.Errorf("piece %d at byte %d: %w", len(m.pieces)-1, w.at, err)
		}
		return nil
	}
}

// trainer is where a TrainerSpec's fields go.
func (m *model) trainer(n protowire.Number) any {
	switch n {
	case 3:
		return &m.kind
	case 24:
		return &m.suffix
	case 35:
		return &m.byteFallback
	case 46:
		return &m.bos
	case 47:
		return &m.eos
	}
	return nil
}

// normalizerSpec is where a NormalizerSpec's fields go.
func (m *model) normalizerSpec(n protowire.Number) any {
	switch n {
	case 1:
		return &m.normalizer
	case 2:
		return &m.charsmap
	case 3:
		return &m.dummyPrefix
	case 4:
		return &m.extra
	case 5:
		return &m.escape
	}
	return nil
}

// denormalizerSpec is where those of the NormalizerSpec go that Decode would
// have to apply; only its rules count.
func (m *model) denormalizerSpec(n protowire.Number) any {
	if n == 2 {
		return &m.decodeCharsmap
	}
	return nil
}
