package jinja

import (
	"strings"
	"unicode"
)

type test func(r *render, v value, a *arguments) (bool, error)

// tests are Jinja's; filled by init because selection calls them by name.
var tests map[string]test

func init() {
	tests = map[string]test{
		"defined":     func(_ *render, v value, _ *arguments) (bool, error) { return !is[undefined](v), nil },
		"undefined":   func(_ *render, v value, _ *arguments) (bool, error) { return is[undefined](v), nil },
		"none":        func(_ *render, v value, _ *arguments) (bool, error) { return v == nil, nil },
		"string":      func(_ *render, v value, _ *arguments) (bool, error) { return is[Text](v), nil },
		"mapping":     func(_ *render, v value, _ *arguments) (bool, error) { return is[*dict](v), nil },
		"boolean":     func(_ *render, v value, _ *arguments) (bool, error) { return is[bool](v), nil },
		"integer":     func(_ *render, v value, _ *arguments) (bool, error) { return is[int64](v), nil },
		"float":       func(_ *render, v value, _ *arguments) (bool, error) { return is[float64](v), nil },
		"callable":    func(_ *render, v value, _ *arguments) (bool, error) { return is[function](v), nil },
		"true":        func(_ *render, v value, _ *arguments) (bool, error) { return v == true, nil },
		"false":       func(_ *render, v value, _ *arguments) (bool, error) { return v == false, nil },
		"number":      func(_ *render, v value, _ *arguments) (bool, error) { _, _, _, ok := number(v); return ok, nil },
		"sequence":    isSequence,
		"iterable":    isSequence,
		"odd":         func(_ *render, v value, _ *arguments) (bool, error) { i, err := whole(v); return i%2 != 0, err },
		"even":        func(_ *render, v value, _ *arguments) (bool, error) { i, err := whole(v); return i%2 == 0, err },
		"divisibleby": divisible,
		"upper":       letters(unicode.IsUpper, unicode.IsLower),
		"lower":       letters(unicode.IsLower, unicode.IsUpper),
		"sameas":      comparing("=="),
		"filter": func(_ *render, v value, _ *arguments) (bool, error) {
			t, _ := v.(Text)
			return filters[t.S] != nil, nil
		},
		"test": func(_ *render, v value, _ *arguments) (bool, error) { t, _ := v.(Text); return tests[t.S] != nil, nil },
	}
	for op, names := range map[string][]string{
		"==": {"eq", "equalto", "=="}, "!=": {"ne", "!="}, "<": {"lt", "lessthan", "<"}, "<=": {"le", "<="},
		">": {"gt", "greaterthan", ">"}, ">=": {"ge", ">="}, "in": {"in"},
	} {
		for _, name := range names {
			tests[name] = comparing(op)
		}
	}
}

func is[T any](v value) bool {
	_, ok := v.(T)
	return ok
}

func isSequence(_ *render, v value, _ *arguments) (bool, error) {
	switch v.(type) {
	case Text, *list, *dict, undefined:
		return true, nil
	}
	return false, nil
}

func whole(v value) (int64, error) {
	i, _, isInt, _ := number(v)
	if !isInt {
		return 0, typeError(v, "is no whole number")
	}
	return i, nil
}

func divisible(_ *render, v value, a *arguments) (bool, error) {
	by := int64(0)
	if err := a.parse(1, []string{"num"}, &by); err != nil {
		return false, err
	}
	i, err := whole(v)
	if err == nil && by == 0 {
		return false, a.fail("division by zero")
	}
	return err == nil && i%by == 0, err
}

func letters(these, those func(rune) bool) test {
	return func(r *render, v value, _ *arguments) (bool, error) {
		t, err := r.str(v)
		return strings.ContainsFunc(t.S, these) && !strings.ContainsFunc(t.S, those), err
	}
}

func comparing(op string) test {
	return func(r *render, v value, a *arguments) (bool, error) {
		var other value
		if err := a.parse(1, []string{"other"}, &other); err != nil {
			return false, err
		}
		return r.compare(op, v, other)
	}
}
