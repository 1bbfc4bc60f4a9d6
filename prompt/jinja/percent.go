package jinja

import (
	"fmt"
	"strconv"
	"strings"
)

const maxWidth = 1000 // of a formatted number or string

// percent is Python's "format % values" with s, r, d, i, f, x and %.
func (r *render) percent(format Text, values value) (value, error) {
	args := []value{values}
	if l, ok := values.(*list); ok && l.tuple {
		args = l.items
	}
	var b builder
	s := format.S
	for start := 0; start < len(s); {
		n := strings.IndexByte(s[start:], '%')
		if n < 0 {
			n = len(s) - start
		}
		b.add(r.part(format, start, start+n))
		if start += n; start == len(s) {
			break
		}
		end := start + 1
		for end < len(s) && strings.IndexByte("-+ 0123456789.", s[end]) >= 0 {
			end++
		}
		if end == len(s) {
			return nil, fmt.Errorf("incomplete format")
		}
		flags, verb := s[start+1:end], s[end]
		start = end + 1
		if verb == '%' {
			b.add(own("%"))
			continue
		}
		if len(args) == 0 {
			return nil, fmt.Errorf("not enough arguments for format string")
		}
		t, err := r.conversion(flags, verb, args[0])
		if err != nil {
			return nil, err
		}
		args = args[1:]
		b.add(t)
		if err := r.bytes(len(t.S)); err != nil {
			return nil, err
		}
	}
	if l, ok := values.(*list); ok && l.tuple && len(args) > 0 {
		return nil, fmt.Errorf("not all arguments converted during string formatting")
	}
	return b.text(), nil
}

func (r *render) conversion(flags string, verb byte, v value) (Text, error) {
	width, precision, dotted := strings.Cut(strings.TrimLeft(flags, "-+ 0"), ".")
	for _, n := range []string{width, precision} {
		if i, err := strconv.Atoi(n); n != "" && (err != nil || i > maxWidth) {
			return Text{}, fmt.Errorf("bad format %.40q", flags)
		}
	}
	i, f, isInt, isNumber := number(v)
	switch verb {
	case 's', 'r':
		t, err := r.str(v)
		if verb == 'r' {
			t, err = r.repr(v)
		}
		if err != nil || flags == "" {
			return t, err
		}
		return like(fmt.Sprintf("%"+flags+"s", t.S), t), nil
	case 'd', 'i', 'x', 'X':
		if !isNumber || dotted {
			return Text{}, fmt.Errorf("%%%c wants a number, got %s", verb, typeName(v))
		}
		if !isInt {
			i = int64(f)
		}
		if verb == 'i' {
			verb = 'd'
		}
		return own(fmt.Sprintf("%"+flags+string(verb), i)), nil
	case 'f', 'e', 'g':
		if !isNumber {
			return Text{}, fmt.Errorf("%%%c wants a number, got %s", verb, typeName(v))
		}
		return own(fmt.Sprintf("%"+flags+string(verb), f)), nil
	}
	return Text{}, fmt.Errorf("unsupported format character %q", verb)
}

// formatMethod is str.format with {}, {0} and {name}, without attributes,
// conversions and format specifications.
func formatMethod(r *render, s Text, a *arguments) (value, error) {
	var b builder
	automatic := 0
	for start := 0; start < len(s.S); {
		n := strings.IndexAny(s.S[start:], "{}")
		if n < 0 {
			n = len(s.S) - start
		}
		b.add(r.part(s, start, start+n))
		if start += n; start == len(s.S) {
			break
		}
		if strings.HasPrefix(s.S[start:], "{{") || strings.HasPrefix(s.S[start:], "}}") {
			b.add(r.part(s, start, start+1))
			start += 2
			continue
		}
		end := strings.IndexByte(s.S[start:], '}')
		if s.S[start] == '}' || end < 0 {
			return nil, a.fail("a single brace in the format string")
		}
		v, err := a.field(s.S[start+1:start+end], &automatic)
		if err != nil {
			return nil, err
		}
		t, err := r.str(v)
		if err != nil {
			return nil, err
		}
		b.add(t)
		if err := r.spend(1 + len(t.S)/bytesPerStep + len(t.Input)); err != nil {
			return nil, err
		}
		start += end + 1
	}
	return b.text(), nil
}

// field is the argument that a format's braces name.
func (a *arguments) field(name string, automatic *int) (value, error) {
	if name == "" {
		name = strconv.Itoa(*automatic)
		*automatic++
	}
	if i, err := strconv.Atoi(name); err == nil && i >= 0 && i < len(a.positional) {
		return a.positional[i], nil
	}
	for i, n := range a.names {
		if n == name {
			return a.named[i], nil
		}
	}
	return nil, a.fail("no argument for {%.40s}", name)
}
