package edit

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"sealvk/cli/cells"
)

// drawn is a View as a screen: rows with | in the cursor's place.
func drawn(v View) string {
	var rows []string
	for i, r := range v.Rows {
		text := r.Prompt + r.Text
		if i == v.Row {
			text = r.Prompt + r.Text[:v.Offset] + "|" + r.Text[v.Offset:]
		}
		rows = append(rows, text)
	}
	return fmt.Sprintf("%s %d", strings.Join(rows, "/"), v.Col)
}

func TestLayout(t *testing.T) {
	for _, c := range []struct {
		width int
		keys  []any
		want  string
	}{
		{20, keys(), "> | 2"},
		{20, keys("สวัสดี", Left, Left), "> สวั|สดี 4"},
		{9, keys("abcdef"), "> abcdef| 8"},
		{9, keys("abcdefg"), "> abcdef/  g| 3"},
		{9, keys("abcdefg", Left), "> abcdef/  |g 2"},
		{9, keys("abcdefg", Left, Left), "> abcde|f/  g 7"},
		{9, keys("abcdefg", Up), "> a|bcdef/  g 3"},
		{9, keys("abcdefg", Home, End), "> abcdef/  g| 3"},
		{9, keys("abcdefghijklmn", Left, Left, Left, Left, Left, Down), "> abcdef/  ghijkl/  mn| 4"},
		{9, keys("abcdefghijkl", Home, ctrl('j'), Up, Right, Down, End, Up, Up), "> |/. abcdef/  ghijkl 2"},
		{9, keys("กำกำกำกำ"), "> กำกำกำ/  กำ| 4"},
		{8, keys("日本語"), "> 日本/  語| 4"},
		{20, keys("a", ctrl('j'), ctrl('j'), "b"), "> a/. /. b| 3"},
		{20, keys("a", ctrl('j')), "> a/. | 2"},
		{20, keys("a", Tab, "b"), "> a       b| 11"},
		{20, keys("abcdefgh", Tab, "b", Left), "> abcdefgh        |b 18"},
		{20, keys("abcdefgh", Tab, Tab, "b"), "> abcdefgh         /  b| 3"},
		{20, keys("\u0e34x\u200by"), "> ◌\u0e34xy| 5"},
		{20, keys("ខ\u200bគ", Left), "> ខ|គ 3"},
		{20, keys("👨‍👩‍👧👍🏽", Left), "> 👨‍👩‍👧|👍🏽 4"},
		{4, keys("ab"), "ab| 2"},
		{2, keys("a日"), "a/\ufffd| 1"},
		{0, keys("a"), "a| 1"},
	} {
		e := New("> ", ". ", new(History))
		e.Width, e.Height = c.width, 50
		press(e, c.keys...)
		if got := drawn(e.Layout()); got != c.want {
			t.Errorf("%q in %d cells: %q, want %q", c.keys, c.width, got, c.want)
		}
	}
}

func TestLayoutShowsRowsAroundTheCursor(t *testing.T) {
	e := New("> ", ". ", new(History))
	e.Height = 3
	press(e, paste("0\n1\n2\n3\n4\n5\n6\n7\n8\n9"))
	for _, step := range []struct {
		keys []any
		want string
	}{
		{keys(), "7 8 9| 7 0"},
		{keys(Up, Up), "7| 8 9 7 0"},
		{keys(Up), "6| 7 8 6 1"},
		{keys(PageUp), "4| 5 6 4 3"},
		{keys(Key{Code: Home, Mods: Ctrl}), "|0 1 2 0 7"},
		{keys(PageDown, Down), "1 2 |3 1 6"},
		{keys(Key{Code: End, Mods: Ctrl}, Backspace, Backspace, Backspace), "6 7 | 6 0"},
	} {
		press(e, step.keys...)
		v := e.Layout()
		var rows []string
		for i, r := range v.Rows {
			if i == v.Row {
				r.Text = r.Text[:v.Offset] + "|" + r.Text[v.Offset:]
			}
			rows = append(rows, r.Text)
		}
		if got := fmt.Sprintf("%s %d %d", strings.Join(rows, " "), v.Above, v.Below); got != step.want {
			t.Errorf("%q show %q, want %q", step.keys, got, step.want)
		}
	}
}

