package grammar

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
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

// randomGrammar returns a random grammar that Parse takes: many begin with
// themselves or have no sentence.
func randomGrammar(rng *rand.Rand) (forms, *Grammar) {
	for {
		f := randomForms(rng)
		if g, err := Parse(f.gbnf()); err == nil {
			return f, g
		}
	}
}

// randomIDs returns n random tokens, half of them more than a byte.
func randomIDs(rng *rand.Rand, v *Vocabulary, n int) (ids []int32) {
	const pieces = 4 + 256
	for range n / 2 {
		ids = append(ids, int32(rng.IntN(v.tok.Size())), int32(pieces+rng.IntN(v.tok.Size()-pieces)))
	}
	return ids
}

// checkMasks compares the masks along a random answer of at most n tokens, and
// what is complete, with a recognizer that tries token by token, not all of them.
func checkMasks(t *testing.T, v *Vocabulary, f forms, g *Grammar, rng *rand.Rand, n int) {
	t.Helper()
	m := g.Matcher(v, ends)
	var text []byte
	last := int32(-1)
	for range n {
		mask := make([]uint32, v.words())
		if err := m.Next(last, mask); err != nil {
			t.Fatalf("%s behind %q: %v", f.gbnf(), text, err)
		}
		complete, _ := f.recognize(text)
		if m.Complete() != complete {
			t.Fatalf("%s behind %q: complete is %v, want %v", f.gbnf(), text, m.Complete(), complete)
		}
		for _, id := range append([]int32{0, 1, 2, 3}, randomIDs(rng, v, 60)...) {
			want := complete
			if !slices.Contains(ends, id) {
				_, want = f.recognize(slices.Concat(text, v.text(id)))
				want = want && len(v.text(id)) > 0
			}
			if got := mask[id/32]>>(id%32)&1 != 0; got != want {
				t.Fatalf("%s behind %q: token %d (%q) is allowed: %v, want %v", f.gbnf(), text, id, v.text(id), got, want)
			}
		}
		allowed := allowedOf(mask)
		if last = allowed[rng.IntN(len(allowed))]; slices.Contains(ends, last) {
			break
		}
		text = append(text, v.text(last)...)
	}
}

func TestMaskIsWhatSentencesBeginWith(t *testing.T) {
	v := smallVocabulary(t, letterPieces()...)
	rng := rand.New(rand.NewPCG(1, 16))
	grammars := 300
	if testing.Short() {
		grammars = 40
	}
	for range grammars {
		f, g := randomGrammar(rng)
		checkMasks(t, v, f, g, rng, 5)
	}
}

func FuzzMask(f *testing.F) {
	v := smallVocabulary(f, letterPieces()...)
	f.Add(uint64(1), uint64(1))
	f.Fuzz(func(t *testing.T, seed1, seed2 uint64) {
		rng := rand.New(rand.NewPCG(seed1, seed2))
		f, g := randomGrammar(rng)
		checkMasks(t, v, f, g, rng, 5)
	})
}

// TestAnswersAreSentences samples long answers: where one may end, it is a
// sentence, and where a sentence is, it may end.
func TestAnswersAreSentences(t *testing.T) {
	v := smallVocabulary(t, letterPieces()...)
	rng := rand.New(rand.NewPCG(2, 16))
	ended, long := 0, 0
	for range 600 {
		f, g := randomGrammar(rng)
		m := g.Matcher(v, ends)
		var text []byte
		last := int32(-1)
		mask := make([]uint32, v.words())
		for n := 0; n < 20 && last != 2; n++ {
			clear(mask)
			if err := m.Next(last, mask); err != nil {
				t.Fatalf("%s behind %q: %v", f.gbnf(), text, err)
			}
			allowed := allowedOf(mask)
			if last = allowed[rng.IntN(len(allowed))]; len(allowed) > 2 && rng.IntN(8) > 0 {
				last = allowed[max(rng.IntN(len(allowed)), 2)] // the first may be the ends
			}
			if last == 3 {
				last = 2
			}
			if last != 2 {
				text = append(text, v.text(last)...)
			}
		}
		if complete, viable := f.recognize(text); complete != (last == 2) && last == 2 || !viable {
			t.Fatalf("%s: %q is no answer", f.gbnf(), text)
		}
		if last == 2 {
			ended++
		}
		if len(text) > 30 {
			long++
		}
	}
	if ended < 100 || long < 25 {
		t.Errorf("%d of 600 answers ended, %d were long", ended, long)
	}
}

// follow reads text in random tokens of the vocabulary and says whether all of
// them were allowed and then an end.
func follow(t *testing.T, g *Grammar, v *Vocabulary, text string, rng *rand.Rand) bool {
	t.Helper()
	m := g.Matcher(v, ends)
	last := int32(-1)
	mask := make([]uint32, v.words())
	for rest := text; ; rest = rest[len(v.text(last)):] {
		clear(mask)
		if err := m.Next(last, mask); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if rest == "" {
			return m.Complete() && mask[0]>>2&1 != 0
		}
		var next []int32
		for id := range int32(v.tok.Size()) {
			if b := v.text(id); len(b) > 0 && strings.HasPrefix(rest, string(b)) {
				next = append(next, id)
			}
		}
		last = next[rng.IntN(len(next))]
		if mask[last/32]>>(last%32)&1 == 0 {
			return false
		}
	}
}

