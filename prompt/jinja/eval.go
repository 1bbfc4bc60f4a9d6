package jinja

import (
	"fmt"
	"unicode/utf8"
)

// eval computes an expression.
func (r *render) eval(e expr) (value, error) {
	if err := r.enter(); err != nil {
		return nil, err
	}
	v, err := e.eval(r)
	r.leave()
	return v, err
}

func typeError(v value, what string) error {
	if u, ok := v.(undefined); ok {
		return u.error()
	}
	return fmt.Errorf("%s %s", typeName(v), what)
}

// runeBytes is the length of the character r at the start of s.
func runeBytes(s string, r rune) int {
	if r == utf8.RuneError {
		_, n := utf8.DecodeRuneInString(s)
		return n
	}
	return utf8.RuneLen(r)
}

func (e *constExpr) eval(*render) (value, error) { return e.value, nil }

func (e *nameExpr) eval(r *render) (value, error) {
	if v, ok := r.scope.get(e.name); ok {
		return v, nil
	}
	return undefined{fmt.Sprintf("'%s' is undefined", e.name)}, nil
}

func (r *render) evalAll(list []expr) ([]value, error) {
	values := make([]value, len(list))
	for i, e := range list {
		v, err := r.eval(e)
		if err != nil {
			return nil, err
		}
		values[i] = v
	}
	return values, nil
}

func (e *listExpr) eval(r *render) (value, error) {
	items, err := r.evalAll(e.items)
	if err != nil {
		return nil, err
	}
	l, err := r.newList(items)
	if err != nil {
		return nil, err
	}
	l.tuple = e.tuple
	return l, nil
}

func (e *dictExpr) eval(r *render) (value, error) {
	d := newDict()
	for i := range e.keys {
		key, err := r.eval(e.keys[i])
		if err != nil {
			return nil, err
		}
		v, err := r.eval(e.values[i])
		if err != nil {
			return nil, err
		}
		if err := r.set(d, key, v); err != nil {
			return nil, err
		}
	}
	return d, nil
}

func (e *condExpr) eval(r *render) (value, error) {
	test, err := r.eval(e.test)
	switch {
	case err != nil:
		return nil, err
	case truth(test):
		return r.eval(e.then)
	case e.otherwise == nil:
		return undefined{"the inline if-expression evaluated to false and no else section was defined"}, nil
	}
	return r.eval(e.otherwise)
}

// attribute is what v has by itself: methods, a namespace's variables.
func (r *render) attribute(v value, name string) (value, bool) {
	switch v := v.(type) {
	case Text:
		if m, ok := stringMethods[name]; ok {
			return function{name, func(r *render, a *arguments) (value, error) { return m(r, v, a) }}, true
		}
	case *dict:
		if m, ok := dictMethods[name]; ok {
			return function{name, func(r *render, a *arguments) (value, error) { return m(r, v, a) }}, true
		}
	case *list:
		if m, ok := listMethods[name]; ok {
			return function{name, func(r *render, a *arguments) (value, error) { return m(r, v, a) }}, true
		}
	case *namespace:
		x, ok := v.vars[name]
		return x, ok
	case *loop:
		return v.attribute(name)
	case *cycler:
		return v.attribute(name)
	}
	return nil, false
}

func (e *attrExpr) eval(r *render) (value, error) {
	of, err := r.eval(e.of)
	if err != nil {
		return nil, err
	}
	return r.member(of, e.name)
}

// member is v.name: an attribute, else an item.
func (r *render) member(v value, name string) (value, error) {
	if u, ok := v.(undefined); ok {
		return nil, u.error()
	}
	if x, ok := r.attribute(v, name); ok {
		return x, nil
	}
	if d, ok := v.(*dict); ok {
		if x, ok := d.get(own(name)); ok {
			return x, nil
		}
	}
	return undefined{fmt.Sprintf("'%s object' has no attribute '%s'", typeName(v), name)}, nil
}

func (e *itemExpr) eval(r *render) (value, error) {
	of, err := r.eval(e.of)
	if err != nil {
		return nil, err
	}
	key, err := r.eval(e.key)
	if err != nil {
		return nil, err
	}
	return r.item(of, key)
}

