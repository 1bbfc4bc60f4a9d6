package schema

import (
	"fmt"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// property is a named one of an object.
type property struct {
	name      string
	required  bool
	forbidden bool
	schemas   []*jsonschema.Schema // all of which its value obeys
}

// properties are those that items name, in the order in which they do.
func (b *builder) properties(items []item) ([]property, error) {
	var list []property
	index := map[string]int{}
	add := func(name string) int {
		k, ok := index[name]
		if !ok {
			k = len(list)
			index[name] = k
			list = append(list, property{name: name})
		}
		return k
	}
	for _, i := range items {
		at, _ := pointer(i.Schema)
		for _, name := range b.order[at+"/properties"] {
			add(name)
		}
	}
	for _, i := range items {
		for _, name := range i.Required {
			list[add(name)].required = true
		}
	}
	for k := range list {
		p := &list[k]
		for _, i := range items {
			if err := b.left.spend(1 + 4*len(i.PatternProperties)); err != nil {
				return nil, problem("", "%v", err)
			}
			schemas, ok := schemasOf(i.Schema, p.name)
			p.schemas = append(p.schemas, schemas...)
			p.forbidden = p.forbidden || !ok || i.PropertyNames != nil && i.PropertyNames.Validate(p.name) != nil
		}
	}
	return list, nil
}

// schemasOf are those that a schema has for a property; false: it allows none of this name.
func schemasOf(s *jsonschema.Schema, name string) (schemas []*jsonschema.Schema, allowed bool) {
	named := false
	if p, ok := s.Properties[name]; ok {
		schemas, named = append(schemas, p), true
	}
	for _, p := range patternsOf(s) {
		if p.MatchString(name) {
			schemas, named = append(schemas, s.PatternProperties[p]), true
		}
	}
	if named {
		return schemas, true
	}
	return additional(s)
}

// additional are the schemas of properties that a schema doesn't name.
func additional(s *jsonschema.Schema) (schemas []*jsonschema.Schema, allowed bool) {
	switch more := s.AdditionalProperties.(type) {
	case bool:
		return nil, more
	case *jsonschema.Schema:
		if more.Bool != nil && !*more.Bool {
			return nil, false
		}
		return []*jsonschema.Schema{more}, true
	}
	return nil, true
}

// patternsOf are the keys of patternProperties, in order.
func patternsOf(s *jsonschema.Schema) []jsonschema.Regexp {
	var list []jsonschema.Regexp
	for p := range s.PatternProperties {
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b jsonschema.Regexp) int { return strings.Compare(a.String(), b.String()) })
	return list
}

func (b *builder) object(name string, items []item) (*expr, error) {
	least, most, err := b.sizes(items, "minProperties", "maxProperties", func(s *jsonschema.Schema) (*int, *int) { return s.MinProperties, s.MaxProperties })
	if err != nil {
		return nil, err
	}
	named, err := b.properties(items)
	if err != nil {
		return nil, err
	}
	further, err := b.further(name, items, named)
	if err != nil {
		return nil, err
	}
	if len(named) == 0 && further == anyMember && least == 0 && most < 0 {
		return shared("object"), nil
	}
	if least > 1 && further != never && least > required(named) {
		at, _ := pointer(items[slices.IndexFunc(items, func(i item) bool { return i.MinProperties != nil && *i.MinProperties == least })].Schema)
		return nil, problem(at+"/minProperties", "can't be enforced beside properties that the schema doesn't name: a grammar can't tell their names apart")
	}
	m := members{builder: b, name: name + "-p", list: named, further: further, least: least, most: most, made: map[[2]int]*expr{}}
	m.counts = max(1, least, most)
	all, err := m.from(0, 0)
	if err != nil {
		return nil, err
	}
	return seq(text("{"), space, all, text("}")), nil
}

func required(list []property) (n int) {
	for _, p := range list {
		if p.required {
			n++
		}
	}
	return n
}

// members makes the rules of an object's properties, one for what may follow in front of each and
// behind each count of those that are there.
type members struct {
	*builder
	name        string
	list        []property
	further     *expr // a property that is not in list
	least, most int   // properties; most < 0: any number
	counts      int   // beyond which counts make no difference
	made        map[[2]int]*expr
}

// from is what may stand in front of the bracket: properties from list[k] on, behind n others.
func (m *members) from(k, n int) (*expr, error) {
	for k < len(m.list) && m.list[k].forbidden && !m.list[k].required {
		k++
	}
	if e, ok := m.made[[2]int{k, n}]; ok {
		return e, nil
	}
	if k == len(m.list) {
		return m.tail(n), nil
	}
	name := fmt.Sprintf("%s%d-%d", m.name, k, n)
	if len(m.rules) > maxRules {
		return nil, problem("", "makes more than %d rules: simplify it", maxRules)
	}
	ref := refTo(name)
	m.made[[2]int{k, n}] = ref
	m.add(name, nil)
	p := m.list[k]
	parts := []*expr{}
	if !p.forbidden && (m.most < 0 || n < m.most) {
		value, err := m.of(p.schemas...)
		if err != nil {
			return nil, err
		}
		next, err := m.from(k+1, min(n+1, m.counts))
		if err != nil {
			return nil, err
		}
		parts = append(parts, seq(comma(n), text(quoted(p.name)+":"), space, value, next))
	}
	if !p.required {
		without, err := m.from(k+1, n)
		if err != nil {
			return nil, err
		}
		parts = append(parts, without)
	}
	m.rules[name] = oneOf(parts...)
	return ref, nil
}

// comma stands between n properties and another.
func comma(n int) *expr {
	if n == 0 {
		return empty
	}
	return seq(text(","), space)
}

// tail is what may follow n properties when no named one does: further ones, and white space.
func (m *members) tail(n int) *expr {
	left := -1
	if m.most >= 0 {
		left = m.most - n
	}
	missing := max(0, m.least-n)
	more := seq(comma(1), m.further)
	if n > 0 {
		return seq(times(more, missing, left), space)
	}
	if left == 0 {
		return times(empty, missing, 0) // never, if one is missing
	}
	some := seq(m.further, times(more, max(0, missing-1), max(-1, left-1)), space)
	if missing == 0 {
		return optional(some)
	}
	return some
}
