package tokenize

import (
	"math/rand/v2"
	"os"
	"strings"
	"testing"
)

type benchText struct{ name, text string }

// benchTexts are a megabyte each: common ones, and the worst for merging.
func benchTexts(tb testing.TB, tok *Tokenizer) []benchText {
	const size = 1 << 20
	rng := rand.New(rand.NewPCG(1, 2))
	fill := func(next func() string) string {
		var b strings.Builder
		for b.Len() < size {
			b.WriteString(next())
		}
		return b.String()[:size]
	}
	repeat := func(s string) string { return fill(func() string { return s }) }
	// Pieces without blanks, so that there is little to cut at.
	piece := func() string {
		for {
			p := tok.Piece(int32(rng.IntN(tok.Size())))
			if p.Kind == Normal && !strings.Contains(p.Text, space) {
				return p.Text
			}
		}
	}
	var lines []string
	for _, l := range readGolden(tb, testdata+"/tokenizer-nano.jsonl") {
		lines = append(lines, l.Text)
	}
	return []benchText{
		{"mixed", repeat(strings.Join(lines, "\n"))}, // six languages, code
		{"english", repeat("All human beings are born free and equal in dignity and rights. The quick brown fox jumps over the lazy dog; ")},
		{"thai", repeat("มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ วันนี้อากาศร้อนมาก")},
		{"chinese", repeat("人人生而自由，在尊严和权利上一律平等。今天天气很好，我们去公园散步吧！")},
		{"code", repeat("func (t *Tokenizer) add(text string, id int32) error {\n\tif n := len(text); n > 0 {\n\t\treturn nil\n\t}\n}\n")},
		{"words", fill(func() string { return piece() + " " })},
		{"pieces", fill(piece)},
		{"letters", fill(func() string { return string(rune('a' + rng.IntN(26))) })},
		{"thai-random", fill(func() string { return string(rune(0x0e01 + rng.IntN(0x3a))) })},
		{"bytes", fill(func() string { return string([]byte{byte(rng.Uint32())}) })},
		{"a", repeat("a")},
		{"blank", repeat(" ")},
		{"newline", repeat("\n")},
		{"dash", repeat("-")},
		{"unused", repeat("<unused")},
		{"tags", repeat("<strong></table><unused12><2mass")},
		{"emoji", repeat("👨‍👩‍👧‍👦😀")},
	}
}

// benchVocab is the real vocabulary where it exists, else the small one.
func benchVocab(b *testing.B) *Tokenizer {
	path := shared + "/models/gemma-vocab/tokenizer.model"
	if !exists(path) {
		path = testdata + "/nano.model"
	}
	return load(b, path)
}

func BenchmarkEncode(b *testing.B) {
	tok := benchVocab(b)
	for _, c := range benchTexts(b, tok) {
		text := c.text
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			var ids []int32
			for b.Loop() {
				ids = tok.Encode(ids[:0], text, false)
			}
			if len(ids) == 0 {
				b.Fatal("no ids")
			}
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	tok := benchVocab(b)
	for _, c := range benchTexts(b, tok) {
		ids := tok.Encode(nil, c.text, false)
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(c.text)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := tok.Decode(ids); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkLoad(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		benchVocab(b)
	}
}

func BenchmarkLoadJSON(b *testing.B) {
	path := testdata + "/nano.json"
	if gemma := shared + "/models/gemma-vocab/tokenizer.json.gz"; exists(gemma) {
		path = unzip(b, gemma)
	}
	b.ReportAllocs()
	for b.Loop() {
		load(b, path)
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
