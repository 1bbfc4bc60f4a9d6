package schema_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"sealvk/prompt/grammar"
	"sealvk/prompt/grammar/schema"
)

// What can't be followed is an error that names the keyword, and is found in no time.
func TestRefused(t *testing.T) {
	for text, want := range map[string]string{
		``:                                      "is no JSON",
		`{`:                                     "is no JSON",
		`{} x`:                                  "is no JSON",
		`{"type":"string","type":"null"}`:       `/type is no JSON`,
		"{\"title\":\"\xff\"}":                  "is no JSON",
		`"object"`:                              "is no schema",
		`false`:                                 "is false",
		`{"type":"text"}`:                       "/type is no schema: value must be one of",
		`{"properties":{"a":{"minLength":-1}}}`: "/properties/a/minLength is no schema",
		`{"pattern":"("}`:                       "/pattern is no regular expression that can be read: ",
		`{"pattern":"a(?=b)"}`:                  "/pattern has (?=, which can't be enforced",
		`{"pattern":"(a)\\1"}`:                  "/pattern has \\1, which can't be enforced",
		`{"patternProperties":{"(?!a)":{}}}`:    "has (?!, which can't be enforced",
		`{"pattern":"\\bfoo"}`:                  `/pattern has \b`,
		`{"type":"string","pattern":"(a|b)*a(a|b){14}"}`:                        "/pattern asks for an automaton of more than 4096 states",
		`{"type":"string","pattern":"(((a{0,100}){0,100}){0,100}){0,100}"}`:     "/pattern is no regular expression",
		`{"type":"string","pattern":"^[a-z]+ [a-z]+ [a-z]+$","maxLength":9999}`: "has minLength or maxLength beside a pattern",
		`{"properties":{"a b/c":{"not":{}}}}`:                                   "/properties/a b~1c/not can't be enforced",
		`{"if":{"type":"null"},"then":false}`:                                   "/if can't be enforced",
		`{"type":"array","uniqueItems":true}`:                                   "/uniqueItems can't be enforced",
		`{"type":"array","contains":{"type":"null"}}`:                           "/contains can't be enforced",
		`{"dependentRequired":{"a":["b"]}}`:                                     "/dependentRequired can't be enforced",
		`{"type":"object","unevaluatedProperties":false}`:                       "/unevaluatedProperties can't be enforced",
		`{"type":"object","minProperties":2}`:                                   "/minProperties can't be enforced beside",
		`{"type":"object","propertyNames":{"anyOf":[{"pattern":"a"}]}}`:         "/propertyNames has anyOf or oneOf",
		`{"multipleOf":7}`:                                                              "/multipleOf can't be enforced",
		`{"type":"string","format":"iri"}`:                                              `/format is "iri"; those that can be enforced are date, date-time`,
		`{"typ":"string"}`:                                                              "/typ is no keyword",
		`{"items":{"nullable":true}}`:                                                   "/items/nullable is no keyword",
		`{"type":"array","minItems":1000000000}`:                                        "/minItems is more than 10000",
		`{"maximum":1e999999999}`:                                                       "/maximum is a number of too many digits",
		`{"maximum":1e-999999999}`:                                                      "/maximum is a number of too many digits",
		`{"enum":[` + strings.Repeat("9", 100) + `]}`:                                   "/enum/0 is a number of too many digits",
		`{"$ref":"https://example.com/schema"}`:                                         "to https://example.com/schema: nothing is loaded",
		`{"$ref":"file:///etc/passwd"}`:                                                 "nothing is loaded",
		`{"$ref":"other.json"}`:                                                         "nothing is loaded",
		`{"$schema":"https://example.com/meta"}`:                                        "nothing is loaded",
		`{"$ref":"https://json-schema.org/draft/2020-12/schema"}`:                       "a $ref stays within the schema",
		`{"$ref":"#/$defs/a"}`:                                                          "not found",
		`{"$ref":"#"}`:                                                                  "leads back to itself",
		`{"anyOf":[{"$ref":"#"},{"type":"null"}]}`:                                      "leads back to itself",
		`{"$defs":{"a":{"oneOf":[{"$ref":"#/$defs/a"}]}},"$ref":"#/$defs/a"}`:           "leads back to itself",
		`{"type":"array","items":{"$ref":"#"},"minItems":1}`:                            "has no valid value",
		`{"type":"integer","minimum":0.2,"maximum":0.8}`:                                "has no valid value",
		`{"type":"number","exclusiveMinimum":1,"maximum":1}`:                            "has no valid value",
		`{"type":"string","minLength":3,"maxLength":2}`:                                 "has no valid value",
		`{"type":"array","minItems":3,"maxItems":2}`:                                    "has no valid value",
		`{"type":"string","pattern":"a$b"}`:                                             "has no valid value",
		`{"enum":["a"],"type":"null"}`:                                                  "has no valid value",
		`{"allOf":[{"type":"string"},{"type":"null"}]}`:                                 "has no valid value",
		`{"required":["a"],"properties":{"a":false}}`:                                   "has no valid value",
		`{"required":["a"],"additionalProperties":false}`:                               "has no valid value",
		`{"oneOf":[{"type":"integer"},{"type":"number"}]}`:                              "/oneOf can't be enforced: a value may be valid for both 0 and 1",
		`{"oneOf":[{"minimum":1},{"maximum":2}]}`:                                       "/oneOf can't be enforced",
		`{"oneOf":[{"properties":{"a":{"const":1}}},{"properties":{"a":{"const":2}}}]}`: "/oneOf can't be enforced",
		`{"oneOf":[{"properties":{"a":{}},"required":["a"],"additionalProperties":true},{"properties":{"b":{}},"required":["b"]}]}`: "/oneOf can't be enforced",
		strings.Repeat(`{"items":`, 70) + `{}` + strings.Repeat(`}`, 70):                                                            "is nested deeper than 64 values",
		`{"enum":[` + strings.Repeat("[],", 11000) + `[]]}`:                                                                         "has more than 10000 objects and lists",
		`{"description":"` + strings.Repeat("x", 1<<18) + `"}`:                                                                      "at most 262144 are taken",
		`{"enum":[` + strings.Repeat("1,", 100_000) + `2]}`:                                                                         "takes too much work",
		`{"oneOf":[{"enum":[` + strings.Repeat("1,", 1500) + `2]},{"enum":[` + strings.Repeat("1,", 1500) + `3]}]}`:                 "takes too much work",
		`{"oneOf":[` + strings.Repeat(`{"type":"array","items":{"type":"null"}},`, 3000) + `{"type":"null"}]}`:                      "/oneOf can't be enforced",
		`{"oneOf":[` + tagged(1500) + `]}`:                                                                                          "takes too much work",
		`{"properties":{` + list(`"a%d":{}`, 4000) + `},"patternProperties":{` + list(`"b%d":{}`, 4000) + `}}`:                      "takes too much work",
		`{"patternProperties":{` + list(`"(a|b)*a(a|b){8}%d":{}`, 2000) + `}}`:                                                      "takes too much work",
		manyWays(): "makes more than 20000 rules",
	} {
		if testing.Short() && want == "takes too much work" {
			continue
		}
		got, err := schema.GBNF([]byte(text))
		var of *schema.Error
		if !errors.As(err, &of) || !strings.HasPrefix(err.Error(), "schema: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%.200s: %v, want %s\n%.300s", text, err, want, got)
		}
	}
}

