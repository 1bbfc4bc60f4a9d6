package openai

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"sealvk/engine"
	"sealvk/prompt"
	"sealvk/prompt/grammar"
)

const weather = `{"type":"function","function":{"name":"weather","description":"d","parameters":{"type":"object"},"strict":false}}`

// toolJob is testJob with a template that has tools.
func toolJob(t *testing.T) *Job {
	t.Helper()
	source, err := os.ReadFile("../../testdata/prompt/tools.jinja")
	if err != nil {
		t.Fatal(err)
	}
	j := testJob(t)
	j.Context = 1024
	if j.Template, err = prompt.Compile("tools.jinja", string(source)); err != nil {
		t.Fatal(err)
	}
	return j
}

func TestTools(t *testing.T) {
	j := toolJob(t)
	user := `{"role":"user","content":"Rain?"}`
	tools, err := prompt.ReadTools([]byte("[" + weather + "]"))
	if err != nil {
		t.Fatal(err)
	}
	msgs := []prompt.Message{{Role: "user", Content: "Rain?"}}
	called := append(msgs, prompt.Message{Role: "assistant", ToolCalls: []prompt.ToolCall{{ID: "1", Name: "weather", Arguments: `{"x":1}`}}},
		prompt.Message{Role: "tool", Content: "yes", ToolCallID: "1"})
	for line, want := range map[string]struct {
		template prompt.Template
		msgs     []prompt.Message
	}{
		`{"messages":[` + user + `],"tools":[` + weather + `]}`:                                  {j.Template.WithTools(tools), msgs},
		`{"messages":[` + user + `],"tools":[` + weather + `],"tool_choice":"auto"}`:             {j.Template.WithTools(tools), msgs},
		`{"messages":[` + user + `],"tools":[` + weather + `],"tool_choice":"none"}`:             {j.Template, msgs},
		`{"messages":[` + user + `],"tools":[],"tool_choice":"auto","parallel_tool_calls":true}`: {j.Template, msgs},
		`{"messages":[` + user + `,{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"weather","arguments":"{\"x\":1}"}}]},
			{"role":"tool","tool_call_id":"1","content":"yes"}],"tools":[` + weather + `]}`: {j.Template.WithTools(tools), called},
	} {
		ids, err := want.template.Encode(j.Tokenizer, want.msgs, true)
		if err != nil {
			t.Fatal(err)
		}
		if a := ask(t, j, line, 0); !reflect.DeepEqual(a.Requests[0].Prompt, ids) {
			t.Errorf("%s: %v, want %v", line, a.Requests[0].Prompt, ids)
		}
	}
	for body, want := range map[string]string{
		`"tools":{}`: "tools is an object; want a list", `"tools":[{}]`: "tools[0] has no function", `"tools":[1]`: `tools[0] is 1; want {"type"`,
		`"tools":[{"type":"web_search"}]`:                                                      `tools[0].type is "web_search"`,
		`"tools":[{"function":{}}]`:                                                            "tools[0].function is an object; want an object with a name",
		`"tools":[{"function":{"name":"a b"}}]`:                                                "tools[0].function.name is",
		`"tools":[{"function":{"name":"f","parameters":[]}}]`:                                  "tools[0].function.parameters is a list; want a JSON schema",
		`"tools":[{"function":{"name":"f","strict":true}}]`:                                    "tools[0].function.strict is true, but arguments are held to their schema only where",
		`"tools":[{"function":{"name":"f","strict":1}}]`:                                       "tools[0].function.strict is 1; want true or false",
		`"tools":[{"function":{"name":"f","x":1}}]`:                                            "tools[0].function.x is no field",
		`"tools":[` + weather + "," + weather + `]`:                                            "tools can't be read: prompt: tool 1 has the name",
		`"tools":[` + strings.Repeat(weather+",", 128) + weather + `]`:                         "tools is a list; want a list of at most 128",
		`"tools":[` + weather + `],"tool_choice":"must"`:                                       `tool_choice is "must"; want "none", "auto", "required" or`,
		`"tools":[` + weather + `],"tool_choice":{"type":"function","function":{"name":"f"}}`:  "tool_choice asks for a call of what is none of the tools",
		`"tool_choice":"required"`:                                                             "tool_choice asks for a call of what is none of the tools",
		`"tools":[` + weather + `],"tool_choice":"required","ignore_eos":true`:                 "ignore_eos is true, but an answer that must be a call",
		`"tools":[` + weather + `],"response_format":{"type":"json_object"}`:                   "tools are there beside a field that says what an answer looks like",
		`"tool_choice":{"type":"function"}`:                                                    "tool_choice has no function",
		`"parallel_tool_calls":1`:                                                              "parallel_tool_calls is 1; want true or false",
		`"x":[{"role":"user","content":"","tool_calls":[{"function":{"name":"f"}}]}]`:          "messages[0].tool_calls is there in a message",
		`"x":[{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":"[]"}}]}]`: "messages[0].tool_calls[0].function.arguments is",
		`"x":[{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":"{"}}]}]`:  "messages[0].tool_calls[0].function.arguments is",
		`"x":[{"role":"assistant","tool_calls":[{"type":"x"}]}]`:                               "messages[0].tool_calls[0].type is",
		`"x":[{"role":"assistant","tool_calls":{}}]`:                                           "messages[0].tool_calls is an object",
		`"x":[{"role":"assistant","content":null,"tool_calls":[]}]`:                            "messages[0].content is missing",
	} {
		if strings.HasPrefix(body, `"x"`) {
			body = strings.Replace(body, `"x"`, `"messages"`, 1)
		} else {
			body = `"messages":[` + user + `],` + body
		}
		if _, err := ParseChat([]byte("{" + body + "}")); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.200s: %v, want %s", body, err, want)
		}
	}
}

