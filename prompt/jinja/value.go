package jinja

import (
	"fmt"
	"math"
)

// A value is nil (none), bool, int64, float64, Text, *list, *dict,
// *namespace, function or undefined. Only a namespace can change, and nothing
// looks into one but its owner, so that no value contains itself.
type value any

// undefined stands for what is not there; why says what.
type undefined struct{ why string }

func (u undefined) error() error { return fmt.Errorf("%s", u.why) }

// list is a list or a tuple.
type list struct {
	items []value
	tuple bool
	depth int // of lists and dicts in each other
}

// dict keeps its keys in order.
type dict struct {
	keys, values []value
	index        map[any]int // hashable key → position
	depth        int
}

type namespace struct{ vars map[string]value }

// function is what can be called.
type function struct {
	name string
	call func(r *render, a *arguments) (value, error)
}

// Pair is an entry of a Dict.
type Pair struct {
	Key   string
	Value any
}

// Dict is a variable's mapping in its order. Others are Text, string (the
// template's own), bool, int, nil and []any.
type Dict []Pair

// valueOf converts a variable.
func valueOf(v any) (value, error) {
	switch v := v.(type) {
	case nil, bool, Text:
		return v, nil
	case string:
		return own(v), nil
	case int:
		return int64(v), nil
	case []any:
		l := &list{depth: 2} // variables nest as far as their makers nest them
		for _, item := range v {
			x, err := valueOf(item)
			if err != nil {
				return nil, err
			}
			l.items = append(l.items, x)
		}
		return l, nil
	case Dict:
		d := newDict()
		for _, p := range v {
			x, err := valueOf(p.Value)
			if err != nil {
				return nil, err
			}
			d.put(own(p.Key), p.Key, x)
		}
		return d, nil
	}
	return nil, fmt.Errorf("a variable of type %T", v)
}

// newList pays for a list. It is an error if lists are nested too far.
func (b *budget) newList(items []value) (*list, error) {
	l := &list{items: items, depth: 1}
	for _, item := range items {
		l.depth = max(l.depth, depth(item)+1)
	}
	if l.depth > maxNested {
		return nil, fmt.Errorf("lists are nested more than %d deep", maxNested)
	}
	return l, b.items(len(items))
}

func (b *budget) newTuple(items ...value) (*list, error) {
	l, err := b.newList(items)
	if err == nil {
		l.tuple = true
	}
	return l, err
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

// set pays for an entry.
func (b *budget) set(d *dict, key, v value) error {
	h, err := hash(key)
	if err != nil {
		return err
	}
	d.put(key, h, v)
	if d.depth > maxNested {
		return fmt.Errorf("dicts are nested more than %d deep", maxNested)
	}
	return b.spend(2 * itemSteps)
}

func (d *dict) put(key value, hash any, v value) {
	if i, ok := d.index[hash]; ok {
		d.values[i] = v
	} else {
		d.index[hash] = len(d.keys)
		d.keys, d.values = append(d.keys, key), append(d.values, v)
	}
	d.depth = max(d.depth, depth(v)+1)
}

func (d *dict) get(key value) (value, bool) {
	h, err := hash(key)
	if err != nil {
		return nil, false
	}
	i, ok := d.index[h]
	if !ok {
		return nil, false
	}
	return d.values[i], true
}

// hash is a comparable stand-in of a key: equal keys have the same.
func hash(key value) (any, error) {
	switch k := key.(type) {
	case nil, int64, undefined:
		return k, nil
	case bool:
		if k {
			return int64(1), nil
		}
		return int64(0), nil
	case float64:
		if k == math.Trunc(k) && math.Abs(k) < 1<<53 {
			return int64(k), nil
		}
		return k, nil
	case Text:
		return k.S, nil
	}
	return nil, fmt.Errorf("%s can't be a key", typeName(key))
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
