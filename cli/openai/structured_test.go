package openai

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"sealvk/engine"
	"sealvk/prompt/grammar"
)

// first is what a request's mask allows at first, as the texts of one token.
func first(t *testing.T, j *Job, r engine.Request) (all []string) {
	t.Helper()
	mask := make([]uint32, (j.Tokenizer.Size()+31)/32)
	if err := r.Mask(-1, mask); err != nil {
		t.Fatal(err)
	}
	for id := range int32(j.Tokenizer.Size()) {
		if mask[id/32]>>(id%32)&1 != 0 {
			all = append(all, string(j.Tokenizer.Bytes(id)))
		}
	}
	return all
}

// Each way to say what an answer looks like has a mask of its own for every choice.
func TestStructured(t *testing.T) {
	j := testJob(t)
	j.Vocabulary = func() *grammar.Vocabulary { return grammar.NewVocabulary(j.Tokenizer) }
	const person = `{"type":"object","properties":{"name":{"type":"string"}},"required":["name"]}`
	for options, begins := range map[string]string{
		`"response_format":{"type":"json_object"}`:                                                                         "{",
		`"response_format":{"type":"json_object","schema":` + person + `}`:                                                 "{",
		`"response_format":{"type":"json_schema","schema":` + person + `}`:                                                 "{",
		`"response_format":{"type":"json_schema","json_schema":{"name":"a","schema":` + person + `}}`:                      "{",
		`"response_format":{"type":"json_schema","json_schema":{"strict":false,"description":"b","schema":{"const":"x"}}}`: `"`,
		`"json_schema":{"const":"x"}`:                                                                                      `"`,
		`"grammar":"root ::= \"z\""`:                                                                                       "z",
		`"structured_outputs":{"json":{"const":"x"}}`:                                                                      `"`,
		`"structured_outputs":{"json":"{\"const\":\"x\"}"}`:                                                                `"`,
		`"structured_outputs":{"regex":"\\d\\d"}`:                                                                          "0123456789",
		`"structured_outputs":{"choice":["z","y"]}`:                                                                        "yz",
		`"structured_outputs":{"grammar":"root ::= \"z\""}`:                                                                "z",
		`"structured_outputs":{"json_object":true}`:                                                                        "{",
		`"guided_json":{"const":"x"}`:                                                                                      `"`,
		`"guided_regex":"\\d\\d"`:                                                                                          "0123456789",
		`"guided_choice":["z"]`:                                                                                            "z",
		`"guided_grammar":"root ::= \"z\""`:                                                                                "z",
	} {
		for _, r := range ask(t, j, `{"prompt":"x","n":2,`+options+`}`, 0).Requests {
			for _, piece := range first(t, j, r) {
				if !strings.Contains(begins, piece[:1]) {
					t.Errorf("%s begins with %q", options, piece)
				}
			}
		}
	}
	for _, options := range []string{`"n":1`, `"response_format":{"type":"text"}`, `"response_format":null`, `"structured_outputs":{"json_object":false}`} {
		if r := ask(t, j, `{"prompt":"x",`+options+`}`, 0).Requests[0]; r.Mask != nil {
			t.Errorf("%s has a mask", options)
		}
	}
	j.Grammar, _ = GrammarOf("", `root ::= "z"`)
	if got := first(t, j, ask(t, j, `"x"`, 0).Requests[0]); strings.Trim(fmt.Sprint(got), "[z ]") != "" {
		t.Errorf("the job's grammar: %q", got)
	}
	if got := first(t, j, ask(t, j, `{"prompt":"x","guided_choice":["y"]}`, 0).Requests[0]); strings.Trim(fmt.Sprint(got), "[y ]") != "" {
		t.Errorf("beside the job's grammar: %q", got)
	}
}

