package openai

import (
	"reflect"
	"strings"
	"testing"

	"sealvk/engine"
	"sealvk/prompt"
)

// Calls of tools come with their arguments as objects, whole and in streams, and can be sent again as they are.
func TestOllamaToolCalls(t *testing.T) {
	const user = `{"messages":[{"role":"user","content":"Rain?"}`
	j := toolJob(t)
	asked := func() *Asked {
		r, err := ParseOllamaChat([]byte(user + `],"tools":[` + weather + `]}`))
		if err != nil {
			t.Fatal(err)
		}
		a, err := j.Ask(r.Request, 0)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	const call = "<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"x\": 1}}\n</tool_call>"
	result := engine.Result{Text: "Look. " + call + call, Finish: engine.FinishStop, Tokens: make([]int32, 9), PromptTokens: 7}
	whole := asked().Ollama("ollama-1").Whole(result, 5)
	message, err := encode(whole.Message)
	const first = `{"id":"call_1_0_0","function":{"index":0,"name":"weather","arguments":{"x":1}}}`
	const second = `{"id":"call_1_0_1","function":{"index":1,"name":"weather","arguments":{"x":1}}}`
	if want := `{"role":"assistant","content":"Look.","tool_calls":[` + first + "," + second + `]}`; err != nil || string(message) != want ||
		!whole.Done || whole.DoneReason != "stop" || whole.Total != 5 || whole.AnswerCount != 9 || whole.PromptCount != 7 {
		t.Errorf("%s, %+v, %v, want %s", message, whole, err, want)
	}
	var got []string
	o := asked().Ollama("ollama-1")
	lines := o.Tokens([]engine.Token{{Text: "Look. "}, {Text: call}})
	lines = append(lines, o.Tokens([]engine.Token{{Text: "<tool"}})...)
	lines = append(lines, o.Tokens([]engine.Token{{Text: strings.TrimPrefix(call, "<tool")}})...)
	for _, l := range append(lines, o.Ended(result, 5)...) {
		b, err := encode(l.Message)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, string(b))
	}
	if want := []string{
		`{"role":"assistant","content":"Look.","tool_calls":[` + first + `]}`, `{"role":"assistant","content":"","tool_calls":[` + second + `]}`,
		`{"role":"assistant","content":""}`,
	}; !reflect.DeepEqual(got, want) {
		t.Errorf("%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	r, err := ParseOllamaChat([]byte(user + "," + string(message) + `,{"role":"tool","tool_name":"weather","content":"dry"}]}`))
	c := prompt.ToolCall{ID: "call_1_0_0", Name: "weather", Arguments: `{"x":1}`}
	c2 := c
	c2.ID = "call_1_0_1"
	want := []prompt.Message{{Role: "user", Content: "Rain?"}, {Role: "assistant", Content: "Look.", ToolCalls: []prompt.ToolCall{c, c2}},
		{Role: "tool", Name: "weather", Content: "dry"}}
	if err != nil || !reflect.DeepEqual(r.Messages, want) {
		t.Errorf("%+v, %v, want %+v", r, err, want)
	}
}
