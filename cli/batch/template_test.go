package batch

import (
	"strings"
	"testing"
)

func TestFill(t *testing.T) {
	for name, c := range map[string]struct{ template, line, want string }{
		"fields":       {"Q: {{ q }}\nA:\n", `{"q":"why <b>?","id":7}`, "Q: why <b>?\nA:"},
		"BOM":          {"\xef\xbb\xbf{{ q }}", `{"q":"é"}`, "é"},
		"CRLF":         {"a\r\n{{ q }}\r\n", `{"q":"x"}`, "a\nx"},
		"kinds":        {"{{ a }} {{ b }} {{ c }} {{ d }} {{ e }} {{ f }}", `{"a":1,"b":-2.50,"c":true,"d":null,"e":[1,"x"],"f":{"k":1e3}}`, "1 -2.5 True None [1, 'x'] {'k': 1000.0}"},
		"nested":       {"{% for c in choices %}{{ loop.index }}. {{ c.text }}\n{% endfor %}", `{"choices":[{"text":"a"},{"text":"b"}]}`, "1. a\n2. b\n"},
		"JSON":         {"{{ o | tojson }}", `{"o":{"b":1,"a":"x"}}`, `{"b": 1, "a": "x"}`},
		"default":      {"{{ q | default('none') }}{% if x is defined %}{{ x }}{% endif %}", `{}`, "none"},
		"options":      {"{{ temperature }}{{ prompt }}", `{"temperature":"warm","prompt":"p"}`, "warmp"},
		"escapes":      {"{{ q }}", `{"q":"\ud83d\ude00\u0000"}`, "😀\x00"},
		"integer":      {"{{ n }}", `{"n":9223372036854775807}`, "9223372036854775807"},
		"missing":      {"a\n{{ contxt }}", `{"context":"x","id":1}`, `batch: t.jinja: line 2: 'contxt' is undefined; the line's fields are "context", "id"`},
		"missing if":   {"{% if hint %}{{ hint }}{% endif %}", `{"q":1}`, "'hint' is undefined"},
		"missing part": {"{{ user.name }}", `{"user":{}}`, "has no attribute 'name'"},
		"raise":        {"{{ raise_exception('no ' ~ q) }}", `{"q":1}`, "no 1"},
		"endless":      {"{% for i in range(100000) %}{% for j in range(100000) %}x{% endfor %}{% endfor %}", `{}`, "too many steps"},
		"large number": {"{{ n }}", `{"a":{"n":[0,92233720368547758070]}}`, "/a/n/1: 92233720368547758070 is more than 64 bits hold; write it as a string"},
		"1e999":        {"{{ n }}", `{"n":1e999}`, "/n: the number is out of range"},
		"a string":     {"{{ q }}", `"hi"`, "the line is a string, and the template wants a JSON object"},
		"an array":     {"{{ q }}", `[{"q":1}]`, "the line is an array"},
		"null":         {"{{ q }}", `null`, "the line is null"},
		"not JSON":     {"{{ q }}", `hi`, "the line is not JSON"},
		"cut":          {"{{ q }}", `{"q":"x`, "no JSON object"},
		"more":         {"{{ q }}", `{"q":"x"} {}`, "there is more behind the JSON object, from byte 10 on"},
		"twice":        {"{{ q }}", `{"q":"x","q":"y"}`, "duplicate"},
		"surrogate":    {"{{ q }}", `{"q":"\ud800"}`, "invalid"},
		"deep":         {"{{ q }}", `{"q":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `}`, "nested"},
		"bad template": {"{{ q", `{}`, "batch: t.jinja: line 1: a tag has no end"},
		"empty":        {" \n", `{}`, "t.jinja is empty"},
		"not UTF-8":    {"a\xff", `{}`, "t.jinja is not UTF-8: byte 2 is 0xff"},
		"other files":  {"{% include 'x' %}", `{}`, "include is not allowed"},
	} {
		t.Run(name, func(t *testing.T) {
			template, err := ParseTemplate("t.jinja", []byte(c.template))
			var got string
			if err == nil {
				got, err = template.Fill(&Line{Text: []byte(c.line)})
			}
			if err != nil {
				got = err.Error()
			}
			if got != c.want && (err == nil || !strings.HasPrefix(got, "batch: ") || !strings.Contains(got, c.want)) {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// A record's columns are a template's fields, all of them strings.
func TestFillRecord(t *testing.T) {
	template, err := ParseTemplate("t.jinja", []byte("{{ q }}, {{ n + 1 }}"))
	if err != nil {
		t.Fatal(err)
	}
	lines, err := collect(t, Input{Stdin: strings.NewReader("q,n\n\"a\n\"\"b\",1\n"), Format: CSV, Template: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := template.Fill(lines[0]); err == nil || !strings.Contains(err.Error(), "unsupported operand types for +: 'str' and 'int'") {
		t.Error(err)
	}
	if template, err = ParseTemplate("t.jinja", []byte("{{ q }}, {{ n | int + 1 }}")); err != nil {
		t.Fatal(err)
	}
	if text, err := template.Fill(lines[0]); text != "a\n\"b, 2" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
}