// What must be called is held to the schema of its arguments: whole answers are calls, of what was asked for.
func TestToolsThatMustBeCalled(t *testing.T) {
	const city = `{"type":"function","function":{"name":"rain","strict":true,"parameters":{"$schema":"http://json-schema.org/draft-07/schema#","type":"object",
		"properties":{"city":{"$ref":"#/definitions/c"}},"required":["city"],"definitions":{"c":{"enum":["Huế","Pai"]}}}}}`
	const rain, rain2 = `{"name":"rain","arguments":{"city":"Huế"}}`, `{"name": "rain", "arguments": {"city": "Pai"}}`
	const bare = `{"name":"weather","arguments":{}}`
	tag := func(call string) string { return "<tool_call>\n" + call + "\n</tool_call>" }
	j := toolJob(t)
	vocabulary := grammar.NewVocabulary(j.Tokenizer)
	j.Vocabulary = func() *grammar.Vocabulary { return vocabulary }
	for choice, texts := range map[string]map[string]bool{
		`"required"`: {
			tag(rain): true, tag(rain2): true, tag(bare): true, tag(rain) + "\n" + tag(bare): true,
			"": false, rain: false, "x" + tag(rain): false, tag(`{"name":"rain","arguments":{"city":"Rome"}}`): false, tag(`{"name":"rain","arguments":{}}`): false,
			tag(`{"name":"weather","arguments":[]}`): false, tag(`{"name":"other","arguments":{}}`): false,
		},
		`"required","parallel_tool_calls":false`:         {tag(rain): true, tag(bare): true, tag(rain) + "\n" + tag(bare): false},
		`{"type":"function","function":{"name":"rain"}}`: {tag(rain): true, tag(bare): false, tag(rain) + "\n" + tag(rain): false},
	} {
		for text, want := range texts {
			a := ask(t, j, `{"messages":[{"role":"user","content":"Rain?"}],"tools":[`+weather+`,`+city+`],"tool_choice":`+choice+`}`, 0)
			if got := takes(t, a.Requests[0].Mask, j.Tokenizer.Encode(nil, text, false), j.Tokenizer.EOS(), j.Tokenizer.Size()); got != want {
				t.Errorf("%s: %q is taken: %v", choice, text, got)
			}
		}
	}
	j.Template = plainCalls(t)
	a := ask(t, j, `{"messages":[{"role":"user","content":"Rain?"}],"tools":[`+city+`],"tool_choice":"required"}`, 0)
	if !takes(t, a.Requests[0].Mask, j.Tokenizer.Encode(nil, `{"name":"rain","parameters":{"city":"Pai"}}`, false), j.Tokenizer.EOS(), j.Tokenizer.Size()) {
		t.Error("a plain call is not taken")
	}
	for parameters, want := range map[string]string{
		`{"not":{}}`:          "tools[0].function.parameters can't be followed: /not ",
		`{"type":"string"}`:   `tools[0].function.parameters.type is "string"; want "object"`,
		`{"description":"d"}`: `tools[0].function.parameters has no "type": "object"`,
	} {
		r, err := ParseChat([]byte(`{"messages":[{"role":"user","content":"x"}],"tools":[{"function":{"name":"f","parameters":` + parameters + `}}],"tool_choice":"required"}`))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := j.Ask(r, 0); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", parameters, err, want)
		}
	}
}

