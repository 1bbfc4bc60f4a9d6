package score

import (
	"slices"
	"strings"
	"testing"

	"sealvk/prompt"
	"sealvk/tokenize"
)

func tokenizer(t *testing.T) *tokenize.Tokenizer {
	t.Helper()
	tok, err := tokenize.Load("../../testdata/tokenize/nano.model")
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// The ids are those of the whole text, however blanks are shared between prompt and continuation.
func TestSplitEncodesTheWhole(t *testing.T) {
	tok := tokenizer(t)
	whole := prompt.Raw(tok, "The capital of Thailand is Bangkok.", false)
	front := len(prompt.Raw(tok, "The capital of Thailand is", false))
	for _, texts := range [][2]string{
		{"The capital of Thailand is", " Bangkok."},
		{"The capital of Thailand is ", "Bangkok."},
	} {
		p, err := Split(tok, texts[0], texts[1], false)
		if err != nil || !slices.Equal(p.IDs, whole) || p.First != front || p.Bytes != len(texts[1]) {
			t.Errorf("%q: %+v, %v; want %v from %d", texts, p, err, whole, front)
		}
	}
	if p, err := Split(tok, " \n\t", "x", false); err != nil || p.First != 1 || p.IDs[0] != tok.BOS() {
		t.Errorf("behind blanks alone: %+v, %v", p, err)
	}
}

// Thai letters and vowel signs are three bytes each.
func TestBytesAndCharacters(t *testing.T) {
	tok := tokenizer(t)
	const thai = " พนมเปญค่ะ" // 9 code points behind the blank
	want := Pair{Bytes: 1 + 9*3, Characters: 1 + 9}
	split, err := Split(tok, "เมืองหลวงของกัมพูชาคือ", thai, false)
	if err != nil || split.Bytes != want.Bytes || split.Characters != want.Characters {
		t.Errorf("%+v, %v", split, err)
	}
	behind, err := Append(tok, []int32{2}, thai, false)
	if err != nil || behind.Bytes != want.Bytes || behind.First != 1 {
		t.Errorf("behind ids: %+v, %v", behind, err)
	}
	joined, err := Join(tok, []int32{2}, append(slices.Clone(behind.IDs[1:]), tok.EOS())) // which has no text
	joined.IDs = joined.IDs[:len(joined.IDs)-1]
	if err != nil || joined.Bytes != want.Bytes || joined.Characters != want.Characters || !slices.Equal(joined.IDs, behind.IDs) {
		t.Errorf("of ids: %+v, %v", joined, err)
	}
}

func TestPairsThatHaveNoValue(t *testing.T) {
	tok := tokenizer(t)
	for want, f := range map[string]func() (Pair, error){
		"continuation is empty": func() (Pair, error) { return Split(tok, "a", "", false) },
		"prompt has no ids":     func() (Pair, error) { return Append(tok, nil, "a", false) },
		"is empty":              func() (Pair, error) { return Join(tok, []int32{2}, nil) },
	} {
		if p, err := f(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v, %v; want %q", p, err, want)
		}
	}
	// Pieces may merge across the border, and leave the continuation without one.
	if _, err := newPair([]int32{2, 3}, 2, "x"); err != ErrNoToken {
		t.Errorf("%v, want ErrNoToken", err)
	}
}
