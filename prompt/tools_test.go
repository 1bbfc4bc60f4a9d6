package prompt

import (
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
)

const weatherTool = `[{"type":"function","function":{"name":"weather","description":"<eos>","parameters":{"<eos>":1.5,"b":[null,true,12]}}},
	{"type":"function","function":{"name":"time"}}]`

// toolTemplates are one for each form of calls.
func toolTemplates(t *testing.T) (tagged, plain, unknown Template) {
	t.Helper()
	source, err := os.ReadFile("../testdata/prompt/tools.jinja")
	if err != nil {
		t.Fatal(err)
	}
	tagged = mustCompile(t, "tools.jinja", string(source))
	plain = mustCompile(t, "plain", `{% if tools %}{{ tools[0].function.name }}: answer {"name": function name, "parameters": an object}.{% endif %}
{%- for m in messages %}<|im_start|>{{ m.role }}{{ m.content }}
{%- if m.tool_calls %}{% set call = m.tool_calls[0].function %}{"name": "{{ call.name }}", "parameters": {{ call.arguments | tojson }}}{% endif %}<eos>{% endfor %}`)
	unknown = mustCompile(t, "unknown", `{{ tools | tojson }}{% for m in messages %}{{ m.content }}{% for c in m.tool_calls %}
<tool_call><function={{ c.function.name }}></tool_call>{% endfor %}{% endfor %}`)
	return tagged, plain, unknown
}

