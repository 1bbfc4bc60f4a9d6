package schema

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// builder makes rules of schemas. A rule is made of several at once, all of which its values obey:
// those that stand together by $ref, allOf and the like.
type builder struct {
	*document
	grammar
	names  map[string]string // of rules, by what they are made of
	queue  []job             // rules that have a name and nothing else yet
	ids    map[*jsonschema.Schema]int
	left   *budget
	direct map[string][]string // the rules that a rule may be without anything beside them
}

type job struct {
	name  string
	items []item
}

// item is a part of a schema.
type item struct {
	*jsonschema.Schema
	part part
}

type part uint8

const (
	own      part = iota // its keywords but for $ref, allOf, anyOf and oneOf
	anyGroup             // anyOf
	oneGroup             // oneOf
)

func (i item) alternatives() []*jsonschema.Schema {
	switch i.part {
	case anyGroup:
		return i.AnyOf
	case oneGroup:
		return i.OneOf
	}
	return nil
}

// maxRules bounds what many alternatives, each of them with all others, may come to.
const maxRules = 20_000

func (b *builder) build() error {
	b.ids, b.direct = map[*jsonschema.Schema]int{}, map[string][]string{}
	items, possible, err := b.flatten(nil, b.Schema)
	if err != nil {
		return err
	}
	if !possible {
		return problem("", "is false: nothing is valid")
	}
	b.rule(items)
	for ; len(b.queue) > 0; b.queue = b.queue[1:] {
		j := b.queue[0]
		if b.rules[j.name], err = b.expr(j.name, j.items); err != nil {
			return err
		}
		if len(b.rules) > maxRules {
			return problem("", "makes more than %d rules: simplify it", maxRules)
		}
	}
	return b.checkCycles()
}

// checkCycles refuses a schema that is itself again before any value is inside it.
func (b *builder) checkCycles() error {
	state := map[string]int{} // 1: being looked at, 2: good
	var visit func(name string) bool
	visit = func(name string) bool {
		if state[name] != 0 {
			return state[name] == 2
		}
		state[name] = 1
		for _, next := range b.direct[name] {
			if !visit(next) {
				return false
			}
		}
		state[name] = 2
		return true
	}
	for name := range b.direct {
		if !visit(name) {
			return problem("", "has a $ref that leads back to itself by anyOf or oneOf alone")
		}
	}
	return nil
}

// of is what all schemas together allow.
func (b *builder) of(schemas ...*jsonschema.Schema) (*expr, error) {
	var items []item
	for _, s := range schemas {
		var possible bool
		var err error
		if items, possible, err = b.flatten(items, s); err != nil {
			return nil, err
		} else if !possible {
			return never, nil
		}
	}
	return b.rule(items), nil
}

// rule is the name of the items' rule, which is made later.
func (b *builder) rule(items []item) *expr {
	if len(items) == 0 && len(b.names) > 0 {
		return shared("value")
	}
	var key strings.Builder
	for _, i := range items {
		id, ok := b.ids[i.Schema]
		if !ok {
			id = len(b.ids)
			b.ids[i.Schema] = id
		}
		fmt.Fprintf(&key, "%d.%d ", id, i.part)
	}
	name, ok := b.names[key.String()]
	if !ok {
		if name = "root"; len(b.names) > 0 {
			name = fmt.Sprintf("v%d", len(b.names))
		}
		b.names[key.String()] = name
		b.add(name, nil)
		b.queue = append(b.queue, job{name, items})
	}
	return refTo(name)
}

// flatten adds a schema's parts to items, with what $ref and allOf add to it. It is not possible if
// one of them is false.
func (b *builder) flatten(items []item, s *jsonschema.Schema) (all []item, possible bool, err error) {
	return b.flattenBehind(items, s, nil)
}

