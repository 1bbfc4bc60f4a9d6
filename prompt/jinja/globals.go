package jinja

import "strings"

// globals are the functions that every template has.
var globals = map[string]value{
	"range":           function{"range", rangeFunction},
	"namespace":       function{"namespace", namespaceFunction},
	"dict":            function{"dict", dictFunction},
	"raise_exception": function{"raise_exception", raise},
	"strftime_now":    function{"strftime_now", strftimeNow},
}

func rangeFunction(r *render, a *arguments) value {
	if len(a.names) > 0 || len(a.positional) < 1 || len(a.positional) > 3 {
		panic(a.errorf(r, "wants one to three numbers"))
	}
	bounds := [3]int64{0, 0, 1}
	for i, v := range a.positional {
		if len(a.positional) == 1 {
			i = 1
		}
		bounds[i] = r.whole(v)
	}
	i, to, step := bounds[0], bounds[1], bounds[2]
	if step == 0 {
		panic(a.errorf(r, "the step must not be zero"))
	}
	var numbers []value
	for ok := true; ok && (step > 0 && i < to || step < 0 && i > to); i, ok = integers("+", i, step) {
		if len(numbers) == maxRange {
			panic(a.errorf(r, "more than %d numbers", maxRange))
		}
		numbers = append(numbers, i)
	}
	return r.newList(numbers)
}

func dictFunction(r *render, a *arguments) value {
	d := newDict()
	for i, name := range a.names {
		r.set(d, own(name), a.named[i])
	}
	a.names = nil
	a.done(r, 0)
	return d
}

func namespaceFunction(r *render, a *arguments) value {
	n := &namespace{map[string]value{}}
	for i, name := range a.names {
		r.spend(2 * itemSteps)
		n.vars[name] = a.named[i]
	}
	a.names = nil
	a.done(r, 0)
	return n
}

// raise is how a template refuses a conversation.
func raise(r *render, a *arguments) value {
	var message value
	a.parse(r, 1, []string{"message"}, &message)
	const most = 300 // bytes
	s := r.str(message).S
	panic(r.errorf("%s", strings.ToValidUTF8(s[:min(len(s), most)], "")))
}

// layouts are the directives of strftime in terms of Go's time layouts.
var layouts = map[string]string{
	"Y": "2006", "y": "06", "m": "01", "-m": "1", "B": "January", "b": "Jan", "d": "02", "-d": "2", "e": "_2", "j": "002",
	"A": "Monday", "a": "Mon", "H": "15", "I": "03", "-I": "3", "M": "04", "S": "05", "p": "PM", "Z": "MST", "z": "-0700",
	"F": "2006-01-02", "T": "15:04:05",
}

func strftimeNow(r *render, a *arguments) value {
	var format Text
	a.parse(r, 1, []string{"format"}, &format)
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
		directive := after[:min(n, len(after))]
		s = after[len(directive):]
		layout, ok := layouts[directive]
		switch {
		case ok:
			b.WriteString(r.now().Format(layout))
		case directive == "%":
			b.WriteByte('%')
		default:
			panic(a.errorf(r, "unknown directive %%%s", directive))
		}
		r.spend(4)
	}
	r.bytes(b.Len())
	return like(b.String(), format)
}
