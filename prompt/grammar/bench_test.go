package grammar

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"sealvk/tokenize"
)

const (
	shared   = "../../../shared" // reference data beside the clone, where it exists
	jsonGBNF = `
root   ::= object
value  ::= object | array | string | number | "true" | "false" | "null"
object ::= "{" ws (pair ("," ws pair)*)? "}"
pair   ::= string ws ":" ws value ws
array  ::= "[" ws (value ws ("," ws value ws)*)? "]"
string ::= "\"" ([^"\\\x00-\x1F\x7F] | "\\" (["\\/bfnrt] | "u" [0-9a-fA-F]{4}))* "\""
number ::= "-"? ("0" | [1-9] [0-9]*) ("." [0-9]+)? ([eE] [-+]? [0-9]+)?
ws     ::= [ \t\n]*
`
	recordGBNF = `
root ::= "{" ws "\"name\":" ws string "," ws "\"tags\":" ws "[" ws (short ("," ws short){0,9})? ws "]" "," ws "\"age\":" ws [0-9]{1,3} ws "}"
string ::= "\"" char* "\"" ws
short ::= "\"" char{1,40} "\"" ws
char ::= [^"\\\x00-\x1F\x7F] | "\\" (["\\/bfnrt] | "u" [0-9a-fA-F]{4})
ws ::= | " " | "\n" [ \t]{0,20}
`
	wordsGBNF = `
root ::= (word (" " word){0,30} [.!?] "\n")+
word ::= [a-z]{1,12} | [A-Z] [a-z]{0,11}
`
)

// syntheticTokenizer has as many pieces as Gemma's: words of random syllables,
// with a blank or without.
func syntheticTokenizer(b testing.TB) *tokenize.Tokenizer {
	rng := rand.New(rand.NewPCG(1, 2))
	var syllables []string
	for range 400 {
		syllables = append(syllables, string([]byte{"bcdfghklmnprstw"[rng.IntN(15)], "aeiou"[rng.IntN(5)]}))
	}
	for r := 'ก'; r < 'ฯ'; r++ {
		syllables = append(syllables, string(r)+"า")
	}
	pieces := []string{`"`, `",`, `":`, `":"`, `{"`, `"}`, `"]`, "{", "}", "[", "]", ",", ":", "▁", "\\", "\n"}
	known := map[string]bool{}
	for _, p := range pieces {
		known[p] = true
	}
	for len(pieces) < 255000 {
		p := []string{"", "▁", `"`}[min(rng.IntN(40)/19, 2)]
		for range 1 + rng.IntN(4) {
			p += syllables[rng.IntN(len(syllables))]
		}
		if !known[p] {
			known[p] = true
			pieces = append(pieces, p)
		}
	}
	return smallVocabulary(b, pieces...).tok
}

// BenchmarkNext is a token of an answer: of a new grammar, whose states nobody
// has seen, and again. It reports the median and the longest.
func BenchmarkNext(b *testing.B) {
	for _, vocabulary := range []string{"gemma", "synthetic"} {
		var v *Vocabulary
		for _, c := range []struct{ name, gbnf, text string }{
			{"json", jsonGBNF, `{"name": "Somchai", "tags": ["one two", "มาลา", {"x": [1, -3.5e10, true]}], "text": "` +
				strings.Repeat(`Once upon a time there was a \"king\" in Ayutthaya. `, 10) + `"}`},
			{"record", recordGBNF, `{"name": "Somchai", "tags": ["hello to the world and all of it", "มาลา"], "age": 42}`},
			{"words", wordsGBNF, "Hello world this is a test of things.\nAnd another one here!\n"},
		} {
			for _, again := range []bool{false, true} {
				b.Run(fmt.Sprintf("%s/%s/again=%v", vocabulary, c.name, again), func(b *testing.B) {
					if v == nil {
						if v = benchVocabulary(b, vocabulary); v == nil {
							b.Skip("there is no " + shared)
						}
					}
					ids := append([]int32{-1}, v.tok.Encode(nil, c.text, false)...)
					mask := make([]uint32, v.words())
					var took []time.Duration
					g := mustParse(b, c.gbnf)
					for b.Loop() {
						if !again {
							g = mustParse(b, c.gbnf)
						}
						m := g.Matcher(v, []int32{2})
						took = took[:0]
						for _, id := range ids {
							clear(mask)
							began := time.Now()
							if err := m.Next(id, mask); err != nil {
								b.Fatal(err)
							}
							took = append(took, time.Since(began))
						}
					}
					slices.Sort(took)
					b.ReportMetric(float64(took[len(took)/2].Microseconds()), "median-µs")
					b.ReportMetric(float64(took[len(took)-1].Microseconds()), "longest-µs")
				})
			}
		}
	}
}

func benchVocabulary(b *testing.B, name string) *Vocabulary {
	if name == "synthetic" {
		return NewVocabulary(syntheticTokenizer(b))
	}
	path := shared + "/models/gemma-vocab/tokenizer.model"
	if _, err := os.Stat(path); err != nil {
		return nil
	}
	tok, err := tokenize.Load(path)
	if err != nil {
		b.Fatal(err)
	}
	return NewVocabulary(tok)
}

func mustParse(tb testing.TB, gbnf string) *Grammar {
	tb.Helper()
	g, err := Parse(gbnf)
	if err != nil {
		tb.Fatal(err)
	}
	return g
}

func BenchmarkNewVocabulary(b *testing.B) {
	tok := syntheticTokenizer(b)
	for b.Loop() {
		NewVocabulary(tok)
	}
}
