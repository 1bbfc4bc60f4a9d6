package schema

import (
	"slices"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// excludes is whether no value that the grammar has for items is valid for other, as far as that
// is easily shown: by types, by values that are listed, by a property that tells them apart, and by
// limits of numbers.
func (b *builder) excludes(items []item, other *jsonschema.Schema, depth int) bool {
	const deep = 4
	if depth > deep {
		return false
	}
	others, possible, err := b.flatten(nil, other)
	if err != nil {
		return false
	}
	if !possible {
		return true
	}
	if b.left.spend(10*(len(items)+len(others))) != nil {
		return false
	}
	if values, ok := valuesOf(items); ok {
		return b.spendOn(values) == nil && !slices.ContainsFunc(values, func(v any) bool { return valid(items, v) && valid(others, v) })
	}
	if values, ok := valuesOf(others); ok {
		return b.spendOn(values) == nil && !slices.ContainsFunc(values, func(v any) bool { return valid(items, v) && valid(others, v) })
	}
	if k := slices.IndexFunc(items, func(i item) bool { return i.part != own }); k >= 0 {
		rest := slices.Delete(slices.Clone(items), k, k+1)
		return !slices.ContainsFunc(items[k].alternatives(), func(a *jsonschema.Schema) bool {
			with, possible, err := b.flatten(slices.Clone(rest), a)
			return err != nil || possible && !b.excludes(with, other, depth+1)
		})
	}
	for _, o := range others {
		if o.part != own && !slices.ContainsFunc(o.alternatives(), func(a *jsonschema.Schema) bool { return !b.excludes(items, a, depth+1) }) {
			return true
		}
	}
	common := b.allowed(items)
	for _, o := range others {
		common &= typesOf(o.Schema)
	}
	switch {
	case common == 0:
		return true
	case common&^object == 0:
		return b.apart(items, others, depth)
	case common&^number == 0:
		return b.noNumber(items, others)
	}
	return false
}

// allowed are the types of the values that the grammar has for items.
func (b *builder) allowed(items []item) types {
	all, spoken, named := anyType, types(0), false
	for _, i := range items {
		all &= typesOf(i.Schema)
		of, _ := b.check(i.Schema)
		spoken |= of
		named = named || i.Types != nil
	}
	if !named && spoken != 0 {
		return spoken
	}
	return all
}

// apart is whether a property tells objects apart: others want one that items have not, or not
// with such a value; or items one that others don't allow.
func (b *builder) apart(items, others []item, depth int) bool {
	others = slices.DeleteFunc(slices.Clone(others), func(o item) bool { return o.part != own })
	mine, err := b.properties(items)
	if err != nil {
		return false
	}
	theirs, err := b.properties(others)
	if err != nil {
		return false
	}
	open, patterns := unnamed(items)
	closed := !open && len(patterns) == 0
	find := func(list []property, name string) property {
		if k := slices.IndexFunc(list, func(p property) bool { return p.name == name }); k >= 0 {
			return list[k]
		}
		return property{}
	}
	differ := func(name string, in, out property) bool {
		if len(in.schemas) == 0 || !in.required && !out.required {
			return false
		}
		var all []item
		for _, s := range in.schemas {
			var possible bool
			var err error
			if all, possible, err = b.flatten(all, s); err != nil || !possible {
				return false
			}
		}
		return slices.ContainsFunc(out.schemas, func(s *jsonschema.Schema) bool { return b.excludes(all, s, depth+1) })
	}
	for _, p := range theirs {
		m := find(mine, p.name)
		if p.required && m.name == "" && closed || differ(p.name, m, p) {
			return true
		}
	}
	for _, m := range mine {
		if !m.required {
			continue
		}
		for _, o := range others {
			if _, ok := schemasOf(o.Schema, m.name); !ok {
				return true
			}
		}
	}
	return false
}

// noNumber is whether limits keep numbers apart.
func (b *builder) noNumber(items, others []item) bool {
	lo, hi, _, err := b.bounds(append(slices.Clone(items), others...))
	if err != nil || lo.at == nil || hi.at == nil {
		return false
	}
	c := lo.at.Cmp(hi.at)
	return c > 0 || c == 0 && (lo.exclusive || hi.exclusive)
}
