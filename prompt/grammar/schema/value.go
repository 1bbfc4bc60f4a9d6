package schema

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// types are those of JSON's values, and integers among the numbers.
type types uint8

const (
	null types = 1 << iota
	boolean
	integer
	fractional // a number that is no integer
	str
	array
	object
	number  = integer | fractional
	anyType = null | boolean | number | str | array | object
)

var typeNames = map[string]types{
	"null": null, "boolean": boolean, "integer": integer, "number": number, "string": str, "array": array, "object": object,
}

// enforced are the keywords that are, with the types that they speak of.
var enforced = map[string]types{
	"$ref": 0, "allOf": 0, "anyOf": 0, "oneOf": 0, "type": 0, "enum": 0, "const": 0,
	"properties": object, "required": object, "additionalProperties": object, "patternProperties": object, "propertyNames": object,
	"minProperties": object, "maxProperties": object,
	"items": array, "prefixItems": array, "additionalItems": array, "minItems": array, "maxItems": array, "uniqueItems": array,
	"minLength": str, "maxLength": str, "pattern": str, "format": 0,
	"minimum": number, "maximum": number, "exclusiveMinimum": number, "exclusiveMaximum": number, "multipleOf": number,
}

var notes = []string{
	"title", "description", "default", "examples", "example", "$comment", "readOnly", "writeOnly", "deprecated", "discriminator",
	"$schema", "$id", "id", "$anchor", "$dynamicAnchor", "$recursiveAnchor", "$defs", "definitions",
	"contentEncoding", "contentMediaType", "contentSchema",
}

// unenforced are known too.
var unenforced = []string{
	"not", "if", "then", "else", "dependencies", "dependentRequired", "dependentSchemas", "contains", "minContains", "maxContains",
	"unevaluatedProperties", "unevaluatedItems", "$dynamicRef", "$recursiveRef",
}

// check refuses keywords that are not enforced, and tells which types the others speak of.
func (b *builder) check(s *jsonschema.Schema) (of types, err error) {
	at, _ := pointer(s)
	members := b.keywords(at)
	for _, name := range b.order[at] {
		t, ok := enforced[name]
		here := at + "/" + escape(name)
		switch {
		case name == "uniqueItems" && s.UniqueItems && (s.MaxItems == nil || *s.MaxItems > 1), slices.Contains(unenforced, name):
			return 0, problem(here, "can't be enforced by a grammar")
		case name == "format":
			if kind, ok := members[name].(string); ok && (s.Types == nil || slices.Contains(s.Types.ToStrings(), "string")) {
				if formats[kind] == "" {
					return 0, problem(here, "is %q; those that can be enforced are %s", kind, strings.Join(slices.Sorted(maps.Keys(formats)), ", "))
				}
				of |= str
			}
		case ok:
			of |= t
		case !slices.Contains(notes, name) && !strings.HasPrefix(name, "x-"):
			return 0, problem(here, "is no keyword of JSON Schema that is known; notes begin with x-")
		}
	}
	return of, nil
}

// typesOf are the types that a schema names; all where it names none.
func typesOf(s *jsonschema.Schema) types {
	if s.Types == nil {
		return anyType
	}
	var t types
	for _, name := range s.Types.ToStrings() {
		t |= typeNames[name]
	}
	return t
}

// value is what items without alternatives allow, by its types.
func (b *builder) value(name string, items []item) (*expr, error) {
	allowed, spoken, named := anyType, types(0), false
	for _, i := range items {
		of, err := b.check(i.Schema)
		if err != nil {
			return nil, err
		}
		allowed &= typesOf(i.Schema)
		spoken |= of
		named = named || i.Types != nil
	}
	if !named && spoken != 0 {
		allowed = spoken
	}
	var parts []*expr
	for _, t := range []struct {
		types
		make func(string, []item) (*expr, error)
	}{
		{object, b.object}, {array, b.array}, {str, b.text}, {number, b.number},
		{integer, b.integer},
		{boolean, func(string, []item) (*expr, error) { return oneOf(text("true"), text("false")), nil }},
		{null, func(string, []item) (*expr, error) { return text("null"), nil }},
	} {
		if allowed&t.types != t.types || t.types == integer && allowed&number == number {
			continue
		}
		e, err := t.make(name, items)
		if err != nil {
			return nil, err
		}
		parts = append(parts, e)
	}
	return oneOf(parts...), nil
}

// encode is a value's JSON, without white space.
func encode(v any) string {
	switch v := v.(type) {
	case json.Number:
		return v.String()
	case string:
		return quoted(v)
	case []any:
		var parts []string
		for _, e := range v {
			parts = append(parts, encode(e))
		}
		return "[" + strings.Join(parts, ",") + "]"
	case map[string]any:
		var parts []string
		for _, name := range slices.Sorted(maps.Keys(v)) {
			parts = append(parts, quoted(name)+":"+encode(v[name]))
		}
		return "{" + strings.Join(parts, ",") + "}"
	case bool:
		if v {
			return "true"
		}
		return "false"
	}
	return "null"
}
