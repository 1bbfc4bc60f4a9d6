package jinja

import (
	"errors"
	"flag"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

// bombs are templates that would take forever, or all memory.
var bombs = map[string]string{
	"range":           "{% for i in range(1000000000) %}{% endfor %}",
	"nested loops":    "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
	"silent loops":    "{% for a in range(99999) %}{% for b in range(99999) %}{% if b %}{% set x = b * a %}{% endif %}{% endfor %}{% endfor %}",
	"filtered loops":  "{% for a in range(99999) %}{% for b in range(99999) if b < 0 %}{% endfor %}{% endfor %}",
	"repeat":          "{{ 'x' * 1000000000000 }}",
	"repeat more":     "{{ 'x' * 9223372036854775807 }}",
	"doubling":        "{% set ns = namespace(x='x') %}{% for i in range(60) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}{{ ns.x | length }}",
	"doubling lists":  "{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = ns.x + ns.x %}{% endfor %}{{ ns.x | length }}",
	"doubling joined": "{% set ns = namespace(x='xx') %}{% for i in range(60) %}{% set ns.x = ns.x.join(ns.x | list) %}{% endfor %}",
	"replace":         "{% set ns = namespace(x='xx') %}{% for i in range(60) %}{% set ns.x = ns.x.replace('', ns.x) %}{% endfor %}",
	"indent":          "{% set ns = namespace(x='a\\nb') %}{% for i in range(60) %}{% set ns.x = ns.x | indent(ns.x, true) %}{% endfor %}",
	"padding":         "{{ '%999999999d' % 1 }}",
	"recursion":       "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
	"wide recursion":  "{% macro f(n) %}{{ f(n) }}{{ f(n) }}{% endmacro %}{{ f(1) }}",
	"tree":            "{% macro f(n) %}{% if n %}{{ f(n-1) }}{{ f(n-1) }}{% endif %}{% endmacro %}{{ f(60) }}",
	"nested lists":    "{% set ns = namespace(x=[]) %}{% for i in range(99999) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x }}",
	"nested dicts":    "{% set ns = namespace(x={}) %}{% for i in range(99999) %}{% set ns.x = {'a': ns.x} %}{% endfor %}{{ ns.x | tojson }}",
	"shared lists":    "{% set ns = namespace(x=[1]) %}{% for i in range(90) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x }}",
	"shared compared": "{% set ns = namespace(x=[1], y=[1]) %}{% for i in range(90) %}{% set ns.x = [ns.x, ns.x] %}{% set ns.y = [ns.y, ns.y] %}{% endfor %}{{ ns.x == ns.y }}",
	"split":           "{% set s = 'a ' * 1000000 %}{% for i in range(99999) %}{% set t = s.split() %}{% set u = s.split('a') %}{% endfor %}",
	"search":          "{% set s = 'a' * 1000000 %}{% for i in range(99999) %}{{ 'b' in s }}{% endfor %}",
	"find":            "{% set s = 'a' * 1000000 %}{% for i in range(99999) %}{{ s.find('b') }}{{ s.isdigit() }}{{ s | upper | length }}{% endfor %}",
	"case":            "{% set s = 'a' * 1000000 %}{% for i in range(99999) %}{% if s | length == s.lower() %}x{% endif %}{% endfor %}",
	"compare":         "{% set s = 'a' * 1000000 %}{% set t = 'a' * 1000000 %}{% for i in range(99999) %}{% if s != t %}x{% endif %}{% if s < t %}x{% endif %}{% endfor %}",
	"strip":           "{% set s = 'a' * 1000000 %}{% set t = 'b' * 1000000 + 'a' %}{% for i in range(99999) %}{% if s.strip(t) %}x{% endif %}{% endfor %}",
	"prefix":          "{% set s = 'a' * 1000000 %}{% for i in range(99999) %}{% if s.startswith(s) %}x{% endif %}{{ s.removeprefix(s) }}{% endfor %}",
	"index":           "{% set s = 'a' * 1000000 %}{% for i in range(99999) %}{% if s[999999] == 'b' %}x{% endif %}{% endfor %}",
	"contains":        "{% set l = range(99999) | list %}{% for i in l %}{{ 'x' in l }}{% endfor %}",
	"dict in dict":    "{% for i in range(99999) %}{% set d = dict(a=dict(b=dict(c=3)), d=4) %}{% for j in range(99999) %}{{ d }}{% endfor %}{% endfor %}",
	"joined marks":    "{% set ns = namespace(x='') %}{% for i in range(99999) %}{% set ns.x = ns.x + '.' + messages[0].content %}{% endfor %}",
	"sort":            "{% set l = range(99999) | list %}{% for i in l %}{% set x = l | sort(reverse=true) %}{% endfor %}",
	"output":          "{% set s = 'a' * 1000000 %}{% for i in range(99999) %}{{ s }}{% endfor %}",
	"captured":        "{% macro f() %}{% set x %}{{ f() }}{% endset %}{% endmacro %}{{ f() }}",
	"quoted":          "{% set ns = namespace(x='\"') %}{% for i in range(60) %}{% set ns.x = ns.x | tojson %}{% endfor %}{{ ns.x }}",
	"maps":            "{% for i in range(99999) %}{{ range(99999) | map('string') | list | length }}{% endfor %}",
	"slice":           "{% set s = 'a' * 1000000 %}{% for i in range(99999) %}{% set x = s[::-1] %}{% set y = s[:1] %}{% endfor %}",
	"long name":       "{% set a=1 %}{% set b=1 %}{% set c=1 %}{% set d=1 %}{% set e=1 %}{% set f=1 %}{% set g=1 %}{% set h=1 %}{% set i=1 %}{% for j in range(99999) %}{{ " + strings.Repeat("q", 900_000) + " }}{% endfor %}",
	"long item":       "{% set k = 'q' * 9000000 %}{% for i in range(99999) %}{% for j in range(99999) %}{% if k[k] or [k][k] or 1[k] %}{% endif %}{% endfor %}{% endfor %}",
	"long key":        "{% set k = 'q' * 9000000 %}{% set d = {k: 1} %}{% for i in range(99999) %}{% if k in d or d[k] or d.get(k) %}{% endif %}{% endfor %}",
	"long keys":       "{% set k = 'q' * 9000000 %}{% for i in range(99999) %}{% set x = {k: 1, k: 2} %}{% endfor %}",
	"unique":          "{% set k = 'q' * 900000 %}{% set l = range(99999) | list %}{% for i in l %}{% set x = [k, k, k, k, k] | unique(true) %}{% endfor %}",
	"quotes":          "{{ ['\\x01' * 30000000] | tojson }}{{ ['\\x01' * 30000000] }}",
	"literals":        "{% for i in range(1000) %}{{ '" + strings.Repeat("a", 9000) + "' " + strings.Repeat("'a'", 300_000) + " | length }}{% set x = 'a' * 9000000 %}{% endfor %}",
	"strftime":        "{% set s = '%A' * 100000 %}{% for i in range(99999) %}{% set x = strftime_now(s) %}{% endfor %}",
}

// TestBombsEnd has a subtest for each, which is named where one does not end.
func TestBombsEnd(t *testing.T) {
	vars := variables([]message{{"user", strings.Repeat("hi ", 100)}}, true)
	for name, source := range bombs {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			_, err := run(source, vars)
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			// All of the memory that it took, what was given back included. The
			// time has slack for the race detector and other tests.
			mib := (after.TotalAlloc - before.TotalAlloc) >> 20
			if err == nil || !strings.HasPrefix(err.Error(), "line ") || mib > 320 || took > 10*time.Second {
				t.Errorf("%v after %v and %d MiB", err, took, mib)
			}
			t.Logf("%v, %d MiB: %v", took.Round(time.Millisecond), mib, err)
		})
	}
}