func TestStructuredRefused(t *testing.T) {
	for options, want := range map[string]string{
		`"response_format":"json"`:                                                                          "response_format is ",
		`"response_format":{"type":"json_schema"}`:                                                          "response_format has no json_schema",
		`"response_format":{"type":"json_schema","json_schema":{"name":"a"}}`:                               "response_format.json_schema has no schema",
		`"response_format":{"type":"json_schema","json_schema":[]}`:                                         "response_format.json_schema is a list; want an object with name and schema",
		`"response_format":{"type":"json_schema","json_schema":{"name":1}}`:                                 "response_format.json_schema.name is 1; want a text",
		`"response_format":{"type":"json_schema","json_schema":{"strict":1}}`:                               "response_format.json_schema.strict is 1; want true or false",
		`"response_format":{"type":"json_schema","json_schema":{"schemas":{}}}`:                             "response_format.json_schema.schemas is unknown",
		`"response_format":{"type":"json_object","strict":true}`:                                            "response_format.strict is unknown",
		`"response_format":{"type":"text","schema":{}}`:                                                     "response_format is an object; want",
		`"response_format":{"type":"json_schema","json_schema":{"schema":{"properties":{"a":{"not":{}}}}}}`: "response_format.json_schema.schema can't be followed: /properties/a/not can't be enforced",
		`"guided_json":"{"`:                                 "guided_json can't be followed: is no JSON",
		`"guided_json":7`:                                   "guided_json is 7; want a JSON Schema",
		`"grammar":"root ::= x"`:                            "grammar can't be followed: line 1, column 10",
		`"grammar":[]`:                                      "grammar is a list; want a grammar in GBNF",
		`"guided_regex":"("`:                                "guided_regex can't be followed: ",
		`"guided_choice":[]`:                                "guided_choice is a list; want a list of at most 1000 texts",
		`"guided_choice":[""]`:                              "guided_choice is a list; want a list of at most 1000 texts",
		`"structured_outputs":{"structural_tag":"x"}`:       "structured_outputs.structural_tag is not supported",
		`"structured_outputs":{"json_object":1}`:            "structured_outputs.json_object is 1; want true or false",
		`"structured_outputs":{"choice":["a"],"regex":"b"}`: "structured_outputs.regex is there beside another field",
		`"guided_choice":["a"],"grammar":"root ::= \"a\""`:  "grammar is there beside another field",
		`"guided_choice":["a"],"ignore_eos":true`:           "ignore_eos is true, but an answer that follows",
	} {
		_, err := Parse([]byte(`{"prompt":"x",` + options + `}`))
		var field *FieldError
		if !errors.As(err, &field) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", options, err, want)
		}
	}
	j := testJob(t)
	r, err := Parse([]byte(`{"prompt":"x","guided_choice":["a"]}`))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.masked(r, r.Grammar, nil); err == nil || !strings.Contains(err.Error(), "stop_token_ids") {
		t.Errorf("without an end: %v", err)
	}
}

// A grammar that takes too much work is the request's fault, though it shows only while an answer is made.
func TestGrammarGivesUp(t *testing.T) {
	j := testJob(t)
	j.Vocabulary = func() *grammar.Vocabulary { return grammar.NewVocabulary(j.Tokenizer) }
	r := ask(t, j, `{"prompt":"x","grammar":"root ::= ([^a]?){60000}"}`, 0).Requests[0]
	err := r.Mask(-1, make([]uint32, (j.Tokenizer.Size()+31)/32))
	if err == nil {
		t.Fatal("the grammar is followed")
	}
	if e, status := ErrorOf(err); status != 400 || !strings.HasPrefix(e.Message, "the answer can't follow its grammar any further: the text can be read in too many ways") {
		t.Errorf("%d, %+v", status, e)
	}
}

// Equal grammars are one, as long as not too many others were asked for since.
func TestGrammarsAreShared(t *testing.T) {
	get := func(n int) *grammar.Grammar {
		g, err := GrammarOf("grammar", fmt.Sprintf("root ::= \"%d\"", n))
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	a := get(-1)
	for n := range maxGrammars - 1 {
		get(n)
	}
	if get(-1) != a {
		t.Error("a grammar was made twice")
	}
	for n := range maxGrammars {
		get(n)
	}
	if get(-1) == a || len(grammars.entries) != maxGrammars || grammars.order.Len() != maxGrammars {
		t.Errorf("%d grammars are kept, and %d", len(grammars.entries), grammars.order.Len())
	}
}
