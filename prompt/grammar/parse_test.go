package grammar

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// TestNotation holds what each sign means, by texts that are sentences and
// texts that are not.
func TestNotation(t *testing.T) {
	v := smallVocabulary(t, letterPieces()...)
	rng := rand.New(rand.NewPCG(5, 16))
	for _, c := range []struct {
		gbnf    string
		yes, no []string
	}{
		{`root ::= "ab"`, []string{"ab"}, []string{"", "a", "abc", "b"}},
		{`root ::= ""`, []string{""}, []string{"a"}},
		{`root ::=`, []string{""}, []string{"a"}},
		{`root ::= "a" | "b" |`, []string{"", "a", "b"}, []string{"ab"}},
		{`root ::= "a"* "b"+ "c"?`, []string{"b", "abc", "aabb"}, []string{"", "a", "ac", "bcc"}},
		{`root ::= "ab"*`, []string{"", "abab"}, []string{"abb", "aba"}},
		{`root ::= "a"{2}`, []string{"aa"}, []string{"a", "aaa"}},
		{`root ::= "a"{ 2 , }`, []string{"aa", "aaaaaa"}, []string{"a"}},
		{`root ::= "a"{,2}`, []string{"", "a", "aa"}, []string{"aaa"}},
		{`root ::= [ab]{1,3}`, []string{"a", "bab"}, []string{"", "abab"}},
		{`root ::= "a"{0}"b"{0,0}`, []string{""}, []string{"a", "b"}},
		{`root ::= ("a" | "b" "c"?){2}`, []string{"ab", "bca", "bcbc"}, []string{"a", "acb", "abca"}},
		{`root ::= ("a"*)*  (("b"?)+ | ""){3,}`, []string{"", "aabb"}, []string{"ba"}},
		{`root ::= [a-c] [^a-c] [-a] [a-]`, []string{"adaa", "b\n--"}, []string{"aaaa", "dd--", "adba"}},
		{`root ::= [a-zb-c0-] [^c-eb-df]`, []string{"zg", "00", "-a"}, []string{"zb", "ze", "zf", ".a"}},
		{`root ::= [^\]a] [^\^] [\^]`, []string{"bb^", "ก!^"}, []string{"ab^", "]b^", "b^^"}},
		{`root ::= . "."`, []string{"a.", "\n.", "😀.", "\x00."}, []string{".", "aa", "ab."}},
		{`root ::= "\n\r\t\\\"\[\]\-" [\n\r\t\\"\[\]\-]`, []string{"\n\r\t\\\"[]-]", "\n\r\t\\\"[]-\\"}, []string{"\n\r\t\\\"[]-a"}},
		{`root ::= "\x41\xe9\u0e01\U0001F600" [\x61-\u0062]`, []string{"Aéก😀a"}, []string{"Aéก😀c", "A\xe9ก😀a"}},
		{"root ::= (\n  \"a\" # the first\n\n  | # nothing\n  b-2_C\n)*\n# and\nb-2_C ::=\n  \"b\" |\r\n  \"c\"\r\n\n", []string{"", "abcab"}, []string{"d"}},
		{"root::=a b\na::=\"a\"b\nb::=\"b\"", []string{"abb"}, []string{"ab"}},
		{`root ::= "a" root | "b"`, []string{"b", "aaab"}, []string{"a", "ba"}},
		{`root ::= "a" root "b" | ""`, []string{"", "ab", "aaabbb"}, []string{"aab", "abb", "ba"}},
		{"root ::= empty root-2 \"c\"\nempty ::= \"\" | \"a\"\nroot-2 ::= \"b\" root | empty", []string{"c", "aac", "abcc", "bcc"}, []string{"b", "bc"}},
		{"root ::= \"a\" r \"1\" | r \"2\"\nr ::= \"a\"* c \"z\"\nc ::= \"b\"", []string{"aabz1", "aabz2", "bz2", "abz1"}, []string{"bz1", "aabz"}},
		{"root ::= ws \"a\" ws\nws ::= | \" \" | \"\\n\" [ \\t]{0,2}", []string{"a", " a ", "\n  a\n\t"}, []string{"  a", "a\n   "}},
	} {
		g, err := Parse(c.gbnf)
		if err != nil {
			t.Errorf("%s: %v", c.gbnf, err)
			continue
		}
		for range 3 {
			for _, text := range c.yes {
				if !follow(t, g, v, text, rng) {
					t.Errorf("%s: %q is no sentence", c.gbnf, text)
				}
			}
			for _, text := range c.no {
				if follow(t, g, v, text, rng) {
					t.Errorf("%s: %q is a sentence", c.gbnf, text)
				}
			}
		}
	}
}