// TestLoopsPay counts the steps of small templates: a bomb is stopped by all that
// it does together, also where one thing is free. Every statement and every
// expression takes a step by itself.
func TestLoopsPay(t *testing.T) {
	const (
		list  = 1 + 3 + 3*itemSteps // [1, 2, 3]: itself, its numbers and their memory
		round = 4                   // for the scope of an item
	)
	input := Text{"abcde", []Span{{0, 1}, {2, 3}}} // of two runs, which each cut looks through
	for _, c := range []struct {
		source string
		want   int
	}{
		{"{% for i in [1, 2, 3] %}{% endfor %}", 1 + list + 3*round},
		{"{% for i in [1, 2, 3] %}x{% endfor %}", 1 + list + 3*(round+2)}, // a text is a statement and pays for its bytes
		{"{% for i in [1, 2, 3] %}{% break %}{% endfor %}", 1 + list + round + 1},
		{"{% for i in [1, 2, 3] if true %}{% endfor %}", 1 + list + 3 + 3*itemSteps + 3*round},
		{"{% for i in [1, 2, 3] if false %}{% endfor %}", 1 + list + 3},
		{"{% for i in [0, 1, 0] if i %}{% endfor %}", 1 + list + 3 + itemSteps + round},
		{"{% for c in 'abc' %}{% endfor %}", 1 + 1 + 3*itemSteps + 3*round},
		{"{% for c in input %}{% endfor %}", 1 + 1 + 5*itemSteps + 5*2 + 5*round},
	} {
		tmpl, err := Compile(c.source)
		if err != nil {
			t.Fatal(err)
		}
		const steps = 1000
		r := &render{steps: steps, out: new(builder), scope: &scope{vars: map[string]value{"input": input}}}
		r.run(tmpl.body)
		if got := steps - r.steps; got != c.want {
			t.Errorf("%s takes %d steps, want %d", c.source, got, c.want)
		}
	}
}

