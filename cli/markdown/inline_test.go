package markdown

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// drawn is what an inline draws of text: at once if whole, else as it comes.
func drawn(text string, whole bool) string {
	out := styled{}
	in := inline{put: out.add}
	if whole {
		in.tail = []byte(text)
	} else {
		for _, r := range text {
			in.push(r)
		}
	}
	in.end()
	return marked(out)
}

// marked is styled text with its styles in braces.
func marked(t styled) string {
	var b strings.Builder
	last := style(0)
	for k, r := range string(t.text) {
		if s := t.styles[k]; s != last {
			if last != 0 {
				b.WriteByte('}')
			}
			if s != 0 {
				b.WriteString(names(s) + "{")
			}
			last = s
		}
		b.WriteRune(r)
	}
	if last != 0 {
		b.WriteByte('}')
	}
	return b.String()
}

// names is a letter for each attribute: bold, dim, italic, underline, strike, code.
func names(s style) (all string) {
	for k, a := range attributes {
		if s&a.style != 0 {
			all += "bdiusc"[k : k+1]
		}
	}
	return all
}

func TestInline(t *testing.T) {
	for text, want := range map[string]string{
		"a **b** c":                      "a b{b} c",
		"***a** b*":                      "bi{a}i{ b}",
		"**a *b* c**":                    "b{a }bi{b}b{ c}",
		"*a* _b_ __c__ ~~d~~ `e`":        "i{a} i{b} b{c} s{d} c{e}",
		"2 * 3 * 4, a_b_c, **open, *and": "2 * 3 * 4, a_b_c, **open, *and",
		"~5 km ~ ~6~":                    "~5 km ~ ~6~",
		"``a ` b`` `c":                   "c{a ` b} `c",
		`\*a\* \\ \a`:                    `*a* \ \a`,
		"[a](http://b) [c][d] [e] [":     "u{a}d{ (http://b)} [c][d] [e] [",
		"[a *b*](<c d> \"t\")":           "u{a }iu{b}d{ (c d)}",
		"![a](b.png) ![](c) !d":          "u{a}d{ (b.png)} u{c} !d",
		"[![a](b)](c)":                   "u{a}du{ (b)}d{ (c)}",
		"<https://a.b/c_d_e> <i>*x*</i>": "u{https://a.b/c_d_e} <i>i{x}</i>",
		"a < b <3 &amp; &lt; R&D &c;":    "a < b <3 & < R&D &c;",
		"&#27;[31m &#x9b;m &#0; &#65;":   "[31m m \ufffd A",
		"a<br>b<BR />c":                  "a\nb\nc",
		"**注意：**请 **ข้อ:**ความ **「a」**は": "b{注意：}请 b{ข้อ:}ความ b{「a」}は",
		"**a.**b":                           "**a.**b",
		`$a_{1}*b*c$, \(a*b*c\), $$a*b*c$$`: `$a_{1}*b*c$, \(a*b*c\), $$a*b*c$$`,
		"$5 and *$6*":                       "$5 and i{$6}",
		`**\(a*b*c\)** \[*d`:                `b{\(a*b*c\)} \[*d`,
		"**a [b** c](d)":                    "**a u{b** c}d{ (d)}",
		"a  \nb\\\nc *d\ne*":                "a  \nb\nc i{d\ne}",
		"**a***b":                           "b{a}*b",
	} {
		if got := drawn(text, false); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// What is drawn while a text comes is what a parser makes of the whole text.
func TestInlineAsOfTheWhole(t *testing.T) {
	atoms := []string{"a", "b", " ", "*", "**", "***", "_", "__", "~~", "~", "`", "``", "[", "]", "](u)", "(", ")", "![", "<", ">", "<i>", "&", ";", "&lt;", "\\", "$", ".", "ก", "\n", "!"}
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		var b strings.Builder
		b.WriteString("a")
		for range 1 + r.IntN(14) {
			b.WriteString(atoms[r.IntN(len(atoms))])
		}
		text := strings.Join(strings.FieldsFunc(b.String(), func(r rune) bool { return r == '\n' }), "\n")
		lines := strings.Split(text, "\n")
		for k := range lines {
			lines[k] = strings.Trim(lines[k], " ")
		}
		text = strings.Trim(strings.Join(lines, "\n"), "\n")
		if strings.Contains(text, "\n\n") {
			continue
		}
		if got, want := drawn(text, false), drawn(text, true); got != want {
			t.Errorf("%q: %q, of the whole %q", text, got, want)
		}
	}
}
