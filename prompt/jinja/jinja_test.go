package jinja

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"
)

const reference = "../../testdata/prompt/jinja.json"

type message struct{ Role, Content string }

type rendered struct {
	Messages []message
	Head     bool `json:"add_generation_prompt"`
	Text     string
	Error    string
}

type references struct {
	Published []struct {
		Name, Template string
		Cases          []rendered
	}
	Messages []message
	Snippets []struct {
		Template string
		rendered
	}
}

func readReference(t testing.TB) *references {
	t.Helper()
	data, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	r := new(references)
	if err := json.Unmarshal(data, r); err != nil {
		t.Fatal(err)
	}
	if len(r.Published) < 8 || len(r.Snippets) < 100 {
		t.Fatalf("%d templates, %d snippets", len(r.Published), len(r.Snippets))
	}
	return r
}

func variables(msgs []message, head bool) Dict {
	var list []any
	for _, m := range msgs {
		list = append(list, Dict{{"role", Input(m.Role)}, {"content", Input(m.Content)}})
	}
	return Dict{{"messages", list}, {"add_generation_prompt", head}, {"bos_token", "<bos>"}, {"eos_token", "<eos>"},
		{"tools", nil}, {"documents", nil}}
}

func run(source string, vars Dict) (Text, error) {
	t, err := Compile(source)
	if err != nil {
		return Text{}, err
	}
	return t.render(vars, 100, func() time.Time { return time.Date(2024, 7, 26, 0, 0, 0, 0, time.UTC) }, false)
}

func check(t *testing.T, name, source string, vars Dict, want rendered) {
	t.Helper()
	got, err := run(source, vars)
	if want.Error != "" {
		if err == nil || !strings.HasPrefix(err.Error(), "line ") {
			t.Errorf("%s: %.200q gives %q, %v, want an error with its line, Jinja's is %q", name, source, got.S, err, want.Error)
		}
		if raised := strings.HasPrefix(want.Error, "Conversation roles") || strings.HasPrefix(want.Error, "System role"); raised && !strings.HasSuffix(err.Error(), ": "+want.Error) {
			t.Errorf("%s: error %q, want %q", name, err, want.Error)
		}
		return
	}
	if err != nil || got.S != want.Text {
		t.Errorf("%s: %.200q gives\n%q, %v, want\n%q", name, source, got.S, err, want.Text)
	}
}

// TestReference compares with Python's Jinja in the environment of
// transformers (testdata/prompt/reference.py).
func TestReference(t *testing.T) {
	r := readReference(t)
	for _, p := range r.Published {
		for _, c := range p.Cases {
			check(t, p.Name, p.Template, variables(c.Messages, c.Head), c)
		}
	}
	for _, s := range r.Snippets {
		check(t, "snippet", s.Template, variables(r.Messages, false), s.rendered)
	}
}

// As with jinja2.StrictUndefined, but for an inline if without else.
func TestStrict(t *testing.T) {
	vars := Dict{{"q", Input("why")}, {"n", 2.5}, {"user", Dict{{"name", Input("An")}}}, {"none", nil}}
	for source, want := range map[string]string{
		"{{ q }} {{ n }} {{ user.name }}":                             "why 2.5 An",
		"{{ r | default('-') }}{{ r | d(q) }}":                        "-why",
		"{{ user.age | default('?') }}":                               "?",
		"{% if r is defined %}x{% elif r is undefined %}y{% endif %}": "y",
		"{{ 'x' if n > 3 }}{{ none }}":                                "None",
		"{% set r = 1 %}{{ r }}":                                      "1",
		"{% for x in [1, 2] %}{{ loop.index }}{% endfor %}":           "12",

		"a\n{{ r }}":                                     "line 2: 'r' is undefined",
		"{% if r %}x{% endif %}":                         "line 1: 'r' is undefined",
		"{{ q ~ r }}":                                    "line 1: 'r' is undefined",
		"{{ (q ~ r) | default('') }}":                    "line 1: 'r' is undefined",
		"{{ q | default(r) }}":                           "line 1: 'r' is undefined",
		"{% for x in r %}{% endfor %}":                   "line 1: 'r' is undefined",
		"{{ user.age }}":                                 "line 1: 'dict object' has no attribute 'age'",
		"{{ user['age'] }}":                              "line 1: 'dict object' has no attribute 'age'",
		"{{ user.job.name | default('') }}":              "line 1: 'dict object' has no attribute 'job'",
		"{{ r == q }}":                                   "line 1: 'r' is undefined",
		"{% macro f(a) %}{{ a }}{% endmacro %}{{ f() }}": "line 1: 'a' is undefined",
	} {
		t.Run(source, func(t *testing.T) {
			template, err := Compile(source)
			if err != nil {
				t.Fatal(err)
			}
			text, err := template.RenderStrict(vars, 100)
			got := text.S
			if err != nil {
				got = err.Error()
			}
			if got != want {
				t.Errorf("%q, want %q", got, want)
			}
		})
	}
}

