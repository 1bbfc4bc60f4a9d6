package jinja

import (
	"slices"
	"strings"
)

// The filters that take and give lists.

func toList(r *render, v value, a *arguments) value { return r.newList(r.iterate(v)) }

func first(r *render, v value, a *arguments) value {
	if items := r.iterate(v); len(items) > 0 {
		return items[0]
	}
	return undefined{typeName(v), "first item"}
}

func last(r *render, v value, a *arguments) value {
	if items := r.iterate(v); len(items) > 0 {
		return items[len(items)-1]
	}
	return undefined{typeName(v), "last item"}
}

func reverse(r *render, v value, a *arguments) value {
	if t, ok := v.(Text); ok {
		step := int64(-1)
		return r.sliceText(t, [3]*int64{2: &step})
	}
	items := r.iterate(v)
	r.items(len(items))
	items = slices.Clone(items)
	slices.Reverse(items)
	return r.newList(items)
}

func joinFilter(r *render, v value, a *arguments) value {
	var sep Text
	a.parse(r, 0, []string{"d"}, &sep)
	return r.join(sep, r.iterate(v))
}

// join puts sep between the items as they print.
func (r *render) join(sep Text, items []value) Text {
	var b builder
	for i, item := range items {
		if i > 0 && sep.S != "" {
			r.text(sep)
			b.add(sep)
		}
		t := r.str(item)
		r.text(t)
		b.add(t)
	}
	return b.text()
}

func items(r *render, v value, a *arguments) value {
	switch v := v.(type) {
	case *dict:
		return r.pairs(v)
	case undefined:
		return r.newList(nil)
	}
	panic(r.typeError(v, "is no mapping"))
}

// pairs lists a dict's entries as tuples.
func (r *render) pairs(d *dict) *list {
	items := make([]value, len(d.keys))
	for i := range items {
		items[i] = r.newTuple(d.keys[i], d.values[i])
	}
	return r.newList(items)
}

// path reads a filter's attribute, "a.b" or a number, of an item; of no
// attribute it is the item.
func (r *render) path(item, attribute value) value {
	name, ok := attribute.(Text)
	switch {
	case attribute == nil:
		return item
	case !ok:
		return r.item(item, attribute)
	}
	for part := range strings.SplitSeq(name.S, ".") {
		r.bytes(len(part))
		item = r.item(item, own(part))
	}
	return item
}

// keys are what to sort or compare items by: the attribute if there is one,
// strings in lower case unless case counts.
func (r *render) keys(items []value, attribute value, caseCounts bool) []value {
	r.items(len(items))
	keys := make([]value, len(items))
	for i, item := range items {
		keys[i] = r.path(item, attribute)
		if t, ok := keys[i].(Text); ok && !caseCounts {
			r.bytes(4 * len(t.S))
			keys[i] = like(strings.ToLower(t.S), t)
		}
	}
	return keys
}

// sort returns items in the order of keys.
func (r *render) sort(items, keys []value, reverse bool) *list {
	r.items(len(items))
	places := make([]int, len(items))
	for i := range places {
		places[i] = i
	}
	slices.SortStableFunc(places, func(i, j int) int {
		r.spend(1)
		if reverse {
			i, j = j, i
		}
		return r.order(keys[i], keys[j])
	})
	sorted := make([]value, len(items))
	for i, p := range places {
		sorted[i] = items[p]
	}
	return r.newList(sorted)
}

func sortFilter(r *render, v value, a *arguments) value {
	var attribute value
	reverse, caseCounts := false, false
	a.parse(r, 0, []string{"reverse", "case_sensitive", "attribute"}, &reverse, &caseCounts, &attribute)
	items := r.iterate(v)
	return r.sort(items, r.keys(items, attribute, caseCounts), reverse)
}

// dictSort lists a dict's entries in the order of the keys.
func dictSort(r *render, v value, a *arguments) value {
	caseCounts := false
	a.parse(r, 0, []string{"case_sensitive"}, &caseCounts)
	d, ok := v.(*dict)
	if !ok {
		panic(r.typeError(v, "is no mapping"))
	}
	return r.sort(r.pairs(d).items, r.keys(d.keys, nil, caseCounts), false)
}

func unique(r *render, v value, a *arguments) value {
	var attribute value
	caseCounts := false
	a.parse(r, 0, []string{"case_sensitive", "attribute"}, &caseCounts, &attribute)
	items := r.iterate(v)
	seen := newDict()
	var kept []value
	for i, key := range r.keys(items, attribute, caseCounts) {
		if _, ok := r.get(seen, key); !ok {
			r.set(seen, key, nil)
			kept = append(kept, items[i])
		}
	}
	return r.newList(kept)
}

// mapFilter gives an attribute of each item, or what a filter makes of it.
func mapFilter(r *render, v value, a *arguments) value {
	attribute, byAttribute := a.take("attribute")
	otherwise, _ := a.take("default")
	items := r.iterate(v)
	r.items(len(items))
	mapped := make([]value, len(items))
	a.done(r, maxArguments)
	for i, item := range items {
		if !byAttribute {
			mapped[i] = r.applyNamed(filters, item, a.positional)
			continue
		}
		mapped[i] = r.path(item, attribute)
		if is[undefined](mapped[i]) && otherwise != nil {
			mapped[i] = otherwise
		}
	}
	return r.newList(mapped)
}

// selection keeps the items, or those with an attribute, that pass a test
// (or, if keep is false, those that don't).
func selection(byAttribute, keep bool) method {
	return func(r *render, v value, a *arguments) value {
		args := a.positional
		var attribute value
		if byAttribute {
			if len(args) == 0 {
				panic(a.errorf(r, "needs an attribute"))
			}
			attribute, args = args[0], args[1:]
		}
		var kept []value
		for _, item := range r.iterate(v) {
			r.spend(1)
			of := r.path(item, attribute)
			passes := truth(of)
			if len(args) > 0 {
				passes = r.applyNamed(tests, of, args).(bool)
			}
			if passes == keep {
				kept = append(kept, item)
			}
		}
		return r.newList(kept)
	}
}
