package schema

import (
	"fmt"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// listOf is what a schema says of a list's values: of the first ones each, and of the rest; nil: all
// are valid.
func listOf(s *jsonschema.Schema) (first []*jsonschema.Schema, rest *jsonschema.Schema) {
	if s.DraftVersion >= 2020 {
		return s.PrefixItems, s.Items2020
	}
	switch items := s.Items.(type) {
	case *jsonschema.Schema:
		return nil, items
	case []*jsonschema.Schema:
		switch more := s.AdditionalItems.(type) {
		case *jsonschema.Schema:
			return items, more
		case bool:
			return items, &jsonschema.Schema{Bool: &more}
		}
		return items, nil
	}
	return nil, nil
}

func (b *builder) array(name string, items []item) (*expr, error) {
	least, most, err := b.sizes(items, "minItems", "maxItems", func(s *jsonschema.Schema) (*int, *int) { return s.MinItems, s.MaxItems })
	if err != nil {
		return nil, err
	}
	if most >= 0 && least > most {
		return never, nil
	}
	n, explicit := 0, false
	for _, i := range items {
		first, rest := listOf(i.Schema)
		n = max(n, len(first))
		explicit = explicit || rest != nil
	}
	at := func(k int) (*expr, error) { // of the value at a place
		var schemas []*jsonschema.Schema
		for _, i := range items {
			first, rest := listOf(i.Schema)
			if k < len(first) {
				schemas = append(schemas, first[k])
			} else if rest != nil {
				schemas = append(schemas, rest)
			}
		}
		return b.of(schemas...)
	}
	rest := never
	if n == 0 || explicit || least > n {
		if rest, err = at(n); err != nil {
			return nil, err
		}
	}
	if n == 0 && rest.op == class && least == 0 && most < 0 { // any values
		return shared("array"), nil
	}
	comma := seq(text(","), space)
	tail := behind(rest, comma, n, least, most)
	for k := n - 1; k >= 0; k-- {
		value, err := at(k)
		if err != nil {
			return nil, err
		}
		if k > 0 {
			value = seq(comma, value)
		}
		value = seq(value, tail)
		switch {
		case most >= 0 && k >= most:
			value = empty
		case k >= least:
			value = optional(value)
		}
		if k == 0 {
			tail = value
			break
		}
		rule := fmt.Sprintf("%s-i%d", name, k)
		b.add(rule, value)
		tail = refTo(rule)
	}
	return seq(text("["), space, filled(tail), text("]")), nil
}

// filled is what stands between brackets, with white space behind it unless it is nothing.
func filled(e *expr) *expr {
	if e.op == repeat && e.least == 0 && e.most == 1 {
		return optional(seq(e.parts[0], space))
	}
	if e == empty {
		return e
	}
	return seq(e, space)
}

// behind are the values of a list behind the n that have schemas of their own.
func behind(value, comma *expr, n, least, most int) *expr {
	more := seq(comma, value)
	left := -1
	if most >= 0 {
		if left = most - n; left <= 0 {
			return empty
		}
	}
	if n > 0 {
		return times(more, max(0, least-n), left)
	}
	all := seq(value, times(more, max(0, least-1), max(-1, left-1)))
	if least == 0 {
		return optional(all)
	}
	return all
}
