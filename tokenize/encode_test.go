package tokenize

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"
)

// with returns byteVocab and the pieces added, ids from 259 on.
func with(pieces ...Piece) Vocab {
	v := byteVocab()
	v.Pieces = append(v.Pieces, pieces...)
	return v
}

func mustNew(t testing.TB, v Vocab) *Tokenizer {
	t.Helper()
	tok, err := New(v)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// spell returns the pieces' texts, which read better than ids.
func spell(tok *Tokenizer, ids []int32) string {
	var b strings.Builder
	for i, id := range ids {
		if i > 0 {
			b.WriteByte('|')
		}
		b.WriteString(tok.Piece(id).Text)
	}
	return b.String()
}

// slowEncode is BPE as it is defined: merge the best pair until there is none.
// It takes time n² and knows no unused pieces.
func slowEncode(v Vocab, text string) (ids []int32) {
	ordinary, user := map[string]int32{}, map[string]int32{}
	var bytes [256]int32
	for i, p := range v.Pieces {
		switch p.Kind {
		case Normal:
			ordinary[p.Text] = int32(i)
		case UserDefined:
			user[p.Text] = int32(i)
		case Byte:
			b, _ := byteValue(p.Text)
			bytes[b] = int32(i)
		}
	}
	text = strings.ReplaceAll(string([]rune(text)), " ", space)
	var parts []string
	for text != "" {
		best := ""
		for u := range user {
			if strings.HasPrefix(text, u) && len(u) > len(best) {
				best = u
			}
		}
		if best != "" {
			parts = append(parts, "\x00user", best)
		} else {
			_, n := utf8.DecodeRuneInString(text)
			best = text[:n]
			parts = append(parts, best)
		}
		text = text[len(best):]
	}
	isUser := func(i int) bool {
		return parts[i] == "\x00user" || i > 0 && parts[i-1] == "\x00user"
	}
	for {
		best, score := -1, float32(0)
		for i := range len(parts) - 1 {
			id, ok := ordinary[parts[i]+parts[i+1]]
			if ok && !isUser(i) && !isUser(i+1) && (best < 0 || v.Pieces[id].Score > score) {
				best, score = i, v.Pieces[id].Score
			}
		}
		if best < 0 {
			break
		}
		parts = slices.Replace(parts, best, best+2, parts[best]+parts[best+1])
	}
	for i, p := range parts {
		id, ok := ordinary[p]
		switch {
		case p == "\x00user":
		case isUser(i):
			ids = append(ids, user[p])
		case ok:
			ids = append(ids, id)
		default:
			for _, b := range []byte(p) {
				ids = append(ids, bytes[b])
			}
		}
	}
	return ids
}

func TestEncodeEqualsDefinition(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	word := func(alphabet []rune, n int) string {
		r := make([]rune, n)
		for i := range r {
			r[i] = alphabet[rng.IntN(len(alphabet))]
		}
		return string(r)
	}
	for n := range 150 {
		alphabet := []rune("ab▁cกé\n\ufffd")[:2+n%7]
		v := byteVocab()
		seen := map[string]bool{}
		for range 2 + rng.IntN(40) {
			p := Piece{word(alphabet, 1+rng.IntN(1+rng.IntN(8))), float32(-rng.IntN(8)), Normal}
			if rng.IntN(10) == 0 {
				p.Kind = UserDefined
			}
			if !seen[p.Text] {
				v.Pieces = append(v.Pieces, p)
				seen[p.Text] = true
			}
		}
		tok := mustNew(t, v)
		for range 20 {
			text := word(append(alphabet, ' ', 'z'), rng.IntN(80))
			got, want := tok.Encode(nil, text, false), slowEncode(v, text)
			if !slices.Equal(got, want) {
				t.Fatalf("pieces %v, text %q:\n got %s\nwant %s", v.Pieces[259:], text, spell(tok, got), spell(tok, want))
			}
		}
	}
}

// TestManyPieces takes a text of all pieces of a real vocabulary, so that
// nothing hangs on the small alphabets of the tests above.
func TestManyPieces(t *testing.T) {
	tok := load(t, testdata+"/nano.model")
	rng := rand.New(rand.NewPCG(3, 4))
	var b strings.Builder
	for range 400 {
		b.WriteString(tok.Piece(int32(300 + rng.IntN(tok.Size()-300))).Text)
	}
	text := b.String()
	got, want := tok.Encode(nil, text, false), slowEncode(tok.vocab, text)
	if !slices.Equal(got, want) {
		t.Errorf("got  %s\nwant %s", spell(tok, got), spell(tok, want))
	}
}

func TestUserDefined(t *testing.T) {
	tok := mustNew(t, with(
		Piece{"ab", 0, UserDefined}, Piece{"abcd", 0, UserDefined}, Piece{"bcde", 0, UserDefined},
		Piece{"▁▁", 0, UserDefined}, Piece{"x y", 0, UserDefined}, Piece{"ก", 0, UserDefined},
		Piece{"a", -1, Normal}, Piece{"b", -2, Normal}, Piece{"c", -3, Normal}, Piece{"d", -3, Normal},
		Piece{"e", -3, Normal}, Piece{"▁", -3, Normal}, Piece{"x", -3, Normal}, Piece{"y", -3, Normal},
		Piece{"bc", -1, Normal}, Piece{"cab", -1, Normal}, Piece{"ca", -2, Normal}, Piece{"▁a", -1, Normal},
	))
	for text, want := range map[string]string{
		"":       "",
		"abc":    "ab|c",
		"abcd":   "abcd",
		"abcde":  "abcd|e",
		"aabcde": "a|abcd|e",
		"bcde":   "bcde",
		"cab":    "c|ab",  // the user-defined piece is not merged
		"cac":    "ca|c",  // but its letters are
		"   a":   "▁▁|▁a", // leftmost first
		"    a":  "▁▁|▁▁|a",
		"x y":    "x|▁|y", // no blank is left to match
		"▁▁":     "▁▁",    // U+2581 in the text is as a blank
		"กa":     "ก|a",
		"\xe0b":  "<0xEF>|<0xBF>|<0xBD>|b",
	} {
		if got := spell(tok, tok.Encode(nil, text, false)); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}

func TestParseSpecial(t *testing.T) {
	tok := mustNew(t, with(
		Piece{"<s><x>", 0, Control}, Piece{"▁<s>", 0, UserDefined}, Piece{"<", -1, Normal}, Piece{"s", -1, Normal},
		Piece{">", -1, Normal}, Piece{"<s", -1, Normal}, Piece{"<s>>", -1, Normal}, Piece{"▁", -1, Normal},
		Piece{"0", -1, Normal}, Piece{"x", -1, Normal},
	))
	for _, c := range []struct{ text, plain, special string }{
		{"", "", ""},
		{"<s>", "<s|>", "<s>"},
		{"<s><s>", "<s|>|<s|>", "<s>|<s>"},
		{"<s><x>", "<s|>|<|x|>", "<s><x>"},
		{"<s><s><x>", "<s|>|<s|>|<|x|>", "<s>|<s><x>"},
		{"<s><0x41>", "<s|>|<|0|x|<0x34>|<0x31>|>", "<s>|<|0|x|<0x34>|<0x31>|>"},
		{" <s>", "▁<s>", "▁|<s>"},
		{"<<s>>", "<|<s|>|>", "<|<s>|>"},
		{"</s", "<|<0x2F>|s", "<|<0x2F>|s"},
		{"</s>s<unk>", "<|<0x2F>|s|>|s|<|<0x75>|<0x6E>|<0x6B>|>", "</s>|s|<unk>"},
	} {
		if got := spell(tok, tok.Encode(nil, c.text, false)); got != c.plain {
			t.Errorf("%q plain: got %s, want %s", c.text, got, c.plain)
		}
		if got := spell(tok, tok.Encode(nil, c.text, true)); got != c.special {
			t.Errorf("%q with special pieces: got %s, want %s", c.text, got, c.special)
		}
	}
}

// TestNeverForged says that no plain text becomes a control, unknown or byte
// piece of the same name.
func TestNeverForged(t *testing.T) {
	tok := load(t, testdata+"/nano.model")
	for id := range int32(tok.Size()) {
		p := tok.Piece(id)
		if p.Kind != Control && p.Kind != Unknown && p.Kind != Byte {
			continue
		}
		for _, text := range []string{p.Text, "a" + p.Text, p.Text + p.Text, " " + p.Text + "\n"} {
			if ids := tok.Encode(nil, text, false); slices.Contains(ids, id) {
				t.Errorf("%q becomes %v", text, spell(tok, ids))
			}
		}
	}
}

func TestUnused(t *testing.T) {
	tok := mustNew(t, with(
		Piece{"a", -1, Normal}, Piece{"b", -1, Normal}, Piece{"c", -1, Unused},
		Piece{"ab", -1, Unused}, Piece{"abab", -2, Normal}, Piece{"abc", -3, Unused},
	))
	for text, want := range map[string]string{
		"ab":    "a|b", // split again
		"abab":  "abab",
		"ababa": "abab|a",
		"abc":   "a|b|c", // twice; a single character has no parts
		"c":     "c",
	} {
		if got := spell(tok, tok.Encode(nil, text, false)); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}

// TestWorkIsNearLinear counts the groups compared, which is what the time
// grows with, for texts that can't be cut and one that can.
func TestWorkIsNearLinear(t *testing.T) {
	v := byteVocab()
	rng := rand.New(rand.NewPCG(5, 6))
	for n := 1; n <= 16; n++ {
		v.Pieces = append(v.Pieces, Piece{strings.Repeat("a", n), float32(-n), Normal})
	}
	// Scores against the usual order: longer pieces first.
	for n := 1; n <= 16; n++ {
		v.Pieces = append(v.Pieces, Piece{strings.Repeat("b", n), float32(n), Normal})
	}
	seen := map[string]bool{}
	for range 3000 {
		w := make([]byte, 1+rng.IntN(4))
		for i := range w {
			w[i] = "cdefghijkl"[rng.IntN(10)]
		}
		if !seen[string(w)] {
			seen[string(w)] = true
			v.Pieces = append(v.Pieces, Piece{string(w), -rng.Float32(), Normal})
		}
	}
	v.Pieces = append(v.Pieces, Piece{"▁▁", 0, UserDefined}, Piece{"▁▁▁▁▁▁▁▁", 0, UserDefined})
	tok := mustNew(t, v)
	random := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = "cdefghijkl"[rng.IntN(10)]
		}
		return string(b)
	}
	for name, text := range map[string]func(n int) string{
		"a":      func(n int) string { return strings.Repeat("a", n) },
		"b":      func(n int) string { return strings.Repeat("b", n) },
		"ab":     func(n int) string { return strings.Repeat("ab", n/2) },
		"random": random,
		"blanks": func(n int) string { return strings.Repeat(" ", n) },
		"bytes":  func(n int) string { return strings.Repeat("\xff", n) },
	} {
		work := func(n int) int {
			var s scratch
			if ids := tok.encode(&s, nil, text(n), false); len(ids) == 0 {
				t.Fatal("no ids")
			}
			return s.games.work
		}
		const n = 1 << 14
		one, two := work(n), work(2*n)
		if limit := 4 * levels(2*n) * 2 * n; two > limit {
			t.Errorf("%s: %d comparisons for %d characters, want at most %d", name, two, 2*n, limit)
		}
		if two > one*22/10+100 {
			t.Errorf("%s: %d comparisons for %d characters, %d for twice as many", name, one, n, two)
		}
	}
}

// levels is the height of a tournament of n.
func levels(n int) (l int) {
	for ; n > 0; n >>= 3 {
		l++
	}
	return l
}

// TestCutsAtWords says that ordinary text is merged word by word.
func TestCutsAtWords(t *testing.T) {
	tok := load(t, testdata+"/nano.model")
	var s scratch
	text := strings.Repeat("All human beings are born free and equal in dignity and rights. ", 100)
	tok.encode(&s, nil, text, false)
	if most := 3 * len(text); s.games.work > most {
		t.Errorf("%d comparisons for %d bytes, want at most %d", s.games.work, len(text), most)
	}
}

func TestEncodeAppends(t *testing.T) {
	tok := load(t, testdata+"/nano.model")
	want := append([]int32{5, 4}, tok.Encode(nil, "Hello world", false)...)
	if got := tok.Encode([]int32{5, 4}, "Hello world", false); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := tok.Encode([]int32{5}, "", true); !slices.Equal(got, []int32{5}) {
		t.Errorf("empty text: got %v, want [5]", got)
	}
}

func TestEncodeAllocates(t *testing.T) {
	tok := load(t, testdata+"/nano.model")
	text := strings.Repeat("กรุงเทพ All human beings 人人 😀\n", 300)
	dst := tok.Encode(nil, text, false)
	// Only when the pool was emptied is there anything to allocate.
	if n := testing.AllocsPerRun(50, func() { dst = tok.Encode(dst[:0], text, false) }); n > 10 {
		t.Errorf("%v allocations for %d ids, want few", n, len(dst))
	}
}

func TestConcurrentUse(t *testing.T) {
	tok := load(t, testdata+"/nano.model")
	lines := readGolden(t, testdata+"/tokenizer-nano.jsonl")
	var wg sync.WaitGroup
	errs := make(chan error, 8)
	for worker := range cap(errs) {
		wg.Go(func() {
			for i := range lines {
				l := lines[(i*7+worker*13)%len(lines)]
				if got := tok.Encode(nil, l.Text, true); !slices.Equal(got, l.IDs) {
					errs <- fmt.Errorf("line %d: got %v, want %v", l.N, got, l.IDs)
					return
				}
				if got, err := tok.Decode(l.IDs); err != nil || got != l.Decoded {
					errs <- fmt.Errorf("line %d: decoded to %q, %v", l.N, got, err)
					return
				}
			}
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		t.Error(err)
	}
}

func TestPriority(t *testing.T) {
	scores := []float32{math.MaxFloat32, 3, 1e-40, 0, -1e-40, -1, -2, -255494, -math.MaxFloat32}
	for i := 1; i < len(scores); i++ {
		if a, b := priority(scores[i-1]), priority(scores[i]); a >= b {
			t.Errorf("%v has the priority %d, %v has %d, want it later", scores[i-1], a, scores[i], b)
		}
	}
	if a, b := priority(0), priority(float32(math.Copysign(0, -1))); a != b {
		t.Errorf("0 has the priority %d, -0 has %d", a, b)
	}
}