// TestExamples reads texts by grammars such as people write.
func TestExamples(t *testing.T) {
	v := smallVocabulary(t, letterPieces()...)
	rng := rand.New(rand.NewPCG(6, 16))
	for name, c := range map[string]struct {
		gbnf    string
		yes, no []string
	}{
		"json": {jsonGBNF, []string{
			`{}`, `{ "a" : [ 1, -2.5e+10, true , null, "\u0e01\n" ], "ข": {"b": {}} }`, `{"a":"ก😀"}`, `{"a":[[[[]]]]}`, "{\"a\":\n\t0}",
		}, []string{
			`[]`, `{`, `{"a"}`, `{"a":01}`, `{"a":1,}`, `{"a":.5}`, "{\"a\":\"\n\"}", `{"a":"\x"}`, `{"a":[[[]]}`, `{"a":"\u0e0"}`, `{"a":tru}`, `{} `,
		}},
		"arithmetic": {`
root ::= (sum "=" number "\n")+
sum ::= product ([-+] product)*
product ::= factor ([*/] factor)*
factor ::= number | "(" sum ")" | "-" factor
number ::= [0-9]+ ("." [0-9]+)?
`, []string{"1+2=3\n", "(1-(2*3))/--4=1.25\n1=1\n"}, []string{"", "1+=3\n", "(1+2=3\n", "1+2)=3\n", "1=1", "1=1.\n"}},
		"list": {`
root ::= item+
item ::= "- " [^\r\n\x0b\x0c\x85\u2028\u2029]+ "\n"
`, []string{"- a\n", "- abab\n- สวัสดี\n"}, []string{"", "-a\n", "- a", "- \n", "- a\u2028\n"}},
		"chess": {`
root ::= "1. " turn "\n" ([1-9] [0-9]? ". " turn "\n")*
turn ::= move " " move
move ::= (pawn | piece | "O-O" "-O"?) [+#]?
piece ::= [NBKQR] [a-h]? [1-8]? "x"? square
pawn ::= ([a-h] "x")? square ("=" [NBQR])?
square ::= [a-h] [1-8]
`, []string{"1. e4 e5\n2. Nf3 Nc6\n3. Bb5 a6\n", "1. exd8=Q+ O-O-O#\n", "1. Nbd7 R1a3\n"}, []string{"1. e4\n", "1. e9 e5\n", "2. e4 e5\n", "1. O-O-O-O e5\n"}},
		"japanese": {`
root ::= sentence+
sentence ::= word+ ("、" word+)* [。！？]
word ::= hiragana | katakana | kanji
hiragana ::= [ぁ-ゟ]
katakana ::= [ァ-ヿ]
kanji ::= [一-龯]
`, []string{"これはペンです。", "はい、東京！"}, []string{"これはpen。", "、は。", "はい"}},
		"khmer": {`
root ::= consonant (sign | "្" consonant)* ("។" | " " root)
consonant ::= [ក-អ]
sign ::= [ា-៓]
`, []string{"ខ្មែ។", "ក ខា។"}, []string{"ា។", "ក", "a។"}},
	} {
		g, err := Parse(c.gbnf)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, text := range c.yes {
			if !follow(t, g, v, text, rng) {
				t.Errorf("%s: %q is no sentence", name, text)
			}
		}
		for _, text := range c.no {
			if follow(t, g, v, text, rng) {
				t.Errorf("%s: %q is a sentence", name, text)
			}
		}
	}
}

