package jinja

import (
	"math"
	"strconv"
	"strings"
)

// filters are Jinja's, as far as chat templates use them; filled by init
// because some of them call others by name.
var filters table

func init() {
	filters = table{"filter", map[string]method{
		"tojson":     toJSON,
		"trim":       stringFilter("strip"),
		"upper":      stringFilter("upper"),
		"lower":      stringFilter("lower"),
		"title":      stringFilter("title"),
		"capitalize": stringFilter("capitalize"),
		"replace":    stringFilter("replace"),
		"safe":       stringOf,
		"string":     stringOf,
		"format":     formatFilter,
		"indent":     indent,
		"length":     length,
		"count":      length,
		"default":    defaultFilter,
		"d":          defaultFilter,
		"int":        toInt,
		"float":      toFloat,
		"list":       toList,
		"first":      first,
		"last":       last,
		"reverse":    reverse,
		"join":       joinFilter,
		"items":      items,
		"dictsort":   dictSort,
		"sort":       sortFilter,
		"unique":     unique,
		"map":        mapFilter,
		"select":     selection(false, true),
		"reject":     selection(false, false),
		"selectattr": selection(true, true),
		"rejectattr": selection(true, false),
	}, []string{"default", "d"}}
}

// stringFilter is the method of this name on the value as it prints.
func stringFilter(name string) method {
	return func(r *render, v value, a *arguments) value { return stringMethods[name](r, r.str(v), a) }
}

func stringOf(r *render, v value, a *arguments) value {
	a.done(r, 0)
	return r.str(v)
}

func toJSON(r *render, v value, a *arguments) value {
	w := r.jsonWriter()
	var indent, separators value
	ascii := false
	a.parse(r, 0, []string{"indent", "ensure_ascii", "separators"}, &indent, &ascii, &separators)
	if ascii {
		panic(a.errorf(r, "ensure_ascii=true is not supported"))
	}
	if indent != nil {
		w.lines, w.item, w.indent = true, own(","), a.padding(r, indent)
	}
	if separators != nil {
		pair := arguments{function: a.function, positional: r.unpack(separators, 2)}
		pair.parse(r, 2, []string{"the item separator", "the key separator"}, &w.item, &w.key)
	}
	return w.spell(v)
}

// padding is blanks, so many or as given.
func (a *arguments) padding(r *render, width value) Text {
	const most = 100
	switch w := width.(type) {
	case int64:
		if w >= 0 && w <= most {
			return own(strings.Repeat(" ", int(w)))
		}
	case Text:
		if len(w.S) <= most {
			return w
		}
	}
	panic(a.errorf(r, "the width must be a string or number up to %d", most))
}

func indent(r *render, v value, a *arguments) value {
	width, first, blank := value(int64(4)), false, false
	a.parse(r, 0, []string{"width", "first", "blank"}, &width, &first, &blank)
	t, pad := r.str(v), a.padding(r, width)
	r.times(int64(strings.Count(t.S, "\n")+1), 1+len(pad.S)+len(t.Input))
	var b builder
	start := 0
	for line := range strings.SplitAfterSeq(t.S, "\n") {
		if start == 0 && first || start > 0 && (blank || strings.TrimSuffix(line, "\n") != "") {
			b.add(pad)
		}
		b.add(t.cut(start, start+len(line)))
		start += len(line)
	}
	return b.text()
}

// formatFilter is "text"|format(…), with % as in Python.
func formatFilter(r *render, v value, a *arguments) value { return r.percent(r.str(v), a.positional) }

// percent is Python's "format % values" with %s, %d and %%.
func (r *render) percent(format Text, values []value) Text {
	var parts []value
	rest := format
	for n := strings.IndexByte(rest.S, '%'); n >= 0; n = strings.IndexByte(rest.S, '%') {
		r.spend(2*itemSteps + len(rest.Input))
		parts = append(parts, rest.cut(0, n))
		verb := rest.S[n:min(n+2, len(rest.S))]
		switch {
		case verb == "%%":
			parts = append(parts, rest.cut(n, n+1))
		case verb != "%s" && verb != "%d":
			panic(r.errorf("only %%s, %%d and %%%% are supported in a format"))
		case len(values) == 0:
			panic(r.errorf("not enough arguments for format string"))
		default:
			if verb == "%d" {
				r.whole(values[0])
			}
			parts, values = append(parts, values[0]), values[1:]
		}
		rest = rest.cut(n+2, len(rest.S))
	}
	if len(values) > 0 {
		panic(r.errorf("not all arguments converted during string formatting"))
	}
	return r.join(Text{}, append(parts, rest))
}

func length(r *render, v value, a *arguments) value {
	switch v := v.(type) {
	case Text:
		r.bytes(len(v.S))
		return int64(characters(v.S))
	case *list:
		return int64(len(v.items))
	case *dict:
		return int64(len(v.keys))
	case undefined:
		return int64(0)
	}
	panic(r.typeError(v, "has no length"))
}

func defaultFilter(r *render, v value, a *arguments) value {
	otherwise, boolean := value(Text{}), false
	a.parse(r, 0, []string{"default_value", "boolean"}, &otherwise, &boolean)
	if is[undefined](v) || boolean && !truth(v) {
		return otherwise
	}
	return v
}

// numeral is the number that v is or spells; false if there is none.
func (r *render) numeral(v value) (f float64, ok bool) {
	t, isText := v.(Text)
	if !isText {
		_, f, _, ok = number(v)
		return f, ok
	}
	r.bytes(8 * len(t.S))
	f, err := strconv.ParseFloat(strings.TrimFunc(t.S, isSpace), 64)
	return f, err == nil && math.Abs(f) <= math.MaxFloat64
}

func toInt(r *render, v value, a *arguments) value {
	otherwise := value(int64(0))
	a.parse(r, 0, []string{"default"}, &otherwise)
	if i, _, isInt, _ := number(v); isInt {
		return i
	}
	f, ok := r.numeral(v)
	if t, isText := v.(Text); isText && ok {
		if i, err := strconv.ParseInt(strings.TrimFunc(t.S, isSpace), 10, 64); err == nil {
			return i
		}
	}
	if !ok || math.Abs(f) >= 1<<63 {
		return otherwise
	}
	return int64(f)
}

func toFloat(r *render, v value, a *arguments) value {
	otherwise := value(0.0)
	a.parse(r, 0, []string{"default"}, &otherwise)
	if f, ok := r.numeral(v); ok {
		return f
	}
	return otherwise
}