func plainCalls(t *testing.T) prompt.Template {
	t.Helper()
	template, err := prompt.Compile("plain", `{% if tools %}{{ tools[0].function.name }}{% endif %}{% for m in messages %}{{ m.content }}
{%- if m.tool_calls %}{% set call = m.tool_calls[0].function %}{"name": "{{ call.name }}", "parameters": {{ call.arguments | tojson }}}{% endif %}{% endfor %}`)
	if err != nil {
		t.Fatal(err)
	}
	return template
}

// takes is whether a mask lets an answer of these tokens come, and end.
func takes(t *testing.T, mask func(int32, []uint32) error, ids []int32, end int32, vocabulary int) bool {
	t.Helper()
	last := int32(-1)
	for _, id := range append(ids, end) {
		allowed := make([]uint32, (vocabulary+31)/32)
		if err := mask(last, allowed); err != nil {
			t.Fatal(err)
		}
		if allowed[id/32]>>(id%32)&1 == 0 {
			return false
		}
		last = id
	}
	return true
}

// A template without tools, or with calls in another form, takes none.
func TestToolsNeedATemplate(t *testing.T) {
	other, err := prompt.Compile("other", `{{ tools | tojson }}{{ messages[0].content }}`)
	if err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]string{
		`{"messages":[{"role":"user","content":""}],"tools":[` + weather + `]}`:                                                    "tools can't be told",
		`{"messages":[{"role":"user","content":""},{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":""}}]}]}`: "messages[1].tool_calls can't be told",
	} {
		for template, why := range map[prompt.Template]string{prompt.SeaLLM: "(seallm) has no tools", other: "(other) has calls of tools in a form"} {
			j := testJob(t)
			j.Template = template
			r, err := ParseChat([]byte(line))
			if err != nil {
				t.Fatal(err)
			}
			if _, err = j.Ask(r, 0); err == nil || !strings.HasPrefix(err.Error(), want) || !strings.Contains(err.Error(), why) {
				t.Errorf("%s, %v: %v, want %s", line, template, err, want)
			}
		}
	}
}

