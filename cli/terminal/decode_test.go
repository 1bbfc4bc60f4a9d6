package terminal

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"sealvk/cli/edit"
)

func text(s string) (keys []edit.Key) {
	for _, r := range s {
		keys = append(keys, edit.Key{Rune: r})
	}
	return keys
}

func TestKeys(t *testing.T) {
	key := func(c edit.Code, m edit.Mods) []edit.Key { return []edit.Key{{Code: c, Mods: m}} }
	char := func(r rune, m edit.Mods) []edit.Key { return []edit.Key{{Rune: r, Mods: m}} }
	for _, c := range []struct {
		sent string
		want []edit.Key
	}{
		{"ที่ né 👨‍👩‍👧 \u0e4d", text("ที่ né 👨‍👩‍👧 \u0e4d")},
		{"a\xffb\x80\xc3(\x9b", text("ab(")}, // bytes that are no UTF-8
		{"\r", key(edit.Enter, 0)},
		{"\n", char('j', edit.Ctrl)},
		{"\x1b\r", key(edit.Enter, edit.Alt)},
		{"\x1b\n", char('j', edit.Ctrl|edit.Alt)},
		{"\x1b[13;2u", key(edit.Enter, edit.Shift)},
		{"\x1b[27;2;13~", key(edit.Enter, edit.Shift)}, // modifyOtherKeys
		{"\x1b[27;5;13~", key(edit.Enter, edit.Ctrl)},
		{"\x1b[13;3u", key(edit.Enter, edit.Alt)},
		{"\x1b[57414u", key(edit.Enter, 0)}, // of the keypad
		{"\x1b[13;130u", key(edit.Enter, edit.Shift)},
		{"\t\x1b[Z", slices.Concat(key(edit.Tab, 0), key(edit.Tab, edit.Shift))},
		{"\x7f", key(edit.Backspace, 0)},
		{"\x08", char('h', edit.Ctrl)},
		{"\x1b\x7f", key(edit.Backspace, edit.Alt)},
		{"\x1b[127;5u", key(edit.Backspace, edit.Ctrl)},
		{"\x1b[A\x1b[B\x1b[C\x1b[D", slices.Concat(key(edit.Up, 0), key(edit.Down, 0), key(edit.Right, 0), key(edit.Left, 0))},
		{"\x1bOA\x1bOB\x1bOC\x1bOD", slices.Concat(key(edit.Up, 0), key(edit.Down, 0), key(edit.Right, 0), key(edit.Left, 0))},
		{"\x1b[H\x1b[1~\x1b[7~\x1bOH", slices.Repeat(key(edit.Home, 0), 4)},
		{"\x1b[F\x1b[4~\x1b[8~\x1bOF", slices.Repeat(key(edit.End, 0), 4)},
		{"\x1b[3~\x1b[5~\x1b[6~", slices.Concat(key(edit.Delete, 0), key(edit.PageUp, 0), key(edit.PageDown, 0))},
		{"\x1b[1;5C\x1b[1;5D", slices.Concat(key(edit.Right, edit.Ctrl), key(edit.Left, edit.Ctrl))},
		{"\x1b[1;3C\x1b\x1b[D", slices.Concat(key(edit.Right, edit.Alt), key(edit.Left, edit.Alt))},
		{"\x1bOc\x1b[c", slices.Concat(key(edit.Right, edit.Ctrl), key(edit.Right, edit.Shift))}, // rxvt
		{"\x1b[3;5~", key(edit.Delete, edit.Ctrl)},
		{"\x1bb\x1bf\x1bd", slices.Concat(char('b', edit.Alt), char('f', edit.Alt), char('d', edit.Alt))},
		{"\x1b[98;3u", char('b', edit.Alt)},
		{"\x01\x03\x04\x0c\x12\x1a\x1f\x00", slices.Concat(char('a', edit.Ctrl), char('c', edit.Ctrl), char('d', edit.Ctrl), char('l', edit.Ctrl),
			char('r', edit.Ctrl), char('z', edit.Ctrl), char('_', edit.Ctrl), char(' ', edit.Ctrl))},
		{"\x1b[99;5u", char('c', edit.Ctrl)},
		{"\x1b[3649::99;5u", char('c', edit.Ctrl)}, // the key of C on a Thai keyboard
		{"\x1b[27;5;99~", char('c', edit.Ctrl)},
		{"\x1b[99;133u", char('c', edit.Ctrl)}, // with NumLock
		{"\x1b[27u", key(edit.Escape, 0)},
		{"\x1b[97;9u\x1b[57441u", nil}, // a key for the window manager, and Shift alone
		{"\x1b[I\x1b[O\x1b[?1u\x1b[24;80R\x1b[?62c\x1b]11;rgb:0/0/0\x1b\\\x1b[2~\x1b[15~", nil},
		{"\x1b[200~/a\tb\r\nก\x1b[A\x1b[20\x00\x1b[201~c", append([]edit.Key{{Code: edit.Paste, Text: "/a\tb\r\nก\x1b[A\x1b[20\x00"}}, text("c")...)},
		{"\x1b[200~\x1b[201~\x1b[200~\x1b\x1b[201~", []edit.Key{{Code: edit.Paste}, {Code: edit.Paste, Text: "\x1b"}}},
	} {
		// In two reads, cut anywhere.
		for cut := range len(c.sent) {
			var d decoder
			got := slices.Concat(d.feed([]byte(c.sent[:cut])), d.feed([]byte(c.sent[cut:])))
			if !slices.Equal(got, c.want) {
				t.Errorf("%q cut at %d: %+v, want %+v", c.sent, cut, got, c.want)
				break
			}
		}
		// In single bytes.
		var d decoder
		var got []edit.Key
		for i := range len(c.sent) {
			got = append(got, d.feed([]byte(c.sent[i:i+1]))...)
		}
		if !slices.Equal(got, c.want) || d.waits() {
			t.Errorf("%q byte for byte: %+v, want %+v; %q pending", c.sent, got, c.want, d.pending)
		}
	}
}