func mustTools(t *testing.T, text string) *Tools {
	t.Helper()
	tools, err := ReadTools([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return tools
}

func TestCallForm(t *testing.T) {
	tok := load(t, nanoModel)
	tagged, plain, unknown := toolTemplates(t)
	for want, templates := range map[CallForm][]Template{
		TaggedCalls: {tagged}, PlainCalls: {plain}, UnknownForm: {unknown},
		NoTools: append([]Template{SeaLLM, ChatML, Gemma, mustCompile(t, "comment", "{# tools #}{{ messages[0].content }}")}, compiled(t)...),
	} {
		for _, template := range templates {
			if got := template.CallForm(tok); got != want {
				t.Errorf("%v has form %d, want %d", template, got, want)
			}
		}
	}
}

func TestToolsInTheTemplate(t *testing.T) {
	tok := load(t, nanoModel)
	tagged, _, _ := toolTemplates(t)
	msgs := []Message{
		{Role: "system", Content: "Be brief."}, {Role: "user", Content: "Rain?"},
		{Role: "assistant", ToolCalls: []ToolCall{
			{ID: "1", Name: "weather", Arguments: `{ "city": "Huế", "days":2 }`}, {Name: "time", Arguments: "{}"}}},
		{Role: "tool", Content: "yes", ToolCallID: "1"},
	}
	with := tagged.WithTools(mustTools(t, weatherTool))
	got, err := with.Text(tok, msgs, true)
	want := `<bos><|im_start|>system
Be brief.

Functions that you may call:
<tools>
{"type": "function", "function": {"name": "weather", "description": "<eos>", "parameters": {"<eos>": 1.5, "b": [null, true, 12]}}}
{"type": "function", "function": {"name": "time"}}
</tools>
Write a call as <tool_call>
{"name": <name>, "arguments": <object>}
</tool_call><eos>
<|im_start|>user
Rain?<eos>
<|im_start|>assistant
<tool_call>
{"name": "weather", "arguments": {"city": "Huế", "days": 2}}
</tool_call>
<tool_call>
{"name": "time", "arguments": {}}
</tool_call><eos>
<|im_start|>user
<tool_response>
yes</tool_response>`
	want = strings.Replace(want, "yes</", "yes\n</", 1) + "<eos>\n<|im_start|>assistant\n"
	if err != nil || got != want {
		t.Errorf("%q, %v, want\n%q", got, err, want)
	}
	// Neither texts nor names of tools become control pieces: bos, and an eos behind each of four turns.
	ids, err := with.Encode(tok, msgs, true)
	if err != nil || specials(tok, ids) != 5 || !slices.Contains(ids, tok.EOS()) {
		t.Errorf("%d control pieces in %v, %v", specials(tok, ids), ids, err)
	}
	numbers := mustCompile(t, "numbers", "{{ tools[0].function.parameters | tojson }}{% for name in tools[0].function.parameters %}{{ name }}{% endfor %}<eos>")
	ids, err = numbers.WithTools(mustTools(t, `[{"function":{"name":"f","parameters":{"<eos>":1}}}]`)).Encode(tok, msgs, true)
	if err != nil || specials(tok, ids) != 2 {
		t.Errorf("names of members: %d control pieces, %v", specials(tok, ids), err)
	}
	deep := mustTools(t, `[{"function":{"name":"f","parameters":`+strings.Repeat("[", 200)+strings.Repeat("]", 200)+`}}]`)
	if _, err := tagged.WithTools(deep).Text(tok, msgs, true); err == nil || !strings.Contains(err.Error(), "nested more than 100 deep") {
		t.Errorf("deep nesting: %v", err)
	}
	// A template alone tells of none.
	if text, err := tagged.Text(tok, msgs, false); err != nil || strings.Contains(text, "tools") {
		t.Errorf("without tools: %q, %v", text, err)
	}
	msgs[2].ToolCalls[0].Arguments = `{"x": 1e999}`
	if _, err := with.Text(tok, msgs, false); err == nil || !strings.Contains(err.Error(), `call of "weather"`) {
		t.Errorf("arguments that are no JSON: %v", err)
	}
}

func TestReadToolsRefuses(t *testing.T) {
	for text, want := range map[string]string{
		`{}`: "reading tools", `[`: "reading tools", `[{"type":"function"}]`: "tool 0 has no function",
		`[{"function":{"name":"f"}},{"function":{"name":"f"}}]`: "tool 1 has the name",
		`[{"function":{"name":"f","parameters":1e999}}]`:        "64 bits",
	} {
		if _, err := ReadTools([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func TestCallReader(t *testing.T) {
	tools := mustTools(t, weatherTool)
	a, b := ToolCall{Name: "weather", Arguments: `{"city": "Huế"}`}, ToolCall{Name: "time", Arguments: `{}`}
	const tagA = "<tool_call>\n" + `{"name": "weather", "arguments": {"city": "Huế"}}` + "\n</tool_call>"
	const tagB = `<tool_call>{"name":"time"}</tool_call>`
	const bareA = `{"type": "function", "name": "weather", "parameters": {"city": "Huế"}}`
	for _, c := range []struct {
		form   CallForm
		answer string
		text   string
		calls  []ToolCall
	}{
		{TaggedCalls, "", "", nil},
		{TaggedCalls, " Hi <tool> \n", " Hi <tool> \n", nil},
		{TaggedCalls, tagA, "", []ToolCall{a}},
		{TaggedCalls, "\n" + tagA + "\n\n" + tagB + " \n", "", []ToolCall{a, b}},
		{TaggedCalls, "Let me look. \n" + tagA + "\n Then. ", "Let me look.Then. ", []ToolCall{a}},
		{TaggedCalls, strings.TrimSuffix(tagA, "\n</tool_call>"), "", []ToolCall{a}}, // the answer ended
		{TaggedCalls, tagA[:len(tagA)-16], tagA[:len(tagA)-16], nil},                 // it was cut
		{TaggedCalls, "<tool_call>", "<tool_call>", nil},
		{TaggedCalls, "a <tool_cal", "a <tool_cal", nil},
		{TaggedCalls, tagA + "<tool_call>{", "<tool_call>{", []ToolCall{a}},
		{TaggedCalls, "<tool_call>x</tool_call>" + tagB, "<tool_call>x</tool_call>", []ToolCall{b}},
		{TaggedCalls, `<tool_call>{"name":"other"}</tool_call>`, `<tool_call>{"name":"other"}</tool_call>`, nil},
		{TaggedCalls, `<tool_call>{"name":"time","arguments":"{}"}</tool_call>`, `<tool_call>{"name":"time","arguments":"{}"}</tool_call>`, nil},
		{TaggedCalls, `<tool_call>{"name":"time"},{"name":"time"}</tool_call>`, `<tool_call>{"name":"time"},{"name":"time"}</tool_call>`, nil},
		{TaggedCalls, `<tool_call>{"name":"time","arguments":{"x":"</tool_call>"}}</tool_call>`, "", []ToolCall{{Name: "time", Arguments: `{"x":"</tool_call>"}`}}},
		{TaggedCalls, `{"name":"time"}`, `{"name":"time"}`, nil},
		{PlainCalls, bareA, "", []ToolCall{a}},
		{PlainCalls, "\n " + bareA + "\n", "", []ToolCall{a}},
		{PlainCalls, "Hi " + bareA, "Hi " + bareA, nil},
		{PlainCalls, bareA + " Hi", bareA + " Hi", nil},
		{PlainCalls, bareA[:len(bareA)-1], bareA[:len(bareA)-1], nil},
		{PlainCalls, `{"name":"other","parameters":{}}`, `{"name":"other","parameters":{}}`, nil},
		{PlainCalls, " \n", " \n", nil},
		{PlainCalls, tagA, tagA, nil},
	} {
		for size := 1; size <= len(c.answer)+1; size++ {
			r := NewCallReader(c.form, tools)
			var text string
			var calls []ToolCall
			for rest := c.answer; rest != ""; {
				piece := rest[:min(size, len(rest))]
				rest = rest[len(piece):]
				t, found := r.Push(piece)
				text, calls = text+t, append(calls, found...)
			}
			t1, found := r.End()
			text, calls = text+t1, append(calls, found...)
			if text != c.text || !reflect.DeepEqual(calls, c.calls) {
				t.Fatalf("form %d, %q in pieces of %d: %q, %v, want %q, %v", c.form, c.answer, size, text, calls, c.text, c.calls)
			}
		}
	}
	// What can be no call comes at once.
	r := NewCallReader(TaggedCalls, tools)
	if text, _ := r.Push("Hi <b> there <to"); text != "Hi <b> there" {
		t.Errorf("%q comes at once", text)
	}
}

// However an answer comes in pieces, its text and calls are the same, and nothing of an answer without calls is lost.
func FuzzCallReader(f *testing.F) {
	for _, answer := range []string{
		"Hi <tool_call>\n{\"name\": \"time\", \"arguments\": {\"x\": \"</tool_call>\"}}\n</tool_call> a <tool_call>{", `{"name":"time","parameters":{}} `,
		"<tool_call><tool_call>{}</tool_call>", " \n", "<tool_call>{\"name\":\"\\ud83d\"}</tool_call>", "\u00a0<tool_call>{\"name\":\"time\"}",
	} {
		f.Add(answer, uint8(3))
	}
	tools, err := ReadTools([]byte(weatherTool))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, answer string, size uint8) {
		answer = answer[:min(len(answer), 1<<12)]
		for _, form := range []CallForm{TaggedCalls, PlainCalls} {
			read := func(size int) (text string, calls []ToolCall) {
				r := NewCallReader(form, tools)
				for rest := answer; rest != ""; {
					piece := rest[:min(size, len(rest))]
					rest = rest[len(piece):]
					more, found := r.Push(piece)
					text, calls = text+more, append(calls, found...)
				}
				more, found := r.End()
				return text + more, append(calls, found...)
			}
			text, calls := read(len(answer) + 1)
			if again, same := read(int(size) + 1); again != text || !reflect.DeepEqual(same, calls) {
				t.Errorf("form %d, %q in pieces of %d: %q, %v, whole %q, %v", form, answer, size+1, again, same, text, calls)
			}
			if calls == nil && text != answer {
				t.Errorf("form %d, %q: %q", form, answer, text)
			}
		}
	})
}
