package openai

import (
	"fmt"
	"strings"

	"sealvk/prompt"
	"sealvk/prompt/grammar"
	"sealvk/prompt/grammar/schema"
)

// mustCall is the grammar of an answer that calls one of the functions that it must, or several; nil if it need not.
func (j *Job) mustCall(r *Request) (*grammar.Grammar, error) {
	if r.MustCall == nil {
		return nil, nil
	}
	tagged := j.Template.CallForm(j.Tokenizer) == prompt.TaggedCalls
	key := map[bool]string{true: "arguments", false: "parameters"}[tagged]
	var calls []string
	for i, f := range r.MustCall {
		parameters, err := f.schema(i)
		if err != nil {
			return nil, err
		}
		calls = append(calls, fmt.Sprintf(`{"type":"object","properties":{"name":{"const":%q},%q:%s},"required":["name",%[2]q],"additionalProperties":false}`,
			f.Name, key, parameters))
	}
	const field = "tools"
	gbnf, err := schema.GBNF([]byte(`{"anyOf":[` + strings.Join(calls, ",") + `]}`))
	switch {
	case err != nil:
		return nil, unfollowed(r.path(field), err)
	case !tagged:
		return GrammarOf(r.path(field), gbnf)
	}
	root := `root ::= call ("\n" call)*`
	if r.OneCall {
		root = "root ::= call"
	}
	return GrammarOf(r.path(field), root+"\ncall ::= \"<tool_call>\\n\" object-of-call \"\\n</tool_call>\"\nobject-of-call"+strings.TrimPrefix(gbnf, "root"))
}

// schema is what the arguments of a call are held to, as a part of another schema: references within it stay in it.
func (f *Function) schema(i int) (string, error) {
	const any = `{"type":"object"}`
	if f.Parameters == nil {
		return any, nil
	}
	v := value{f.path, f.Parameters}
	members, _ := v.members()
	if len(members) == 0 {
		return any, nil
	}
	if _, err := schema.GBNF(f.Parameters); err != nil {
		return "", unfollowed(f.path, err)
	}
	typed := has(members, "properties")
	for _, m := range members {
		switch m.name {
		case "$id":
			return string(f.Parameters), nil
		case "type":
			if text, _ := m.text(); text != "object" {
				return "", m.want(`"object", as arguments are`)
			}
			typed = true
		}
	}
	if !typed {
		return "", v.problem("has no \"type\": \"object\", which arguments are")
	}
	return fmt.Sprintf(`{"$id":"tool:///%d",`, i) + strings.TrimPrefix(v.compact(), "{"), nil
}
