package edit

import (
	"fmt"
	"strings"
	"testing"
)

// press has e take keys: of a string each rune, a Code, or a Key.
func press(e *Editor, keys ...any) (last Event) {
	for _, k := range keys {
		switch k := k.(type) {
		case string:
			for _, r := range k {
				last = e.Press(Key{Rune: r})
			}
		case Code:
			last = e.Press(Key{Code: k})
		case Key:
			last = e.Press(k)
		default:
			panic(fmt.Sprint(k))
		}
	}
	return last
}

func ctrl(r rune) Key    { return Key{Rune: r, Mods: Ctrl} }
func alt(r rune) Key     { return Key{Rune: r, Mods: Alt} }
func paste(s string) Key { return Key{Code: Paste, Text: s} }

func keys(all ...any) []any { return all }

// state is the text with | for the cursor.
func state(e *Editor) string { return e.text[:e.cursor] + "|" + e.text[e.cursor:] }

func TestEditing(t *testing.T) {
	for _, c := range []struct {
		keys []any
		want string
	}{
		{keys("abc", Left, Left, "x"), "ax|bc"},
		{keys("abc", Left, Backspace), "a|c"},
		{keys("abc", Home, Delete, Delete), "|c"},
		{keys("abc", ctrl('a'), ctrl('f'), ctrl('d')), "a|c"},
		{keys("Backspace at the beginning", Home, Backspace), "|Backspace at the beginning"},
		{keys("ที่นี่", Left, Left, Delete), "|นี่"},
		{keys("น้ำใจ", Left, Left, Left), "|น้ำใจ"},
		{keys("🇹🇭🇻🇳", Left), "🇹🇭|🇻🇳"},
		{keys("🇹🇭🇻🇳", Home, Delete), "|🇻🇳"},
		{keys("ខ្ញុំ", Left), "|ខ្ញុំ"},
		{keys("xy", Home, "e\u0302\u0323"), "e\u0302\u0323|xy"},
		{keys("\u0301x", Home, "e"), "e\u0301|x"}, // the mark joins
		{keys("🇻🇳", Home, "🇹"), "🇹🇻|🇳"},
		{keys("one two-three", ctrl('w'), alt('b')), "one |two-"},
		{keys("one two", Home, Key{Code: Right, Mods: Ctrl}), "one| two"},
		{keys("one two", Home, alt('d'), End, ctrl('y')), " twoone|"},
		{keys("one two three", ctrl('w'), ctrl('w'), ctrl('y'), ctrl('y')), "one two threetwo three|"},
		{keys("one two", Home, alt('d'), alt('d'), ctrl('y')), "one two|"},
		{keys("can’t say_it 日本", ctrl('w'), ctrl('w'), ctrl('w'), ctrl('w')), "|"},
		{keys("日本", ctrl('w')), "日|"},
		{keys("สวัสดีครับ", ctrl('w'), ctrl('w')), "สวัสดี|"},
		{keys("ไป กรุงเทพ", Key{Code: Backspace, Mods: Alt}), "ไป กรุงเท|"},
		{keys("ខ្ញុំទៅ", ctrl('w')), "ខ្ញុំ|"},
		{keys("မြန်မာ။", alt('b')), "မြန်|မာ။"},
		{keys("a👍🏽 b", alt('b'), alt('b')), "a|👍🏽 b"},
		{keys("abc", Left, ctrl('k'), Home, ctrl('y')), "c|ab"},
		{keys("abc", Left, ctrl('u')), "|c"},
		{keys("ab", ctrl('j'), "cd", Up, Home, ctrl('k')), "|\ncd"},
		{keys("ab", ctrl('j'), "cd", Up, End, ctrl('k')), "ab|cd"},
		{keys("ab", ctrl('j'), "cd", Home, ctrl('u')), "ab|cd"},
		{keys("ab", ctrl('j'), alt('b')), "|ab\n"},
		{keys("ab", Key{Code: Enter, Mods: Alt}, "cd", Key{Code: Home, Mods: Ctrl}, alt('f'), alt('f')), "ab\ncd|"},
		{keys("abc", ctrl('j'), "x", ctrl('j'), "defg", Up, Up), "abc|\nx\ndefg"},
		{keys("abc", ctrl('j'), "x", ctrl('j'), "defg", Up, Up, Down, Down), "abc\nx\ndefg|"},
		{keys("abc", ctrl('j'), "x", ctrl('j'), "defg", Up, Left, Up), "|abc\nx\ndefg"},
		{keys("กินข้าว", ctrl('j'), "1234", Up), "กินข้า|ว\n1234"},
		{keys("one", " two", ctrl('_')), "one|"},
		{keys("one", " two", ctrl('_'), ctrl('_')), "|"},
		{keys("one", ctrl('u'), ctrl('_')), "one|"},
		{keys("one", ctrl('_'), ctrl('_'), ctrl('_')), "|"},
		{keys(paste("a\tb\r\nc\rd\x1b[31m\x00\x7f\u0085\xff")), "a\tb\nc\nd[31m\ufffd|"},
		{keys("a", Tab, "b"), "a\tb|"},
		{keys(`a\`, Enter, "b"), "a\nb|"},
		{keys("\x07"), "|"},
		{keys("a", alt('q'), Key{Rune: 'q', Mods: Ctrl | Alt}, ctrl('x'), "b", "c"), "ac|"},
	} {
		e := New("> ", "  ", new(History))
		press(e, c.keys...)
		if got := state(e); got != c.want {
			t.Errorf("%q give %q, want %q", c.keys, got, c.want)
		}
	}
}

// What a text is after each Backspace.
func TestBackspace(t *testing.T) {
	for _, c := range []string{
		"ที่ ที ท ", "น้ำ น้ น ", "เก่า เก่ เก เ ", "ກຳ ກ ", "ຂ້ອຍ ຂ້ອ ຂ້ ຂ ",
		"ខ្ញុំ ខ្ញុ ខ្ញ ខ ", "ស្ត្រី ស្ត្រ ស្ត ស ", "ខ្ ខ ",
		"မန္တ မန မ ", "ကျွန် ကျွန ကျွ ကျ က ", "င်္က င် င ", "က္ က ",
		"क्ष क् क ", "हिन्दी हिन्द हिन् हिन हि ह ", "தமி தம த ",
		"e\u0302\u0323 e\u0302 e ", "\u1ebf ", "한 ", "\u1112\u1161\u11ab \u1112\u1161 \u1112 ",
		"a👨‍👩‍👧 a ", "a🇹🇭🇻🇳 a🇹🇭 a ", "🇹 ", "👍🏽 ", "a1️⃣ a ", "❤️‍🔥 ", "❤ ", "☺︎ ", "🏴󠁧󠁢󠁥󠁮󠁧󠁿 ", "葛\U000e0100 ", "ខ\u200bគ ខ\u200b ខ ",
	} {
		states := strings.Split(c, " ")
		e := New("> ", "  ", new(History))
		press(e, states[0])
		for _, want := range states[1:] {
			press(e, Backspace)
			if e.text != want || e.cursor != len(want) {
				t.Errorf("%q after Backspace: %+q, want %+q", states[0], state(e), want)
				break
			}
		}
	}
}

func TestEvents(t *testing.T) {
	for _, c := range []struct {
		keys []any
		want Event
	}{
		{keys("a"), Changed}, {keys(Enter), Submitted}, {keys(ctrl('c')), Interrupted}, {keys(ctrl('d')), Ended}, {keys("a", ctrl('d')), Changed},
		{keys(ctrl('z')), Suspend}, {keys(ctrl('l')), Clear}, {keys(ctrl('x'), ctrl('e')), External}, {keys(ctrl('x'), "e"), Ignored},
		{keys(Up), Ignored}, {keys(Down), Ignored}, {keys(Escape), Ignored}, {keys(ctrl('_')), Ignored}, {keys("\x00"), Ignored},
		{keys(ctrl('r'), ctrl('c')), Changed}, {keys(ctrl('r'), "x", Enter), Changed},
	} {
		if got := press(New("> ", "  ", new(History)), c.keys...); got != c.want {
			t.Errorf("%q: event %d, want %d", c.keys, got, c.want)
		}
	}
}

func TestTurns(t *testing.T) {
	big := strings.Repeat("ข้อความยาว\tx\n", 10000)
	for _, c := range []struct {
		keys []any // and Enter
		want Turn
	}{
		{keys(), Turn{"", false}},
		{keys("/help"), Turn{"/help", false}},
		{keys(paste("/etc/hosts is a file")), Turn{"/etc/hosts is a file", true}},
		{keys(paste("etc"), Home, "/"), Turn{"/etc", false}},
		{keys("see ", paste("/etc"), Home, Key{Code: Delete, Mods: Ctrl}, Delete), Turn{"/etc", true}},
		{keys("x", paste("/etc"), Home, Delete, End, "/hosts"), Turn{"/etc/hosts", true}},
		{keys(paste("/etc"), ctrl('w'), ctrl('u'), "/help"), Turn{"/help", false}},
		{keys(paste("/a/b"), Home, Right, Right, paste("/x"), ctrl('a'), Delete), Turn{"a/x/b", true}},
		{keys(paste(big)), Turn{big, true}},
		{keys("why ", paste("a\\"), Enter, "b"), Turn{"why a\\", false}}, // submitted before b
		{keys(`two\`, Enter, "lines"), Turn{"two\nlines", false}},
		{keys("a", ctrl('j'), `b\`, Enter), Turn{"a\nb\n", false}},
		{keys(`a\b`), Turn{`a\b`, false}},
		{keys(`a\`, Left), Turn{`a\`, false}},
		{keys(`"""`, Enter, "/one", Enter, Enter, "two", Enter, `"""`), Turn{"/one\n\ntwo", true}},
		{keys(`"""one"""`), Turn{"one", true}},
		{keys(`""""""`), Turn{"", true}},
		{keys(`"""`, Enter, paste("def f():\n\t\"\"\"doc\"\"\""), Enter, `"""`), Turn{"def f():\n\t\"\"\"doc\"\"\"", true}},
		{keys(`"""`, Enter, "a", Enter, `"""`, Up, Enter, Key{Code: End, Mods: Ctrl}), Turn{"a\n", true}},
		{keys(paste("\"\"\"doc")), Turn{`"""doc`, true}},
		{keys(`say """`), Turn{`say """`, false}},
	} {
		e := New("> ", "  ", new(History))
		submitted := false
		for _, k := range append(c.keys, Enter) {
			submitted = submitted || press(e, k) == Submitted
			if submitted {
				break
			}
		}
		turn, err := e.Take()
		if !submitted || turn != c.want || err != nil || e.Text() != "" {
			t.Errorf("%.200q: submitted %v, %.200s, want %.200s; %v; %q is left", c.keys, submitted, fmt.Sprint(turn), fmt.Sprint(c.want), err, e.text)
		}
	}
}

func TestRecall(t *testing.T) {
	h := new(History)
	e := New("> ", "  ", h)
	for _, k := range []any{"first", paste("/second\nline"), "third"} {
		press(e, k, Enter)
		if _, err := e.Take(); err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []struct {
		keys []any
		want string
	}{
		{keys("dra", "ft", Up), "third|"},
		{keys(Up), "/second\nline|"},
		{keys(Up), "/sec|ond\nline"},
		{keys(Up), "first|"},
		{keys("!", Up), "first!|"}, // nothing older
		{keys(Down, Down), "third|"},
		{keys(Down), "draft|"},
		{keys(Down), "draft|"},
		{keys(Up, Up, Up, Up), "first!|"},
		{keys(Down), "/second\nline|"},
	} {
		press(e, step.keys...)
		if got := state(e); got != step.want {
			t.Errorf("%q give %q, want %q", step.keys, got, step.want)
		}
	}
	if press(e, Enter) != Submitted {
		t.Error("not submitted")
	}
	if turn, err := e.Take(); turn != (Turn{"/second\nline", true}) || err != nil { // still no command
		t.Error(turn, err)
	}
	if press(e, Up); state(e) != "/second\nline|" {
		t.Error(state(e))
	}
	press(e, Up, Up, Up, Up, Up, Up)
	if state(e) != "first|" { // edits of turns that were left go with the turn
		t.Error(state(e))
	}
	e.Set(Turn{"/from an\neditor", true})
	if press(e, Enter); state(e) != "/from an\neditor|" {
		t.Error(state(e))
	}
	if turn, _ := e.Take(); !turn.Pasted {
		t.Error("a slash from an editor begins a command")
	}
}

func TestSearch(t *testing.T) {
	h := &History{turns: []Turn{{"Hello world", false}, {"สวัสดีชาวโลก", false}, {"hello\nagain", false}, {"other", false}}}
	for _, c := range []struct {
		keys         []any
		want, prompt string
	}{
		{keys("draft", ctrl('r')), "draft|", "search : "},
		{keys(ctrl('r'), "HELL"), "|hello\nagain", "search HELL: "},
		{keys(ctrl('r'), "hello", ctrl('r')), "|Hello world", "search hello: "},
		{keys(ctrl('r'), "hello", ctrl('r'), ctrl('r')), "|Hello world", "no hello: "},
		{keys(ctrl('r'), "hello", ctrl('r'), ctrl('s')), "|hello\nagain", "search hello: "},
		{keys(ctrl('r'), "โลกx", Backspace), "สวัสดีชาว|โลก", "search โลก: "},
		{keys(ctrl('r'), "w", Backspace, "oth"), "|other", "search oth: "},
		{keys(ctrl('r'), paste("AGAIN\nx")), "hello\n|again", "search AGAIN: "},
		{keys("draft", ctrl('r'), "hello", Escape), "draft|", "> "},
		{keys("draft", ctrl('r'), "hello", ctrl('g'), "s"), "drafts|", "> "},
		{keys("draft", ctrl('r'), "world", Enter), "Hello |world", "> "},
		{keys("draft", ctrl('r'), "world", End, "!"), "Hello world!|", "> "},
		{keys("draft", ctrl('r'), "world", Enter, Down, Down, Down, Down), "draft|", "> "},
		{keys("draft", ctrl('r'), "nowhere"), "hello\nagai|n", "no nowhere: "},
		{keys("draft", ctrl('r'), "nowhere", Enter), "hello\nagai|n", "> "},
		{keys("draft", ctrl('r'), "2", Enter), "draft|", "> "},
		{keys(ctrl('r'), "(.*", alt('q')), "|", "no (.*: "},
		{keys(ctrl('r'), "oth", paste(strings.Repeat("x", maxQuery))), "|other", "search oth: "},
		{keys(ctrl('r'), strings.Repeat("x", 50)), "|", "no " + strings.Repeat("x", 30) + ": "},
	} {
		e := New("> ", "  ", h)
		press(e, c.keys...)
		b := e.buffer
		if e.search != nil {
			b = e.search.found
		}
		if got, v := b.text[:b.cursor]+"|"+b.text[b.cursor:], e.Layout(); got != c.want || v.Rows[0].Prompt != c.prompt {
			t.Errorf("%q show %q %q, want %q %q", c.keys, v.Rows[0].Prompt, got, c.prompt, c.want)
		}
	}
}
