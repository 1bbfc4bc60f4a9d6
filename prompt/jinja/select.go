package jinja

import (
	"fmt"
	"slices"
)

// The filters that call others, or tests, for each item.

func mapFilter(r *render, v value, a *arguments) (value, error) {
	list, err := r.iterate(v)
	if err != nil {
		return nil, err
	}
	attribute := a.take("attribute")
	otherwise := a.take("default")
	mapped := make([]value, len(list))
	for i, item := range list {
		if attribute != nil {
			mapped[i], err = r.path(item, attribute)
			if _, missing := mapped[i].(undefined); missing && otherwise != nil {
				mapped[i] = otherwise
			}
		} else {
			mapped[i], err = r.mapped(item, a)
		}
		if err != nil {
			return nil, err
		}
	}
	return r.newList(mapped)
}

// mapped applies the filter that a names.
func (r *render) mapped(item value, a *arguments) (value, error) {
	if len(a.positional) == 0 {
		return nil, a.fail("needs a filter or attribute")
	}
	name, ok := a.positional[0].(Text)
	if !ok {
		return nil, a.fail("needs the name of a filter")
	}
	if err := r.enter(); err != nil {
		return nil, err
	}
	defer r.leave()
	return r.apply(name.S, item, &arguments{positional: a.positional[1:], names: slices.Clone(a.names), named: a.named})
}

// selection keeps the items, or those with an attribute, that pass a test
// (or, if keep is false, those that don't).
func selection(byAttribute, keep bool) filter {
	return func(r *render, v value, a *arguments) (value, error) {
		list, err := r.iterate(v)
		if err != nil {
			return nil, err
		}
		args := a.positional
		var attribute value
		if byAttribute {
			if len(args) == 0 {
				return nil, a.fail("needs an attribute")
			}
			attribute, args = args[0], args[1:]
		}
		var kept []value
		for _, item := range list {
			passes, err := r.passes(item, attribute, args)
			if err != nil {
				return nil, err
			}
			if passes == keep {
				kept = append(kept, item)
			}
		}
		return r.newList(kept)
	}
}

func (r *render) passes(item, attribute value, args []value) (bool, error) {
	if err := r.spend(1); err != nil {
		return false, err
	}
	if attribute != nil {
		var err error
		if item, err = r.path(item, attribute); err != nil {
			return false, err
		}
	}
	if len(args) == 0 {
		return truth(item), nil
	}
	name, ok := args[0].(Text)
	if !ok {
		return false, fmt.Errorf("a test's name must be a string")
	}
	return r.check(name.S, item, &arguments{positional: args[1:]})
}
