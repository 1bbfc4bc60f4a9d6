package jinja

import (
	"fmt"
	"unicode/utf8"
)

// eval computes an expression.
func (r *render) eval(e expr) value {
	v := r.evalMissing(e)
	if r.strict {
		r.defined(v)
	}
	return v
}

// evalMissing is eval for what may be undefined, also where a render is strict.
func (r *render) evalMissing(e expr) value {
	r.enter()
	v := e.eval(r)
	r.leave()
	return v
}

func (r *render) evalAll(list []expr) []value {
	values := make([]value, len(list))
	for i, e := range list {
		values[i] = r.eval(e)
	}
	return values
}

func (e *constExpr) eval(*render) value { return e.value }

func (e *bodyExpr) eval(r *render) value { return r.capture(e.nodes) }

func (e *nameExpr) eval(r *render) value {
	if v, ok := r.scope.get(e.name); ok {
		return v
	}
	return undefined{"", e.name}
}

func (e *listExpr) eval(r *render) value {
	l := r.newList(r.evalAll(e.items))
	l.tuple = e.tuple
	return l
}

func (e *dictExpr) eval(r *render) value {
	d := newDict()
	for i := range e.keys {
		r.set(d, r.eval(e.keys[i]), r.eval(e.values[i]))
	}
	return d
}

func (e *condExpr) eval(r *render) value {
	switch {
	case truth(r.eval(e.test)):
		return r.eval(e.then)
	case e.otherwise == nil && r.strict:
		return Text{}
	case e.otherwise == nil:
		return undefined{"", "the else of an inline if"}
	}
	return r.eval(e.otherwise)
}

// attribute is what v has by itself: methods, a namespace's variables.
func attribute(v value, name string) (value, bool) {
	switch v := v.(type) {
	case Text:
		return bound(stringMethods, v, name)
	case *dict:
		return bound(dictMethods, v, name)
	case *list:
		return bound(listMethods, v, name)
	case *namespace:
		x, ok := v.vars[name]
		return x, ok
	case *loop:
		return v.attribute(name)
	}
	return nil, false
}

// bound is the method of this name as a function.
func bound[T value](methods map[string]func(*render, T, *arguments) value, v T, name string) (value, bool) {
	m, ok := methods[name]
	if !ok {
		return nil, false
	}
	return function{name, func(r *render, a *arguments) value { return m(r, v, a) }}, true
}

// defined fails for what is undefined.
func (r *render) defined(v value) value {
	if u, ok := v.(undefined); ok {
		panic(r.errorf("%v", u))
	}
	return v
}

// eval is an attribute, else an item.
func (e *attrExpr) eval(r *render) value {
	of := r.defined(r.eval(e.of))
	if x, ok := attribute(of, e.name); ok {
		return x
	}
	if d, ok := of.(*dict); ok {
		if x, ok := r.get(d, own(e.name)); ok {
			return x
		}
	}
	return undefined{typeName(of), e.name}
}

func (e *itemExpr) eval(r *render) value { return r.item(r.eval(e.of), r.eval(e.key)) }

// item is v[key]: an item, else an attribute.
func (r *render) item(v, key value) value {
	i, _, isInt, _ := number(key)
	switch v := r.defined(v).(type) {
	case *dict:
		if x, ok := r.get(v, key); ok {
			return x
		}
	case *list:
		if j, ok := index(i, len(v.items)); ok && isInt {
			return v.items[j]
		}
	case Text:
		r.text(v)
		if j, ok := index(i, characters(v.S)); ok && isInt {
			start := offset(v.S, j)
			return v.cut(start, start+offset(v.S[start:], 1))
		}
	}
	name, ok := key.(Text)
	if !ok {
		return undefined{typeName(v), fmt.Sprint(i)}
	}
	r.bytes(len(name.S))
	if x, ok := attribute(v, name.S); ok {
		return x
	}
	return undefined{typeName(v), name.S}
}

// index counts negative positions from the end.
func index(i int64, n int) (int, bool) {
	if i < 0 {
		i += int64(n)
	}
	return int(i), i >= 0 && i < int64(n)
}

func (e *sliceExpr) eval(r *render) value {
	of := r.eval(e.of)
	var bounds [3]*int64
	for i, b := range e.bounds {
		if b == nil {
			continue
		}
		if v := r.eval(b); v != nil {
			n := r.whole(v)
			bounds[i] = &n
		}
	}
	switch v := of.(type) {
	case Text:
		return r.sliceText(v, bounds)
	case *list:
		picked := r.picks(len(v.items), bounds)
		items := make([]value, len(picked))
		for i, at := range picked {
			items[i] = v.items[at]
		}
		l := r.newList(items)
		l.tuple = v.tuple
		return l
	}
	panic(r.typeError(of, "can't be sliced"))
}

func (r *render) sliceText(t Text, bounds [3]*int64) value {
	r.spend(len(t.Input))
	picked := r.picks(characters(t.S), bounds)
	if len(picked) == 0 {
		return Text{}
	}
	if bounds[2] == nil || *bounds[2] == 1 {
		start := offset(t.S, picked[0])
		return t.cut(start, start+offset(t.S[start:], len(picked)))
	}
	starts := make([]int, 0, len(t.S))
	for i := range t.S {
		starts = append(starts, i)
	}
	s := make([]byte, 0, len(t.S))
	for _, at := range picked {
		_, size := utf8.DecodeRuneInString(t.S[starts[at]:])
		s = append(s, t.S[starts[at]:starts[at]+size]...)
	}
	return like(string(s), t)
}

// picks pays for and returns the positions that Python's slice takes of n.
func (r *render) picks(n int, bounds [3]*int64) (picked []int) {
	r.items(n)
	step := int64(1)
	if bounds[2] != nil {
		step = *bounds[2]
	}
	if step == 0 {
		panic(r.errorf("slice step cannot be zero"))
	}
	low, high := int64(0), int64(n) // where it may begin and end
	if step < 0 {
		low, high = -1, int64(n-1)
	}
	clamp := func(b *int64, otherwise int64) int64 {
		if b == nil {
			return otherwise
		}
		i := *b
		if i < 0 {
			i += int64(n)
		}
		return min(max(i, low), high)
	}
	first, end := clamp(bounds[0], low), clamp(bounds[1], high)
	if step < 0 {
		first, end = clamp(bounds[0], high), clamp(bounds[1], low)
	}
	for i := first; step > 0 && i < end || step < 0 && i > end; i += step {
		picked = append(picked, int(i))
		if step > int64(n) || step < -int64(n) {
			break
		}
	}
	return picked
}
