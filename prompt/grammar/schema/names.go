package schema

import (
	"fmt"
	"slices"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// anyMember is a property of any name and value.
var anyMember = shared("member")

// unnamed is whether an object may have properties that items don't name: any, or those whose names
// match patterns.
func unnamed(items []item) (any bool, patterns []jsonschema.Regexp) {
	any, explicit, listed := true, false, false
	for _, i := range items {
		_, allowed := additional(i.Schema)
		any = any && allowed
		explicit = explicit || i.AdditionalProperties != nil
		listed = listed || i.Properties != nil || i.PatternProperties != nil
		patterns = append(patterns, patternsOf(i.Schema)...)
	}
	return any && (explicit || !listed), patterns
}

// further is a property that items don't name.
func (b *builder) further(name string, items []item, named []property) (*expr, error) {
	open, patterns := unnamed(items)
	if !open && len(patterns) == 0 {
		return never, nil
	}
	var schemas, names []*jsonschema.Schema
	for _, i := range items {
		more, _ := additional(i.Schema)
		schemas = append(schemas, more...)
		if i.PropertyNames != nil {
			names = append(names, i.PropertyNames)
		}
	}
	allowed, err := b.namesOf(items, names)
	if err != nil {
		return nil, err
	}
	var known []string
	for _, p := range named {
		known = append(known, p.name)
	}
	var parts []*expr
	if open {
		value, err := b.of(schemas...)
		if err != nil {
			return nil, err
		}
		if allowed == nil && len(known) == 0 && len(patterns) == 0 {
			if value.op == class && value.text == "value" {
				return anyMember, nil
			}
			return seq(shared("string"), text(":"), space, value), nil
		}
		e, err := b.member(name+"-n", allowed, known, nil, patterns, value)
		if err != nil {
			return nil, err
		}
		parts = append(parts, e)
	}
	for k, p := range patterns {
		var schemas []*jsonschema.Schema
		allows := true
		for _, i := range items {
			if s, ok := i.PatternProperties[p]; ok {
				schemas = append(schemas, s)
				continue
			}
			more, ok := additional(i.Schema)
			schemas = append(schemas, more...)
			allows = allows && ok
		}
		if !allows {
			continue
		}
		value, err := b.of(schemas...)
		if err != nil {
			return nil, err
		}
		others := slices.DeleteFunc(slices.Clone(patterns), func(o jsonschema.Regexp) bool { return o.String() == p.String() })
		e, err := b.member(fmt.Sprintf("%s-n%d-", name, k), allowed, known, p, others, value)
		if err != nil {
			return nil, err
		}
		parts = append(parts, e)
	}
	if len(parts) == 1 {
		return parts[0], nil
	}
	return oneOf(parts...), nil
}

// member is a property whose name is among allowed (nil: all), is none of known, matches a pattern
// (nil: any) and none of others.
func (b *builder) member(name string, allowed *automaton, known []string, pattern jsonschema.Regexp, others []jsonschema.Regexp, value *expr) (*expr, error) {
	if allowed == nil {
		allowed = everything()
	}
	but, err := words(known)
	if err == nil {
		allowed, err = allowed.and(but, true, b.left)
	}
	one := func(p jsonschema.Regexp, not bool) {
		var a *automaton
		if err == nil {
			a, err = matching(dialect(p.String()), b.left)
		}
		if err == nil {
			allowed, err = allowed.and(a, not, b.left)
		}
	}
	if pattern != nil {
		one(pattern, false)
	}
	for _, p := range others {
		one(p, true)
	}
	if err != nil {
		return nil, problem("", "has names of properties of which a grammar %v", err)
	}
	if allowed.none() {
		return never, nil
	}
	return seq(allowed.expr(&b.grammar, name), text(":"), space, value), nil
}

// namesOf are the names that the schemas of propertyNames allow; nil: all.
func (b *builder) namesOf(items []item, schemas []*jsonschema.Schema) (*automaton, error) {
	if len(schemas) == 0 {
		return nil, nil
	}
	var all []item
	for _, s := range schemas {
		var possible bool
		var err error
		if all, possible, err = b.flatten(all, s); err != nil {
			return nil, err
		} else if !possible {
			return words(nil)
		}
	}
	if values, ok := valuesOf(all); ok {
		var list []string
		for _, v := range values {
			if s, ok := v.(string); ok && valid(all, v) {
				list = append(list, s)
			}
		}
		return words(list)
	}
	for _, i := range all {
		at, _ := pointer(i.Schema)
		if i.part != own {
			return nil, problem(at, "has anyOf or oneOf for names of properties, which can't be enforced")
		}
		if _, err := b.check(i.Schema); err != nil {
			return nil, err
		}
		if typesOf(i.Schema)&str == 0 {
			return words(nil)
		}
	}
	least, most, err := b.sizes(all, "minLength", "maxLength", func(s *jsonschema.Schema) (*int, *int) { return s.MinLength, s.MaxLength })
	if err != nil {
		return nil, err
	}
	a, err := b.patterns(all)
	if err != nil {
		return nil, err
	}
	if a == nil {
		a = everything()
	}
	if a, err = a.sized(least, most, b.left); err != nil {
		return nil, b.tooLong(all, err)
	}
	return a, nil
}
