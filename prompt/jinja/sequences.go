package jinja

import (
	"fmt"
	"slices"
	"strings"
)

// The filters that take and give lists.

func toList(r *render, v value, a *arguments) (value, error) {
	list, err := r.iterate(v)
	if err != nil {
		return nil, err
	}
	return r.newList(list)
}

func first(r *render, v value, a *arguments) (value, error) {
	list, err := r.iterate(v)
	if err != nil || len(list) == 0 {
		return undefined{"No first item, sequence was empty."}, err
	}
	return list[0], nil
}

func last(r *render, v value, a *arguments) (value, error) {
	list, err := r.iterate(v)
	if err != nil || len(list) == 0 {
		return undefined{"No last item, sequence was empty."}, err
	}
	return list[len(list)-1], nil
}

func reverse(r *render, v value, a *arguments) (value, error) {
	if t, ok := v.(Text); ok {
		chars := []rune(t.S)
		slices.Reverse(chars)
		return like(string(chars), t), r.bytes(8 * len(t.S))
	}
	list, err := r.iterate(v)
	if err != nil {
		return nil, err
	}
	list = slices.Clone(list)
	slices.Reverse(list)
	return r.newList(list)
}

// path reads a filter's attribute, "a.b" or a number, of an item.
func (r *render) path(item, attribute value) (value, error) {
	name, ok := attribute.(Text)
	if !ok {
		return r.item(item, attribute)
	}
	for part := range strings.SplitSeq(name.S, ".") {
		if err := r.spend(1); err != nil {
			return nil, err
		}
		key := value(own(part))
		if i, err := toInt(r, key, &arguments{positional: []value{nil}}); err == nil && i != nil {
			key = i
		}
		var err error
		if item, err = r.item(item, key); err != nil {
			return nil, err
		}
	}
	return item, nil
}

// sortedBy returns what to sort or compare items by: the attribute if there is
// one, strings in lower case unless case counts.
func (r *render) sortedBy(items []value, attribute value, caseCounts bool) ([]value, error) {
	keys := make([]value, len(items))
	for i, item := range items {
		if attribute != nil {
			var err error
			if item, err = r.path(item, attribute); err != nil {
				return nil, err
			}
		}
		if t, ok := item.(Text); ok && !caseCounts {
			if err := r.bytes(len(t.S)); err != nil {
				return nil, err
			}
			item = own(strings.ToLower(t.S))
		}
		keys[i] = item
	}
	return keys, r.items(len(keys))
}

func joinFilter(r *render, v value, a *arguments) (value, error) {
	var sep Text
	var attribute value
	if err := a.parse(0, []string{"d", "attribute"}, &sep, &attribute); err != nil {
		return nil, err
	}
	list, err := r.iterate(v)
	if err != nil {
		return nil, err
	}
	if attribute != nil {
		if list, err = r.sortedBy(list, attribute, true); err != nil {
			return nil, err
		}
	}
	return r.join(sep, list)
}

func items(r *render, v value, a *arguments) (value, error) {
	switch v := v.(type) {
	case *dict:
		return r.pairs(v)
	case undefined:
		return r.newList(nil)
	}
	return nil, typeError(v, "is no mapping")
}

// sort returns items in the order of keys.
func (r *render) sort(items, keys []value, reverse bool) ([]value, error) {
	places := make([]int, len(items))
	for i := range places {
		places[i] = i
	}
	var failed error
	slices.SortStableFunc(places, func(i, j int) int {
		if failed != nil {
			return 0
		}
		c, err := r.order(keys[i], keys[j])
		if err == nil {
			err = r.spend(1)
		}
		failed = err
		if reverse {
			return -c
		}
		return c
	})
	sorted := make([]value, len(items))
	for i, p := range places {
		sorted[i] = items[p]
	}
	return sorted, failed
}

func sortFilter(r *render, v value, a *arguments) (value, error) {
	var attribute value
	reverse, caseCounts := false, false
	if err := a.parse(0, []string{"reverse", "case_sensitive", "attribute"}, &reverse, &caseCounts, &attribute); err != nil {
		return nil, err
	}
	list, err := r.iterate(v)
	if err != nil {
		return nil, err
	}
	keys, err := r.sortedBy(list, attribute, caseCounts)
	if err != nil {
		return nil, err
	}
	if list, err = r.sort(list, keys, reverse); err != nil {
		return nil, err
	}
	return r.newList(list)
}

func dictSort(r *render, v value, a *arguments) (value, error) {
	caseCounts, by, reverse := false, own("key"), false
	if err := a.parse(0, []string{"case_sensitive", "by", "reverse"}, &caseCounts, &by, &reverse); err != nil {
		return nil, err
	}
	d, ok := v.(*dict)
	if !ok {
		return nil, typeError(v, "is no mapping")
	}
	from := d.keys
	if by.S == "value" {
		from = d.values
	}
	keys, err := r.sortedBy(from, nil, caseCounts)
	if err != nil {
		return nil, err
	}
	pairs, err := r.pairs(d)
	if err != nil {
		return nil, err
	}
	sorted, err := r.sort(pairs.(*list).items, keys, reverse)
	if err != nil {
		return nil, err
	}
	return r.newList(sorted)
}

