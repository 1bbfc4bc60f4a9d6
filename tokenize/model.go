package tokenize

import (
	"bytes"
	"errors"
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// ParseModel reads a SentencePiece ModelProto (sentencepiece_model.proto, wire
// format of Protocol Buffers). name stands for the file in errors. Settings
// that this package can't honour are errors: a model type other than BPE, no
// byte fallback, a normalizer that changes the text. The pieces are checked by
// New.
func ParseModel(name string, data []byte) (Vocab, error) {
	v, err := parseModel(data)
	if err != nil {
		return Vocab{}, fmt.Errorf("tokenize: %s: %w", name, err)
	}
	return v, nil
}

// model is what ModelProto says, with the proto's defaults.
type model struct {
	pieces                     []Piece
	kind                       uint64 // TrainerSpec.ModelType
	byteFallback, suffix       bool
	bos, eos                   string
	normalizer                 string
	dummyPrefix, extra, escape bool
	charsmap                   int // bytes of precompiled_charsmap of normalizer or denormalizer
}

// TrainerSpec.ModelType
const (
	typeUnigram = 1
	typeBPE     = 2
	typeWord    = 3
	typeChar    = 4
)

func parseModel(data []byte) (Vocab, error) {
	switch {
	case len(data) == 0:
		return Vocab{}, fmt.Errorf("not a SentencePiece model: the file is empty")
	case bytes.HasPrefix(data, []byte("GGUF")):
		return Vocab{}, fmt.Errorf("not a SentencePiece model: it is a GGUF file")
	case data[0] == '{':
		return Vocab{}, fmt.Errorf("not a SentencePiece model: it looks like JSON")
	}
	m := model{
		kind: typeUnigram, bos: "<s>", eos: "</s>",
		dummyPrefix: true, extra: true, escape: true,
	}
	// One string for the whole file, so that pieces share its memory.
	w := wire{text: string(data), data: data}
	err := w.each(func(f field) error {
		read, what := m.message(f.number)
		if read == nil {
			return nil
		}
		sub, err := w.sub(f)
		if err == nil {
			err = read(sub)
		}
		if err != nil && f.number == 1 {
			what = fmt.Sprintf("piece %d", len(m.pieces)-1)
		}
		if err != nil {
			return fmt.Errorf("%s at byte %d: %w", what, f.at, err)
		}
		return nil
	})
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
		BOS:    m.find(func(p *Piece) bool { return p.Kind == Control && p.Text == m.bos }),
		EOS:    m.find(func(p *Piece) bool { return p.Kind == Control && p.Text == m.eos }),
		UNK:    m.find(func(p *Piece) bool { return p.Kind == Unknown }),
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
	for _, s := range []struct {
		bad  bool
		what string
	}{
		{!m.byteFallback, "byte_fallback is off"},
		{m.suffix, "treat_whitespace_as_suffix is on"},
		{m.dummyPrefix, "add_dummy_prefix is on"},
		{m.extra, "remove_extra_whitespaces is on"},
		{!m.escape, "escape_whitespaces is off"},
		{m.charsmap > 0, fmt.Sprintf("there is a precompiled_charsmap of %d bytes (normalizer %q)", m.charsmap, m.normalizer)},
		{m.normalizer != "" && m.normalizer != "identity", fmt.Sprintf("the normalizer is %q, not identity", m.normalizer)},
	} {
		if s.bad {
			return fmt.Errorf("not a Gemma tokenizer: %s", s.what)
		}
	}
	return nil
}

// find returns the id of the first piece that is right, -1 if none.
func (m *model) find(right func(p *Piece) bool) int32 {
	for i := range m.pieces {
		if right(&m.pieces[i]) {
			return int32(i)
		}
	}
	return -1
}

// message returns the reader and the name of ModelProto's submessages, nil for
// those that don't matter here (self_test_data, extensions).
func (m *model) message(n protowire.Number) (read func(w wire) error, what string) {
	switch n {
	case 1:
		return m.addPiece, "piece"
	case 2:
		return m.trainer, "trainer_spec"
	case 3:
		return m.normalizerSpec, "normalizer_spec"
	case 5:
		return m.denormalizerSpec, "denormalizer_spec"
	}
	return nil, ""
}

// addPiece reads a ModelProto.SentencePiece.
func (m *model) addPiece(w wire) error {
	m.pieces = append(m.pieces, Piece{Kind: Normal})
	p := &m.pieces[len(m.pieces)-1]
	return w.each(func(f field) error {
		switch f.number {
		case 1:
			return w.string(f, &p.Text)
		case 2:
			if f.kind != protowire.Fixed32Type {
				return w.wrongType(f)
			}
			p.Score = math.Float32frombits(uint32(f.value))
		case 3:
			var k uint64
			if err := w.varint(f, &k); err != nil {
				return err
			}
			if k < uint64(Normal) || k > uint64(Byte) {
				return fmt.Errorf("unknown type %d", k)
			}
			p.Kind = Kind(k)
		}
		return nil
	})
}

// trainer reads a TrainerSpec.
func (m *model) trainer(w wire) error {
	return w.each(func(f field) error {
		switch f.number {
		case 3:
			return w.varint(f, &m.kind)
		case 24:
			return w.bool(f, &m.suffix)
		case 35:
			return w.bool(f, &m.byteFallback)
		case 46:
			return w.string(f, &m.bos)
		case 47:
			return w.string(f, &m.eos)
		}
		return nil
	})
}

// normalizerSpec reads a NormalizerSpec.
func (m *model) normalizerSpec(w wire) error {
	return w.each(func(f field) error {
		switch f.number {
		case 1:
			return w.string(f, &m.normalizer)
		case 2:
			return m.addCharsmap(w, f)
		case 3:
			return w.bool(f, &m.dummyPrefix)
		case 4:
			return w.bool(f, &m.extra)
		case 5:
			return w.bool(f, &m.escape)
		}
		return nil
	})
}

// denormalizerSpec reads the NormalizerSpec that Decode would have to apply;
// only its rules count.
func (m *model) denormalizerSpec(w wire) error {
	return w.each(func(f field) error {
		if f.number == 2 {
			return m.addCharsmap(w, f)
		}
		return nil
	})
}

func (m *model) addCharsmap(w wire, f field) error {
	var s string
	if err := w.string(f, &s); err != nil {
		return err
	}
	m.charsmap += len(s)
	return nil
}