// item is v[key]: an item, else an attribute.
func (r *render) item(v, key value) (value, error) {
	if u, ok := v.(undefined); ok {
		return nil, u.error()
	}
	i, _, isInt, _ := number(key)
	switch v := v.(type) {
	case *dict:
		if x, ok := v.get(key); ok {
			return x, nil
		}
	case *list:
		if j, ok := index(i, len(v.items)); ok && isInt {
			return v.items[j], nil
		}
	case Text:
		if err := r.bytes(len(v.S)); err != nil {
			return nil, err
		}
		if j, ok := index(i, characters(v.S)); ok && isInt {
			start := offset(v.S, j)
			return v.cut(start, start+offset(v.S[start:], 1)), nil
		}
	}
	if name, ok := key.(Text); ok {
		if x, ok := r.attribute(v, name.S); ok {
			return x, nil
		}
		return undefined{fmt.Sprintf("'%s object' has no attribute '%.40s'", typeName(v), name.S)}, nil
	}
	return undefined{fmt.Sprintf("%s object has no such element", typeName(v))}, nil
}

// index counts negative positions from the end.
func index(i int64, n int) (int, bool) {
	if i < 0 {
		i += int64(n)
	}
	return int(i), i >= 0 && i < int64(n)
}

func (e *sliceExpr) eval(r *render) (value, error) {
	of, err := r.eval(e.of)
	if err != nil {
		return nil, err
	}
	var bounds [3]*int64
	for i, e := range []expr{e.start, e.stop, e.step} {
		if e == nil {
			continue
		}
		v, err := r.eval(e)
		if err != nil {
			return nil, err
		}
		if n, _, isInt, _ := number(v); isInt {
			bounds[i] = &n
		} else if v != nil {
			return nil, typeError(v, "is no slice index")
		}
	}
	switch v := of.(type) {
	case Text:
		return r.sliceText(v, bounds)
	case *list:
		picked, err := picks(len(v.items), bounds)
		if err != nil {
			return nil, err
		}
		items := make([]value, len(picked))
		for i, at := range picked {
			items[i] = v.items[at]
		}
		l, err := r.newList(items)
		if err != nil {
			return nil, err
		}
		l.tuple = v.tuple
		return l, nil
	}
	return nil, typeError(of, "can't be sliced")
}

func (r *render) sliceText(t Text, bounds [3]*int64) (value, error) {
	n := characters(t.S)
	if err := r.items(n); err != nil {
		return nil, err
	}
	picked, err := picks(n, bounds)
	if err != nil || len(picked) == 0 {
		return Text{}, err
	}
	if bounds[2] == nil || *bounds[2] == 1 {
		start := offset(t.S, picked[0])
		return t.cut(start, start+offset(t.S[start:], len(picked))), nil
	}
	starts := make([]int, 0, n+1)
	for i := range t.S {
		starts = append(starts, i)
	}
	starts = append(starts, len(t.S))
	s := make([]byte, 0, len(t.S))
	for _, at := range picked {
		s = append(s, t.S[starts[at]:starts[at+1]]...)
	}
	return like(string(s), t), nil
}

// picks are the positions that Python's slice takes of n.
func picks(n int, bounds [3]*int64) ([]int, error) {
	step := int64(1)
	if bounds[2] != nil {
		step = *bounds[2]
	}
	if step == 0 {
		return nil, fmt.Errorf("slice step cannot be zero")
	}
	first, end := int64(0), int64(n)
	if step < 0 {
		first, end = int64(n-1), -1
	}
	clamp := func(b *int64, otherwise int64) int64 {
		if b == nil {
			return otherwise
		}
		i := *b
		if i < 0 {
			i = max(i+int64(n), -1)
			if step > 0 {
				i = max(i, 0)
			}
		}
		if step < 0 {
			return min(i, int64(n-1))
		}
		return min(i, int64(n))
	}
	first, end = clamp(bounds[0], first), clamp(bounds[1], end)
	var picked []int
	for i := first; step > 0 && i < end || step < 0 && i > end; {
		picked = append(picked, int(i))
		if i += step; i < -1 || i > int64(n) {
			break
		}
	}
	return picked, nil
}
