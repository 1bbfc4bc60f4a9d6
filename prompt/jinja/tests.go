package jinja

// tests are Jinja's, as far as chat templates use them; they give a bool.
var tests table

func init() {
	tests = table{"test", map[string]method{
		"defined":   func(_ *render, v value, _ *arguments) value { return !is[undefined](v) },
		"undefined": isA[undefined],
		"none":      func(_ *render, v value, _ *arguments) value { return v == nil },
		"string":    isA[Text],
		"mapping":   isA[*dict],
		"boolean":   isA[bool],
		"integer":   isA[int64],
		"float":     isA[float64],
		"callable":  isA[function],
		"number":    func(_ *render, v value, _ *arguments) value { _, _, _, ok := number(v); return ok },
		"true":      func(_ *render, v value, _ *arguments) value { return v == true },
		"false":     func(_ *render, v value, _ *arguments) value { return v == false },
		"sequence":  isSequence,
		"iterable":  isSequence,
		"odd":       func(r *render, v value, _ *arguments) value { return r.whole(v)%2 != 0 },
		"even":      func(r *render, v value, _ *arguments) value { return r.whole(v)%2 == 0 },
		"sameas":    comparing("=="),
	}, []string{"defined", "undefined"}}
	for op, names := range map[string][]string{
		"==": {"eq", "equalto", "=="}, "!=": {"ne", "!="}, "<": {"lt", "lessthan", "<"}, "<=": {"le", "<="},
		">": {"gt", "greaterthan", ">"}, ">=": {"ge", ">="}, "in": {"in"},
	} {
		for _, name := range names {
			tests.methods[name] = comparing(op)
		}
	}
}

func is[T any](v value) bool {
	_, ok := v.(T)
	return ok
}

func isA[T any](_ *render, v value, _ *arguments) value { return is[T](v) }

func isSequence(_ *render, v value, _ *arguments) value {
	return is[Text](v) || is[*list](v) || is[*dict](v) || is[undefined](v)
}

func comparing(op string) method {
	return func(r *render, v value, a *arguments) value {
		var other value
		a.parse(r, 1, []string{"other"}, &other)
		return r.compare(op, v, other)
	}
}
