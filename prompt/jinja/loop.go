package jinja

import "unicode/utf8"

// iterate returns the items of v: a string's characters, a dict's keys.
func (r *render) iterate(v value) []value {
	switch v := v.(type) {
	case *list:
		return v.items
	case *dict:
		return v.keys
	case undefined:
		return nil
	case Text:
		n := characters(v.S)
		r.items(n)
		r.times(int64(n), len(v.Input)) // what cut costs
		items := make([]value, 0, n)
		for start := 0; start < len(v.S); {
			_, size := utf8.DecodeRuneInString(v.S[start:])
			items = append(items, v.cut(start, start+size))
			start += size
		}
		return items
	}
	panic(r.typeError(v, "is not iterable"))
}

// loop is the state of a running loop.
type loop struct {
	items []value
	at    int
}

func (n forNode) run(r *render) jump {
	line := r.line
	items := r.iterate(r.eval(n.over))
	if n.filter != nil {
		items = n.filtered(r, items)
	}
	if len(items) == 0 {
		return r.inScope(n.elseBody)
	}
	l := &loop{items: items}
	r.enterScope()
	for i, item := range items {
		l.at = i
		r.line = line
		r.spend(4) // for the scope
		r.scope.vars = map[string]value{"loop": l}
		n.bind(r, item)
		if r.run(n.body) == breaks {
			break
		}
	}
	r.leaveScope()
	return onward
}

// bind sets the loop's variables to an item.
func (n forNode) bind(r *render, item value) {
	if len(n.targets) == 1 {
		r.scope.set(n.targets[0], item)
		return
	}
	parts := r.unpack(item, len(n.targets))
	for i, name := range n.targets {
		r.scope.set(name, parts[i])
	}
}

// filtered keeps the items for which the loop's condition holds.
func (n forNode) filtered(r *render, items []value) (kept []value) {
	r.enterScope()
	for _, item := range items {
		n.bind(r, item)
		if truth(r.eval(n.filter)) {
			kept = append(kept, item)
		}
	}
	r.leaveScope()
	r.items(len(kept))
	return kept
}

func (l *loop) attribute(name string) (value, bool) {
	n, i := int64(len(l.items)), int64(l.at)
	switch name {
	case "index":
		return i + 1, true
	case "index0":
		return i, true
	case "revindex":
		return n - i, true
	case "revindex0":
		return n - i - 1, true
	case "first":
		return i == 0, true
	case "last":
		return i == n-1, true
	case "length":
		return n, true
	case "depth":
		return int64(1), true // only recursive loops have more
	case "depth0":
		return int64(0), true
	case "previtem":
		if i > 0 {
			return l.items[i-1], true
		}
	case "nextitem":
		if i < n-1 {
			return l.items[i+1], true
		}
	}
	return nil, false
}
