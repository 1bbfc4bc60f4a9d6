package grammar

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"sealvk/tokenize"
)

// smallVocabulary is a few pieces of the letters of random grammars and more,
// and all bytes. Its end is token 2; token 3 ends answers and has a text.
func smallVocabulary(tb testing.TB, pieces ...string) *Vocabulary {
	tb.Helper()
	v := tokenize.Vocab{BOS: 1, EOS: 2, UNK: 0, Pieces: []tokenize.Piece{
		{Text: "<unk>", Kind: tokenize.Unknown}, {Text: "<s>", Kind: tokenize.Control}, {Text: "</s>", Kind: tokenize.Control},
		{Text: "<end>", Kind: tokenize.UserDefined},
	}}
	for b := range 256 {
		v.Pieces = append(v.Pieces, tokenize.Piece{Text: fmt.Sprintf("<0x%02X>", b), Kind: tokenize.Byte})
	}
	for _, p := range pieces {
		v.Pieces = append(v.Pieces, tokenize.Piece{Text: p, Kind: tokenize.Normal})
	}
	tok, err := tokenize.New(v)
	if err != nil {
		tb.Fatal(err)
	}
	return NewVocabulary(tok)
}

var ends = []int32{2, 3}

// letterPieces are all texts of up to three letters, and some others.
func letterPieces() (pieces []string) {
	level := []string{""}
	for range 3 {
		var longer []string
		for _, p := range level {
			for _, r := range letters {
				longer = append(longer, p+string(r))
			}
		}
		pieces = append(pieces, longer...)
		level = longer
	}
	return append(pieces, "▁", "▁a", "b▁a", "aaaaaaaa", "abababab", "c", "ข", "<", "e", "nd", ">", "<en")
}

func allowedOf(mask []uint32) (ids []int32) {
	for id := range int32(32 * len(mask)) {
		if mask[id/32]>>(id%32)&1 != 0 {
			ids = append(ids, id)
		}
	}
	return ids
}

// TestMaskIsWhatSentencesBeginWith compares masks of random grammars with a
// recognizer that tries each token, along random answers, and what is complete.
func TestMaskIsWhatSentencesBeginWith(t *testing.T) {
	v := smallVocabulary(t, letterPieces()...)
	rng := rand.New(rand.NewPCG(1, 16))
	grammars, sentences := 0, 0
	for grammars < 150 {
		f := randomForms(rng)
		g, err := Parse(f.gbnf())
		if err != nil {
			continue // begins with itself, or never ends: as it should be, see TestParseErrors
		}
		grammars++
		m := g.Matcher(v, ends)
		var text []byte
		last := int32(-1)
		for range 6 {
			mask := make([]uint32, v.words())
			err := m.Next(last, mask)
			if err != nil {
				t.Fatalf("%s behind %q: %v", f.gbnf(), text, err)
			}
			complete, _ := f.recognize(text)
			if m.Complete() != complete {
				t.Fatalf("%s behind %q: complete is %v, want %v", f.gbnf(), text, m.Complete(), complete)
			}
			allowed := allowedOf(mask)
			for id := range int32(v.tok.Size()) {
				want := complete
				if !slices.Contains(ends, id) {
					_, want = f.recognize(slices.Concat(text, v.text(id)))
					want = want && len(v.text(id)) > 0
				}
				if got := slices.Contains(allowed, id); got != want {
					t.Fatalf("%s behind %q: token %d (%q) is allowed: %v, want %v", f.gbnf(), text, id, v.text(id), got, want)
				}
			}
			last = allowed[rng.IntN(len(allowed))]
			if slices.Contains(ends, last) {
				sentences++
				break
			}
			text = append(text, v.text(last)...)
		}
	}
	if sentences < 20 {
		t.Errorf("only %d of %d answers came to an end", sentences, grammars)
	}
}
