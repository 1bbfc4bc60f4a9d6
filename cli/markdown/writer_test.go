package markdown

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"sealvk/cli/cells"
)

// stream draws the pieces of an answer on lines of width cells.
func stream(t testing.TB, width int, pieces ...string) string {
	t.Helper()
	var out strings.Builder
	w := New(&out, func() int { return width })
	for _, piece := range pieces {
		if err := w.Write(piece); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// readable is what was drawn with attributes in braces. It is an error if a line keeps one beyond its end,
// or if anything else commands the terminal.
func readable(t testing.TB, drawn string) string {
	t.Helper()
	all := styled{}
	now := style(0)
	for line := range strings.SplitAfterSeq(drawn, "\n") {
		for line != "" {
			if rest, ok := strings.CutPrefix(line, "\x1b["); ok {
				sequence, after, _ := strings.Cut(rest, "m")
				now = 0
				for _, a := range attributes {
					if strings.Contains(sequence+";", a.sgr+";") {
						now |= a.style
					}
				}
				if "\x1b["+sequence+"m" != now.sgr() {
					t.Fatalf("ESC[%sm is no sequence of ours", sequence)
				}
				line = after
				continue
			}
			r, n := utf8.DecodeRuneInString(line)
			if unicode.IsControl(r) && r != '\n' && r != '\t' {
				t.Fatalf("%q is drawn", r)
			}
			if r == '\n' && now != 0 {
				t.Fatalf("a line keeps attributes: %q", drawn)
			}
			all.add(r, now)
			line = line[n:]
		}
	}
	if now != 0 {
		t.Fatal("attributes are left on")
	}
	return marked(all)
}

// plain is what was drawn without attributes.
func plain(drawn string) string {
	for {
		before, rest, found := strings.Cut(drawn, "\x1b[")
		if !found {
			return drawn
		}
		_, after, _ := strings.Cut(rest, "m")
		drawn = before + after
	}
}

func read(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestAnswer(t *testing.T) {
	for width, name := range map[int]string{80: "answer-80.txt", 24: "answer-24.txt"} {
		got := readable(t, stream(t, width, read(t, "answer.md")))
		if want := read(t, name); got != want {
			t.Errorf("at %d columns:\n%s\nwant\n%s", width, got, want)
		}
	}
}

// Lines are broken where they would be if the whole paragraph were known.
func TestScripts(t *testing.T) {
	for paragraph := range strings.SplitSeq(strings.TrimSpace(read(t, "scripts.txt")), "\n") {
		for _, width := range []int{20, 24, 33, 40, 57, 80, 121, 300} {
			var want strings.Builder
			for rest := paragraph; rest != ""; {
				n := cells.Break(rest, width)
				want.WriteString(strings.TrimRight(rest[:n], " ") + "\n")
				rest = rest[n:]
			}
			if got := stream(t, width, strings.Split(paragraph, "")...); got != want.String() {
				t.Errorf("at %d columns:\n%s\nwant\n%s", width, got, want.String())
			}
		}
	}
}

// draws compares texts with what is drawn of them on lines of 20 cells.
func draws(t *testing.T, cases map[string]string) {
	t.Helper()
	for text, want := range cases {
		if got := readable(t, stream(t, 20, text)); got != want {
			t.Errorf("%q:\n%q, want\n%q", text, got, want)
		}
	}
}

func TestBlocks(t *testing.T) {
	draws(t, map[string]string{
		"":                              "",
		"\n \n":                         "",
		"a":                             "a\n",
		"\n\na\n\n\n\nb\n\n":            "a\n\nb\n",
		"# a\nb":                        "bu{a}\nb\n",
		"## a ##  \n### C#\n#\n##b":     "b{a}\nb{C#}\n##b\n",
		"a\n---\nb\n===\nc":             "a\nd{────────────────────}\nb\nd{────────────────────}\nc\n",
		"1. a\n1. b\n3) c\n5) d":        "1. a\n2. b\n3) c\n4) d\n",
		"-\n- a\n  - b\n-":              "•\n• a\n  • b\n•\n",
		"- [x] a\n- [ ]b\n1. [ ] c":     "[x] a\n• [ ]b\n[ ] c\n",
		"> a\nb\n>\n> > c\n\n> d":       "d{│ }a\nd{│ }b\nd{│}\nd{│ │ }c\n\nd{│ }d\n",
		"1. a\n\n   b\n2. c\n   > d":    "1. a\n\n   b\n2. c\n   d{│ }d\n",
		"- ```sh\n  a\n\n\n   b\n  ```": "•\nd{── sh ──────────────}\nc{a}\n\n\nc{ b}\nd{────────────────────}\n",
		"~~~\na\tb\n```\n~~~~~\nc":      "d{────────────────────}\nc{a\tb}\nc{```}\nd{────────────────────}\nc\n",
		"~~~ a b c d e f g h ij\nk":     "d{── a b c d e f g h}\nd{ij}\nd{────────────────────}\nc{k}\nd{────────────────────}\n",
		"```a` b\n```":                  "```a` b\nd{────────────────────}\nd{────────────────────}\n",
		"a\n\n    b\n     c\n\nd":       "a\n\nc{b}\nc{ c}\n\nd\n",
		"- - - - - - - - - - - - a":     "• • • • • a\n",
		"> **a\n> b**":                  "d{│ }b{a}\nd{│ }b{b}\n",
		"$$\n- a*b*c\n> d\n$$\n- e":     "$$\n- a*b*c\n> d\n$$\n• e\n",
		"<div>\n*a*\n</div>":            "<div>\ni{a}\n</div>\n",
		"<think>\na\n</think>\n\nb":     "<think>\na\n</think>\n\nb\n",
		"aa bb cc https://d.ef/gh i":    "aa bb cc\nhttps://d.ef/gh i\n",
		"# *#":                          "bu{*#}\n",
		"- > # a\n  >\n  > | b |\n> c":  "• d{│ }bu{a}\n  d{│}\n  d{│ }| b |\nd{│ }c\n",
		"[a]: http://b\n[^1]: c":        "[a]: http://b\n[^1]: c\n",
		"\x1b[31ma\x07\u009b1mb\r\nc":   "[31ma1mb\nc\n",
	})
}

func TestTables(t *testing.T) {
	draws(t, map[string]string{
		"a:\n| a | b |\n|---|:-:|\n| **c** | d \\| e |\n| f |\n| g | h | i |\nj": "" +
			"a:\nd{┌───┬───────┐}\nd{│ }b{a} d{│ }  b{b}   d{│}\nd{├───┼───────┤}\nd{│ }b{c} d{│ }d | e d{│}\n" +
			"d{│ }f d{│ }      d{│}\nd{│ }g d{│ }h | i d{│}\nd{└───┴───────┘}\nj\n",
		"- | a |\n  |-:|\n  | bb |": "•\n  d{┌────┐}\n  d{│ } b{a} d{│}\n  d{├────┤}\n  d{│ }bb d{│}\n  d{└────┘}\n",
		"> | a |\n> |---|\n> | `b` ~~c~~ [d](e)<br>f |\n\n|g": "" +
			"d{│ ┌───────────┐}\nd{│ │ }b{a}         d{│}\nd{│ ├───────────┤}\nd{│ │ }c{b} s{c} u{d}d{ (e)} d{│}\n" +
			"d{│ │ }f         d{│}\nd{│ └───────────┘}\n\n|g\n",
		"| a | b |\n|---|---|\n| c d e f g h i j k | l m n o p q |\n| r | s |": "" +
			"d{┌────────┬────────┐}\nd{│ }b{a}      d{│ }b{b}      d{│}\nd{├────────┼────────┤}\nd{│ }c d e  d{│ }l m n  d{│}\n" +
			"d{│ }f g h  d{│ }o p q  d{│}\nd{│ }i j k  d{│ }       d{│}\nd{├────────┼────────┤}\nd{│ }r      d{│ }s      d{│}\n" +
			"d{└────────┴────────┘}\n",
		"| aaaaaaaaaa | b | c |\n|---|---|---|\n| d | e | |\n| f | g | h |": "" +
			"b{aaaaaaaaaa: }d\nb{b: }e\nb{c:}\nd{────────────────────}\nb{aaaaaaaaaa: }f\nb{b: }g\nb{c: }h\n",
		"| a | b |\n|---|\n| c |":         "| a | b |\n|---|\n| c |\n",
		"| aaaaaaaaaa | b | c |\n|-|-|-|": "b{aaaaaaaaaa:}\nb{b:}\nb{c:}\n",
		"a | b\n---|---":                  "a | b\n---|---\n",
		"| a |\n|---|":                    "d{┌───┐}\nd{│ }b{a} d{│}\nd{├───┤}\nd{└───┘}\n",
		"| a\n---":                        "| a\nd{────────────────────}\n",
	})
}

// A long table doesn't wait for its end.
func TestLongTable(t *testing.T) {
	var out strings.Builder
	w := New(&out, func() int { return 40 })
	text := "| a | b |\n|---|---|\n"
	for k := range 2 * maxRows {
		text += fmt.Sprintf("| row %d | c |\n", k)
	}
	if err := w.Write(text + "| the last row is long | d |\n| open"); err != nil {
		t.Fatal(err)
	}
	drawn := plain(out.String())
	for _, want := range []string{"\n│ row 0  │ c │\n", "\n│ row 99 │ c │\n│ the    │ d │\n│ last   │   │\n│ row is │   │\n│ long   │   │\n"} {
		if !strings.Contains(drawn, want) {
			t.Errorf("%s\nlacks %q", drawn, want)
		}
	}
}

// An answer looks the same however it is cut into pieces.
func TestEveryCut(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, name := range []string{"answer.md", "scripts.txt"} {
		text := read(t, name)
		want := readable(t, stream(t, 60, text))
		if got := readable(t, stream(t, 60, strings.Split(text, "")...)); got != want {
			t.Errorf("character by character:\n%s\nwant\n%s", got, want)
		}
		for range 4 {
			var pieces []string
			for rest := []rune(text); len(rest) > 0; {
				n := min(len(rest), 1+r.IntN(12))
				pieces, rest = append(pieces, string(rest[:n])), rest[n:]
			}
			if got := readable(t, stream(t, 60, pieces...)); got != want {
				t.Errorf("%q:\n%s\nwant\n%s", pieces, got, want)
			}
		}
	}
}

// A line has the cells that the terminal has when it is begun; code alone may have more.
func TestWidths(t *testing.T) {
	for _, name := range []string{"answer.md", "scripts.txt"} {
		text, _, _ := strings.Cut(read(t, name), "```go")
		for width := 20; width <= 300; width += 35 {
			for line := range strings.SplitSeq(plain(stream(t, width, text)), "\n") {
				if n := cells.Width(line); n > width || strings.HasSuffix(line, " ") {
					t.Errorf("%d cells in a line of %d: %q", n, width, line)
				}
			}
		}
	}
	var out strings.Builder
	width := 20
	w := New(&out, func() int { return width })
	for _, piece := range []string{"aaaa bbbb cccc dddd ", "eeee ", "ffff gggg\n"} {
		if err := w.Write(piece); err != nil {
			t.Fatal(err)
		}
		width = 10
	}
	if want := "aaaa bbbb cccc dddd\neeee ffff\ngggg\n"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}

// Text is there as soon as nothing that comes can change it, and code at once.
func TestNothingIsHeldForLong(t *testing.T) {
	long := strings.Repeat("long ", 80)
	for text, want := range map[string]string{
		"Hello wor":                          "Hello",
		"- Hello, wor":                       "• Hello,",
		"> Hello wor":                        "│ Hello",
		"# Hello wor":                        "Hello",
		"a **b":                              "a",
		"a **b** c":                          "a b",
		"2 * 3 _ 4 a_b c < d & e [1] f $5 g": "2 * 3 _ 4 a_b c < d & e [1] f $5",
		"*a " + long:                         "*a " + strings.TrimSpace(strings.Repeat("long ", 59)),
		"```\nabc":                           "────────────────────────────────────────\nabc",
		"ที่กรุงเทพมหานครมีอาหารริมทาง": "ที่กรุงเทพ",
	} {
		var out strings.Builder
		w := New(&out, func() int { return 1000 })
		if err := w.Write(text); err != nil {
			t.Fatal(err)
		}
		if got := plain(out.String()); got != want && !(strings.HasPrefix(got, want) && len(got) < len(text)) {
			t.Errorf("%q: %q is there, want %q", text, got, want)
		}
	}
}

type full struct{}

var errFull = errors.New("full")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestErrorOfTheTerminal(t *testing.T) {
	w := New(full{}, func() int { return 80 })
	if err := w.Write("a\n"); !errors.Is(err, errFull) || !strings.HasPrefix(err.Error(), "markdown: ") {
		t.Error(err)
	}
}
