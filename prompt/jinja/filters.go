package jinja

import (
	"fmt"
	"html"
	"math"
	"strconv"
	"strings"
)

type filter func(r *render, v value, a *arguments) (value, error)

// filters are Jinja's, as far as chat templates use them; filled by init
// because some of them call others by name.
var filters map[string]filter

func init() {
	filters = map[string]filter{
		"tojson":     toJSON,
		"trim":       trimFilter,
		"upper":      stringFilter("upper"),
		"lower":      stringFilter("lower"),
		"title":      stringFilter("title"),
		"capitalize": stringFilter("capitalize"),
		"replace":    stringFilter("replace"),
		"escape":     escape,
		"e":          escape,
		"safe":       stringOf,
		"string":     stringOf,
		"format":     formatFilter,
		"indent":     indent,
		"wordcount":  wordCount,
		"length":     length,
		"count":      length,
		"default":    defaultFilter,
		"d":          defaultFilter,
		"int":        toInt,
		"float":      toFloat,
		"abs":        absolute,
		"round":      round,
		"list":       toList,
		"first":      first,
		"last":       last,
		"reverse":    reverse,
		"join":       joinFilter,
		"items":      items,
		"dictsort":   dictSort,
		"sort":       sortFilter,
		"unique":     unique,
		"min":        extreme(-1),
		"max":        extreme(1),
		"sum":        sum,
		"batch":      batch,
		"map":        mapFilter,
		"select":     selection(false, true),
		"reject":     selection(false, false),
		"selectattr": selection(true, true),
		"rejectattr": selection(true, false),
		"groupby":    groupBy,
		"attr":       attr,
	}
}

// stringFilter is the method of this name on the value as it prints.
func stringFilter(name string) filter {
	return func(r *render, v value, a *arguments) (value, error) {
		t, err := r.str(v)
		if err != nil {
			return nil, err
		}
		return stringMethods[name](r, t, a)
	}
}

func trimFilter(r *render, v value, a *arguments) (value, error) {
	return stringFilter("strip")(r, v, a)
}

func stringOf(r *render, v value, a *arguments) (value, error) {
	return r.str(v)
}

func escape(r *render, v value, a *arguments) (value, error) {
	t, err := r.str(v)
	if err != nil {
		return nil, err
	}
	return like(html.EscapeString(t.S), t), r.bytes(6 * len(t.S))
}

func toJSON(r *render, v value, a *arguments) (value, error) {
	var indent, separators value
	ascii, sorted := false, false
	if err := a.parse(0, []string{"indent", "ensure_ascii", "separators", "sort_keys"}, &indent, &ascii, &separators, &sorted); err != nil {
		return nil, err
	}
	w := writer{budget: &r.budget, json: true, item: ", ", key: ": ", quote: quoteJSON, none: "null", yes: "true", no: "false"}
	if ascii {
		w.quote = quoteASCII
	}
	switch n := indent.(type) {
	case nil:
	case int64:
		if n < 0 || n > maxNested {
			return nil, a.fail("indent must be from 0 to %d", maxNested)
		}
		w.lines, w.item, w.indent = true, ",", strings.Repeat(" ", int(n))
	case Text:
		if len(n.S) > maxNested {
			return nil, a.fail("indent is longer than %d", maxNested)
		}
		w.lines, w.item, w.indent = true, ",", n.S
	default:
		return nil, a.fail("indent can't be of type %s", typeName(indent))
	}
	if separators != nil {
		pair, err := r.unpack(separators, 2)
		if err != nil {
			return nil, err
		}
		for i, into := range []*string{&w.item, &w.key} {
			t, ok := pair[i].(Text)
			if !ok {
				return nil, a.fail("separators must be strings")
			}
			*into = t.S
		}
	}
	if sorted {
		var err error
		if v, err = r.sortKeys(v); err != nil {
			return nil, err
		}
	}
	err := w.value(v, 0)
	return w.text(), err
}

// formatFilter is "text"|format(…), with % as in Python.
func formatFilter(r *render, v value, a *arguments) (value, error) {
	t, err := r.str(v)
	if err != nil {
		return nil, err
	}
	args, err := r.newTuple(a.positional...)
	if err != nil {
		return nil, err
	}
	return r.percent(t, args)
}

