package schema_test

import (
	"bytes"
	"encoding/json"
	"math/bits"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/dlclark/regexp2"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"sealvk/prompt/grammar"
	"sealvk/prompt/grammar/schema"
	"sealvk/tokenize"
)

func quoted(s string) string {
	b, err := jsontext.AppendQuote(nil, s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// judge compiles a schema as a user would.
func judge(t *testing.T, text string) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatal(text, err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	c.UseRegexpEngine(func(pattern string) (jsonschema.Regexp, error) {
		re, err := regexp2.Compile(pattern, regexp2.ECMAScript)
		return ecma{re}, err
	})
	if err := c.AddResource("test:///schema", doc); err != nil {
		t.Fatal(text, err)
	}
	s, err := c.Compile("test:///schema")
	if err != nil {
		t.Fatal(text, err)
	}
	return s
}

// ecma is a regular expression as JSON Schema has it.
type ecma struct{ *regexp2.Regexp }

func (e ecma) MatchString(s string) bool {
	ok, err := e.Regexp.MatchString(s)
	return ok && err == nil
}

// checkValid has three readers look at an answer: one that takes no lone surrogates and no name twice
// (twice says that it may), encoding/json, and the schema.
func checkValid(t *testing.T, s *jsonschema.Schema, text []byte, twice bool) error {
	t.Helper()
	d := jsontext.NewDecoder(bytes.NewBuffer(text), jsontext.AllowDuplicateNames(twice))
	if _, err := d.ReadValue(); err != nil {
		return err
	}
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		return err
	}
	instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	return s.Validate(instance)
}

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
	r := &samples{Rand: rng}
	count, whole := 500, 0
	if testing.Short() {
		count = 50
	}
	for k := range count {
		s := r.schema()
		text, err := schema.GBNF([]byte(s.schema))
		if err != nil {
			t.Errorf("%d: %s: %v", k, s.schema, err)
			continue
		}
		g, err := grammar.Parse(text)
		if err != nil {
			t.Errorf("%d: %s:\n%s\n%v", k, s.schema, text, err)
			continue
		}
		valid := judge(t, s.schema)
		got, ended := v.answer(t, rng, g.Matcher(v.Vocabulary, []int32{v.end}), 150)
		if ended {
			whole++
			if err := checkValid(t, valid, got, r.open); err != nil {
				t.Errorf("%d: %s takes %q: %v", k, s.schema, got, err)
			}
		}
		value := s.value(2)
		if err := checkValid(t, valid, []byte(value), r.open); err != nil {
			t.Errorf("%d: %s has %s made of it: %v", k, s.schema, value, err)
			continue
		}
		if behind, ok := v.takes(g.Matcher(v.Vocabulary, []int32{v.end}), value); !ok {
			t.Errorf("%d: %s does not take %s, behind %s:\n%s", k, s.schema, value, behind, text)
		}
	}
	if whole < count*3/4 {
		t.Errorf("only %d of %d answers came to an end", whole, count)
	}
}
