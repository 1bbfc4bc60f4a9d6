package terminal

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"

	uv "github.com/charmbracelet/ultraviolet"

	"sealvk/cli/edit"
)

// pasteEnd is what a terminal sends after pasted text. The text is taken as it
// is: a terminal does not let it hold this.
const pasteEnd = "\x1b[201~"

const maxKey = 32 // bytes that a terminal sends for one, or less

// decoder makes keys of what a terminal sends, in whatever pieces it comes.
type decoder struct {
	sequences uv.EventDecoder
	pending   []byte // no whole key yet, or pasted text without its end
	pasting   bool
	searched  int // bytes of pending that hold no beginning of pasteEnd
}

// feed decodes b behind what is pending. A Ctrl-C that comes alone within pasted text is the key: the paste's end was
// lost, and without it nobody could type again.
func (d *decoder) feed(b []byte) []edit.Key {
	if d.pasting && len(b) < maxKey {
		var alone decoder
		if keys := alone.feed(b); slices.Equal(keys, []edit.Key{{Rune: 'c', Mods: edit.Ctrl}}) {
			*d = alone
			return keys
		}
	}
	d.pending = append(d.pending, b...)
	return d.decode(false)
}

// waits tells that more input, or its absence, decides what the pending bytes
// are. The rest of a character and the end of pasted text are waited for as
// long as a slow line takes.
func (d *decoder) waits() bool { return len(d.pending) > 0 && !d.pasting && d.pending[0] == '\x1b' }

// expire takes the pending bytes for what they are without more: an Escape
// that nothing follows is the key.
func (d *decoder) expire() []edit.Key { return d.decode(true) }

func (d *decoder) decode(expired bool) (keys []edit.Key) {
	for len(d.pending) > 0 {
		n, key, ok := d.next(expired)
		if n == 0 {
			return keys
		}
		d.pending = d.pending[n:]
		if ok {
			keys = append(keys, key)
		}
	}
	d.pending = nil // not the array of a large paste
	return keys
}

// next decodes the first n bytes pending: to a key if ok, else to nothing that
// means anything here. n is 0 where more is waited for.
func (d *decoder) next(expired bool) (n int, key edit.Key, ok bool) {
	if d.pasting {
		return d.pasted()
	}
	b := d.pending
	if b[0] > ' ' && b[0] != 0x7f {
		if !utf8.FullRune(b) {
			return 0, key, false
		}
		r, size := utf8.DecodeRune(b)
		return size, edit.Key{Rune: r}, r != utf8.RuneError || size > 1
	}
	n, event := d.sequences.Decode(b)
	if n == len(b) && b[0] == '\x1b' && !expired && open(b, event) {
		return 0, key, false
	}
	switch event := event.(type) {
	case uv.PasteStartEvent:
		d.pasting, d.searched = true, 0
	case uv.KeyPressEvent:
		key, ok = keyOf(uv.Key(event))
	}
	return max(n, 1), key, ok
}

// open tells that b, decoded whole as event, may go on: a sequence without its
// end, or a key that is how one begins.
func open(b []byte, event uv.Event) bool {
	escape := bytes.LastIndexByte(b, '\x1b')
	switch event.(type) {
	case uv.UnknownEvent:
		return true
	case uv.KeyPressEvent:
		return escape >= len(b)-2 && strings.IndexByte("\x1b[]OP_^X", b[len(b)-1]) >= 0
	}
	return escape > 0 && escape == len(b)-1 // half of the end of what a terminal tells
}

func (d *decoder) pasted() (n int, key edit.Key, ok bool) {
	at := bytes.Index(d.pending[d.searched:], []byte(pasteEnd))
	if at < 0 {
		d.searched = max(0, len(d.pending)-len(pasteEnd)+1)
		return 0, key, false
	}
	at += d.searched
	d.pasting = false
	return at + len(pasteEnd), edit.Key{Code: edit.Paste, Text: string(d.pending[:at])}, true
}

// codes are the keys that the editor knows by name.
var codes = map[rune]edit.Code{
	uv.KeyEnter: edit.Enter, uv.KeyKpEnter: edit.Enter,
	uv.KeyTab: edit.Tab, uv.KeyBackspace: edit.Backspace, uv.KeyEscape: edit.Escape,
	uv.KeyDelete: edit.Delete, uv.KeyKpDelete: edit.Delete,
	uv.KeyLeft: edit.Left, uv.KeyKpLeft: edit.Left,
	uv.KeyRight: edit.Right, uv.KeyKpRight: edit.Right,
	uv.KeyUp: edit.Up, uv.KeyKpUp: edit.Up,
	uv.KeyDown: edit.Down, uv.KeyKpDown: edit.Down,
	uv.KeyHome: edit.Home, uv.KeyKpHome: edit.Home,
	uv.KeyEnd: edit.End, uv.KeyKpEnd: edit.End,
	uv.KeyPgUp: edit.PageUp, uv.KeyKpPgUp: edit.PageUp,
	uv.KeyPgDown: edit.PageDown, uv.KeyKpPgDown: edit.PageDown,
}

// keyOf is k as the editor knows it, if it does.
func keyOf(k uv.Key) (edit.Key, bool) {
	var mods edit.Mods
	if k.Mod&(uv.ModAlt|uv.ModMeta) != 0 {
		mods |= edit.Alt
	}
	if k.Mod&uv.ModCtrl != 0 {
		mods |= edit.Ctrl
	}
	if k.Mod&(uv.ModSuper|uv.ModHyper) != 0 {
		return edit.Key{}, false
	}
	if code, ok := codes[k.Code]; ok {
		if k.Mod&uv.ModShift != 0 {
			mods |= edit.Shift
		}
		return edit.Key{Code: code, Mods: mods}, true
	}
	r := k.Code
	switch {
	case mods == 0:
		r, _ = utf8.DecodeRuneInString(k.Text)
	case r >= utf8.RuneSelf && k.BaseCode != 0:
		r = k.BaseCode // Ctrl-C is the key of C on a Thai keyboard too
	}
	return edit.Key{Rune: r, Mods: mods}, r < uv.KeyExtended && r != utf8.RuneError
}
