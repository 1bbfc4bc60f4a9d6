package schema_test

import (
	"math/bits"
	"math/rand/v2"
	"strings"
	"testing"

	"sealvk/prompt/grammar"
	"sealvk/prompt/grammar/schema"
	"sealvk/prompt/grammar/schema/samples"
	"sealvk/tokenize"
)

// vocabulary is nano's, and the bytes of its tokens.
type vocabulary struct {
	*grammar.Vocabulary
	bytes []string
	end   int32
}

func nano(t *testing.T) vocabulary {
	t.Helper()
	tok, err := tokenize.Load("../../../testdata/tokenize/nano.model")
	if err != nil {
		t.Fatal(err)
	}
	v := vocabulary{Vocabulary: grammar.NewVocabulary(tok), end: tok.EOS()}
	for id := range int32(tok.Size()) {
		v.bytes = append(v.bytes, string(tok.Bytes(id)))
	}
	return v
}

// next are the tokens that may follow.
func (v vocabulary) next(m *grammar.Matcher, last int32) ([]int32, error) {
	mask := make([]uint32, (len(v.bytes)+31)/32)
	err := m.Next(last, mask)
	var ids []int32
	for w, word := range mask {
		for ; word != 0; word &= word - 1 {
			ids = append(ids, int32(w*32+bits.TrailingZeros32(word)))
		}
	}
	return ids, err
}

// answer draws tokens that a grammar allows, and those that close something more often than others.
func (v vocabulary) answer(t *testing.T, rng *rand.Rand, m *grammar.Matcher, most int) (text []byte, whole bool) {
	t.Helper()
	last := int32(-1)
	for range most {
		all, err := v.next(m, last)
		if err != nil {
			t.Fatalf("behind %q: %v", text, err)
		}
		if rng.IntN(3) == 0 {
			var closing []int32
			for _, id := range all {
				if id == v.end || strings.ContainsAny(v.bytes[id], `"]}`) {
					closing = append(closing, id)
				}
			}
			if len(closing) > 0 {
				all = closing
			}
		}
		if last = all[rng.IntN(len(all))]; last == v.end {
			return text, true
		}
		text = append(text, v.bytes[last]...)
	}
	return text, false
}

// takes is whether a grammar has a text, token by token, the longest that is allowed first; else it
// tells how far it came.
func (v vocabulary) takes(m *grammar.Matcher, text string) (behind string, ok bool) {
	last, rest := int32(-1), text
	for {
		all, err := v.next(m, last)
		if err != nil {
			return text[:len(text)-len(rest)], false
		}
		if rest == "" {
			return text, m.Complete()
		}
		best := ""
		for _, id := range all {
			if piece := v.bytes[id]; len(piece) > len(best) && strings.HasPrefix(rest, piece) {
				best, last = piece, id
			}
		}
		if best == "" {
			return text[:len(text)-len(rest)], false
		}
		rest = rest[len(best):]
	}
}

// Whatever a grammar of a schema takes to its end is valid, and it takes values that the schema was
// made for.
func TestAnswersAreValid(t *testing.T) {
	v := nano(t)
	rng := rand.New(rand.NewPCG(16, 2))
	r := samples.New(2)
	count, whole := 500, 0
	if testing.Short() {
		count = 50
	}
	for k := range count {
		s := r.Next()
		text, err := schema.GBNF([]byte(s.Schema))
		if err != nil {
			t.Errorf("%d: %s: %v", k, s.Schema, err)
			continue
		}
		g, err := grammar.Parse(text)
		if err != nil {
			t.Errorf("%d: %s:\n%s\n%v", k, s.Schema, text, err)
			continue
		}
		got, ended := v.answer(t, rng, g.Matcher(v.Vocabulary, []int32{v.end}), 150)
		if ended {
			whole++
			if err := s.Judge(got); err != nil {
				t.Errorf("%d: %s takes %q: %v", k, s.Schema, got, err)
			}
		}
		value := s.Value(2)
		if err := s.Judge([]byte(value)); err != nil {
			t.Errorf("%d: %s has %s made of it: %v", k, s.Schema, value, err)
			continue
		}
		if behind, ok := v.takes(g.Matcher(v.Vocabulary, []int32{v.end}), value); !ok {
			t.Errorf("%d: %s does not take %s, behind %s:\n%s", k, s.Schema, value, behind, text)
		}
	}
	if whole < count*3/4 {
		t.Errorf("only %d of %d answers came to an end", whole, count)
	}
}