func (b *builder) flattenBehind(items []item, s *jsonschema.Schema, via []*jsonschema.Schema) ([]item, bool, error) {
	if err := b.left.spend(1 + len(items)); err != nil {
		return nil, false, problem("", "%v", err)
	}
	if s.Bool != nil {
		return items, *s.Bool, nil
	}
	at, ok := pointer(s)
	if !ok {
		return nil, false, problem("", "has a $ref to %s: a $ref stays within the schema", s.Location)
	}
	if slices.Contains(via, s) {
		return nil, false, problem(at, "leads back to itself by $ref or allOf alone")
	}
	via = append(via, s)
	within := slices.Clone(s.AllOf)
	if s.Ref != nil {
		within = append([]*jsonschema.Schema{s.Ref}, within...)
	}
	for _, w := range within {
		var possible bool
		var err error
		if items, possible, err = b.flattenBehind(items, w, via); err != nil || !possible {
			return nil, false, err
		}
	}
	if s.Ref != nil && s.DraftVersion < 2019 { // what stands beside it has no meaning
		return items, true, nil
	}
	for _, i := range []item{{s, own}, {s, anyGroup}, {s, oneGroup}} {
		if (i.part == own || len(i.alternatives()) > 0) && !slices.Contains(items, i) {
			items = append(slices.Clip(items), i)
		}
	}
	return items, true, nil
}

// expr is what a rule is.
func (b *builder) expr(name string, items []item) (*expr, error) {
	if values, ok := valuesOf(items); ok {
		return b.values(items, values)
	}
	group := slices.IndexFunc(items, func(i item) bool { return i.part != own })
	if group < 0 {
		return b.value(name, items)
	}
	var parts []*expr
	rest := slices.Delete(slices.Clone(items), group, group+1)
	alternatives := items[group].alternatives()
	for i, a := range alternatives {
		with, possible, err := b.flatten(slices.Clone(rest), a)
		if err != nil {
			return nil, err
		}
		if !possible {
			continue
		}
		if items[group].part == oneGroup {
			for k, other := range alternatives {
				if k != i && !b.excludes(with, other, 0) {
					if *b.left < 0 {
						return nil, problem("", "%v", errWork)
					}
					at, _ := pointer(items[group].Schema)
					return nil, problem(at+"/oneOf", "can't be enforced: a value may be valid for both %d and %d, as far as types, enum, const, required and limits tell; want anyOf", min(i, k), max(i, k))
				}
			}
		}
		e := b.rule(with)
		if e.op == rule {
			b.direct[name] = append(b.direct[name], e.text)
		}
		parts = append(parts, e)
	}
	return oneOf(parts...), nil
}

// valuesOf are those of the first enum or const.
func valuesOf(items []item) ([]any, bool) {
	for _, i := range items {
		switch {
		case i.Const != nil:
			return []any{*i.Const}, true
		case i.Enum != nil:
			return i.Enum.Values, true
		}
	}
	return nil, false
}

// valid is whether a value is, by all that the items are parts of.
func valid(items []item, value any) bool {
	return !slices.ContainsFunc(items, func(i item) bool { return i.Validate(value) != nil })
}

// spendOn is the work of comparing values with each other, which is most for numbers.
func (b *builder) spendOn(values []any) error {
	numbers := 0
	for _, v := range values {
		if _, ok := v.(json.Number); ok {
			numbers++
		}
	}
	if err := b.left.spend(len(values) * (1 + numbers + len(values)/32)); err != nil {
		return problem("", "%v", err)
	}
	return nil
}

// values are those that are valid: it doesn't matter whether a grammar could enforce what else is there.
func (b *builder) values(items []item, values []any) (*expr, error) {
	if err := b.spendOn(values); err != nil {
		return nil, err
	}
	var parts []*expr
	seen := map[string]bool{}
	for _, v := range values {
		if s := encode(v); valid(items, v) && !seen[s] {
			seen[s] = true
			parts = append(parts, text(s))
		}
	}
	return oneOf(parts...), nil
}
