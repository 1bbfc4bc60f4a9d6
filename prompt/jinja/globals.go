package jinja

import (
	"errors"
	"fmt"
	"strings"
)

// globals are the functions that every template has.
var globals = map[string]value{
	"range":           function{"range", rangeFunction},
	"namespace":       function{"namespace", namespaceFunction},
	"dict":            function{"dict", dictFunction},
	"cycler":          function{"cycler", newCycler},
	"joiner":          function{"joiner", newJoiner},
	"raise_exception": function{"raise_exception", raise},
	"strftime_now":    function{"strftime_now", strftimeNow},
}

func rangeFunction(r *render, a *arguments) (value, error) {
	if len(a.names) > 0 || len(a.positional) < 1 || len(a.positional) > 3 {
		return nil, a.fail("wants one to three numbers")
	}
	bounds := []int64{0, 0, 1}
	for i, v := range a.positional {
		n, err := whole(v)
		if err != nil {
			return nil, err
		}
		if len(a.positional) == 1 {
			i = 1
		}
		bounds[i] = n
	}
	from, to, step := bounds[0], bounds[1], bounds[2]
	if step == 0 {
		return nil, a.fail("the step must not be zero")
	}
	var numbers []value
	for i := from; step > 0 && i < to || step < 0 && i > to; i += step {
		if len(numbers) == maxRange {
			return nil, a.fail("more than %d numbers", maxRange)
		}
		numbers = append(numbers, i)
		if step > 0 && i > to-step || step < 0 && i < to-step {
			break // the next one would be out of range, or past 64 bits
		}
	}
	return r.newList(numbers)
}

// given are a call's positional mappings and its named arguments as one dict.
func (r *render) given(a *arguments) (*dict, error) {
	d := newDict()
	for _, v := range a.positional {
		from, ok := v.(*dict)
		if !ok {
			return nil, a.fail("wants named arguments, got %s", typeName(v))
		}
		for i, key := range from.keys {
			if err := r.set(d, key, from.values[i]); err != nil {
				return nil, err
			}
		}
	}
	for i, name := range a.names {
		if err := r.set(d, own(name), a.named[i]); err != nil {
			return nil, err
		}
	}
	return d, nil
}

func dictFunction(r *render, a *arguments) (value, error) { return r.given(a) }

func namespaceFunction(r *render, a *arguments) (value, error) {
	d, err := r.given(a)
	if err != nil {
		return nil, err
	}
	n := &namespace{map[string]value{}}
	for i, key := range d.keys {
		name, ok := key.(Text)
		if !ok {
			return nil, a.fail("names must be strings")
		}
		n.vars[name.S] = d.values[i]
	}
	return n, nil
}

// cycler gives its items in turn.
type cycler struct {
	items []value
	at    int
}

func newCycler(r *render, a *arguments) (value, error) {
	if len(a.positional) == 0 {
		return nil, a.fail("no items")
	}
	return &cycler{items: a.positional}, nil
}

func (c *cycler) attribute(name string) (value, bool) {
	switch name {
	case "current":
		return c.items[c.at], true
	case "next":
		return function{"next", func(*render, *arguments) (value, error) {
			v := c.items[c.at]
			c.at = (c.at + 1) % len(c.items)
			return v, nil
		}}, true
	case "reset":
		return function{"reset", func(*render, *arguments) (value, error) {
			c.at = 0
			return nil, nil
		}}, true
	}
	return nil, false
}

func newJoiner(r *render, a *arguments) (value, error) {
	sep := own(", ")
	if err := a.parse(0, []string{"sep"}, &sep); err != nil {
		return nil, err
	}
	used := false
	return function{"joiner", func(*render, *arguments) (value, error) {
		if used {
			return sep, nil
		}
		used = true
		return Text{}, nil
	}}, nil
}

// raise is how a template refuses a conversation.
func raise(r *render, a *arguments) (value, error) {
	var message value
	if err := a.parse(1, []string{"message"}, &message); err != nil {
		return nil, err
	}
	t, err := r.str(message)
	if err != nil {
		return nil, err
	}
	const most = 300 // bytes
	s := strings.ToValidUTF8(t.S[:min(len(t.S), most)], "")
	return nil, errors.New(s)
}

// layouts are the directives of strftime in terms of Go's time layouts.
var layouts = map[string]string{
	"Y": "2006", "m": "01", "d": "02", "B": "January", "b": "Jan", "h": "Jan", "A": "Monday", "a": "Mon", "H": "15", "I": "03", "M": "04",
	"S": "05", "p": "PM", "y": "06", "j": "002", "Z": "MST", "z": "-0700", "e": "_2", "-d": "2", "-m": "1", "-I": "3",
	"-M": "4", "-S": "5", "F": "2006-01-02", "T": "15:04:05", "D": "01/02/06", "c": "Mon Jan _2 15:04:05 2006", "x": "01/02/06", "X": "15:04:05",
}

func strftimeNow(r *render, a *arguments) (value, error) {
	var format Text
	if err := a.parse(1, []string{"format"}, &format); err != nil {
		return nil, err
	}
	now := r.now()
	var b strings.Builder
	for s := format.S; s != ""; {
		before, after, found := strings.Cut(s, "%")
		b.WriteString(before)
		if !found {
			break
		}
		n := 1
		if strings.HasPrefix(after, "-") {
			n = 2
		}
		n = min(n, len(after))
		directive := after[:n]
		s = after[n:]
		switch layout, ok := layouts[directive]; {
		case ok:
			b.WriteString(now.Format(layout))
		case directive == "%":
			b.WriteByte('%')
		case directive == "-H":
			fmt.Fprint(&b, now.Hour())
		default:
			return nil, a.fail("unknown directive %%%s", directive)
		}
		if err := r.spend(4); err != nil {
			return nil, err
		}
	}
	return own(b.String()), r.bytes(b.Len())
}
