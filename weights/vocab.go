package weights

import (
	"encoding/binary"
	"fmt"
	"math"
	"unicode/utf8"
)

// Kind says what a piece is for; the numbers are those of GGUF and SentencePiece.
type Kind uint8

// Kinds of pieces.
const (
	Normal      Kind = 1
	Unknown     Kind = 2
	Control     Kind = 3
	UserDefined Kind = 4
	Unused      Kind = 5
	Byte        Kind = 6
)

// Piece is one entry of the vocabulary; its id is its position.
type Piece struct {
	Text  string // UTF-8, blanks as U+2581
	Score float32
	Kind  Kind
}

// Vocab is a SentencePiece vocabulary. The pieces outlive the Model.
type Vocab struct {
	Pieces             []Piece
	BOS, EOS, UNK, PAD int32 // ids, -1 if the file names none
	AddBOS, AddEOS     bool  // what the file asks to put around a prompt
}

// maxVocab bounds what a damaged file can make us allocate; known vocabularies are 60
// times smaller.
const maxVocab = 1 << 24

// readVocab reads tokenizer.ggml.*; lengths, kinds and ids are checked, texts are
// UTF-8, not empty and distinct. The second result are the ids that end an answer besides
// the vocabulary's eos, see marks.
func readVocab(m *metadata) (*Vocab, []int32, error) {
	model := m.text("tokenizer.ggml.model", true)
	tokens := m.array("tokenizer.ggml.tokens", typeString)
	scores := m.array("tokenizer.ggml.scores", typeFloat32)
	kinds := m.array("tokenizer.ggml.token_type", typeInt32, typeUint32)
	if m.err != nil {
		return nil, nil, m.err
	}
	if model != "llama" {
		return nil, nil, fmt.Errorf("metadata key \"tokenizer.ggml.model\" is %q; only \"llama\" (SentencePiece) can be used", model)
	}
	if scores.count != tokens.count || kinds.count != tokens.count {
		return nil, nil, fmt.Errorf("tokenizer.ggml.tokens has %d entries, scores %d, token_type %d; they must be equal", tokens.count, scores.count, kinds.count)
	}
	if tokens.count == 0 || tokens.count > maxVocab {
		return nil, nil, fmt.Errorf("tokenizer.ggml.tokens has %d entries, want 1 to %d", tokens.count, maxVocab)
	}
	v := &Vocab{Pieces: make([]Piece, tokens.count)}
	r := &marks{m: m, v: v, ids: make(map[string]int32, tokens.count)}
	text := string(tokens.data) // one copy that all pieces share: they must outlive the mapping
	for i := range v.Pieces {
		n := int(binary.LittleEndian.Uint64(tokens.data[len(tokens.data)-len(text):]))
		p := Piece{
			Text:  text[8 : 8+n],
			Score: math.Float32frombits(binary.LittleEndian.Uint32(scores.data[4*i:])),
		}
		text = text[8+n:]
		kind := binary.LittleEndian.Uint32(kinds.data[4*i:])
		p.Kind = Kind(kind)
		switch {
		case !utf8.ValidString(p.Text):
			return nil, nil, fmt.Errorf("tokenizer.ggml.tokens: piece %d (%.40q) is not valid UTF-8", i, p.Text)
		case p.Score-p.Score != 0:
			return nil, nil, fmt.Errorf("tokenizer.ggml.scores: score of piece %d is %v", i, p.Score)
		case kind < uint32(Normal) || kind > uint32(Byte):
			return nil, nil, fmt.Errorf("tokenizer.ggml.token_type: piece %d has the unknown type %d", i, kind)
		}
		v.Pieces[i] = p
		if err := r.add(int32(i)); err != nil {
			return nil, nil, fmt.Errorf("tokenizer.ggml.tokens: %w", err)
		}
	}
	ends := r.settle()
	v.AddBOS = m.boolean("tokenizer.ggml.add_bos_token", true)
	v.AddEOS = m.boolean("tokenizer.ggml.add_eos_token", false)
	return v, ends, m.err
}