// sortKeys returns v with the keys of all its dicts in order.
func (r *render) sortKeys(v value) (value, error) {
	if err := r.enter(); err != nil {
		return nil, err
	}
	defer r.leave()
	switch v := v.(type) {
	case *list:
		n := &list{tuple: v.tuple, depth: v.depth}
		for _, item := range v.items {
			x, err := r.sortKeys(item)
			if err != nil {
				return nil, err
			}
			n.items = append(n.items, x)
		}
		return n, r.items(len(n.items))
	case *dict:
		keys, err := r.sort(v.keys, v.keys, false)
		if err != nil {
			return nil, err
		}
		n := newDict()
		for _, key := range keys {
			x, _ := v.get(key)
			if x, err = r.sortKeys(x); err != nil {
				return nil, err
			}
			if err := r.set(n, key, x); err != nil {
				return nil, err
			}
		}
		return n, nil
	}
	return v, nil
}

func unique(r *render, v value, a *arguments) (value, error) {
	var attribute value
	caseCounts := false
	if err := a.parse(0, []string{"case_sensitive", "attribute"}, &caseCounts, &attribute); err != nil {
		return nil, err
	}
	list, err := r.iterate(v)
	if err != nil {
		return nil, err
	}
	keys, err := r.sortedBy(list, attribute, caseCounts)
	if err != nil {
		return nil, err
	}
	seen := map[any]bool{}
	var kept []value
	for i, item := range list {
		h, err := hash(keys[i])
		if err != nil {
			return nil, err
		}
		if !seen[h] {
			seen[h] = true
			kept = append(kept, item)
		}
	}
	return r.newList(kept)
}

// extreme is min (-1) or max (1).
func extreme(sign int) filter {
	return func(r *render, v value, a *arguments) (value, error) {
		var attribute value
		caseCounts := false
		if err := a.parse(0, []string{"case_sensitive", "attribute"}, &caseCounts, &attribute); err != nil {
			return nil, err
		}
		list, err := r.iterate(v)
		if err != nil || len(list) == 0 {
			return undefined{"No aggregated item, sequence was empty."}, err
		}
		keys, err := r.sortedBy(list, attribute, caseCounts)
		if err != nil {
			return nil, err
		}
		best := 0
		for i := range keys {
			c, err := r.order(keys[i], keys[best])
			if err != nil {
				return nil, err
			}
			if c*sign > 0 {
				best = i
			}
		}
		return list[best], nil
	}
}

func sum(r *render, v value, a *arguments) (value, error) {
	var attribute value
	total := value(int64(0))
	if err := a.parse(0, []string{"attribute", "start"}, &attribute, &total); err != nil {
		return nil, err
	}
	list, err := r.iterate(v)
	if err != nil {
		return nil, err
	}
	for _, item := range list {
		if attribute != nil {
			if item, err = r.path(item, attribute); err != nil {
				return nil, err
			}
		}
		if total, err = r.binary("+", total, item); err != nil {
			return nil, err
		}
	}
	return total, r.spend(len(list))
}

func batch(r *render, v value, a *arguments) (value, error) {
	size := int64(0)
	var fill value
	if err := a.parse(1, []string{"linecount", "fill_with"}, &size, &fill); err != nil {
		return nil, err
	}
	if size < 1 || size > maxRange {
		return nil, a.fail("want a number from 1 to %d", maxRange)
	}
	list, err := r.iterate(v)
	if err != nil {
		return nil, err
	}
	var batches []value
	for part := range slices.Chunk(list, int(size)) {
		part = slices.Clone(part)
		for fill != nil && len(part) < int(size) {
			part = append(part, fill)
		}
		b, err := r.newList(part)
		if err != nil {
			return nil, err
		}
		batches = append(batches, b)
	}
	return r.newList(batches)
}

func attr(r *render, v value, a *arguments) (value, error) {
	var name Text
	if err := a.parse(1, []string{"name"}, &name); err != nil {
		return nil, err
	}
	if x, ok := r.attribute(v, name.S); ok {
		return x, nil
	}
	return undefined{fmt.Sprintf("'%s object' has no attribute '%.40s'", typeName(v), name.S)}, nil
}

func groupBy(r *render, v value, a *arguments) (value, error) {
	var attribute value
	if err := a.parse(1, []string{"attribute"}, &attribute); err != nil {
		return nil, err
	}
	list, err := r.iterate(v)
	if err != nil {
		return nil, err
	}
	keys, err := r.sortedBy(list, attribute, true)
	if err != nil {
		return nil, err
	}
	if list, err = r.sort(list, keys, false); err != nil {
		return nil, err
	}
	if keys, err = r.sort(keys, keys, false); err != nil {
		return nil, err
	}
	var groups []value
	for start := 0; start < len(list); {
		end := start + 1
		for end < len(list) {
			same, err := r.equal(keys[start], keys[end])
			if err != nil {
				return nil, err
			}
			if !same {
				break
			}
			end++
		}
		members, err := r.newList(slices.Clone(list[start:end]))
		if err != nil {
			return nil, err
		}
		group, err := r.newTuple(keys[start], members)
		if err != nil {
			return nil, err
		}
		groups = append(groups, group)
		start = end
	}
	return r.newList(groups)
}
