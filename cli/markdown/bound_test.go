package markdown

import (
	"io"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// hostile is texts that grow with n and cost much where work isn't bounded.
var hostile = map[string]func(n int) string{
	"stars":           func(n int) string { return strings.Repeat("*", n) },
	"open emphases":   func(n int) string { return strings.Repeat("*a ", n/3) },
	"nested":          func(n int) string { return strings.Repeat("*a _b ", n/6) + strings.Repeat("_ *", n/6) },
	"quotes":          func(n int) string { return strings.Repeat(">", n) + "a" },
	"items":           func(n int) string { return strings.Repeat("- ", n/2) + "a" },
	"numbers":         func(n int) string { return strings.Repeat("1. ", n/3) + "a" },
	"deeper items":    func(n int) string { return deeper(n) },
	"brackets":        func(n int) string { return strings.Repeat("[", n) + strings.Repeat("](a", n/3) },
	"images":          func(n int) string { return strings.Repeat("![a](", n/5) },
	"backticks":       func(n int) string { return backticks(n) },
	"tags":            func(n int) string { return strings.Repeat("<a ", n/3) },
	"dollars":         func(n int) string { return strings.Repeat("$a ", n/3) },
	"references":      func(n int) string { return strings.Repeat("&a", n/2) },
	"backslashes":     func(n int) string { return strings.Repeat(`\`, n) },
	"a word":          func(n int) string { return strings.Repeat("a", n) },
	"a Thai word":     func(n int) string { return strings.Repeat("ที่", n/9) },
	"marks":           func(n int) string { return "a" + strings.Repeat("\u0301", n/2) },
	"blanks":          func(n int) string { return strings.Repeat(" ", n) + "a" },
	"lines of blanks": func(n int) string { return strings.Repeat(strings.Repeat(" ", 255)+"\n", n/256) },
	"dashes":          func(n int) string { return strings.Repeat("- -", n/3) },
	"hashes":          func(n int) string { return "# a " + strings.Repeat("#", n) + "a" },
	"a fence":         func(n int) string { return strings.Repeat("`", n) + "a\n" },
	"fences":          func(n int) string { return strings.Repeat("```\n", n/4) },
	"a cell":          func(n int) string { return "| a |\n|---|\n| " + strings.Repeat("b ", n/2) + "|" },
	"cells":           func(n int) string { return "|" + strings.Repeat("a|", n/2) + "\n|" + strings.Repeat("-|", n/2) + "\n" },
	"rows":            func(n int) string { return "| a | b |\n|---|---|\n" + strings.Repeat("| c | d |\n", n/10) },
	"headers":         func(n int) string { return strings.Repeat("| a |\n", n/6) },
}

func deeper(n int) string {
	var b strings.Builder
	for k := 0; b.Len() < n; k++ {
		b.WriteString(strings.Repeat("  ", k%200) + "- a\n")
	}
	return b.String()
}

func backticks(n int) string {
	var b strings.Builder
	for k := 1; b.Len() < n; k++ {
		b.WriteString(strings.Repeat("`", k%99+1) + "a ")
	}
	return b.String()
}

// What a text costs grows with its length, not faster, whatever it is; and the memory held doesn't grow.
func TestWorkIsBounded(t *testing.T) {
	for name, text := range hostile {
		t.Run(name, func(t *testing.T) {
			const n = 5000
			s := text(n)
			w := New(io.Discard, func() int { return 80 })
			held := 0
			for len(s) > 0 {
				_, k := utf8.DecodeRuneInString(s)
				if err := w.Write(s[:k]); err != nil {
					t.Fatal(err)
				}
				s = s[k:]
				held = max(held, len(w.blocks.line)+len(w.inline.tail)+len(w.layout.word.text)+len(w.blocks.header))
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			if w.inline.parsed > 20*n || held > 3*maxLine {
				t.Errorf("%d bytes parsed of %d, %d held", w.inline.parsed, n, held)
			}

		})
	}
}

// letters is the letters of a text in their order.
func letters(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) {
			return r
		}
		return -1
	}, text)
}

func FuzzWriter(f *testing.F) {
	f.Add(read(f, "answer.md"), uint8(60), uint8(3))
	f.Add(read(f, "scripts.txt"), uint8(20), uint8(1))
	for _, text := range hostile {
		f.Add(text(300), uint8(20), uint8(7))
	}
	f.Fuzz(func(t *testing.T, text string, width, piece uint8) {
		text = strings.ToValidUTF8(text, "")
		whole := readable(t, stream(t, int(width), text))
		var pieces []string
		for rest := []rune(text); len(rest) > 0; {
			n := min(len(rest), int(piece)+1)
			pieces, rest = append(pieces, string(rest[:n])), rest[n:]
		}
		if cut := readable(t, stream(t, int(width), pieces...)); cut != whole {
			t.Errorf("%q in pieces of %d: %q, whole %q", text, piece, cut, whole)
		}
		// Titles of links, names of references and <br> are not drawn, and the lines of cells stand side by side.
		if !strings.ContainsAny(text, "\"'&<(|") {
			if got, want := letters(plain(stream(t, int(width), text))), letters(text); got != want {
				t.Errorf("%q: letters %q", text, got)
			}
		}
	})
}

// A long answer as it comes, token by token.
func BenchmarkStream(b *testing.B) {
	text := strings.Repeat(read(b, "answer.md"), 100)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		w := New(io.Discard, func() int { return 80 })
		for rest := text; rest != ""; {
			n := min(4, len(rest))
			for n < len(rest) && !utf8.RuneStart(rest[n]) {
				n++
			}
			if err := w.Write(rest[:n]); err != nil {
				b.Fatal(err)
			}
			rest = rest[n:]
		}
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
