package jinja

import "slices"

// arguments are the values of a call.
type arguments struct {
	function   string
	positional []value
	names      []string // "": taken
	named      []value
}

func (a *arguments) errorf(r *render, format string, args ...any) *failure {
	f := r.errorf(format, args...)
	f.text = a.function + ": " + f.text
	return f
}

// take returns a named argument and removes it.
func (a *arguments) take(name string) (value, bool) {
	for i, n := range a.names {
		if n == name {
			a.names[i] = ""
			return a.named[i], true
		}
	}
	return nil, false
}

// parameter is the argument at this place or of this name.
func (a *arguments) parameter(i int, name string) (value, bool) {
	if i < len(a.positional) {
		return a.positional[i], true
	}
	return a.take(name)
}

// done fails if there are arguments that nobody takes; positional is how many
// may have no name.
func (a *arguments) done(r *render, positional int) {
	if len(a.positional) > positional {
		panic(a.errorf(r, "takes not more than %d arguments, got %d", positional, len(a.positional)))
	}
	for _, n := range a.names {
		if n != "" {
			panic(a.errorf(r, "the argument %.40q is not supported", n))
		}
	}
}

// parse reads the arguments into pointers to Text, int64, bool or value; what
// is not given keeps its value, and so does none. The first need of them are needed.
func (a *arguments) parse(r *render, need int, names []string, into ...any) {
	for i, name := range names {
		v, ok := a.parameter(i, name)
		switch {
		case ok:
			a.convert(r, name, v, into[i])
		case i < need:
			panic(a.errorf(r, "needs the argument %s", name))
		}
	}
	a.done(r, len(names))
}

func (a *arguments) convert(r *render, name string, v value, into any) {
	switch p := into.(type) {
	case *value:
		*p = v
		return
	case *bool:
		*p = truth(r.defined(v))
		return
	case *Text:
		if t, ok := v.(Text); ok {
			*p = t
			return
		}
	case *int64:
		if n, _, isInt, _ := number(v); isInt {
			*p = n
			return
		}
	}
	if v != nil {
		panic(a.errorf(r, "%s can't be of type %s", name, typeName(r.defined(v))))
	}
}

func (r *render) arguments(function string, list argList) *arguments {
	return &arguments{function, r.evalAll(list.positional), append([]string(nil), list.names...), r.evalAll(list.named)}
}

func (e *callExpr) eval(r *render) value {
	v := r.eval(e.of)
	f, ok := v.(function)
	if !ok {
		panic(r.typeError(v, "can't be called"))
	}
	a := r.arguments(f.name, e.args)
	r.enter()
	result := f.call(r, a)
	r.leave()
	return result
}

// method is a filter, or a test, which gives a bool.
type method func(r *render, v value, a *arguments) value

// table is all filters or all tests.
type table struct {
	kind    string
	methods map[string]method
	missing []string // of methods, those that are for what is undefined
}

func (e *applyExpr) eval(r *render) value {
	eval := r.eval
	if slices.Contains(e.table.missing, e.name) {
		eval = r.evalMissing
	}
	v := eval(e.of)
	return r.apply(e.table, v, r.arguments(e.name, e.args))
}

// apply calls the filter or test that a names.
func (r *render) apply(t table, v value, a *arguments) value {
	m := t.methods[a.function]
	if m == nil {
		panic(r.errorf("the %s %.40q is not supported", t.kind, a.function))
	}
	r.enter()
	result := m(r, v, a)
	r.leave()
	return result
}

// applyNamed is apply with the name, a text, in front of args.
func (r *render) applyNamed(t table, v value, args []value) value {
	if len(args) == 0 {
		panic(r.errorf("the name of a %s is missing", t.kind))
	}
	name, ok := args[0].(Text)
	if !ok {
		panic(r.typeError(args[0], "is no name of a "+t.kind))
	}
	return r.apply(t, v, &arguments{function: name.S, positional: args[1:]})
}