func TestErrorsNameTheLine(t *testing.T) {
	for source, want := range map[string]string{
		"a\n{% if %}":              "line 2: want an expression",
		"{% for x in y %}\n\n":     "line 2: want the tag endfor",
		"\n\n{{ 'x }}":             "line 3: a string has no end",
		"\n{# x":                   "line 2: a comment has no end",
		"{% raw %}\nx":             "line 1: raw has no endraw",
		"{{ x ":                    "line 1: a tag has no end }}",
		"{{ (x] }}":                `line 1: unexpected "]"`,
		"{{ § }}":                  "line 1: unexpected character",
		"\n{% include 'x' %}":      "line 2: include is not allowed",
		"{% extends 'x' %}":        "line 1: extends is not allowed",
		"{% from 'x' import y %}":  "line 1: from is not allowed",
		"\n{{ x.y }}":              "line 2: 'x' is undefined",
		"{{ messages[0].nope.x }}": "line 1: 'dict object' has no attribute 'nope'",
		"{% for x in messages %}\n{{ x + 1 }}{% endfor %}":                        "line 2: unsupported operand types for +: 'dict' and 'int'",
		"{% macro f() %}\n{{ raise_exception('no') }}{% endmacro %}\n\n{{ f() }}": "line 2: no",
		"{{ raise_exception(x) }}":                                                "line 1: ",
		"{{ 99999999999999999999 }}":                                              "line 1: the number 99999999999999999999 is out of range",
		"{{ 9223372036854775807 + 1 }}":                                           "line 1: a number is out of range",
		"{{ -9223372036854775807 - 2 }}":                                          "line 1: a number is out of range",
		"{{ 4294967296 * 4294967296 }}":                                           "line 1: a number is out of range",
		"{{ 1e300 * 1e300 }}":                                                     "line 1: a number is out of range",
		"{% for x in [1] %}{% set y %}{% break %}{% endset %}{% endfor %}":        "line 1: break outside of a loop",
		"\n{% with x = 1 %}{% endwith %}":                                         `line 2: the tag "with" is not supported`,
		"\n{% call f() %}{% endcall %}":                                           `line 2: the tag "call" is not supported`,
		"{{ 2 ** 3 }}":                                                            `line 1: want }}, got "**"`,
		"{{ [2] | tojson(sort_keys=true) }}":                                      `line 1: tojson: the argument "sort_keys" is not supported`,
		"{{ '%5.1f' % 1 }}":                                                       "line 1: only %s, %d and %% are supported in a format",
		"{{ '{0}'.format(1) }}":                                                   "line 1: format: only {} is supported",
		"{{ 'a'.split('') }}{{ 'a'.rsplit() }}":                                   "line 1: split: the separator must be",
		"{{ 'a'.rsplit() }}":                                                      "line 1: rsplit: needs a separator",
		"{{ 'a'.islower() }}":                                                     "line 1: 'str object' has no attribute 'islower'",
		"{% set f %}\nx{% endset %}\n{{ f.x.y }}":                                 "line 3: 'str object' has no attribute 'x'",
		"{% macro f() %}\n\n{% endmacro %}{{ f() + 1 }}":                          "line 3: unsupported operand types for +: 'str' and 'int'",
		"{% break %}":                                                             "line 1: break outside of a loop",
		"{% for x in [1] recursive %}{% endfor %}":                                "line 1: recursive loops",
		"{{ 'x' | nope }}":                                                        `line 1: the filter "nope" is not supported`,
		"{{ 'x' is nope }}":                                                       `line 1: the test "nope" is not supported`,
		"{{ messages.append(1) }}":                                                "line 1: ",
		"{% set messages.x = 1 %}":                                                "line 1: cannot assign",
		"{% set a, b = [1] %}":                                                    "line 1: cannot unpack 1 values into 2 names",
		"{{ namespace(1) }}":                                                      "line 1: namespace: takes not more than 0 arguments",
		"{{ strftime_now('%Q') }}":                                                "line 1: strftime_now: unknown directive %Q",
	} {
		_, err := run(source, variables([]message{{"user", "hi"}}, false))
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %q", source, err, want)
		}
	}
	if _, err := Compile(strings.Repeat("x", maxSource+1)); err == nil {
		t.Error("a source past the limit compiles")
	}
}

