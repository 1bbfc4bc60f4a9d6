package tokenize

import (
	"os"
	"strings"
	"testing"
)

// FuzzParseModel feeds arbitrary files; what is accepted must work.
func FuzzParseModel(f *testing.F) {
	f.Add(protoModel(with(Piece{"ab", -1, Normal}, Piece{"a", -2, Unused}).Pieces, gemmaTrainer, gemmaNormalizer))
	f.Add(protoModel(with(Piece{"▁▁", 0, UserDefined}).Pieces, gemmaTrainer, gemmaNormalizer)[:400])
	f.Add([]byte(strings.Repeat("\x0a\xff", 20)))
	f.Add([]byte{0x0b, 0x0b, 0x0c})
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := ParseModel("fuzz", data)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "tokenize: fuzz: ") {
				t.Errorf("error %q does not name the file", err)
			}
			return
		}
		tok, err := New(v)
		if err != nil {
			return
		}
		roundTrip(t, tok, "a b\xffab▁  ก<unk>\n"+string(data[:min(len(data), 64)]))
	})
}

// FuzzEncodeDecode checks, for arbitrary texts and a real vocabulary, that the
// text comes back and that the ids are those of the definition.
func FuzzEncodeDecode(f *testing.F) {
	data, err := os.ReadFile(testdata + "/nano.model")
	if err != nil {
		f.Fatal(err)
	}
	v, err := ParseModel("nano", data)
	if err != nil {
		f.Fatal(err)
	}
	tok, err := New(v)
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range []string{
		"", "Hello world", "  \n\n\t", "กรุงเทพมหานคร", "<bos><eos>", "\xff\xfe", "\xed\xa0\x80", "▁▁ ▁",
		"😀👨‍👩‍👧", "aaaaaaaaaaaaaaaaaaaaaaaaa", "<0x41>", "\x00\x01",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ids := roundTrip(t, tok, text)
		if len(text) > 2000 {
			return // the definition takes time n²
		}
		want := slowEncode(v, text)
		if spell(tok, ids) != spell(tok, want) {
			t.Errorf("%q:\n got %s\nwant %s", text, spell(tok, ids), spell(tok, want))
		}
	})
}

// roundTrip encodes and decodes text, whole and as a stream.
func roundTrip(t *testing.T, tok *Tokenizer, text string) []int32 {
	t.Helper()
	ids := tok.Encode(nil, text, false)
	for _, id := range ids {
		if k := tok.Piece(id).Kind; k == Control || k == Unknown {
			t.Errorf("%q gives the piece %q", text, tok.Piece(id).Text)
		}
	}
	got, err := tok.Decode(ids)
	if err != nil {
		t.Fatal(err)
	}
	want := string([]rune(text)) // U+FFFD for each byte that is not UTF-8
	// Blanks without a piece of their own come back as U+2581, and U+2581 with
	// one as a blank.
	flat := strings.NewReplacer(" ", space)
	if flat.Replace(got) != flat.Replace(want) {
		t.Errorf("%q comes back as %q", text, got)
	}
	checkStream(t, tok, tok.NewStream(), ids)
	special := tok.Encode(nil, text, true)
	if got, err := tok.Decode(special); err != nil || flat.Replace(got) != flat.Replace(want) {
		t.Errorf("%q with special pieces comes back as %q, %v", text, got, err)
	}
	return ids
}
