package jinja

import (
	"fmt"
	"math"
)

// A value is nil (none), bool, int64, float64 (finite), Text, *list, *dict,
// *namespace, *loop, function or undefined. Only a namespace can change, and
// nothing looks into one but its owner, so that no value contains itself.
type value any

// undefined stands for what is not there: a variable, or of the owner a part.
type undefined struct{ owner, name string }

func (u undefined) String() string {
	if u.owner == "" {
		return fmt.Sprintf("'%.40s' is undefined", u.name)
	}
	return fmt.Sprintf("'%s object' has no attribute '%.40s'", u.owner, u.name)
}

// list is a list or a tuple.
type list struct {
	items []value
	tuple bool
	depth int // of lists and dicts in each other
}

// dict keeps its keys in order.
type dict struct {
	keys, values []value
	index        map[any]int // hash of a key → position
	depth        int
}

type namespace struct{ vars map[string]value }

// function is what can be called.
type function struct {
	name string
	call func(r *render, a *arguments) value
}

// Pair is an entry of a Dict.
type Pair struct {
	Key   string
	Value any
}

// Dict is a variable's mapping in its order. Others are Text, string (the
// template's own), bool, int, int64, float64 (finite), nil, []any and what FromJSON makes.
type Dict []Pair

// valueOf converts a variable.
func (r *render) valueOf(v any) value {
	switch v := v.(type) {
	case nil, bool, int64, float64, Text:
		return v
	case string:
		return own(v)
	case int:
		return int64(v)
	case []any:
		items := make([]value, len(v))
		for i, item := range v {
			items[i] = r.valueOf(item)
		}
		return r.newList(items)
	case Dict:
		d := newDict()
		for _, p := range v {
			r.set(d, own(p.Key), r.valueOf(p.Value))
		}
		return d
	case data:
		d := newDict()
		for _, p := range v {
			r.set(d, Input(p.Key), r.valueOf(p.Value))
		}
		return d
	}
	panic(r.errorf("a variable of type %T", v))
}

// newList pays for a list.
func (r *render) newList(items []value) *list {
	r.items(len(items))
	l := &list{items: items, depth: 1}
	for _, item := range items {
		l.depth = max(l.depth, depth(item)+1)
	}
	r.nesting(l.depth)
	return l
}

func (r *render) newTuple(items ...value) *list {
	l := r.newList(items)
	l.tuple = true
	return l
}

func (r *render) nesting(depth int) {
	if depth > maxNested {
		panic(r.errorf("lists are nested more than %d deep", maxNested))
	}
}

func depth(v value) int {
	switch v := v.(type) {
	case *list:
		return v.depth
	case *dict:
		return v.depth
	}
	return 0
}

func newDict() *dict { return &dict{index: map[any]int{}, depth: 1} }

// set pays for an entry and makes it.
func (r *render) set(d *dict, key, v value) {
	r.spend(2 * itemSteps)
	h, ok := r.hash(key)
	if !ok {
		panic(r.errorf("%s can't be a key", typeName(key)))
	}
	if i, ok := d.index[h]; ok {
		d.values[i] = v
	} else {
		d.index[h] = len(d.keys)
		d.keys, d.values = append(d.keys, key), append(d.values, v)
	}
	d.depth = max(d.depth, depth(v)+1)
	r.nesting(d.depth)
}

func (r *render) get(d *dict, key value) (value, bool) {
	h, ok := r.hash(key)
	if !ok {
		return nil, false
	}
	i, ok := d.index[h]
	if !ok {
		return nil, false
	}
	return d.values[i], true
}

// hash is a comparable stand-in of a key: equal keys have the same.
func (r *render) hash(key value) (any, bool) {
	switch k := key.(type) {
	case nil:
		return k, true
	case Text:
		r.bytes(len(k.S))
		return k.S, true
	}
	i, f, isInt, ok := number(key)
	switch {
	case isInt:
		return i, true
	case ok && f == math.Trunc(f) && math.Abs(f) < 1<<53:
		return int64(f), true
	}
	return f, ok
}

// typeName is Python's name of a value's type.
func typeName(v value) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		return "bool"
	case int64:
		return "int"
	case float64:
		return "float"
	case Text:
		return "str"
	case *list:
		if v.tuple {
			return "tuple"
		}
		return "list"
	case *dict:
		return "dict"
	case undefined:
		return "Undefined"
	case *namespace:
		return "Namespace"
	case *loop:
		return "LoopContext"
	}
	return "function"
}

func truth(v value) bool {
	switch v := v.(type) {
	case nil, undefined:
		return false
	case bool:
		return v
	case int64:
		return v != 0
	case float64:
		return v != 0
	case Text:
		return v.S != ""
	case *list:
		return len(v.items) > 0
	case *dict:
		return len(v.keys) > 0
	}
	return true
}

// number takes a bool for 0 or 1, as Python does.
func number(v value) (i int64, f float64, isInt, ok bool) {
	switch v := v.(type) {
	case bool:
		if v {
			return 1, 1, true, true
		}
		return 0, 0, true, true
	case int64:
		return v, float64(v), true, true
	case float64:
		return 0, v, false, true
	}
	return 0, 0, false, false
}

// whole returns a whole number.
func (r *render) whole(v value) int64 {
	i, _, isInt, _ := number(v)
	if !isInt {
		panic(r.typeError(v, "is no whole number"))
	}
	return i
}

func (r *render) typeError(v value, what string) *failure {
	if u, ok := v.(undefined); ok {
		return r.errorf("%v", u)
	}
	return r.errorf("%s %s", typeName(v), what)
}
