// Package samples makes random JSON Schemas of all keywords that package schema enforces, values of
// them, and judges answers: for tests.
package samples

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Sample is a schema, and what makes values of it in the form that grammars have: properties in
// their order, and no escapes that are not needed. depth bounds recursion.
type Sample struct {
	Schema string
	Value  func(depth int) string
	Twice  bool // an object may have a name twice: a grammar can't tell names apart that no schema has
}

// Source makes samples.
type Source struct {
	*rand.Rand
	twice bool
	node  sample
}

// New makes the same samples for the same seed.
func New(seed uint64) *Source { return &Source{Rand: rand.New(rand.NewPCG(seed, 16))} }

type sample struct {
	schema string
	value  func(depth int) string
}

func quoted(s string) string {
	b, err := jsontext.AppendQuote(nil, s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// Next is a schema with definitions, of which one leads back to itself.
func (r *Source) Next() Sample {
	r.twice = false
	leaf := r.scalar()
	node := sample{`{"type":"object","properties":{"value":` + leaf.schema + `,"next":{"anyOf":[{"type":"null"},{"$ref":"#/$defs/node"}]},` +
		`"all":{"type":"array","items":{"$ref":"#/$defs/node"},"maxItems":2}},"required":["value","next"]}`, nil}
	node.value = func(depth int) string {
		text := `{"value":` + leaf.value(depth) + `,"next":`
		if depth > 0 && r.IntN(2) == 0 {
			text += node.value(depth - 1)
		} else {
			text += "null"
		}
		if depth > 0 && r.IntN(3) == 0 {
			text += `,"all":[` + node.value(depth-1) + `]`
		}
		return text + "}"
	}
	r.node = sample{`{"$ref":"#/$defs/node"}`, node.value}
	root := r.any(3)
	return Sample{`{"$defs":{"node":` + node.schema + `},"allOf":[` + root.schema + `]}`, root.value, r.twice}
}

func (r *Source) any(depth int) sample {
	if depth == 0 {
		return r.scalar()
	}
	switch r.IntN(9) {
	case 0, 1, 2:
		return r.object(depth)
	case 3:
		return r.array(depth)
	case 4:
		return r.tuple(depth)
	case 5:
		return r.anyOf(depth)
	case 6:
		return r.tagged(depth)
	case 7:
		return r.node
	}
	return r.scalar()
}

func fixed(schema string, values ...string) func(r *Source) sample {
	return func(r *Source) sample {
		return sample{schema, func(int) string { return values[r.IntN(len(values))] }}
	}
}

var scalars = []func(r *Source) sample{
	fixed(`{"type":"null"}`, "null"),
	fixed(`{"type":"boolean","description":"yes or no"}`, "true", "false"),
	fixed(`{"type":"integer"}`, "0", "-1", "999999999999999", "10"),
	fixed(`{"type":"number"}`, "0", "-1.5", "2e10", "0.001"),
	fixed(`{"type":"string"}`, `""`, `"a\"b\\"`, `"ภาษาไทย 😀"`, `"\u00e9\ud83d\ude00\n"`),
	fixed(`{"type":["string","null"],"minLength":1,"maxLength":5}`, "null", `"a"`, `"12345"`, `"ខ្មែរ"`),
	fixed(`{"enum":["red","gr\"een",3,null,[1,{"a":"b"}]]}`, `"red"`, `"gr\"een"`, "3", "null", `[1,{"a":"b"}]`),
	fixed(`{"enum":["red",3,4.5,null],"type":["integer","string"]}`, `"red"`, "3"),
	fixed(`{"const":"x","title":"a constant"}`, `"x"`),
	fixed(`{"type":"string","pattern":"^[A-Z]{2}-\\d{1,4}$"}`, `"AB-1"`, `"ZZ-1234"`),
	fixed(`{"type":"string","pattern":"b+a|^c$","maxLength":12}`, `"xbax"`, `"c"`, `"bbbba"`),
	fixed(`{"type":"string","pattern":"^(?:\\w+\\s)*\\w+[.!?]$","minLength":4,"maxLength":30}`, `"Hello there."`, `"abc!"`),
	fixed(`{"type":"string","pattern":"\"\\u0041/"}`, `"\"A/"`),
	fixed(`{"type":"string","pattern":"^[^a-z]*$","maxLength":8}`, `""`, `"ABC"`, `"ไทย\""`),
	fixed(`{"type":"string","pattern":"(?i)^yes$"}`, `"Yes"`, `"YES"`),
	fixed(`{"type":"string","format":"date"}`, `"2024-02-29"`, `"1999-12-31"`),
	fixed(`{"type":"string","format":"time"}`, `"23:59:59Z"`, `"01:02:03.456+07:00"`),
	fixed(`{"type":"string","format":"date-time"}`, `"2026-01-31T00:00:00Z"`, `"2000-02-29T01:02:03.5-11:30"`),
	fixed(`{"type":"string","format":"duration"}`, `"P1Y2M3D"`, `"PT5M"`, `"P2W"`),
	fixed(`{"type":"string","format":"uuid"}`, `"01234567-89ab-cdef-0123-456789abcdef"`),
	fixed(`{"type":"string","format":"ipv4"}`, `"127.0.0.1"`, `"255.255.255.255"`),
	fixed(`{"type":"string","format":"ipv6"}`, `"2001:db8:0:0:0:0:0:1"`),
	fixed(`{"type":"string","format":"hostname"}`, `"example.com"`, `"a-b.co.th"`),
	fixed(`{"type":"string","format":"email","maxLength":254}`, `"a.b@example.com"`),
	fixed(`{"type":"string","format":"uri","minLength":1,"maxLength":2083}`, `"https://example.com/a/b?c=d#e"`),
	fixed(`{"type":"string","format":"json-pointer"}`, `""`, `"/a~1b/c"`),
	(*Source).integers, (*Source).integers, (*Source).integers, (*Source).numbers, (*Source).numbers, (*Source).numbers,
}

func (r *Source) scalar() sample { return scalars[r.IntN(len(scalars))](r) }

func (r *Source) integers() sample {
	scale := []int{10, 1000, 1 << 40}[r.IntN(3)]
	lo := r.IntN(scale) - scale/2
	hi := lo + r.IntN(scale)
	keys := []string{"minimum", "maximum"}
	schema := fmt.Sprintf(`{"type":"integer",%q:%d,%q:%d}`, keys[0], lo, keys[1], hi)
	if hi > lo+1 && r.IntN(2) == 0 {
		schema = fmt.Sprintf(`{"type":"integer","exclusiveMinimum":%d.5,"exclusiveMaximum":%d,"multipleOf":1}`, lo, hi)
		if lo < 0 {
			schema = fmt.Sprintf(`{"type":"integer","exclusiveMinimum":%d,"exclusiveMaximum":%d}`, lo, hi)
		}
		lo, hi = lo+1, hi-1
	}
	return sample{schema, func(int) string { return strconv.Itoa(lo + r.IntN(hi-lo+1)) }}
}

func (r *Source) numbers() sample {
	places := r.IntN(4)
	unit := 1
	for range places {
		unit *= 10
	}
	lo := r.IntN(3000) - 1500
	hi := lo + 2 + r.IntN(3000)
	decimal := func(n int) string {
		text := strconv.FormatFloat(float64(n)/float64(unit), 'f', places, 64)
		if strings.Contains(text, ".") {
			text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
		}
		if text == "-0" {
			return "0"
		}
		return text
	}
	schema := fmt.Sprintf(`{"type":"number","minimum":%s,"exclusiveMaximum":%s`, decimal(lo), decimal(hi))
	if r.IntN(3) == 0 {
		schema += `,"multipleOf":` + decimal(1)
	}
	return sample{schema + "}", func(int) string { return decimal(lo + r.IntN(hi-lo)) }}
}

func (r *Source) array(depth int) sample {
	item := r.any(depth - 1)
	least, most := r.IntN(3), r.IntN(4)
	schema := `{"type":"array","items":` + item.schema
	if most = least + most; r.IntN(2) == 0 {
		schema += fmt.Sprintf(`,"minItems":%d,"maxItems":%d`, least, most)
	}
	return sample{schema + "}", func(depth int) string {
		var list []string
		for range least + r.IntN(most-least+1) {
			list = append(list, item.value(depth-1))
		}
		return "[" + strings.Join(list, ",") + "]"
	}}
}

func (r *Source) tuple(depth int) sample {
	a, b, rest := r.any(depth-1), r.any(depth-1), r.scalar()
	least := r.IntN(4)
	schema := `{"prefixItems":[` + a.schema + `,` + b.schema + `],"items":` + rest.schema + fmt.Sprintf(`,"minItems":%d,"maxItems":4}`, least)
	return sample{schema, func(depth int) string {
		var list []string
		for k := range least + r.IntN(5-least) {
			list = append(list, []sample{a, b, rest, rest}[k].value(depth-1))
		}
		return "[" + strings.Join(list, ",") + "]"
	}}
}

func (r *Source) anyOf(depth int) sample {
	a, b := r.any(depth-1), r.any(depth-1)
	return sample{`{"anyOf":[` + a.schema + `,` + b.schema + `,{"type":"null"}]}`, func(depth int) string {
		return []sample{a, b}[r.IntN(2)].value(depth)
	}}
}

// tagged is a oneOf whose alternatives a property tells apart.
func (r *Source) tagged(depth int) sample {
	a, b := r.any(depth-1), r.any(depth-1)
	return sample{`{"oneOf":[{"type":"object","properties":{"kind":{"const":"a"},"of":` + a.schema + `},"required":["kind","of"]},` +
		`{"type":"object","properties":{"kind":{"enum":["b","c"]},"with":` + b.schema + `},"required":["kind"],"additionalProperties":false},` +
		`{"type":"integer","maximum":-1},{"type":"integer","minimum":0},{"type":"string"}],` +
		`"discriminator":{"propertyName":"kind"}}`, func(depth int) string {
		switch r.IntN(4) {
		case 0:
			return `{"kind":"a","of":` + a.value(depth-1) + "}"
		case 1:
			return `{"kind":"c","with":` + b.value(depth-1) + "}"
		case 2:
			return `{"kind":"b"}`
		}
		return "-5"
	}}
}

// names need escaping here and there, and begin alike.
var names = []string{"name", "names", "a", `q"uote`, `back\slash`, "ชื่อ", "x y", "tab\there", "b"}

func (r *Source) object(depth int) sample {
	order := r.Perm(len(names))[:r.IntN(4)]
	var properties, required []string
	var members []sample
	must := map[int]bool{}
	for k, n := range order {
		m := r.any(depth - 1)
		members = append(members, m)
		properties = append(properties, strconv.Quote(names[n])+":"+m.schema)
		if r.IntN(2) == 0 {
			must[k] = true
			required = append(required, strconv.Quote(names[n]))
		}
	}
	base := `"type":"object","properties":{` + strings.Join(properties, ",") + `},"required":[` + strings.Join(required, ",") + `]`
	var further sample
	name := ""
	switch r.IntN(6) {
	case 0:
		base += `,"additionalProperties":false`
	case 1:
		further, name = r.scalar(), "other"
		base += `,"additionalProperties":` + further.schema
		r.twice = true
	case 2:
		further, name = sample{"", func(int) string { return `[1,"x",{}]` }}, "other"
		base += `,"additionalProperties":true,"propertyNames":{"pattern":"^[a-zก-๙\"\\\\ \\t]+$"}`
		r.twice = true
		for _, n := range order {
			if strings.ContainsAny(names[n], "ABC") {
				name = ""
			}
		}
	case 3:
		further, name = r.scalar(), "x-1"
		base += `,"patternProperties":{"^x-[0-9]$":` + further.schema + `,"^y-":{"type":"null"}}`
		r.twice = true
	case 4: // allOf of parts
		base = `"allOf":[{` + base + `},{"properties":{"extra":{"type":"integer"}}},{"properties":{"extra":{"minimum":5,"maximum":9}},"required":["extra"]}]`
		further, name = sample{"", func(int) string { return "7" }}, "extra"
	case 5:
		base += fmt.Sprintf(`,"maxProperties":%d,"minProperties":%d`, len(order), len(required))
	}
	extra := strings.HasPrefix(base, `"allOf"`)
	return sample{"{" + base + "}", func(depth int) string {
		var list []string
		for k, n := range order {
			if must[k] || r.IntN(2) == 0 {
				list = append(list, quoted(names[n])+":"+members[k].value(depth-1))
			}
		}
		if name != "" && (extra || r.IntN(2) == 0) {
			list = append(list, quoted(name)+":"+further.value(depth-1))
		}
		return "{" + strings.Join(list, ",") + "}"
	}}
}
