package jinja

import (
	"fmt"
	"strings"
	"unicode"
)

// stringMethods are Python's of str.
var stringMethods = map[string]func(r *render, s Text, a *arguments) (value, error){
	"strip":        strip(true, true),
	"lstrip":       strip(true, false),
	"rstrip":       strip(false, true),
	"upper":        mapped(strings.ToUpper),
	"lower":        mapped(strings.ToLower),
	"title":        mapped(title),
	"capitalize":   mapped(capitalize),
	"split":        splitMethod(strings.SplitN, strings.Index),
	"rsplit":       splitMethod(nil, strings.LastIndex),
	"splitlines":   splitLines,
	"startswith":   affix(strings.HasPrefix),
	"endswith":     affix(strings.HasSuffix),
	"removeprefix": removePrefix,
	"removesuffix": removeSuffix,
	"replace":      replaceMethod,
	"find":         position(strings.Index),
	"rfind":        position(strings.LastIndex),
	"count":        countMethod,
	"join":         func(r *render, s Text, a *arguments) (value, error) { return joinMethod(r, s, a) },
	"format":       formatMethod,
	"isdigit":      every(unicode.IsDigit),
	"isnumeric":    every(unicode.IsNumber),
	"isalpha":      every(unicode.IsLetter),
	"isalnum":      every(func(c rune) bool { return unicode.IsLetter(c) || unicode.IsNumber(c) }),
	"isspace":      every(isSpace),
	"isupper":      cased(unicode.IsUpper, unicode.IsLower),
	"islower":      cased(unicode.IsLower, unicode.IsUpper),
}

var listMethods = map[string]func(r *render, l *list, a *arguments) (value, error){
	"index": func(r *render, l *list, a *arguments) (value, error) {
		var x value
		if err := a.parse(1, []string{"value"}, &x); err != nil {
			return nil, err
		}
		for i, item := range l.items {
			if same, err := r.equal(item, x); err != nil || same {
				return int64(i), err
			}
		}
		return nil, fmt.Errorf("the value is not in the list")
	},
	"count": func(r *render, l *list, a *arguments) (value, error) {
		var x value
		if err := a.parse(1, []string{"value"}, &x); err != nil {
			return nil, err
		}
		n := int64(0)
		for _, item := range l.items {
			same, err := r.equal(item, x)
			if err != nil {
				return nil, err
			}
			n += int64(boolInt(same))
		}
		return n, nil
	},
}

var dictMethods = map[string]func(r *render, d *dict, a *arguments) (value, error){
	"get": func(r *render, d *dict, a *arguments) (value, error) {
		var key, otherwise value
		if err := a.parse(1, []string{"key", "default"}, &key, &otherwise); err != nil {
			return nil, err
		}
		if v, ok := d.get(key); ok {
			return v, nil
		}
		return otherwise, nil
	},
	"keys":   func(r *render, d *dict, a *arguments) (value, error) { return r.newList(d.keys) },
	"values": func(r *render, d *dict, a *arguments) (value, error) { return r.newList(d.values) },
	"items":  func(r *render, d *dict, a *arguments) (value, error) { return r.pairs(d) },
}

// pairs lists a dict's entries as tuples.
func (r *render) pairs(d *dict) (value, error) {
	items := make([]value, len(d.keys))
	for i := range items {
		t, err := r.newTuple(d.keys[i], d.values[i])
		if err != nil {
			return nil, err
		}
		items[i] = t
	}
	return r.newList(items)
}

// trimmed pays for and strips blanks, or the given characters.
func (r *render) trimmed(s, chars Text, left, right bool) (value, error) {
	if err := r.bytes(len(s.S)); err != nil || chars.S == "" {
		return s.trim(isSpace, left, right), err
	}
	if _, err := r.times(int64(len(s.S)), len(chars.S), bytesPerStep); err != nil {
		return nil, err
	}
	return s.trim(func(c rune) bool { return strings.ContainsRune(chars.S, c) }, left, right), nil
}

func strip(left, right bool) func(*render, Text, *arguments) (value, error) {
	return func(r *render, s Text, a *arguments) (value, error) {
		var chars Text
		if err := a.parse(0, []string{"chars"}, &chars); err != nil {
			return nil, err
		}
		return r.trimmed(s, chars, left, right)
	}
}

