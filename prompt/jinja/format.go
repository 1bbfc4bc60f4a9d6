package jinja

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
)

// str is Python's str: what {{ }} prints.
func (b *budget) str(v value) (Text, error) {
	switch v := v.(type) {
	case Text:
		return v, nil
	case undefined:
		return Text{}, nil
	}
	return b.repr(v)
}

// repr is Python's repr.
func (b *budget) repr(v value) (Text, error) {
	w := writer{budget: b, item: ", ", key: ": ", quote: quotePython, none: "None", yes: "True", no: "False"}
	if err := w.value(v, 0); err != nil {
		return Text{}, err
	}
	return w.text(), nil
}

// writer spells a value, as Python or as JSON.
type writer struct {
	*budget
	json          bool
	item, key     string
	indent        string // JSON on several lines
	lines         bool
	none, yes, no string
	quote         func(string) string
	out           strings.Builder
	input         bool
}

func (w *writer) text() Text {
	if w.input {
		return Input(w.out.String())
	}
	return own(w.out.String())
}

func (w *writer) put(s string) error {
	w.out.WriteString(s)
	return w.bytes(len(s))
}

func (w *writer) value(v value, level int) error {
	switch v := v.(type) {
	case nil:
		return w.put(w.none)
	case bool:
		if v {
			return w.put(w.yes)
		}
		return w.put(w.no)
	case int64:
		return w.put(strconv.FormatInt(v, 10))
	case float64:
		return w.float(v)
	case Text:
		w.input = w.input || len(v.Input) > 0
		return w.put(w.quote(v.S))
	case *list:
		return w.list(v, level)
	case *dict:
		return w.dict(v, level)
	}
	if w.json {
		return fmt.Errorf("%s has no form in JSON", typeName(v))
	}
	if _, ok := v.(undefined); ok {
		return w.put("Undefined")
	}
	return w.put("<" + typeName(v) + ">")
}

// float spells a number as Python does: an exponent below 1e-4 and from 1e16.
func (w *writer) float(f float64) error {
	switch {
	case w.json && math.IsNaN(f):
		return w.put("NaN")
	case w.json && math.IsInf(f, 0):
		return w.put(strings.Replace(strconv.FormatFloat(f, 'g', -1, 64), "Inf", "Infinity", 1)[boolInt(f > 0):])
	}
	return w.put(formatFloat(f))
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func formatFloat(f float64) string {
	switch a := math.Abs(f); {
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	case a != 0 && (a < 1e-4 || a >= 1e16):
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

func (w *writer) list(l *list, level int) error {
	open, shut := "[", "]"
	if l.tuple && !w.json {
		open, shut = "(", ")"
		if len(l.items) == 1 {
			shut = ",)"
		}
	}
	return w.entries(open, shut, len(l.items), level, func(i int) error { return w.value(l.items[i], level+1) })
}

func (w *writer) dict(d *dict, level int) error {
	return w.entries("{", "}", len(d.keys), level, func(i int) error {
		key := d.keys[i]
		if w.json {
			switch key.(type) {
			case Text:
			case nil, bool, int64, float64:
				plain := writer{budget: w.budget, json: true, none: w.none, yes: w.yes, no: w.no}
				if err := plain.value(key, 0); err != nil {
					return err
				}
				key = own(plain.out.String())
			}
		}
		if err := w.value(key, level+1); err != nil {
			return err
		}
		if err := w.put(w.key); err != nil {
			return err
		}
		return w.value(d.values[i], level+1)
	})
}

func (w *writer) entries(open, shut string, n, level int, entry func(i int) error) error {
	if err := w.put(open); err != nil {
		return err
	}
	lines := w.lines && n > 0
	for i := range n {
		sep := ""
		if i > 0 {
			sep = w.item
		}
		if lines {
			sep += "\n" + strings.Repeat(w.indent, level+1)
		}
		if err := w.put(sep); err != nil {
			return err
		}
		if err := entry(i); err != nil {
			return err
		}
	}
	if lines {
		shut = "\n" + strings.Repeat(w.indent, level) + shut
	}
	return w.put(shut)
}

// quotePython spells a string as repr does.
func quotePython(s string) string {
	quote := byte('\'')
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		quote = '"'
	}
	b := []byte{quote}
	for _, r := range s {
		switch {
		case r == rune(quote) || r == '\\':
			b = append(b, '\\', byte(r))
		case r == '\n':
			b = append(b, `\n`...)
		case r == '\r':
			b = append(b, `\r`...)
		case r == '\t':
			b = append(b, `\t`...)
		case r == ' ' || unicode.IsPrint(r):
			b = append(b, string(r)...)
		case r < 0x100:
			b = fmt.Appendf(b, `\x%02x`, r)
		case r < 0x10000:
			b = fmt.Appendf(b, `\u%04x`, r)
		default:
			b = fmt.Appendf(b, `\U%08x`, r)
		}
	}
	return string(append(b, quote))
}

// quoteJSON spells a string as json.dumps does, all but ASCII as it is.
func quoteJSON(s string) string {
	b := []byte{'"'}
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r >= ' ':
			b = append(b, string(r)...)
		default:
			b = append(b, controls[r]...)
		}
	}
	return string(append(b, '"'))
}

// controls are the escapes of the characters below the blank.
var controls = func() (escapes [' ']string) {
	for r := range escapes {
		escapes[r] = fmt.Sprintf(`\u%04x`, r)
	}
	escapes['\n'], escapes['\r'], escapes['\t'], escapes['\b'], escapes['\f'] = `\n`, `\r`, `\t`, `\b`, `\f`
	return escapes
}()

// quoteASCII is json.dumps with ensure_ascii.
func quoteASCII(s string) string {
	b := []byte{'"'}
	for _, r := range s {
		switch {
		case r < 0x7f:
			q := quoteJSON(string(r))
			b = append(b, q[1:len(q)-1]...)
		case r < 0x10000:
			b = fmt.Appendf(b, `\u%04x`, r)
		default:
			r -= 0x10000
			b = fmt.Appendf(b, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		}
	}
	return string(append(b, '"'))
}

// decodeString turns the inside of a string literal into its text.
func decodeString(s string) (string, error) {
	if !strings.Contains(s, `\`) {
		return s, nil
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		n := map[byte]int{'x': 2, 'u': 4, 'U': 8}[s[i]]
		if n > 0 {
			if i+n >= len(s) {
				return "", fmt.Errorf(`truncated \%c escape`, s[i])
			}
			r, err := strconv.ParseUint(s[i+1:i+1+n], 16, 32)
			if err != nil || r > unicode.MaxRune {
				return "", fmt.Errorf(`bad escape \%s`, s[i:i+1+n])
			}
			b.WriteRune(rune(r))
			i += n
			continue
		}
		if j := strings.IndexByte(`nrtabfv0\'"`, s[i]); j >= 0 {
			b.WriteByte("\n\r\t\a\b\f\v\x00\\'\""[j])
		} else if s[i] != '\n' {
			b.WriteByte('\\')
			b.WriteByte(s[i])
		}
	}
	return b.String(), nil
}