func TestToolCallsOfAnswers(t *testing.T) {
	const line = `{"messages":[{"role":"user","content":"Rain?"}],"tools":[` + weather + `]`
	const call = "<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"x\": 1}}\n</tool_call>"
	const one = `[{"id":"call_1_0_0","type":"function","function":{"name":"weather","arguments":"{\"x\": 1}"}}`
	for _, c := range []struct {
		line   string
		result engine.Result
		want   string
	}{
		{line + "}", engine.Result{Text: call, Finish: engine.FinishStop},
			`{"role":"assistant","content":"","refusal":null,"tool_calls":` + one + `]},"logprobs":null,"finish_reason":"tool_calls"`},
		{line + "}", engine.Result{Text: "Look: " + call + "\n" + call, Finish: engine.FinishStop},
			`{"role":"assistant","content":"Look:","refusal":null,"tool_calls":` + one + "," + strings.Replace(one[1:], "_0_0", "_0_1", 1) + `]},"logprobs":null,"finish_reason":"tool_calls"`},
		{line + `,"parallel_tool_calls":false}`, engine.Result{Text: call + call, Finish: engine.FinishStop},
			`{"role":"assistant","content":"","refusal":null,"tool_calls":` + one + `]},"logprobs":null,"finish_reason":"tool_calls"`},
		{line + "}", engine.Result{Text: call + "<tool", Finish: engine.FinishLength},
			`{"role":"assistant","content":"<tool","refusal":null,"tool_calls":` + one + `]},"logprobs":null,"finish_reason":"length"`},
		{line + `,"tool_choice":"none"}`, engine.Result{Text: "<tool_call>", Finish: engine.FinishStop},
			`{"role":"assistant","content":"<tool_call>","refusal":null},"logprobs":null,"finish_reason":"stop"`},
		{line + "}", engine.Result{Finish: engine.FinishStop},
			`{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":"stop"`},
	} {
		a := ask(t, toolJob(t), c.line, 0)
		b, err := encode(a.Body("chatcmpl-1", []engine.Result{c.result}, false))
		if err != nil || !strings.Contains(string(b), `{"index":0,"message":`+c.want+"}") {
			t.Errorf("%q: %s, %v, want %s", c.result.Text, b, err, c.want)
		}
	}
	b, err := ask(t, toolJob(t), line+"}", 0).Line(Place{Hash: "h"}, []engine.Result{{Text: "a " + call, Finish: engine.FinishStop}})
	if want := `"text":"a","tool_calls":[{"id":"call_0_h_0_0","type":`; err != nil || !strings.Contains(string(b), want) || !strings.Contains(string(b), `"finish_reason":"tool_calls"`) {
		t.Errorf("a plain line: %s, %v", b, err)
	}
}

// A stream's calls come whole, each as soon as it ends, and its text without what may be one.
func TestToolCallsOfStreams(t *testing.T) {
	a := ask(t, toolJob(t), `{"messages":[{"role":"user","content":"Rain?"}],"tools":[`+weather+`]}`, 0)
	s := a.Stream("chatcmpl-1")
	var got []string
	for _, piece := range []string{"Look", ": <", "tool_call>", `{"name":"weather"}`, "</tool_call>", " <tool_call>", `{"name":"weather"}</tool_call>`} {
		for _, c := range s.Tokens(0, []engine.Token{{ID: 1, Text: piece}}) {
			b, err := encode(c.(ChatChunk).Choices[0])
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, string(b))
		}
	}
	for _, c := range s.Ended(0, engine.Result{Finish: engine.FinishStop}) {
		b, err := encode(c.(ChatChunk).Choices[0])
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, string(b))
	}
	var want []string
	for _, delta := range []string{
		`{"role":"assistant","content":""}`, `{"content":"Look"}`, `{"content":":"}`,
		`{"tool_calls":[{"index":0,"id":"call_1_0_0","type":"function","function":{"name":"weather","arguments":"{}"}}]}`,
		`{"tool_calls":[{"index":1,"id":"call_1_0_1","type":"function","function":{"name":"weather","arguments":"{}"}}]}`,
	} {
		want = append(want, `{"index":0,"delta":`+delta+`,"logprobs":null,"finish_reason":null}`)
	}
	want = append(want, `{"index":0,"delta":{},"logprobs":null,"finish_reason":"tool_calls"}`)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
