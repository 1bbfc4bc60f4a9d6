package tokenize

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"slices"
	"testing"
)

// TestReference compares with the sentencepiece library on small random
// vocabularies: score ties, unused pieces, user-defined pieces that overlap,
// characters without a piece, and texts and byte pieces that are not UTF-8.
// testdata/tokenize/reference.py makes the file.
func TestReference(t *testing.T) {
	data, err := os.ReadFile(testdata + "/reference.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	vocabs := 0
	for ; ; vocabs++ {
		var line struct {
			Pieces, Encode, Decode [][]json.RawMessage
		}
		if err := d.Decode(&line); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		v := byteVocab()
		for _, p := range line.Pieces {
			var piece Piece
			scan(t, p, &piece.Text, &piece.Score, &piece.Kind)
			v.Pieces = append(v.Pieces, piece)
		}
		tok, err := New(v)
		if err != nil {
			t.Fatalf("vocabulary %d: %v", vocabs, err)
		}
		for _, e := range line.Encode {
			var text string
			var want []int32
			scan(t, e, &text, &want)
			raw, err := hex.DecodeString(text)
			if err != nil {
				t.Fatal(err)
			}
			if got := tok.Encode(nil, string(raw), false); !slices.Equal(got, want) {
				t.Errorf("vocabulary %d, %q:\n got %v\nwant %v", vocabs, raw, got, want)
			}
		}
		for _, e := range line.Decode {
			var ids []int32
			var want string
			scan(t, e, &ids, &want)
			if got, err := tok.Decode(ids); err != nil || got != want {
				t.Errorf("vocabulary %d, %v: got %q, %v, want %q", vocabs, ids, got, err, want)
			}
		}
	}
	if vocabs < 50 {
		t.Fatalf("only %d vocabularies", vocabs)
	}
}

func scan(t *testing.T, from []json.RawMessage, to ...any) {
	t.Helper()
	for i := range to {
		if err := json.Unmarshal(from[i], to[i]); err != nil {
			t.Fatal(err)
		}
	}
}

// byteVocab is a vocabulary of <unk>, <s>, </s> and the byte pieces, ids 3 on.
func byteVocab() Vocab {
	v := Vocab{BOS: 1, EOS: 2, UNK: 0, Pieces: []Piece{
		{"<unk>", 0, Unknown}, {"<s>", 0, Control}, {"</s>", 0, Control},
	}}
	const digits = "0123456789ABCDEF"
	for b := range 256 {
		v.Pieces = append(v.Pieces, Piece{"<0x" + string(digits[b>>4]) + string(digits[b&15]) + ">", 0, Byte})
	}
	return v
}
