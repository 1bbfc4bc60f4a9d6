package prompt

import (
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"

	"sealvk/prompt/jinja"
)

// Tools are functions that a model may call.
type Tools struct {
	list  []any // what a template reads
	size  int   // bytes of their JSON
	names []string
}

// ReadTools takes tools in the form of OpenAI's API, a JSON list of
// {"type": "function", "function": {"name": …, "description": …, "parameters": …}}.
// A template reads them as they stand.
func ReadTools(text []byte) (*Tools, error) {
	var named []struct {
		Function struct {
			Name string `json:"name"`
		} `json:"function"`
	}
	if err := json.Unmarshal(text, &named); err != nil {
		return nil, fmt.Errorf("prompt: reading tools: %w", err)
	}
	v, err := jinja.FromJSON(text)
	if err != nil {
		return nil, fmt.Errorf("prompt: reading tools: %w", err)
	}
	t := &Tools{size: len(text)}
	t.list, _ = v.([]any)
	for i, n := range named {
		switch name := n.Function.Name; {
		case name == "":
			return nil, fmt.Errorf("prompt: tool %d has no function with a name", i)
		case slices.Contains(t.names, name):
			return nil, fmt.Errorf("prompt: tool %d has the name %.40q, as one in front of it has", i, name)
		default:
			t.names = append(t.names, name)
		}
	}
	return t, nil
}

// WithTools is the template with tools that it tells the model of; nil: none.
func (t Template) WithTools(tools *Tools) Template {
	t.tools = tools
	return t
}

// ToolCall is a call of a function by a model.
type ToolCall struct {
	ID        string // by which a result names it; "": none
	Name      string
	Arguments string // a JSON object
}

// ofTools is what a template reads of a message beside its role and content,
// and how many bytes it has. What isn't there is left out.
func (m *Message) ofTools() (fields jinja.Dict, size int, err error) {
	text := func(d jinja.Dict, key, value string) jinja.Dict {
		if value == "" {
			return d
		}
		size += len(value)
		return append(d, jinja.Pair{Key: key, Value: jinja.Input(value)})
	}
	fields = text(text(fields, "name", m.Name), "tool_call_id", m.ToolCallID)
	var calls []any
	for _, c := range m.ToolCalls {
		// As an object: most templates write it by tojson.
		arguments, err := jinja.FromJSON([]byte(c.Arguments))
		if err != nil {
			return nil, 0, fmt.Errorf("the arguments of a call of %.40q: %w", c.Name, err)
		}
		size += len(c.Arguments) + 64 // for the names around it
		calls = append(calls, append(text(nil, "id", c.ID), jinja.Dict{
			{Key: "type", Value: "function"},
			{Key: "function", Value: append(text(nil, "name", c.Name), jinja.Pair{Key: "arguments", Value: arguments})},
		}...))
	}
	if calls != nil {
		fields = append(fields, jinja.Pair{Key: "tool_calls", Value: calls})
	}
	return fields, size, nil
}