// TestFiltersPay: so do comparisons and separators.
func TestFiltersPay(t *testing.T) {
	steps := func(source string) int {
		t.Helper()
		tmpl, err := Compile(source)
		if err != nil {
			t.Fatal(err)
		}
		const most = 1000
		r := &render{steps: most, out: new(builder), scope: new(scope)}
		r.run(tmpl.body)
		return most - r.steps
	}
	const (
		each      = 1 + 4*itemSteps // an item, in its list, among the keys, the places and what is sorted
		compared  = 1
		separator = 1 + 16/bytesPerStep
	)
	for _, c := range []struct {
		more, less string
		want       int
	}{
		{"{% set x = [1, 2] | sort %}", "{% set x = [1] | sort %}", each + compared},
		{"{% set x = ['', '', ''] | join('0123456789abcdef') %}", "{% set x = ['', '', ''] | join('') %}", 2 * separator},
	} {
		if got := steps(c.more) - steps(c.less); got != c.want {
			t.Errorf("%s takes %d steps more than %s, want %d", c.more, got, c.less, c.want)
		}
	}
}

// TestBudget: a render makes strings of 32 MiB and of 128 times the input.
func TestBudget(t *testing.T) {
	const (
		base  = 32 << 20
		input = 100_000
		near  = 100_000 // other steps, among them one for each unit
		unit  = 8000
	)
	for _, c := range []struct {
		input, bytes int
		ends         bool
	}{{0, base - near, true}, {0, base + near, false}, {input, base + 128*input - near, true}, {input, base + 128*input + near, false}} {
		tmpl, err := Compile(fmt.Sprintf("{%% set x = '%s' * %d %%}", strings.Repeat("x", unit), c.bytes/unit))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tmpl.Render(nil, c.input); (err == nil) != c.ends {
			t.Errorf("%d bytes from an input of %d: %v", c.bytes, c.input, err)
		}
	}
}

// TestDepthIsGivenBack: what follows is no deeper than what came before.
func TestDepthIsGivenBack(t *testing.T) {
	for _, source := range []string{
		"{% for i in range(3000) %}{{ i }}{% endfor %}",
		"{% macro f(x) %}{% endmacro %}{% for i in range(3000) %}{% set x = f(i) %}{% endfor %}",
		"{% for i in range(3000) %}{% set x = i | string %}{% endfor %}",
	} {
		if _, err := run(source, nil); err != nil {
			t.Errorf("%s: %v", source, err)
		}
	}
}

