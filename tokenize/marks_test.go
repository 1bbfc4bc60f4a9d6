package tokenize

import (
	"slices"
	"strings"
	"testing"
)

// Marks go before what a file says, in both forms, and a learned piece that is one is no text any more.
func TestMarks(t *testing.T) {
	const text = "What is the name?"
	for _, path := range []string{"../testdata/tokenize/nano.model", "../testdata/tokenize/nano.json"} {
		tok, err := LoadSized(path, 0, Marks{})
		if err != nil {
			t.Fatal(err)
		}
		the, ok := tok.ID("▁the")
		if !ok || tok.BOS() != 2 || tok.EOS() != 1 || !slices.Contains(tok.Encode(nil, text, false), the) {
			t.Fatalf("%s: bos %d, eos %d, no ▁the in %v", path, tok.BOS(), tok.EOS(), tok.Encode(nil, text, false))
		}
		for _, m := range []Marks{{BOS: "<pad>", EOS: "▁the"}, {BOS: "0", EOS: "▁the"}} {
			marked, err := LoadSized(path, 0, m)
			if err != nil {
				t.Errorf("%s: %+v: %v", path, m, err)
				continue
			}
			if marked.BOS() != 0 || marked.EOS() != the || marked.Piece(the).Kind != Control || slices.Contains(marked.Encode(nil, text, false), the) {
				t.Errorf("%s: %+v: bos %d, eos %d of kind %v", path, m, marked.BOS(), marked.EOS(), marked.Piece(the).Kind)
			}
			roundTrip(t, marked, text)
		}
		if one, err := LoadSized(path, 0, Marks{EOS: "<pad>"}); err != nil || one.BOS() != 2 || one.EOS() != 0 {
			t.Errorf("%s: only eos: %v", path, err)
		}
		for _, c := range []struct {
			marks Marks
			want  string
		}{
			{Marks{BOS: "2048"}, "bos is to be piece 2048, but the vocabulary has 2048 pieces"},
			{Marks{EOS: "<nowhere>"}, `eos is to be "<nowhere>", but no piece has that text`},
			{Marks{EOS: "<0x0A>"}, "eos id"}, // a byte can be no mark
		} {
			if _, err := LoadSized(path, 0, c.marks); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("%s: %+v: %v, want %q", path, c.marks, err, c.want)
			}
		}
	}
}
