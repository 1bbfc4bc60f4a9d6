package tokenize

import (
	"fmt"
	"math"
	"strings"
	"unicode/utf8"
)

// Kind says how a piece takes part in encoding and decoding. The numbers are
// those of SentencePiece's ModelProto.SentencePiece.Type and of GGUF's
// tokenizer.ggml.token_type.
type Kind uint8

const (
	Normal      Kind = 1 // learned piece, found by merging
	Unknown     Kind = 2 // stands for what has no piece
	Control     Kind = 3 // <bos>, <eos>, …: never matched from plain text
	UserDefined Kind = 4 // always matched whole, longest first, never merged
	Unused      Kind = 5 // takes part in merging, but is split again in the result
	Byte        Kind = 6 // <0x00> … <0xFF>, spells out characters without a piece
)

var kindNames = [...]string{
	Normal: "normal", Unknown: "unknown", Control: "control", UserDefined: "user-defined", Unused: "unused", Byte: "byte",
}

// String returns the kind's name in lower case.
func (k Kind) String() string {
	if k >= Normal && k <= Byte {
		return kindNames[k]
	}
	return fmt.Sprintf("kind %d", uint8(k))
}

// Piece is one entry of the vocabulary; its id is its index.
type Piece struct {
	Text  string  // as in the file: U+2581 stands for a blank
	Score float32 // BPE merges the pair with the highest score first
	Kind  Kind
}

// Vocab is what a tokenizer is made of.
type Vocab struct {
	Pieces        []Piece
	BOS, EOS, UNK int32 // ids; -1: absent (UNK must be there)
}

// Pad appends control pieces "[PAD<id>]" until there are n: the embedding of a
// model often has more rows than its tokenizer has pieces.
func (v *Vocab) Pad(n int) {
	for id := len(v.Pieces); id < n; id++ {
		v.Pieces = append(v.Pieces, Piece{Text: fmt.Sprintf("[PAD%d]", id), Kind: Control})
	}
}

// resize pads v to the rows of an embedding; 0: it has as many as v has pieces.
func (v *Vocab) resize(rows int) error {
	if rows > 0 && rows < len(v.Pieces) {
		return fmt.Errorf("the vocabulary has %d pieces, but the model's embedding only %d rows; the files must be of one model", len(v.Pieces), rows)
	}
	v.Pad(rows)
	return nil
}

// space is U+2581, which stands for a blank within pieces.
const (
	space     = "\u2581"
	spaceRune = '\u2581'
)

// maxPiece bounds the bytes of a learned piece, so that the time to find its
// parts is bounded by the file. SentencePiece's longest has 64 characters.
const maxPiece = 1024

// checkVocab returns the first thing that makes v unusable, naming the piece.
func checkVocab(v *Vocab) error {
	if len(v.Pieces) == 0 {
		return fmt.Errorf("vocabulary is empty")
	}
	if len(v.Pieces) > math.MaxInt32 {
		return fmt.Errorf("vocabulary has %d pieces, more than ids", len(v.Pieces))
	}
	unk := -1
	for i, p := range v.Pieces {
		if p.Text == "" {
			return fmt.Errorf("piece %d is empty", i)
		}
		if !utf8.ValidString(p.Text) {
			return fmt.Errorf("piece %d (%q) is not valid UTF-8", i, p.Text)
		}
		if s := float64(p.Score); math.IsNaN(s) || math.IsInf(s, 0) {
			return fmt.Errorf("piece %d (%q) has the score %v", i, p.Text, p.Score)
		}
		switch p.Kind {
		case Normal, Unused:
			if len(p.Text) > maxPiece {
				return fmt.Errorf("piece %d (%.20q…) has %d bytes, at most %d are supported", i, p.Text, len(p.Text), maxPiece)
			}
		case Control, UserDefined:
		case Unknown:
			if unk >= 0 {
				return fmt.Errorf("pieces %d (%q) and %d (%q) are both of kind unknown",
					unk, v.Pieces[unk].Text, i, p.Text)
			}
			unk = i
		case Byte:
			if _, ok := byteValue(p.Text); !ok {
				return fmt.Errorf("piece %d (%q) is of kind byte but not named <0x00> to <0xFF>", i, p.Text)
			}
		default:
			return fmt.Errorf("piece %d (%q) has the unknown kind %d", i, p.Text, p.Kind)
		}
	}
	if unk < 0 {
		return fmt.Errorf("no piece is of kind unknown")
	}
	if int(v.UNK) != unk {
		return fmt.Errorf("unknown id is %d, but piece %d (%q) is of kind unknown", v.UNK, unk, v.Pieces[unk].Text)
	}
	if err := checkSpecial(v, "bos", v.BOS); err != nil {
		return err
	}
	return checkSpecial(v, "eos", v.EOS)
}

// checkSpecial refuses ids that plain text could lead to by merging.
func checkSpecial(v *Vocab, name string, id int32) error {
	if id == -1 {
		return nil
	}
	if id < 0 || int(id) >= len(v.Pieces) {
		return fmt.Errorf("%s id %d is outside the vocabulary of %d pieces", name, id, len(v.Pieces))
	}
	if p := v.Pieces[id]; p.Kind != Control && p.Kind != UserDefined {
		return fmt.Errorf("%s id %d is piece %q of kind %v, want control or user-defined", name, id, p.Text, p.Kind)
	}
	return nil
}

// byteValue reads the name of a byte piece, "<0x00>" to "<0xFF>".
func byteValue(text string) (byte, bool) {
	const digits = "0123456789ABCDEF"
	if len(text) != 6 || text[:3] != "<0x" || text[5] != '>' {
		return 0, false
	}
	hi, lo := strings.IndexByte(digits, text[3]), strings.IndexByte(digits, text[4])
	if hi < 0 || lo < 0 {
		return 0, false
	}
	return byte(hi<<4 | lo), true
}