func indent(r *render, v value, a *arguments) (value, error) {
	width, first, blank := value(int64(4)), false, false
	if err := a.parse(0, []string{"width", "first", "blank"}, &width, &first, &blank); err != nil {
		return nil, err
	}
	t, err := r.str(v)
	if err != nil {
		return nil, err
	}
	var pad Text
	switch w := width.(type) {
	case int64:
		if w < 0 || w > maxWidth {
			return nil, a.fail("width must be from 0 to %d", maxWidth)
		}
		pad = own(strings.Repeat(" ", int(w)))
	case Text:
		pad = w
	default:
		return nil, a.fail("width can't be of type %s", typeName(width))
	}
	lines := strings.SplitAfter(t.S, "\n")
	if _, err := r.times(int64(len(lines)), 1+len(pad.S)+len(t.Input), 1); err != nil {
		return nil, err
	}
	var b builder
	start := 0
	for i, line := range lines {
		if i > 0 && (blank || strings.TrimSuffix(line, "\n") != "") || i == 0 && first {
			b.add(pad)
		}
		b.add(t.cut(start, start+len(line)))
		start += len(line)
	}
	return b.text(), r.bytes(len(t.S))
}

func wordCount(r *render, v value, a *arguments) (value, error) {
	t, err := r.str(v)
	if err != nil {
		return nil, err
	}
	return int64(len(strings.FieldsFunc(t.S, isSpace))), r.bytes(8 * len(t.S))
}

func length(r *render, v value, a *arguments) (value, error) {
	switch v := v.(type) {
	case Text:
		return int64(characters(v.S)), r.bytes(len(v.S))
	case *list:
		return int64(len(v.items)), nil
	case *dict:
		return int64(len(v.keys)), nil
	case undefined:
		return int64(0), nil
	}
	return nil, typeError(v, "has no length")
}

func defaultFilter(r *render, v value, a *arguments) (value, error) {
	otherwise, boolean := value(Text{}), false
	if err := a.parse(0, []string{"default_value", "boolean"}, &otherwise, &boolean); err != nil {
		return nil, err
	}
	if _, ok := v.(undefined); ok || boolean && !truth(v) {
		return otherwise, nil
	}
	return v, nil
}

func toInt(r *render, v value, a *arguments) (value, error) {
	otherwise := value(int64(0))
	if err := a.parse(0, []string{"default"}, &otherwise); err != nil {
		return nil, err
	}
	if t, ok := v.(Text); ok {
		s := strings.TrimFunc(t.S, isSpace)
		if i, err := strconv.ParseInt(s, 10, 64); err == nil {
			return i, nil
		}
		f, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return otherwise, nil
		}
		v = f
	}
	i, f, isInt, ok := number(v)
	switch {
	case isInt:
		return i, nil
	case !ok || math.IsNaN(f) || math.Abs(f) >= 1<<63:
		return otherwise, nil
	}
	return int64(f), nil
}

func toFloat(r *render, v value, a *arguments) (value, error) {
	otherwise := value(0.0)
	if err := a.parse(0, []string{"default"}, &otherwise); err != nil {
		return nil, err
	}
	if t, ok := v.(Text); ok {
		if f, err := strconv.ParseFloat(strings.TrimFunc(t.S, isSpace), 64); err == nil {
			return f, nil
		}
		return otherwise, nil
	}
	if _, f, _, ok := number(v); ok {
		return f, nil
	}
	return otherwise, nil
}

func absolute(r *render, v value, a *arguments) (value, error) {
	i, f, isInt, ok := number(v)
	switch {
	case !ok:
		return nil, typeError(v, "is no number")
	case isInt && i < 0:
		return -i, nil
	case isInt:
		return i, nil
	}
	return math.Abs(f), nil
}

func round(r *render, v value, a *arguments) (value, error) {
	precision, method := int64(0), own("common")
	if err := a.parse(0, []string{"precision", "method"}, &precision, &method); err != nil {
		return nil, err
	}
	_, f, _, ok := number(v)
	if !ok {
		return nil, typeError(v, "is no number")
	}
	scale := math.Pow(10, float64(precision))
	switch method.S {
	case "common":
		if rounded, err := strconv.ParseFloat(strconv.FormatFloat(f, 'f', int(min(max(precision, 0), 300)), 64), 64); err == nil && precision >= 0 {
			return rounded, nil
		}
		return math.RoundToEven(f*scale) / scale, nil
	case "ceil":
		return math.Ceil(f*scale) / scale, nil
	case "floor":
		return math.Floor(f*scale) / scale, nil
	}
	return nil, fmt.Errorf("round: method must be common, ceil or floor")
}
