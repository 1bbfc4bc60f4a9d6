package jinja

import (
	"slices"
	"strings"
	"unicode"
)

// textMethod is a method of a string.
type textMethod = func(r *render, s Text, a *arguments) value

// stringMethods are Python's of str.
var stringMethods = map[string]textMethod{
	"strip":        strip(true, true),
	"lstrip":       strip(true, false),
	"rstrip":       strip(false, true),
	"upper":        mapped(strings.ToUpper),
	"lower":        mapped(strings.ToLower),
	"title":        mapped(title),
	"capitalize":   mapped(capitalize),
	"split":        splitMethod(false),
	"rsplit":       splitMethod(true),
	"splitlines":   splitLines,
	"startswith":   affix(strings.HasPrefix),
	"endswith":     affix(strings.HasSuffix),
	"removeprefix": removePrefix,
	"removesuffix": removeSuffix,
	"replace":      replaceMethod,
	"find":         position(strings.Index),
	"rfind":        position(strings.LastIndex),
	"count":        func(r *render, s Text, a *arguments) value { return int64(strings.Count(s.S, a.sub(r, s).S)) },
	"join":         joinMethod,
	"format":       formatMethod,
	"isdigit":      every(unicode.IsDigit),
	"isspace":      every(isSpace),
}

var listMethods = map[string]func(r *render, l *list, a *arguments) value{
	"index": func(r *render, l *list, a *arguments) value {
		var x value
		a.parse(r, 1, []string{"value"}, &x)
		if i := slices.IndexFunc(l.items, func(item value) bool { return r.equal(item, x) }); i >= 0 {
			return int64(i)
		}
		panic(a.errorf(r, "the value is not in the list"))
	},
}

var dictMethods = map[string]func(r *render, d *dict, a *arguments) value{
	"get": func(r *render, d *dict, a *arguments) value {
		var key, otherwise value
		a.parse(r, 1, []string{"key", "default"}, &key, &otherwise)
		if v, ok := r.get(d, key); ok {
			return v
		}
		return otherwise
	},
	"keys":   func(r *render, d *dict, a *arguments) value { return r.newList(d.keys) },
	"values": func(r *render, d *dict, a *arguments) value { return r.newList(d.values) },
	"items":  func(r *render, d *dict, a *arguments) value { return r.pairs(d) },
}

// sub pays for a search in s and returns what is looked for.
func (a *arguments) sub(r *render, s Text) (sub Text) {
	a.parse(r, 1, []string{"sub"}, &sub)
	r.bytes(len(s.S))
	return sub
}

// strip cuts off blanks, or the given characters.
func strip(left, right bool) textMethod {
	return func(r *render, s Text, a *arguments) value {
		var chars Text
		a.parse(r, 0, []string{"chars"}, &chars)
		r.text(s)
		if chars.S == "" {
			return s.trim(isSpace, left, right)
		}
		r.times(int64(len(s.S)), 1+len(chars.S)/bytesPerStep)
		return s.trim(func(c rune) bool { return strings.ContainsRune(chars.S, c) }, left, right)
	}
}

func mapped(f func(string) string) textMethod {
	return func(r *render, s Text, a *arguments) value {
		a.done(r, 0)
		r.bytes(4 * len(s.S))
		return like(f(s.S), s)
	}
}

// title begins every word with a capital.
func title(s string) string {
	inWord := false
	return strings.Map(func(c rune) rune {
		first := !inWord
		inWord = unicode.IsLetter(c)
		if first {
			return unicode.ToTitle(c)
		}
		return unicode.ToLower(c)
	}, s)
}

func capitalize(s string) string {
	n := offset(s, 1)
	return strings.ToUpper(s[:n]) + strings.ToLower(s[n:])
}

func every(is func(rune) bool) textMethod {
	return func(r *render, s Text, a *arguments) value {
		r.bytes(len(s.S))
		return s.S != "" && strings.TrimFunc(s.S, is) == ""
	}
}

func affix(has func(s, affix string) bool) textMethod {
	return func(r *render, s Text, a *arguments) value {
		var x value
		a.parse(r, 1, []string{"prefix"}, &x)
		choices := []value{x}
		if l, ok := x.(*list); ok && l.tuple {
			choices = l.items
		}
		for _, c := range choices {
			t, ok := c.(Text)
			if !ok {
				panic(a.errorf(r, "wants a string, got %s", typeName(c)))
			}
			r.bytes(len(t.S))
			if has(s.S, t.S) {
				return true
			}
		}
		return false
	}
}

func removePrefix(r *render, s Text, a *arguments) value {
	r.text(s)
	return s.cut(len(s.S)-len(strings.TrimPrefix(s.S, a.sub(r, s).S)), len(s.S))
}

func removeSuffix(r *render, s Text, a *arguments) value {
	r.text(s)
	return s.cut(0, len(strings.TrimSuffix(s.S, a.sub(r, s).S)))
}

// replaceMethod puts by in the place of the first count occurrences of old.
func replaceMethod(r *render, s Text, a *arguments) value {
	var old, by Text
	count := int64(-1)
	a.parse(r, 2, []string{"old", "new", "count"}, &old, &by, &count)
	r.text(s)
	n := int64(strings.Count(s.S, old.S))
	if count >= 0 {
		n = min(n, count)
	}
	r.times(n, 1+len(by.S)/bytesPerStep+len(s.Input)+len(by.Input))
	var b builder
	start := 0
	for i := range n {
		at := start + strings.Index(s.S[start:], old.S)
		if old.S == "" && i > 0 {
			at = start + offset(s.S[start:], 1)
		}
		b.add(s.cut(start, at))
		b.add(by)
		start = at + len(old.S)
	}
	b.add(s.cut(start, len(s.S)))
	return b.text()
}

func position(find func(s, sub string) int) textMethod {
	return func(r *render, s Text, a *arguments) value {
		at := find(s.S, a.sub(r, s).S)
		if at < 0 {
			return int64(-1)
		}
		return int64(characters(s.S[:at]))
	}
}

func joinMethod(r *render, sep Text, a *arguments) value {
	var over value
	a.parse(r, 1, []string{"iterable"}, &over)
	items := r.iterate(over)
	for _, item := range items {
		r.spend(1)
		if !is[Text](item) {
			panic(a.errorf(r, "wants strings, got %s", typeName(item)))
		}
	}
	return r.join(sep, items)
}

// formatMethod is str.format with {} alone.
func formatMethod(r *render, s Text, a *arguments) value {
	parts := r.split(s, "{}", -1, false)
	if len(parts)-1 > len(a.positional) {
		panic(a.errorf(r, "not enough arguments"))
	}
	a.done(r, maxArguments)
	var all []value
	for i, part := range parts {
		if i > 0 {
			all = append(all, a.positional[i-1])
		}
		if strings.ContainsAny(part.(Text).S, "{}") {
			panic(a.errorf(r, "only {} is supported in a format"))
		}
		all = append(all, part)
	}
	return r.join(Text{}, all)
}