func mapped(f func(string) string) func(*render, Text, *arguments) (value, error) {
	return func(r *render, s Text, a *arguments) (value, error) {
		if err := a.parse(0, nil); err != nil {
			return nil, err
		}
		return like(f(s.S), s), r.bytes(4 * len(s.S))
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

func every(is func(rune) bool) func(*render, Text, *arguments) (value, error) {
	return func(r *render, s Text, a *arguments) (value, error) {
		for _, c := range s.S {
			if !is(c) {
				return false, r.bytes(len(s.S))
			}
		}
		return s.S != "", r.bytes(len(s.S))
	}
}

// cased tells whether there is one of these letters and none of those.
func cased(these, those func(rune) bool) func(*render, Text, *arguments) (value, error) {
	return func(r *render, s Text, a *arguments) (value, error) {
		return strings.ContainsFunc(s.S, these) && !strings.ContainsFunc(s.S, those), r.bytes(len(s.S))
	}
}

func affix(has func(s, affix string) bool) func(*render, Text, *arguments) (value, error) {
	return func(r *render, s Text, a *arguments) (value, error) {
		var x value
		if err := a.parse(1, []string{"prefix"}, &x); err != nil {
			return nil, err
		}
		choices := []value{x}
		if l, ok := x.(*list); ok && l.tuple {
			choices = l.items
		}
		for _, c := range choices {
			t, ok := c.(Text)
			if !ok {
				return nil, a.fail("wants a string, got %s", typeName(c))
			}
			if err := r.bytes(len(t.S)); err != nil || has(s.S, t.S) {
				return true, err
			}
		}
		return false, nil
	}
}

func removePrefix(r *render, s Text, a *arguments) (value, error) {
	var prefix Text
	if err := a.parse(1, []string{"prefix"}, &prefix); err != nil {
		return nil, err
	}
	return r.part(s, len(s.S)-len(strings.TrimPrefix(s.S, prefix.S)), len(s.S)), r.bytes(len(prefix.S))
}

func removeSuffix(r *render, s Text, a *arguments) (value, error) {
	var suffix Text
	if err := a.parse(1, []string{"suffix"}, &suffix); err != nil {
		return nil, err
	}
	return r.part(s, 0, len(strings.TrimSuffix(s.S, suffix.S))), r.bytes(len(suffix.S))
}

func replaceMethod(r *render, s Text, a *arguments) (value, error) {
	var old, by Text
	count := int64(-1)
	if err := a.parse(2, []string{"old", "new", "count"}, &old, &by, &count); err != nil {
		return nil, err
	}
	return r.replace(s, old, by, count)
}

// replace puts by in the place of the first count occurrences of old.
func (r *render) replace(s, old, by Text, count int64) (value, error) {
	n := int64(strings.Count(s.S, old.S))
	if count >= 0 {
		n = min(n, count)
	}
	if err := r.bytes(len(s.S)); err != nil {
		return nil, err
	}
	if grown, err := r.times(n, 1+len(by.S)/bytesPerStep+len(s.Input)+len(by.Input), 1); err != nil || grown == 0 {
		return s, err
	}
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
	return b.text(), nil
}

func position(find func(s, sub string) int) func(*render, Text, *arguments) (value, error) {
	return func(r *render, s Text, a *arguments) (value, error) {
		var sub Text
		if err := a.parse(1, []string{"sub"}, &sub); err != nil {
			return nil, err
		}
		at := find(s.S, sub.S)
		if at < 0 {
			return int64(-1), r.bytes(len(s.S))
		}
		return int64(characters(s.S[:at])), r.bytes(len(s.S))
	}
}

func countMethod(r *render, s Text, a *arguments) (value, error) {
	var sub Text
	if err := a.parse(1, []string{"sub"}, &sub); err != nil {
		return nil, err
	}
	return int64(strings.Count(s.S, sub.S)), r.bytes(len(s.S))
}

func joinMethod(r *render, sep Text, a *arguments) (value, error) {
	var over value
	if err := a.parse(1, []string{"iterable"}, &over); err != nil {
		return nil, err
	}
	items, err := r.iterate(over)
	if err != nil {
		return nil, err
	}
	for _, item := range items {
		if _, ok := item.(Text); !ok {
			return nil, a.fail("wants strings, got %s", typeName(item))
		}
	}
	return r.join(sep, items)
}

// join puts sep between the items as they print.
func (r *render) join(sep Text, items []value) (Text, error) {
	var b builder
	for i, item := range items {
		t, err := r.str(item)
		if err != nil {
			return Text{}, err
		}
		if i > 0 {
			b.add(sep)
		}
		b.add(t)
		if err := r.spend(1 + (len(t.S)+len(sep.S))/bytesPerStep + len(t.Input) + len(sep.Input)); err != nil {
			return Text{}, err
		}
	}
	return b.text(), nil
}
