package jinja

import "fmt"

// arguments are the values of a call.
type arguments struct {
	function   string
	positional []value
	names      []string
	named      []value
	used       int // named ones that were taken
}

func (a *arguments) fail(format string, args ...any) error {
	return fmt.Errorf("%s: %s", a.function, fmt.Sprintf(format, args...))
}

// take returns a named argument and removes it; nil if there is none.
func (a *arguments) take(name string) value {
	for i, n := range a.names {
		if n == name {
			v := a.named[i]
			a.names[i] = ""
			a.used++
			return v
		}
	}
	return nil
}

// parameter is the argument at this place or of this name.
func (a *arguments) parameter(i int, name string) (value, bool) {
	if i < len(a.positional) {
		return a.positional[i], true
	}
	for _, n := range a.names {
		if n == name {
			return a.take(name), true
		}
	}
	return nil, false
}

// done is an error if there are arguments that nobody takes; positional is
// how many may have no name.
func (a *arguments) done(positional int, name string) error {
	a.function = name
	if len(a.positional) > positional {
		return a.fail("takes not more than %d arguments, got %d", positional, len(a.positional))
	}
	for _, n := range a.names {
		if n != "" {
			return a.fail("takes no argument %.40q", n)
		}
	}
	return nil
}

// parse reads the arguments into pointers to Text, int64, bool or value; what
// is not given keeps its value, and so does none. The first need of them are needed.
func (a *arguments) parse(need int, names []string, into ...any) error {
	for i, name := range names {
		v, ok := a.parameter(i, name)
		if !ok {
			if i < need {
				return a.fail("needs the argument %s", name)
			}
			continue
		}
		if u, ok := v.(undefined); ok {
			if _, any := into[i].(*value); !any {
				return u.error()
			}
		}
		switch p := into[i].(type) {
		case *value:
			*p = v
			continue
		case *bool:
			*p = truth(v)
			continue
		case *Text:
			if t, ok := v.(Text); ok {
				*p = t
				continue
			}
		case *int64:
			if n, _, isInt, _ := number(v); isInt {
				*p = n
				continue
			}
		}
		if v != nil {
			return a.fail("%s can't be of type %s", name, typeName(v))
		}
	}
	return a.done(len(names), a.function)
}

func (r *render) arguments(list argList) (*arguments, error) {
	a := &arguments{names: append([]string(nil), list.names...)}
	var err error
	if a.positional, err = r.evalAll(list.positional); err != nil {
		return nil, err
	}
	if a.named, err = r.evalAll(list.named); err != nil {
		return nil, err
	}
	return a, r.spend(len(a.positional) + len(a.named))
}

func (r *render) call(v value, a *arguments) (value, error) {
	f, ok := v.(function)
	if !ok {
		return nil, typeError(v, "can't be called")
	}
	if err := r.enter(); err != nil {
		return nil, err
	}
	defer r.leave()
	a.function = f.name
	return f.call(r, a)
}

func (e *callExpr) eval(r *render) (value, error) {
	f, err := r.eval(e.of)
	if err != nil {
		return nil, err
	}
	a, err := r.arguments(e.args)
	if err != nil {
		return nil, err
	}
	return r.call(f, a)
}

func (e *filterExpr) eval(r *render) (value, error) {
	v, err := r.eval(e.of)
	if err != nil {
		return nil, err
	}
	a, err := r.arguments(e.filter.args)
	if err != nil {
		return nil, err
	}
	return r.apply(e.filter.name, v, a)
}

// apply calls the filter of this name.
func (r *render) apply(name string, v value, a *arguments) (value, error) {
	f := filters[name]
	if f == nil {
		return nil, fmt.Errorf("unknown filter %.40q", name)
	}
	a.function = name
	return f(r, v, a)
}

func (e *testExpr) eval(r *render) (value, error) {
	v, err := r.eval(e.of)
	if err != nil {
		return nil, err
	}
	a, err := r.arguments(e.test.args)
	if err != nil {
		return nil, err
	}
	return r.check(e.test.name, v, a)
}

// check runs the test of this name.
func (r *render) check(name string, v value, a *arguments) (bool, error) {
	t := tests[name]
	if t == nil {
		return false, fmt.Errorf("unknown test %.40q", name)
	}
	a.function = name
	return t(r, v, a)
}
