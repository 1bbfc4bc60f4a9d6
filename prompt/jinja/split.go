package jinja

import (
	"slices"
	"strings"
)

// splitMethod is split (first not nil) or rsplit.
func splitMethod(first func(s, sep string, n int) []string, find func(s, sep string) int) func(*render, Text, *arguments) (value, error) {
	return func(r *render, s Text, a *arguments) (value, error) {
		var sep value
		most := int64(-1)
		if err := a.parse(0, []string{"sep", "maxsplit"}, &sep, &most); err != nil {
			return nil, err
		}
		if sep == nil {
			return r.fields(s, most, first != nil)
		}
		by, ok := sep.(Text)
		if !ok || by.S == "" {
			return nil, a.fail("the separator must be a string that is not empty")
		}
		n := int64(strings.Count(s.S, by.S))
		if most >= 0 {
			n = min(n, most)
		}
		if err := r.items(int(n) + 1 + len(s.S)/bytesPerStep); err != nil {
			return nil, err
		}
		parts := make([]value, n+1)
		start, end := 0, len(s.S)
		for i := range n {
			at := find(s.S[start:end], by.S) + start
			if first != nil {
				parts[i], start = r.part(s, start, at), at+len(by.S)
			} else {
				parts[n-i], end = r.part(s, at+len(by.S), end), at
			}
		}
		if first != nil {
			parts[n] = r.part(s, start, end)
		} else {
			parts[0] = r.part(s, start, end)
		}
		return r.newList(parts)
	}
}

// part cuts s, which costs as many steps as s has spans.
func (r *render) part(s Text, start, end int) Text {
	if r.spend(len(s.Input)) != nil {
		return Text{} // the next step fails
	}
	return s.cut(start, end)
}

// fields splits at blanks.
func (r *render) fields(s Text, most int64, forward bool) (value, error) {
	if err := r.items(len(s.S)/2 + 1); err != nil {
		return nil, err
	}
	var parts []value
	rest := s.trim(isSpace, forward, !forward)
	for ; rest.S != "" && most != 0; most-- {
		if forward {
			n := strings.IndexFunc(rest.S, isSpace)
			if n < 0 {
				n = len(rest.S)
			}
			parts = append(parts, r.part(rest, 0, n))
			rest = r.part(rest, n, len(rest.S)).trim(isSpace, true, false)
			continue
		}
		n := strings.LastIndexFunc(rest.S, isSpace)
		if n++; n > 0 {
			n += offset(rest.S[n-1:], 1) - 1
		}
		parts = append(parts, r.part(rest, n, len(rest.S)))
		rest = r.part(rest, 0, n).trim(isSpace, false, true)
	}
	if rest.S != "" {
		parts = append(parts, rest)
	}
	if !forward {
		slices.Reverse(parts)
	}
	return r.newList(parts)
}

func splitLines(r *render, s Text, a *arguments) (value, error) {
	keep := false
	if err := a.parse(0, []string{"keepends"}, &keep); err != nil {
		return nil, err
	}
	if err := r.items(strings.Count(s.S, "\n") + strings.Count(s.S, "\r") + len(s.S)/bytesPerStep); err != nil {
		return nil, err
	}
	var parts []value
	for start := 0; start < len(s.S); {
		n := strings.IndexAny(s.S[start:], "\n\r")
		if n < 0 {
			parts = append(parts, r.part(s, start, len(s.S)))
			break
		}
		end := start + n
		next := end + 1
		if strings.HasPrefix(s.S[end:], "\r\n") {
			next++
		}
		if keep {
			end = next
		}
		parts = append(parts, r.part(s, start, end))
		start = next
	}
	return r.newList(parts)
}
