package tokenize

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestDecodeBytes(t *testing.T) {
	tok := mustNew(t, with(Piece{"▁a▁", -1, Normal}, Piece{"é", -1, Normal}, Piece{"<▁>", 0, Control}))
	const a, e, control = 259, 260, 261
	b := func(s string) (ids []int32) {
		for _, c := range []byte(s) {
			ids = append(ids, 3+int32(c))
		}
		return ids
	}
	join := func(parts ...[]int32) (ids []int32) {
		for _, p := range parts {
			ids = append(ids, p...)
		}
		return ids
	}
	for _, c := range []struct {
		ids  []int32
		want string
	}{
		{nil, ""},
		{[]int32{a, a}, " a  a "},
		{[]int32{1, a, control, 0, 2}, "<s> a <▁><unk></s>"},
		{b("😀é"), "😀é"},
		{b("😀"[:3]), "\ufffd\ufffd\ufffd"},
		{b("\xff"), "\ufffd"},
		{b("\xf0\x9f\x98a"), "\ufffd\ufffd\ufffda"},
		{b("\xe0\x80\x80"), "\ufffd\ufffd\ufffd"},
		{b("\xed\xa0\x80"), "\ufffd\ufffd\ufffd"}, // a surrogate
		{b("\xf4\x90\x80\x80"), "\ufffd\ufffd\ufffd\ufffd"},
		{b("\xc3\xc3\xa9"), "\ufffdé"},
		{b("\xe2\x96\x81"), "▁"}, // spelled out it is itself, not a blank
		{join(b("\xc3"), []int32{e}, b("\xa9")), "\ufffdé\ufffd"},
		{join(b("\xe2"), []int32{2}), "\ufffd</s>"}, // what waits comes first
		{join(b("\xe2\x96"), []int32{0}, b("a")), "\ufffd\ufffd<unk>a"},
	} {
		got, err := tok.Decode(c.ids)
		if err != nil || got != c.want {
			t.Errorf("%s: got %q, %v, want %q", spell(tok, c.ids), got, err, c.want)
		}
	}
}

func TestDecodeOutsideVocabulary(t *testing.T) {
	tok := mustNew(t, byteVocab())
	for _, id := range []int32{-1, 259, 1 << 30} {
		_, err := tok.Decode([]int32{3, id})
		if err == nil || !strings.Contains(err.Error(), "position 1") {
			t.Errorf("id %d: got error %v, want one that names position 1", id, err)
		}
		if got := tok.NewStream().Push(id); got != "\ufffd" {
			t.Errorf("Push(%d) = %q, want U+FFFD", id, got)
		}
		s := tok.NewStream()
		if got := s.Push(3+0xe2) + s.Push(id); got != "\ufffd\ufffd" { // what waits comes first
			t.Errorf("a byte, then %d: %q, want U+FFFD for both", id, got)
		}
	}
}

// TestStreamEqualsDecode pushes random ids, most of them bytes, valid and not.
func TestStreamEqualsDecode(t *testing.T) {
	tok := load(t, testdata+"/nano.model")
	rng := rand.New(rand.NewPCG(9, 10))
	s := tok.NewStream()
	for range 2000 {
		var ids []int32
		for range rng.IntN(20) {
			switch rng.IntN(4) {
			case 0:
				ids = append(ids, int32(rng.IntN(tok.Size())))
			case 1:
				ids = append(ids, tok.bytes[rng.IntN(256)])
			default:
				char := string(rune(rng.IntN(0x20000)))
				for i := range min(len(char), 1+rng.IntN(4)) {
					ids = append(ids, tok.bytes[char[i]])
				}
			}
		}
		checkStream(t, tok, s, ids)
	}
}

func checkStream(t *testing.T, tok *Tokenizer, s *Stream, ids []int32) {
	t.Helper()
	want, err := tok.Decode(ids)
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for _, id := range ids {
		text := s.Push(id)
		if !utf8.ValidString(text) {
			t.Fatalf("%v: Push(%d) returned %q", ids, id, text)
		}
		got.WriteString(text)
	}
	got.WriteString(s.Flush())
	if got.String() != want {
		t.Fatalf("%v: the stream gave %q, Decode %q", ids, got.String(), want)
	}
	if rest := s.Flush(); rest != "" {
		t.Fatalf("%v: a second Flush gave %q", ids, rest)
	}
}

func TestStreamIsPrompt(t *testing.T) {
	tok := mustNew(t, byteVocab())
	s := tok.NewStream()
	var got []string
	for _, b := range []byte("a\U0001F600\u00e9\xe2\x82b") {
		got = append(got, s.Push(3+int32(b)))
	}
	want := []string{"a", "", "", "", "\U0001F600", "", "\u00e9", "", "", "\ufffd\ufffdb"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Bytes puts the bytes of a text's pieces together, whole characters or not.
func TestBytes(t *testing.T) {
	tok := mustNew(t, with(Piece{"▁a▁", -1, Normal}, Piece{"<▁>", 0, Control}))
	for id, want := range map[int32]string{0: "<unk>", 3 + 0xe0: "\xe0", 3 + 'a': "a", 259: " a ", 260: "<▁>"} {
		if got := string(tok.Bytes(id)); got != want {
			t.Errorf("%d: %q, want %q", id, got, want)
		}
	}
}
