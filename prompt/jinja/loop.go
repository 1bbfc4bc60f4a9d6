package jinja

// iterate returns the items of v: a string's characters, a dict's keys.
func (r *render) iterate(v value) ([]value, error) {
	switch v := v.(type) {
	case *list:
		return v.items, nil
	case *dict:
		return v.keys, nil
	case undefined:
		return nil, nil
	case Text:
		n := characters(v.S)
		if err := r.items(n); err != nil {
			return nil, err
		}
		items := make([]value, 0, n)
		whole := len(v.Input) == 1 && v.Input[0] == Span{0, len(v.S)}
		start := 0
		for _, c := range v.S {
			end := start + runeBytes(v.S[start:], c)
			switch {
			case whole:
				items = append(items, Input(v.S[start:end]))
			case v.Input == nil:
				items = append(items, own(v.S[start:end]))
			default:
				if err := r.spend(len(v.Input)); err != nil {
					return nil, err
				}
				items = append(items, v.cut(start, end))
			}
			start = end
		}
		return items, nil
	}
	return nil, typeError(v, "is not iterable")
}

// loop is the state of a running loop.
type loop struct {
	items []value
	at    int
	last  value
	seen  bool // changed was called
}

func (n forNode) run(r *render) error {
	over, err := r.eval(n.over)
	if err != nil {
		return at(n.line, err)
	}
	items, err := r.iterate(over)
	if err != nil {
		return at(n.line, err)
	}
	if n.filter != nil {
		if items, err = n.filtered(r, items); err != nil {
			return at(n.line, err)
		}
	}
	if len(items) == 0 {
		return r.inScope(n.elseBody)
	}
	l := &loop{items: items}
	r.enterScope()
	defer r.leaveScope()
	for i := range items {
		l.at = i
		r.scope.vars = map[string]value{"loop": l}
		if err := r.spend(4); err != nil { // for the scope
			return at(n.line, err)
		}
		if err := n.bind(r, items[i]); err != nil {
			return at(n.line, err)
		}
		switch err := r.run(n.body); err {
		case nil, errContinue:
		case errBreak:
			return nil
		default:
			return err
		}
	}
	return nil
}

// bind sets the loop's variables to an item.
func (n forNode) bind(r *render, item value) error {
	if len(n.targets) == 1 {
		r.scope.set(n.targets[0], item)
		return nil
	}
	parts, err := r.unpack(item, len(n.targets))
	if err != nil {
		return err
	}
	for i, name := range n.targets {
		r.scope.set(name, parts[i])
	}
	return nil
}

// filtered keeps the items for which the loop's condition holds.
func (n forNode) filtered(r *render, items []value) ([]value, error) {
	r.enterScope()
	defer r.leaveScope()
	var kept []value
	for _, item := range items {
		if err := n.bind(r, item); err != nil {
			return nil, err
		}
		v, err := r.eval(n.filter)
		if err != nil {
			return nil, err
		}
		if truth(v) {
			kept = append(kept, item)
		}
	}
	return kept, r.items(len(kept))
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
		if i == 0 {
			return undefined{"there is no previous item"}, true
		}
		return l.items[i-1], true
	case "nextitem":
		if i == n-1 {
			return undefined{"there is no next item"}, true
		}
		return l.items[i+1], true
	case "cycle":
		return function{"cycle", l.cycle}, true
	case "changed":
		return function{"changed", l.changed}, true
	}
	return nil, false
}

func (l *loop) cycle(_ *render, a *arguments) (value, error) {
	if len(a.positional) == 0 {
		return nil, a.fail("no items for cycling given")
	}
	return a.positional[l.at%len(a.positional)], nil
}

func (l *loop) changed(r *render, a *arguments) (value, error) {
	now, err := r.newTuple(a.positional...)
	if err != nil {
		return nil, err
	}
	same := false
	if l.seen {
		if same, err = r.equal(l.last, now); err != nil {
			return nil, err
		}
	}
	l.last, l.seen = now, true
	return !same, nil
}