// list is a form for each of the numbers below n.
func list(form string, n int) string {
	var all []string
	for k := range n {
		all = append(all, fmt.Sprintf(form, k))
	}
	return strings.Join(all, ",")
}

func tagged(n int) string {
	return list(`{"properties":{"kind":{"const":"%d"}},"required":["kind"]}`, n)
}

// manyWays is a schema with 4^12 combinations of alternatives.
func manyWays() string {
	var all []string
	for i := range 12 {
		var any []string
		for k := range 4 {
			any = append(any, fmt.Sprintf(`{"properties":{"p%d":{"const":%d}}}`, i, k))
		}
		all = append(all, `{"anyOf":[`+strings.Join(any, ",")+`]}`)
	}
	return `{"allOf":[` + strings.Join(all, ",") + `]}`
}

// What a grammar takes and what it doesn't.
func TestTexts(t *testing.T) {
	v := nano(t)
	for _, c := range []struct {
		schema   string
		yes, not []string
	}{
		{`true`, []string{`{"a":[1,"x",null]}`, `"\ud83d\ude00"`}, []string{`"\ud83d"`, `"\ude00"`, "\"\x01\"", "\"\n\"", `01`, `1.`, `{"a":1,}`, `1e999`, ` 1`}},
		{`{"type":"object"}`, []string{`{}`, `{ "a": 1, "b": {} }`, "{\n  \"a\": 1,\n  \"b\": 2\n}"}, []string{`[]`, `{}  `, "{\n\n}", `{  }`}},
		{`{"properties":{"a":{"type":"integer"},"b":{}}}`, []string{`{}`, `{"a":1}`, `{"b":"x"}`, `{"a":1,"b":2}`}, []string{`{"b":2,"a":1}`, `{"a":1,"a":1}`, `{"c":1}`, `{,"b":1}`, `{"a":1.5}`, `7`}},
		{`{"type":"object","properties":{}}`, []string{`{}`}, []string{`{"a":1}`}},
		{`{"type":"object","required":["a","b"]}`, []string{`{"a":1,"b":[]}`, `{"a":1,"b":[],"c":2}`}, []string{`{"a":1}`, `{"a":1,"b":[],"a":2}`}},
		{`{"properties":{"a":{}},"minProperties":1,"additionalProperties":{"type":"null"},"maxProperties":2}`,
			[]string{`{"a":1}`, `{"b":null}`, `{"a":1,"b":null}`, `{"ab":null,"":null}`}, []string{`{}`, `{"a":1,"a":null}`, `{"\u0061":null}`, `{"a":1,"b":null,"c":null}`}},
		{`{"properties":{"a":{},"b":{},"c":{}},"minProperties":2,"maxProperties":2}`, []string{`{"a":1,"c":1}`, `{"b":1,"c":1}`}, []string{`{"a":1}`, `{"a":1,"b":1,"c":1}`}},
		{`{"type":"object","maxProperties":0}`, []string{`{}`}, []string{`{"a":1}`}},
		{`{"type":"array","items":false}`, []string{`[]`}, []string{`[1]`}},
		{`{"type":"array","prefixItems":[{"const":1},{"const":2}]}`, []string{`[]`, `[1]`, `[1,2]`}, []string{`[2]`, `[1,2,3]`}},
		{`{"type":"array","prefixItems":[{"const":1}],"minItems":3,"maxItems":3}`, []string{`[1,{},"x"]`}, []string{`[1]`, `[1,2]`, `[1,2,3,4]`}},
		{`{"$schema":"http://json-schema.org/draft-07/schema#","items":[{"const":1}],"additionalItems":{"type":"null"}}`, []string{`[1,null]`, `[]`}, []string{`[1,1]`}},
		{`{"$schema":"http://json-schema.org/draft-04/schema#","type":"integer","minimum":1,"exclusiveMinimum":true}`, []string{`2`}, []string{`1`}},
		{`{"$schema":"http://json-schema.org/draft-07/schema#","definitions":{"a":{"type":"null"}},"$ref":"#/definitions/a","not":{}}`, []string{`null`}, []string{`"a"`}},
		{`{"$id":"https://example.com/tree","$defs":{"t":{"$anchor":"T","type":"array","items":{"$ref":"#T"}}},"$ref":"#/$defs/t"}`, []string{`[[],[[]]]`}, []string{`[1]`}},
		{`{"minimum":-12,"maximum":105,"type":"integer"}`, []string{`-12`, `-9`, `0`, `99`, `105`}, []string{`-13`, `-0`, `106`, `00`, `110`}},
		{`{"exclusiveMinimum":0,"maximum":1,"type":"number"}`, []string{`0.5`, `0.01`, `1`, `1.0`[:1]}, []string{`0`, `0.0`, `1.1`, `1e0`, `-0.5`}},
		{`{"minimum":1234567890123456789,"type":"integer"}`, []string{`1234567890123456789`, `9999999999999999999`}, []string{`1234567890123456788`}},
		{`{"type":"number","multipleOf":0.01}`, []string{`0.25`, `-7`, `19.9`}, []string{`0.001`}},
		{`{"type":"number","minimum":0,"multipleOf":1}`, []string{`3`}, []string{`3.0`, `-1`}},
		{`{"type":"string","minLength":2,"maxLength":3}`, []string{`"ab"`, `"ខ្ម"`, `"😀😀"`, `"\ud83d\ude00\n"`}, []string{`"a"`, `"abcd"`, `"😀"`}},
		{`{"pattern":"^a|b$"}`, []string{`"axx"`, `"xxb"`, `"ab"`}, []string{`"xax"`, `""`, `"xb\n"`}},
		{`{"pattern":"^\\d+$","format":"x-any","type":["null","string"]}`, nil, nil},
		{`{"oneOf":[{"type":"string"},{"type":["integer","null"]}]}`, []string{`"x"`, `1`, `null`}, []string{`1.5`}},
		{`{"oneOf":[{"properties":{"a":{}},"required":["a"]},{"properties":{"b":{}},"required":["b"]}]}`, []string{`{"a":1}`, `{"b":1}`}, []string{`{"a":1,"b":1}`, `{}`}},
		{`{"properties":{"a":{},"b":{}},"anyOf":[{"required":["a"]},{"required":["b"]}],"additionalProperties":false}`, []string{`{"a":1}`, `{"b":1}`, `{"a":1,"b":1}`}, []string{`{}`}},
		{`{"patternProperties":{"^x":{"type":"null"}},"properties":{"xa":{"type":["null","string"]}},"additionalProperties":{"type":"integer"}}`,
			[]string{`{"xa":null,"xb":null,"c":1}`, `{"c":1}`}, []string{`{"xa":"s"}`, `{"xb":1}`, `{"c":null}`}},
		{`{"enum":[1,2,"a"],"not":{"const":1},"if":{"type":"string"},"then":false}`, []string{`2`}, []string{`1`, `"a"`}},
		{`{"$ref":"#/$defs/a","maximum":3,"$defs":{"a":{"type":"integer","minimum":2}}}`, []string{`2`, `3`}, []string{`1`, `4`}},
		{`{"propertyNames":{"enum":["red","blue"]},"additionalProperties":{"type":"integer"}}`, []string{`{"red":1}`, `{"blue":2,"red":1}`}, []string{`{"green":1}`}},
	} {
		text, err := schema.GBNF([]byte(c.schema))
		if c.yes == nil {
			if err == nil {
				t.Errorf("%s: no error", c.schema)
			}
			continue
		}
		if err != nil {
			t.Error(c.schema, err)
			continue
		}
		check(t, v, c.schema, text, c.yes, c.not)
	}
	check(t, v, "Object", schema.Object, []string{`{}`, `{"a":{"b":[1.5e-3]}}`}, []string{`[]`, `1`, ``})
	check(t, v, "Choices", schema.Choices([]string{"yes", "no\n", `"\`, "ไม่"}), []string{"yes", "no\n", `"\`, "ไม่"}, []string{"ye", "no", ""})
	pattern, err := schema.Pattern(`\d{4}-"(a|\\)"\u0e01?`)
	if err != nil {
		t.Fatal(err)
	}
	check(t, v, "Pattern", pattern, []string{`2026-"a"`, `2026-"\"ก`}, []string{`x2026-"a"`, `2026-"a"x`})
	for _, bad := range []string{"(", `\b`, `a\zb`} {
		if _, err := schema.Pattern(bad); err == nil {
			t.Errorf("pattern %s: no error", bad)
		}
	}
}

func check(t *testing.T, v vocabulary, what, text string, yes, not []string) {
	t.Helper()
	g, err := grammar.Parse(text)
	if err != nil {
		t.Errorf("%s: %v\n%s", what, err, text)
		return
	}
	for _, value := range yes {
		if behind, ok := v.takes(g.Matcher(v.Vocabulary, []int32{v.end}), value); !ok {
			t.Errorf("%s does not take %s, behind %q:\n%s", what, value, behind, text)
		}
	}
	for _, value := range not {
		if _, ok := v.takes(g.Matcher(v.Vocabulary, []int32{v.end}), value); ok {
			t.Errorf("%s takes %s:\n%s", what, value, text)
		}
	}
}

// Numbers about the ends of ranges are taken if they are within.
func TestRanges(t *testing.T) {
	v := nano(t)
	rng := rand.New(rand.NewPCG(3, 16))
	decimal := func(thousandths int) string {
		text := strings.TrimSuffix(strings.TrimRight(strconv.FormatFloat(float64(thousandths)/1000, 'f', 3, 64), "0"), ".")
		return strings.TrimSuffix(text, ".")
	}
	for range 60 {
		step := []int{1000, 100, 1}[rng.IntN(3)]
		lo := (rng.IntN(30_000) - 15_000) / step * step
		hi := lo + rng.IntN(12_000)/step*step
		openLo, openHi := rng.IntN(2) == 0, rng.IntN(2) == 0
		kind := []string{"number", "integer"}[rng.IntN(2)]
		text := fmt.Sprintf(`{"type":%q,%q:%s,%q:%s}`, kind, map[bool]string{true: "exclusiveMinimum", false: "minimum"}[openLo], decimal(lo),
			map[bool]string{true: "exclusiveMaximum", false: "maximum"}[openHi], decimal(hi))
		within := func(n int) bool {
			return (n > lo || n == lo && !openLo) && (n < hi || n == hi && !openHi) && (kind == "number" || n%1000 == 0)
		}
		var yes, not []string
		some := false
		for n := lo - 2000; n <= hi+2000; n++ {
			near := func(end int) bool { return n-end >= -2 && n-end <= 2 }
			some = some || within(n)
			if !near(lo) && !near(hi) && (n%1000 != 0 || rng.IntN(3) > 0) && rng.IntN(300) > 0 {
				continue
			}
			if within(n) {
				yes = append(yes, decimal(n))
			} else {
				not = append(not, decimal(n))
			}
		}
		gbnf, err := schema.GBNF([]byte(text))
		if err != nil {
			if some {
				t.Errorf("%s: %v", text, err)
			}
			continue
		}
		check(t, v, text, gbnf, yes, not)
	}
}