// What may be the beginning of something is a key, or nothing, once nothing follows.
func TestKeysAfterAWait(t *testing.T) {
	alt := func(r rune) []edit.Key { return []edit.Key{{Rune: r, Mods: edit.Alt}} }
	for _, c := range []struct {
		sent string
		want []edit.Key
	}{
		{"\x1b", []edit.Key{{Code: edit.Escape}}},
		{"\x1b\x1b", []edit.Key{{Code: edit.Escape, Mods: edit.Alt}}},
		{"\x1b[", alt('[')},
		{"\x1bp", alt('p')},
		{"\x1b]", alt(']')},
		{"\x1b[1;", nil},
	} {
		var d decoder
		got := d.feed([]byte(c.sent))
		if d.waits() {
			got = append(got, d.expire()...)
		}
		if !slices.Equal(got, c.want) || d.waits() {
			t.Errorf("%q: %+v, want %+v", c.sent, got, c.want)
		}
		if got := d.feed([]byte("a")); !slices.Equal(got, text("a")) {
			t.Errorf("a after %q: %+v", c.sent, got)
		}
	}
	var d decoder
	if keys := d.feed([]byte("\x1b[200~ab\x1b[20")); len(keys) > 0 || d.waits() {
		t.Errorf("half a paste gave %+v", keys)
	}
	d = decoder{}
	if keys := d.feed([]byte("\xe0\xb8")); len(keys) > 0 || d.waits() {
		t.Errorf("half a character gave %+v", keys)
	}
	if keys := d.feed([]byte("a")); !slices.Equal(keys, text("a")) {
		t.Errorf("a after half a character: %+v", keys)
	}
}

func TestPasteWithoutAnEndIsInterrupted(t *testing.T) {
	for _, ctrlC := range []string{"\x03", "\x1b[99;5u"} {
		var d decoder
		if keys := d.feed([]byte("\x1b[200~ab\x03c")); len(keys) > 0 {
			t.Errorf("a paste without its end gave %+v", keys)
		}
		want := append([]edit.Key{{Rune: 'c', Mods: edit.Ctrl}}, text("d")...)
		if keys := append(d.feed([]byte(ctrlC)), d.feed([]byte("d"))...); !slices.Equal(keys, want) {
			t.Errorf("%q after it: %+v", ctrlC, keys)
		}
	}
}

// A large paste is searched once, not once a read.
func TestLargePaste(t *testing.T) {
	pasted := strings.Repeat("สวัสดี\n", 1<<16)
	var d decoder
	d.feed([]byte("\x1b[200~"))
	for piece := range slices.Chunk([]byte(pasted), 4095) {
		if keys := d.feed(piece); len(keys) > 0 {
			t.Fatalf("%+v", keys)
		}
		if rest := len(d.pending) - d.searched; rest >= len(pasteEnd) {
			t.Fatalf("%d bytes are left to be searched again", rest)
		}
	}
	if keys := d.feed([]byte(pasteEnd)); len(keys) != 1 || keys[0].Text != pasted || d.pending != nil {
		t.Errorf("%d keys", len(keys))
	}
}

func FuzzKeys(f *testing.F) {
	f.Add([]byte("a\x1b[1;5C\x1b[200~b\x1b[201~\x1b[3649::99;5u\x1bO"), 3)
	f.Fuzz(func(t *testing.T, sent []byte, cut int) {
		cut = min(max(cut, 0), len(sent))
		var d decoder
		keys := slices.Concat(d.feed(sent[:cut]), d.feed(sent[cut:]), d.expire())
		if d.waits() {
			t.Errorf("%q leaves %q", sent, d.pending)
		}
		for _, k := range keys {
			if k.Code == edit.Char && !utf8.ValidRune(k.Rune) {
				t.Errorf("%q gave the character %d", sent, k.Rune)
			}
		}
	})
}
