package jinja

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
)

// str is Python's str: what {{ }} prints.
func (r *render) str(v value) Text {
	switch v := v.(type) {
	case Text:
		return v
	case undefined:
		return Text{}
	}
	return (&writer{render: r, item: own(", "), key: own(": "), quote: quotePython, none: "None", yes: "True", no: "False"}).spell(v)
}

// jsonWriter spells as json.dumps does.
func (r *render) jsonWriter() *writer {
	return &writer{render: r, json: true, item: own(", "), key: own(": "), quote: quoteJSON, none: "null", yes: "true", no: "false"}
}

// writer spells a value, as Python or as JSON.
type writer struct {
	*render
	json          bool
	item, key     Text
	lines         bool // JSON on several, with indent
	indent        Text
	none, yes, no string
	quote         func(string) string
	out           builder
}

// spell returns a text that is input as a whole if something in it is.
func (w *writer) spell(v value) Text {
	w.value(v, 0)
	t := w.out.text()
	return like(t.S, t)
}

func (w *writer) put(t Text) {
	w.text(t)
	w.out.add(t)
}

func (w *writer) value(v value, level int) {
	if l, ok := v.(*list); ok {
		w.list(l, level)
	} else if d, ok := v.(*dict); ok {
		w.dict(d, level)
	} else if t, ok := v.(Text); ok {
		w.bytes(6 * len(t.S)) // the most that quotes make of it
		w.put(like(w.quote(t.S), t))
	} else {
		w.put(own(w.scalar(v)))
	}
}

func (w *writer) scalar(v value) string {
	switch v := v.(type) {
	case nil:
		return w.none
	case bool:
		if v {
			return w.yes
		}
		return w.no
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return formatFloat(v)
	}
	if w.json {
		panic(w.errorf("%s has no form in JSON", typeName(v)))
	}
	return "<" + typeName(v) + ">"
}

// formatFloat spells a number as Python does: an exponent below 1e-4 and from 1e16.
func formatFloat(f float64) string {
	if a := math.Abs(f); a != 0 && (a < 1e-4 || a >= 1e16) {
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

func (w *writer) list(l *list, level int) {
	open, shut := "[", "]"
	if l.tuple && !w.json {
		open, shut = "(", ")"
		if len(l.items) == 1 {
			shut = ",)"
		}
	}
	w.entries(open, shut, len(l.items), level, func(i int) { w.value(l.items[i], level+1) })
}

func (w *writer) dict(d *dict, level int) {
	w.entries("{", "}", len(d.keys), level, func(i int) {
		key := d.keys[i]
		if _, ok := key.(Text); !ok && w.json {
			key = own(w.scalar(key))
		}
		w.value(key, level+1)
		w.put(w.key)
		w.value(d.values[i], level+1)
	})
}

func (w *writer) entries(open, shut string, n, level int, entry func(i int)) {
	w.put(own(open))
	for i := range n {
		if i > 0 {
			w.put(w.item)
		}
		w.lineBreak(level + 1)
		entry(i)
	}
	if n > 0 {
		w.lineBreak(level)
	}
	w.put(own(shut))
}

func (w *writer) lineBreak(level int) {
	if !w.lines {
		return
	}
	w.put(own("\n"))
	for range level {
		w.put(w.indent)
	}
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
func quoteJSON(s string) string { return `"` + escapes.Replace(s) + `"` }

var escapes = func() *strings.Replacer {
	pairs := []string{`"`, `\"`, `\`, `\\`, "\n", `\n`, "\r", `\r`, "\t", `\t`, "\b", `\b`, "\f", `\f`}
	for c := range ' ' {
		pairs = append(pairs, string(c), fmt.Sprintf(`\u%04x`, c))
	}
	return strings.NewReplacer(pairs...)
}()
