package grammar

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"unicode/utf8"
)

// form is a part of a grammar, for a recognizer that shares nothing with the
// package: it tries all ways through the text.
type form struct {
	kind     string // set, rule, all (in a row), any (one of), times
	set      string // set: its characters, as they are
	not      bool   // set: all but these
	rule     int
	parts    []*form
	min, max int // times; max -1: no bound
}

// gbnf writes f in GBNF.
func (f *form) gbnf() string {
	var parts []string
	for _, p := range f.parts {
		parts = append(parts, p.gbnf())
	}
	switch f.kind {
	case "set":
		var b strings.Builder
		for _, r := range f.set {
			fmt.Fprintf(&b, `\U%08X`, r)
		}
		switch {
		case f.not && f.set == "":
			return "."
		case f.not:
			return "[^" + b.String() + "]"
		case utf8.RuneCountInString(f.set) == 1:
			return fmt.Sprintf("%q", f.set)
		}
		return "[" + b.String() + "]"
	case "rule":
		return ruleName(f.rule)
	case "all":
		return "(" + strings.Join(parts, " ") + ")"
	case "any":
		return "(" + strings.Join(parts, " | ") + ")"
	}
	switch {
	case f.min == 0 && f.max == -1:
		return parts[0] + "*"
	case f.min == 1 && f.max == -1:
		return parts[0] + "+"
	case f.max == -1:
		return fmt.Sprintf("%s{%d,}", parts[0], f.min)
	case f.min == 0 && f.max == 1:
		return parts[0] + "?"
	case f.min == f.max:
		return fmt.Sprintf("%s{%d}", parts[0], f.min)
	}
	return fmt.Sprintf("%s{%d,%d}", parts[0], f.min, f.max)
}

func ruleName(i int) string {
	if i == 0 {
		return "root"
	}
	return fmt.Sprintf("r-%d", i)
}

// forms are the rules of a grammar; the first is root.
type forms []*form

func (f forms) gbnf() string {
	var b strings.Builder
	for i, rule := range f {
		fmt.Fprintf(&b, "%s ::= %s\n", ruleName(i), rule.gbnf())
	}
	return b.String()
}

// recognizer reads a text by forms.
type recognizer struct {
	forms  forms
	runes  []rune
	rest   []byte // of a character that isn't whole
	viable bool   // something could be read at the end
	known  map[recognized][]bool
}

type recognized struct {
	f  *form
	at int
}

// recognize says whether text is a sentence, and whether one begins with it.
// The rules must not begin with themselves, nor have no sentence.
func (f forms) recognize(text []byte) (complete, viable bool) {
	r := &recognizer{forms: f, known: map[recognized][]bool{}}
	for len(text) > 0 && utf8.FullRune(text) {
		c, n := utf8.DecodeRune(text)
		if c == utf8.RuneError && n == 1 {
			return false, false
		}
		r.runes = append(r.runes, c)
		text = text[n:]
	}
	r.rest = text
	ends := r.read(f[0], 0)
	complete = ends[len(r.runes)] && len(r.rest) == 0
	return complete, complete || r.viable
}

// read returns where in the text f can end that begins at at.
func (r *recognizer) read(f *form, at int) []bool {
	key := recognized{f, at}
	if ends, ok := r.known[key]; ok {
		return ends
	}
	ends := make([]bool, len(r.runes)+1)
	switch f.kind {
	case "set":
		if at == len(r.runes) {
			r.viable = r.viable || r.couldRead(f)
		} else if strings.ContainsRune(f.set, r.runes[at]) != f.not {
			ends[at+1] = true
		}
	case "rule":
		ends = r.read(r.forms[f.rule], at)
	case "any":
		for _, p := range f.parts {
			for i, yes := range r.read(p, at) {
				ends[i] = ends[i] || yes
			}
		}
	case "all":
		ends[at] = true
		for _, p := range f.parts {
			ends = r.then(ends, p)
		}
	case "times":
		from := make([]bool, len(ends))
		from[at] = true
		// Behind as many repetitions as there are characters come only empty ones.
		most := f.max
		if most < 0 {
			most = f.min + len(r.runes) + 1
		}
		for n := 0; n <= most; n++ {
			if n >= f.min {
				for i, yes := range from {
					ends[i] = ends[i] || yes
				}
			}
			if n < most {
				from = r.then(from, f.parts[0])
			}
		}
	}
	r.known[key] = ends
	return ends
}

// then returns where p can end that begins where from says.
func (r *recognizer) then(from []bool, p *form) []bool {
	ends := make([]bool, len(from))
	for i, yes := range from {
		if yes {
			for j, end := range r.read(p, i) {
				ends[j] = ends[j] || end
			}
		}
	}
	return ends
}

// couldRead says whether a character of the set can stand at the end, where
// r.rest is its beginning.
func (r *recognizer) couldRead(f *form) bool {
	if len(r.rest) == 0 {
		return true
	}
	return r.couldEnd(f, r.rest)
}

// couldEnd says whether a character of the set begins with these bytes.
func (r *recognizer) couldEnd(f *form, bytes []byte) bool {
	if c, n := utf8.DecodeRune(bytes); utf8.FullRune(bytes) {
		return c != utf8.RuneError && n == len(bytes) && strings.ContainsRune(f.set, c) != f.not
	}
	for b := 0x80; b < 0xC0; b++ {
		if r.couldEnd(f, append(bytes[:len(bytes):len(bytes)], byte(b))) {
			return true
		}
	}
	return false
}

var letters = []rune("abก😀")

// randomForms returns a random grammar. Many are refused.
func randomForms(rng *rand.Rand) forms {
	f := make(forms, 1+rng.IntN(4))
	for i := range f {
		f[i] = randomForm(rng, 4, len(f))
	}
	return f
}

func randomForm(rng *rand.Rand, depth, rules int) *form {
	kind := rng.IntN(12)
	if depth == 0 {
		kind = rng.IntN(5)
	}
	some := func(least int) (parts []*form) {
		for range least + rng.IntN(3) {
			parts = append(parts, randomForm(rng, depth-1, rules))
		}
		return parts
	}
	switch kind {
	case 0:
		return &form{kind: "set", set: string(letters[rng.IntN(len(letters))])}
	case 1, 2:
		f := &form{kind: "set", not: rng.IntN(3) > 0}
		for _, r := range letters {
			if rng.IntN(3) == 0 {
				f.set += string(r)
			}
		}
		if f.set == "" {
			f.not = true
		}
		return f
	case 3, 4:
		return &form{kind: "rule", rule: rng.IntN(rules)}
	case 5, 6, 7:
		return &form{kind: "all", parts: some(2 * rng.IntN(2))}
	case 8:
		return &form{kind: "any", parts: some(1)}
	}
	f := &form{kind: "times", parts: []*form{randomForm(rng, depth-1, rules)}, min: rng.IntN(3)}
	f.max = f.min + rng.IntN(4) - 1
	if f.max < f.min {
		f.max = -1
	}
	return f
}