// TestInputIsMarked shows the bytes that came from the messages in brackets.
func TestInputIsMarked(t *testing.T) {
	vars := Dict{{"x", Input("ab cd")}, {"y", Input("é,ü")}, {"own", "T"}, {"l", []any{Input("p"), Input("q")}}, {"d", Dict{{"k", Input("v")}}}}
	for source, want := range map[string]string{
		"a{{ x }}b":                                          "a[ab cd]b",
		"{{ x }}{{ x }}":                                     "[ab cdab cd]",
		"{{ 'a' + x + 'b' }}":                                "a[ab cd]b",
		"{{ own ~ y ~ 1 }}":                                  "T[é,ü]1",
		"{{ ('-' + x + '- ') | trim }}":                      "-[ab cd]-",
		"{{ ('-' + x)[1:3] }}":                               "[ab]",
		"{{ ('-' + x)[0] }}{{ ('-' + x)[1] }}":               "-[a]",
		"{{ y.split(',')[1] }}":                              "[ü]",
		"{{ ('-' + x + '-').split() }}":                      "[['-ab', 'cd-']]",
		"{{ ('-' + x + '-').split()[1] }}":                   "[cd]-",
		"{{ ('-' + x).replace('b', 'B') }}":                  "-[a]B[ cd]",
		"{{ '-'.join(l) }}":                                  "[p]-[q]",
		"{{ l | join('+') }}":                                "[p]+[q]",
		"{{ '%s!' % x }}{{ '{}?'.format(x) }}":               "[ab cd]![ab cd]?",
		"{{ x | upper }}{{ 'a' | upper }}":                   "[AB CD]A",
		"{{ l }}{{ [1] }}{{ d | tojson }}":                   "[['p', 'q']][1][{\"k\": \"v\"}]",
		"{{ x | length }}{{ x is string }}":                  "5True",
		"{% set z %}<{{ x }}>{% endset %}{{ z }}":            "<[ab cd]>",
		"{% for c in 'a' + y[0] %}{{ c }};{% endfor %}":      "a;[é];",
		"{% for k in d %}{{ k }}{{ d[k] }}{% endfor %}":      "k[v]",
		"{{ (x + '\n' + 'z') | indent(2) }}":                 "[ab cd]\n  z",
		"{{ x * 2 }}{{ x | reverse }}":                       "[ab cdab cddc ba]",
		"{{ x.rsplit(' ', 1)[0] }}{{ x.removeprefix('a') }}": "[abb cd]",
		"{{ strftime_now(x) }}":                              "[ab cd]",
		"{{ [1, 2] | tojson(separators=(x, ':')) }}":         "[[1ab cd2]]",
		"{{ [1] | tojson(indent=x) }}":                       "[[\nab cd1\n]]",
		"{{ '%%' % () }}{{ (x ~ '%%') % () }}":               "%[ab cd]%",
		"{% filter upper %}{{ x }}{% endfilter %}":           "[AB CD]",
		"{{ x == 'ab cd' }}{{ {'ab cd': 'hit'}[x] }}":        "Truehit",
	} {
		got, err := run(source, vars)
		if err != nil {
			t.Errorf("%q: %v", source, err)
			continue
		}
		shown, at := "", 0
		for _, p := range got.Input {
			if p.Start < at || p.End <= p.Start || p.Start == at && at > 0 {
				t.Errorf("%q: spans %v", source, got.Input)
				break
			}
			shown += got.S[at:p.Start] + "[" + got.S[p.Start:p.End] + "]"
			at = p.End
		}
		if shown += got.S[at:]; shown != want {
			t.Errorf("%q gives %q, want %q", source, shown, want)
		}
	}
}