func TestParseErrors(t *testing.T) {
	for _, c := range []struct{ gbnf, want string }{
		{"", "line 1, column 1: there is no rule root, with which a text begins: root ::= …"},
		{"a ::= \"a\"\n", "line 2, column 1: there is no rule root, with which a text begins: root ::= …"},
		{"root ::= a\n  b", "line 2, column 4: behind the rule's name b should be ::="},
		{"root ::= \"ก\" a", "line 1, column 14: rule a is not defined"},
		{"root ::= \"a\"\n| \"b\"", "line 2, column 1: a rule cannot go on here: write | at the end of the line before, or put the alternatives in parentheses"},
		{"root ::= \"a\"\n\nroot ::= \"b\"", "line 3, column 1: rule root is defined a second time; the first is in line 1"},
		{"root ::= \"a", `line 1, column 10: this " has no second one`},
		{"root ::= [a", "line 1, column 10: this [ has no ]"},
		{"root ::= []", "line 1, column 10: no character is in this set"},
		{"root ::= [^]a]", "line 1, column 10: no character is in this set"},
		{`root ::= [^\x00-\U0010FFFF]`, "line 1, column 10: no character is in this set"},
		{"root ::= [ab-a]", "line 1, column 12: the range b-a is from a later to an earlier character"},
		{`root ::= "\q"`, `line 1, column 11: unknown escape: there are \n \r \t \\ \" \[ \] \- \^ \xHH \uHHHH \UHHHHHHHH`},
		{`root ::= "\x4"`, "line 1, column 11: the escape needs 2 hexadecimal digits"},
		{`root ::= "\u12`, "line 1, column 11: the escape needs 4 hexadecimal digits"},
		{`root ::= "\`, `line 1, column 11: unknown escape: there are \n \r \t \\ \" \[ \] \- \^ \xHH \uHHHH \UHHHHHHHH`},
		{`root ::= "\uD800"`, `line 1, column 11: \uD800 is no character`},
		{`root ::= "\UFFFFFFFF"`, `line 1, column 11: \UFFFFFFFF is no character`},
		{"root ::= (\"a\"\n", "line 1, column 10: this ( is not closed"},
		{"root ::= (\"a\" }", `line 1, column 15: "}" has no meaning here; a ) closes the group`},
		{"root ::= \"a\")", "line 1, column 13: this ) closes nothing"},
		{") root", "line 1, column 1: this ) closes nothing"},
		{"root ::= \"a\" = b", `line 1, column 14: "=" has no meaning here`},
		{"root = \"a\"", "line 1, column 6: behind the rule's name root should be ::="},
		{"สวัสดี ::= \"a\"", "line 1, column 1: here should be a rule, NAME ::= …, where a name is of letters, digits, - and _"},
		{"root ::= *", "line 1, column 10: there is nothing in front of * that it could repeat"},
		{"root ::= \"a\" | {2}", "line 1, column 16: there is nothing in front of { that it could repeat"},
		{"root ::= \"a\"*?", "line 1, column 14: a repetition of a repetition has to stand in parentheses"},
		{"root ::= \"a\"{}", "line 1, column 14: here should be a number: write {n}, {n,}, {,m} or {n,m}"},
		{"root ::= \"a\"{,}", "line 1, column 14: {,} names no bound: write {n}, {n,}, {,m} or {n,m}"},
		{"root ::= \"a\"{1,2", "line 1, column 17: here should be }: write {n}, {n,}, {,m} or {n,m}"},
		{"root ::= \"a\"{3,2}", "line 1, column 13: the least, 3, is more than the most, 2"},
		{"root ::= \"a\"{99999999999999999999}", "line 1, column 14: more than 262144 repetitions; a larger number has to be written {n,}, without bound"},
		{"root ::= (\"abc\"{1000}){1000}", "line 1, column 11: the grammar is larger than 262144 parts, counted with what repetitions repeat"},
		{"root ::= ((((\"\"){10000}){10000}){10000}){10000}", "line 1, column 14: the grammar is larger than 262144 parts, counted with what repetitions repeat"},
		{"root ::= " + strings.Repeat("(", 129), "line 1, column 138: more than 128 parentheses are open"},
		{"root ::= <think> .*", "line 1, column 10: tokens of the model (<…>, !<…>) can't be part of a grammar here; write the text that they stand for"},
		{"root ::= \"a\" a\na ::= \"b\" b\nb ::= a | \"c\" a", "line 1, column 1: rule root never ends: each of its alternatives needs a rule that never ends"},
		{"root ::= \"a\"\na ::= a", "line 2, column 1: rule a never ends: each of its alternatives needs a rule that never ends"},
		{"root ::= root \"a\" | \"b\"", "line 1, column 1: rule root begins with itself (root → root): write its repetition with * or +, or let something stand in front of the rule"},
		{"root ::= a\na ::= b \"a\" | \"a\"\nb ::= \"b\"* c\nc ::= (a | \"c\") \"x\"", "line 2, column 1: rule a begins with itself (a → b → c → a): write its repetition with * or +, or let something stand in front of the rule"},
		{"root ::= e root \"a\" | \"b\"\ne ::= \"\" | \"e\"", "line 1, column 1: rule root begins with itself (root → root): write its repetition with * or +, or let something stand in front of the rule"},
		{"root ::= \"a\" \xff", "line 1, column 14: the text is no UTF-8"},
		{"root ::= " + strings.Repeat("a", 400), "line 1, column 10: rule " + strings.Repeat("a", 295) + "…"},
	} {
		_, err := Parse(c.gbnf)
		if err == nil {
			t.Errorf("%.60q: no error, want %s", c.gbnf, c.want)
		} else if got := strings.TrimPrefix(err.Error(), "grammar: "); got != c.want {
			t.Errorf("%.60q:\n got %s\nwant %s", c.gbnf, got, c.want)
		}
	}
	if _, err := Parse("#" + strings.Repeat(" ", maxText)); err == nil || !strings.Contains(err.Error(), "1048577 bytes") {
		t.Errorf("a long text: %v", err)
	}
}

// Characters that no set tells apart are one class.
func TestClasses(t *testing.T) {
	c := mustParse(t, `root ::= [a-z] | [c-e] | "d" | [0-9ก]`).classes
	var of []class
	for _, r := range "!0ก9abczde" {
		of = append(of, c.find(r))
	}
	if want := []class{0, 1, 1, 1, 2, 2, 3, 2, 4, 3}; !slices.Equal(of, want) || c.n != 5 {
		t.Errorf("classes %v of %d, want %v", of, c.n, want)
	}
	if all := c.findAll([]rune("!09abcdezก")); !slices.Equal(all, []class{0, 1, 1, 2, 2, 3, 4, 3, 2, 1}) {
		t.Errorf("all in order: %v", all)
	}
}

// Large grammars are read, or refused, without more time and memory than their
// size allows.
func TestLargeGrammars(t *testing.T) {
	var words, sets, chain strings.Builder
	words.WriteString("root ::= \"\"")
	sets.WriteString("root ::= \"\"")
	chain.WriteString("root ::= r0\n")
	for i := range rune(17000) {
		fmt.Fprintf(&words, " | \"%c%c\"", 0x4E00+i, 0x4E00+i*7%17000)
		fmt.Fprintf(&sets, " | [%c-龯]", 0x4E00+i)
	}
	for i := range 3000 {
		fmt.Fprintf(&chain, "r%d ::= \"a\" | r%d \"b\"\n", i, i+1)
	}
	if _, err := Parse(words.String()); err == nil || !strings.Contains(err.Error(), "too many characters are told apart") {
		t.Errorf("words of 17,000 characters: %v", err)
	}
	if _, err := Parse(words.String()[:len("root ::= \"\"")+4000*11]); err != nil {
		t.Errorf("words of 4000 characters: %v", err)
	}
	if _, err := Parse(sets.String()); err == nil || !strings.Contains(err.Error(), "overlap in too many ways") {
		t.Errorf("17,000 sets: %v", err)
	}
	if _, err := Parse(chain.String() + "r3000 ::= r0"); err == nil || !strings.Contains(err.Error(), "line 2, column 1: rule r0 begins with itself (r0 → r1") {
		t.Errorf("3000 rules in a circle: %v", err)
	}
	g := mustParse(t, chain.String()+"r3000 ::= \"c\"")
	v := smallVocabulary(t)
	rng := rand.New(rand.NewPCG(7, 16))
	if text := "c" + strings.Repeat("b", 3000); !follow(t, g, v, "abbb", rng) || follow(t, g, v, "cbb", rng) || !follow(t, g, v, text, rng) {
		t.Error("3000 rules, each of which begins with the next, are read wrongly")
	}
}

func FuzzParse(f *testing.F) {
	v := smallVocabulary(f, letterPieces()...)
	for _, text := range []string{
		jsonGBNF, recordGBNF, wordsGBNF, "root ::= (\"a\" | [^b-d\\n] b{2,3})* # c\nb ::= . \"\\u0e01\"{,4}", "root ::= root", "root ::= [",
	} {
		f.Add(text, uint64(1))
	}
	f.Fuzz(func(t *testing.T, text string, seed uint64) {
		g, err := Parse(text)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "grammar: ") || len(err.Error()) > 400 {
				t.Errorf("error %q", err)
			}
			return
		}
		rng := rand.New(rand.NewPCG(seed, 1))
		m := g.Matcher(v, ends)
		last := int32(-1)
		for n := 0; n < 8 && last != 2 && last != 3; n++ {
			mask := make([]uint32, v.words())
			if err := m.Next(last, mask); err == errWork {
				return
			} else if err != nil {
				t.Fatal(err)
			}
			allowed := allowedOf(mask)
			last = allowed[rng.IntN(len(allowed))]
		}
	})
}
