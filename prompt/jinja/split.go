package jinja

import (
	"slices"
	"strings"
)

// separator reads the arguments of split: by what ("": by blanks), and how
// often at the most (-1: always).
func (a *arguments) separator(r *render) (sep string, most int64) {
	var by value
	most = -1
	a.parse(r, 0, []string{"sep", "maxsplit"}, &by, &most)
	t, ok := by.(Text)
	if by != nil && (!ok || t.S == "") {
		panic(a.errorf(r, "the separator must be a string that is not empty"))
	}
	return t.S, most
}

// splitMethod is split, or rsplit, which counts from the end.
func splitMethod(fromEnd bool) textMethod {
	return func(r *render, s Text, a *arguments) value {
		sep, most := a.separator(r)
		switch {
		case sep != "":
			return r.newList(r.split(s, sep, most, fromEnd))
		case fromEnd:
			panic(a.errorf(r, "needs a separator here"))
		}
		return r.newList(r.fields(s, most))
	}
}

// split cuts s at sep, which is not empty, at most so many times.
func (r *render) split(s Text, sep string, most int64, fromEnd bool) (parts []value) {
	r.text(s)
	find := strings.Index
	if fromEnd {
		find = strings.LastIndex
	}
	for at := find(s.S, sep); at >= 0 && most != 0; at = find(s.S, sep) {
		r.spend(itemSteps + len(s.Input))
		part, rest := s.cut(0, at), s.cut(at+len(sep), len(s.S))
		if fromEnd {
			part, rest = rest, part
		}
		parts, s = append(parts, part), rest
		most--
	}
	parts = append(parts, s)
	if fromEnd {
		slices.Reverse(parts)
	}
	return parts
}

// fields splits at blanks.
func (r *render) fields(s Text, most int64) (parts []value) {
	r.text(s)
	s = s.trim(isSpace, true, false)
	for ; s.S != "" && most != 0; most-- {
		r.spend(itemSteps + 2*len(s.Input))
		n := strings.IndexFunc(s.S, isSpace)
		if n < 0 {
			n = len(s.S)
		}
		parts = append(parts, s.cut(0, n))
		s = s.cut(n, len(s.S)).trim(isSpace, true, false)
	}
	if s.S != "" {
		parts = append(parts, s)
	}
	return parts
}

func splitLines(r *render, s Text, a *arguments) value {
	a.done(r, 0)
	r.text(s)
	var parts []value
	for start := 0; start < len(s.S); {
		r.spend(itemSteps + len(s.Input))
		end, next := len(s.S), len(s.S)
		if n := strings.IndexAny(s.S[start:], "\n\r"); n >= 0 {
			end, next = start+n, start+n+1
			if strings.HasPrefix(s.S[end:], "\r\n") {
				next++
			}
		}
		parts = append(parts, s.cut(start, end))
		start = next
	}
	return r.newList(parts)
}