// What follows a character that comes in bytes: Thai, Khmer and an emoji.
func TestCharactersComeInBytes(t *testing.T) {
	v := smallVocabulary(t, "สวัสดี", "ก")
	g, err := Parse(`root ::= [ก-ฮ]+ "ៗ" | [^\x00-\U0001F5FF] "é"`)
	if err != nil {
		t.Fatal(err)
	}
	const first = 4 // the token of byte 0
	for _, c := range []struct {
		text string
		want string // bytes that may follow, as first-last
	}{
		{"", "E0-E0 F0-F4"},
		{"\xE0", "B8-B8"},
		{"\xE0\xB8", "81-AE"},
		{"ก", "E0-E1"},
		{"ก\xE0", "B8-B8"},
		{"ก\xE1", "9F-9F"},
		{"ก\xE1\x9F", "97-97"},
		{"\xF0", "9F-BF"}, // from U+1F600 on
		{"\xF0\x9F", "98-BF"},
		{"\xF0\x9F\x98", "80-BF"},
		{"\xF4", "80-8F"}, // to U+10FFFF
		{"😀", "C3-C3"},
		{"😀\xC3", "A9-A9"},
	} {
		m := g.Matcher(v, ends)
		last := int32(-1)
		mask := make([]uint32, v.words())
		for i := range len(c.text) {
			if err := m.Next(last, mask); err != nil {
				t.Fatal(err)
			}
			last = first + int32(c.text[i])
		}
		clear(mask)
		if err := m.Next(last, mask); err != nil {
			t.Fatal(err)
		}
		var want []int32
		for _, s := range strings.Fields(c.want) {
			var lo, hi int32
			if _, err := fmt.Sscanf(s, "%X-%X", &lo, &hi); err != nil {
				t.Fatal(err)
			}
			for b := lo; b <= hi; b++ {
				want = append(want, first+b)
			}
		}
		got := slices.DeleteFunc(allowedOf(mask), func(id int32) bool { return id >= first+256 })
		if !slices.Equal(got, want) {
			t.Errorf("behind %q: tokens %v may follow, want %v", c.text, got, want)
		}
	}
}

func TestEnds(t *testing.T) {
	v := smallVocabulary(t, "<en", "d>")
	g, err := Parse(`root ::= .{0,5} "!"?`)
	if err != nil {
		t.Fatal(err)
	}
	mask := make([]uint32, v.words())
	next := func(m *Matcher, last int32) error {
		clear(mask)
		return m.Next(last, mask)
	}
	has := func(id int32) bool { return mask[id/32]>>(id%32)&1 != 0 }

	// <end> is an end and would be five characters of the text, too.
	m := g.Matcher(v, []int32{2, 3, 1 << 30})
	if err := next(m, -1); err != nil || !has(2) || !has(3) || has(0) || has(1) {
		t.Errorf("at the start, %v, tokens are allowed: %v", err, allowedOf(mask))
	}
	if err := next(m, 3); err != nil || !slices.Equal(allowedOf(mask), []int32{2, 3}) {
		t.Errorf("behind an end, %v, %v may come", err, allowedOf(mask))
	}
	if err := next(m, 4+'a'); err == nil {
		t.Error("a text may come behind an end")
	}

	m = mustParse(t, `root ::= "<end>" "!"`).Matcher(v, ends)
	if err := next(m, -1); err != nil || has(3) {
		t.Errorf("an end may come where a text with its letters goes on: %v", err)
	}
	if err := next(m, 3); err == nil {
		t.Error("an end was taken as a text")
	}

	m = g.Matcher(v, []int32{2})
	if err := next(m, -1); err != nil || !has(2) || !has(3) {
		t.Errorf("without <end> as an end, %v, %v may come", err, allowedOf(mask))
	}
	if err := next(m, 3); err != nil || !m.Complete() {
		t.Errorf("<end> as a text: %v", err)
	}

	// Fewer words than tokens, as where a model has fewer logits.
	if err := g.Matcher(v, ends).Next(-1, mask[:1]); err != nil {
		t.Error(err)
	}

	for _, last := range []int32{0, 1, 1 << 20, 4 + 'b'} {
		g, err := Parse(`root ::= "a"`)
		if err != nil {
			t.Fatal(err)
		}
		m := g.Matcher(v, nil)
		if err := next(m, -1); err != nil {
			t.Fatal(err)
		}
		if err := next(m, last); err == nil || !strings.Contains(err.Error(), "may not come here") {
			t.Errorf("token %d: %v", last, err)
		}
		m = g.Matcher(v, nil)
		if err := next(m, 4+'a'); err == nil || !strings.Contains(err.Error(), "no token ends it") {
			t.Errorf("without an end: %v", err)
		}
	}
}
