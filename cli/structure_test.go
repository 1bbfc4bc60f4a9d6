package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"sealvk/prompt/grammar/schema/samples"
)

// schemaCount has TestSchemas ask nano for so many answers, not a model that takes less time and
// answers at random.
const schemaCount = "SEALVK_TEST_SCHEMAS"

// Answers at temperature 1 to requests with schemas: a whole one is valid, a cut one says length.
func TestSchemas(t *testing.T) {
	count, args := 25, asBatch(tinyModel(t), "--parallel", "16")
	if testing.Short() {
		count = 10
	}
	if text := os.Getenv(schemaCount); text != "" {
		var err error
		if count, err = strconv.Atoi(text); err != nil {
			t.Fatalf("%s=%s: want a number", schemaCount, text)
		}
		args = []string{"batch", "--parallel", "16", "--seed", "5"}
	}
	source := samples.New(16)
	var all []samples.Sample
	var lines strings.Builder
	for k := range count {
		s := source.Next()
		all = append(all, s)
		fmt.Fprintf(&lines, `{"prompt":"Question %d","temperature":1,"top_k":0,"top_p":1,"min_p":0,"max_tokens":80,`+
			`"response_format":{"type":"json_schema","json_schema":{"name":"sample","strict":true,"schema":%s}}}`+"\n", k, s.Schema)
	}
	o := mustOnDevice(t, lines.String(), args...)
	whole := 0
	for line := range strings.SplitSeq(strings.TrimSpace(o), "\n") {
		var r struct {
			Index  int
			Text   string
			Finish string `json:"finish_reason"`
		}
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(line, err)
		}
		count--
		switch err := all[r.Index].Judge([]byte(r.Text)); {
		case r.Finish == "stop" && err != nil:
			t.Errorf("%s got %q: %v", all[r.Index].Schema, r.Text, err)
		case r.Finish == "stop":
			whole++
		case r.Finish != "length":
			t.Errorf("%s", line)
		}
	}
	if count != 0 || whole < len(all)/3 {
		t.Errorf("%d of %d lines lack, %d answers are whole", count, len(all), whole)
	}
	t.Logf("%d of %d answers are whole", whole, len(all))
}

// generate's own flags, for one prompt and for lines.
func TestGenerateStructure(t *testing.T) {
	model, dir := tinyModel(t), t.TempDir()
	form := writeFileText(t, filepath.Join(dir, "city.json"), `{"enum":["Bangkok","Jakarta","Manila"]}`)
	text := writeFileText(t, filepath.Join(dir, "city.gbnf"), byteOrderMark+`root ::= "Jak" "arta" | "Hanoi"`)
	if o := mustOnDevice(t, "\"a\"\n\"b\"\n", "generate", "-m", model, "--template", "chatml", "--jsonl", "--json-schema", form); strings.Count(o, `"text":"\"`) != 2 || strings.Count(o, `"stop"`) != 2 {
		t.Error(o)
	}
	if o := mustOnDevice(t, "", "generate", "-m", model, "--template", "chatml", "--grammar", text, "Apa ibu kota Indonesia?"); o != "Jakarta\n" && o != "Hanoi\n" {
		t.Errorf("%q", o)
	}
	bad := writeFileText(t, filepath.Join(dir, "bad"), "root ::= a\n")
	for _, c := range [][]string{
		{"want one of them", "--grammar", text, "--json-schema", form},
		{"--grammar " + bad + " can't be followed: line 1, column 10", "--grammar", bad},
		{"--json-schema " + bad + " can't be followed: is no JSON", "--json-schema", bad},
		{"--json-schema can't be followed: /a~1b is no keyword", "--json-schema", `{"a/b":1}`},
		{"--json-schema: want a file or a schema in braces: " + dir, "--json-schema", dir + "/none"},
		{"--grammar: " + dir, "--grammar", dir + "/none"},
	} {
		if o := sealvk("", append([]string{"generate", "x"}, c[1:]...)...); o.code != 1 || !strings.Contains(o.stderr, c[0]) || strings.Count(o.stderr, "\n") != 1 {
			t.Errorf("%q: %+v", c, o)
		}
	}
}