func TestNestingIsBounded(t *testing.T) {
	const n = 200_000
	for name, source := range map[string]string{
		"brackets":   "{{ " + strings.Repeat("(", n) + "1" + strings.Repeat(")", n) + " }}",
		"lists":      "{{ " + strings.Repeat("[", n) + strings.Repeat("]", n) + " }}",
		"dicts":      "{{ " + strings.Repeat("{1:", n) + "1" + strings.Repeat("}", n) + " }}",
		"open":       "{{ " + strings.Repeat("(", n),
		"not":        "{{ " + strings.Repeat("not ", n) + "1 }}",
		"minus":      "{{ " + strings.Repeat("- ", n) + "1 }}",
		"sum":        "{{ " + strings.Repeat("1 + ", n) + "1 }}",
		"or":         "{{ " + strings.Repeat("0 or ", n) + "1 }}",
		"condition":  "{{ " + strings.Repeat("1 if 1 else ", n/4) + "1 }}",
		"attributes": "{{ x" + strings.Repeat(".x", n) + " }}",
		"items":      "{{ x" + strings.Repeat("[0]", n) + " }}",
		"indexes":    "{{ " + strings.Repeat("x[", n) + strings.Repeat("]", n) + " }}",
		"calls":      "{{ x" + strings.Repeat("()", n) + " }}",
		"arguments":  "{{ " + strings.Repeat("f(", n) + strings.Repeat(")", n) + " }}",
		"filters":    "{{ 1 " + strings.Repeat("|string", n/4) + " }}",
		"if":         strings.Repeat("{% if 1 %}", n/4) + strings.Repeat("{% endif %}", n/4),
		"elif":       "{% if 0 %}" + strings.Repeat("{% elif 0 %}", n/4) + "{% endif %}",
		"for":        strings.Repeat("{% for x in [1] %}", n/8) + strings.Repeat("{% endfor %}", n/8),
	} {
		if _, err := run(source, nil); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	// What published templates do is far below the bounds.
	deep := strings.Repeat("(", maxNested/2) + strings.Repeat("'x' + ", maxNested) + "'x'" + strings.Repeat(")", maxNested/2)
	if got, err := run("{{ "+deep+" }}", nil); err != nil || got.S != strings.Repeat("x", maxNested+1) {
		t.Errorf("%v", err)
	}
}

func TestInputPaysForItself(t *testing.T) {
	// Long conversations render, whatever their length.
	long := strings.Repeat("xyz ", 5<<20)
	source := "{% for m in messages %}{{ '<' + m.role + '>' + m.content | trim + '\n' }}{% endfor %}"
	tmpl, err := Compile(source)
	if err != nil {
		t.Fatal(err)
	}
	got, err := tmpl.Render(variables([]message{{"user", long}, {"user", long}}, false), 2*len(long))
	if err != nil || len(got.S) != 2*len(long)+2*len("<user>\n")-2 {
		t.Errorf("%d bytes, %v", len(got.S), err)
	}
	if _, err := tmpl.Render(variables([]message{{"user", strings.Repeat("x", 300<<20)}}, false), 0); !errors.As(err, new(*failure)) {
		t.Errorf("unpaid input: %v", err)
	}
}

// mark is a character that no template and no method of ours makes.
const mark = "\ue000"

// FuzzJinja renders arbitrary sources: no panic, an end, valid spans, and every
// mark in the messages still in one of them.
func FuzzJinja(f *testing.F) {
	r := readReference(f)
	for _, p := range r.Published {
		f.Add(p.Template, "user", "hi <eos>")
	}
	for _, s := range r.Snippets {
		f.Add(s.Template, "assistant", "a b\nc")
	}
	if flag.Lookup("test.fuzz").Value.String() != "" { // TestBombsEnd runs them as they are
		for _, source := range bombs {
			f.Add(source, "system", "\xff\u00e9")
		}
	}
	f.Fuzz(func(t *testing.T, source, role, content string) {
		start := time.Now()
		content = mark + content + mark
		got, err := run(source, variables([]message{{role, content}, {"assistant", content + role}}, true))
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("%v", took)
		}
		if err != nil {
			if !strings.HasPrefix(err.Error(), "line ") {
				t.Errorf("the error %q has no line", err)
			}
			return
		}
		own, at := "", -1
		for _, p := range got.Input {
			if p.Start <= at || p.End <= p.Start || p.End > len(got.S) {
				t.Fatalf("spans %v of %d bytes", got.Input, len(got.S))
			}
			own += got.S[max(at, 0):p.Start]
			at = p.End
		}
		own += got.S[max(at, 0):]
		if strings.Contains(own, mark) && !strings.ContainsAny(source, mark+`\`) {
			t.Errorf("a message became the template's own text: %q", own)
		}
	})
}
