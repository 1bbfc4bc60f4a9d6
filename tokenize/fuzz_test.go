package tokenize

import (
	"bytes"
	"fmt"
	"os"
	"slices"
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
		v, err := parseModel(data)
		if err != nil {
			return
		}
		tok, err := New(v)
		if err != nil {
			return
		}
		roundTrip(t, tok, "a b\xffab▁  ก<unk>\n"+string(data[:min(len(data), 64)]))
	})
}

// FuzzParseTokenizerJSON feeds arbitrary files; what is accepted must work. So
// that they are short, "BYTES" in them stands for the byte pieces' entries.
func FuzzParseTokenizerJSON(f *testing.F) {
	var entries []string
	for id, p := range byteVocab().Pieces[3:] {
		entries = append(entries, fmt.Sprintf("%q:%d", p.Text, 3+id))
	}
	bytePieces := []byte(strings.Join(entries, ","))
	add := func(file object, name string) {
		data := marshal(f, file)
		first, last := bytes.Index(data, []byte(`"\u003c0x00`)), bytes.Index(data, []byte(`0xFF\u003e":258`))
		if first < 0 || last < first {
			f.Fatalf("no byte pieces in %s", data)
		}
		f.Add(slices.Concat(data[:first], []byte("BYTES"), data[last+len(`0xFF\u003e":258`):]), name)
	}
	pieces := []string{"a", "b", "ab", "▁"}
	add(jsonFile(pieces, []string{"a b"}, addedObject("<x>", 263, false)), "<s>")
	add(jsonFile(append(pieces, "<0xFF>a"), [][]string{{"a", "b"}, {"<0xFF>", "a"}}, addedObject("▁", 262, true)), "a")
	add(jsonFile([]string{"\"", "\\", "\"\\"}, [][]string{{"\"", "\\"}}), "")
	f.Add([]byte(`{"model": {"type": "BPE", "vocab": {"a": 0, "\u2581": 1, BYTES}, "merges": [["a", "\u2581"]]}}`), "")
	f.Fuzz(func(t *testing.T, data []byte, name string) {
		tok, err := parseTokenizerJSON(bytes.Replace(data, []byte("BYTES"), bytePieces, 1), specialNames{name, name}, 0, Marks{})
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n\r") {
				t.Errorf("error %q has several lines", err)
			}
			return
		}
		text := "a b\xffab▁  ก<unk>\n<x>" + name + string(data[:min(len(data), 64)])
		for _, special := range []bool{false, true} {
			ids := tok.Encode(nil, text, special)
			if _, err := tok.Decode(ids); err != nil {
				t.Error(err)
			}
			for _, id := range ids {
				if k := tok.Piece(id).Kind; !special && (k == Control || k == Unknown) {
					t.Errorf("%q gives the piece %q", text, tok.Piece(id).Text)
				}
			}
		}
		if _, err := New(tok.Vocab()); err != nil {
			t.Errorf("its vocabulary is refused: %v", err)
		}
	})
}

// FuzzEncodeDecode checks, for arbitrary texts and a real vocabulary, that the
// text comes back and that the ids are those of the definition.
func FuzzEncodeDecode(f *testing.F) {
	data, err := os.ReadFile(testdata + "/nano.model")
	if err != nil {
		f.Fatal(err)
	}
	v, err := parseModel(data)
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