// Whatever keys are pressed, the cursor is between two clusters and on the screen, and what is drawn fits it.
func FuzzEditor(f *testing.F) {
	f.Add("ที่ខ្ញុំ\x01🇹🇭👨‍👩‍👧\x02\x03e\u0301", 20, 5)
	f.Add("a\tb\x04\x05\u200b\u0e33\x06\x07日本\x08", 7, 1)
	f.Add("\"\"\"\x0f\x10x\\\x0f\x11\x12", 3, 2)
	specials := []Key{
		{Code: Left}, {Code: Right}, {Code: Up}, {Code: Down}, {Code: Backspace}, {Code: Delete}, {Code: Home}, {Code: End}, {Code: Enter},
		ctrl('w'), ctrl('k'), ctrl('u'), ctrl('y'), ctrl('_'), ctrl('j'), ctrl('r'), alt('b'), alt('f'), alt('d'), {Code: Escape}, {Code: Tab},
		paste("/ก\u0301\r\n\x1b🏽"), paste("្\u200d\U0001f468"), {Code: PageUp}, {Code: PageDown},
	}
	f.Fuzz(func(t *testing.T, script string, width, height int) {
		e := New("> ", ". ", &History{turns: []Turn{{"ประวัติ\nเก่า", true}}})
		e.Width, e.Height = width, height
		if width > 1000 || height > 1000 {
			return
		}
		for _, r := range script {
			k := Key{Rune: r}
			if r < rune(len(specials)) {
				k = specials[r]
			}
			if e.Press(k) == Submitted {
				if turn, err := e.Take(); err != nil || !utf8.ValidString(turn.Text) {
					t.Fatal(turn, err)
				}
			}
			check(t, e)
		}
	})
}

func check(t *testing.T, e *Editor) {
	t.Helper()
	if !utf8.ValidString(e.text) || strings.ContainsFunc(e.text, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }) {
		t.Fatalf("the text is %q", e.text)
	}
	at := 0
	for at < e.cursor {
		cluster, _ := cells.Next(e.text[at:])
		at += len(cluster)
	}
	if at != e.cursor || e.typed < 0 || e.typed > len(e.text) {
		t.Fatalf("%q: the cursor is within a cluster, or %d is no length of its beginning", state(e), e.typed)
	}
	v := e.Layout()
	fresh := Editor{Width: e.Width, more: e.more}
	if got, want := e.rows.starts, fresh.layRows(e.rows.prompt, e.rows.text).starts; !slices.Equal(got, want) {
		t.Fatalf("%q in %d cells: rows begin at %d, laid out anew at %d", state(e), e.Width, got, want)
	}
	if len(v.Rows) == 0 || len(v.Rows) > max(e.Height, 1) || v.Row < 0 || v.Row >= len(v.Rows) || v.Col < 0 || v.Col >= max(e.Width, 2) {
		t.Fatalf("%q in %dx%d: %+v", state(e), e.Width, e.Height, v)
	}
	for i, row := range v.Rows {
		all := row.Prompt + row.Text
		if cells.Width(all) > max(e.Width-1, 1) || strings.ContainsFunc(all, unicode.IsControl) {
			t.Fatalf("%q in %d cells: row %q", state(e), e.Width, all)
		}
		if i == v.Row && cells.Width(row.Prompt)+cells.Width(row.Text[:v.Offset]) != v.Col {
			t.Fatalf("%q in %d cells: row %q, column %d, offset %d", state(e), e.Width, all, v.Col, v.Offset)
		}
	}
}

// One key and its layout in 200 KB of text.
func BenchmarkKey(b *testing.B) {
	for name, piece := range map[string]string{"thai": "สวัสดีครับ", "latin lines": "Words of a line that is not too long.\n", "latin": "words without an end, ", "thai lines": "ยินดีที่ได้รู้จัก ภาษาไทย\n"} {
		b.Run(name, func(b *testing.B) {
			e := New("> ", ". ", new(History))
			press(e, paste(strings.Repeat(piece, 200_000/len(piece))))
			for b.Loop() {
				press(e, "x")
				e.Layout()
			}
		})
	}
}
