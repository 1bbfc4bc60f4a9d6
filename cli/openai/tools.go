package openai

import (
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"sealvk/prompt"
)

const (
	maxTools    = 128 // OpenAI's
	maxToolName = 64  // OpenAI's, in bytes
)

// Function is one that an answer must call.
type Function struct {
	Name       string
	Parameters jsontext.Value // a JSON Schema of an object; nil: any object will do
	path       string         // of Parameters
}

// functionForm is how a request names a function.
const functionForm = `{"type": "function", "function": {"name": …}}`

var toolsReader = reader{fmt.Sprintf("a list of at most %d functions", maxTools), func(r *reading, v value) (bool, error) {
	list, ok := v.elements()
	if !ok || len(list) > maxTools {
		return false, nil
	}
	for _, e := range list {
		members, err := e.function()
		if err != nil {
			return false, err
		}
		var f Function
		for _, m := range members {
			switch m.name {
			case "name":
				f.Name, _ = m.text()
				if !isToolName(f.Name) {
					return false, m.want(fmt.Sprintf("a name of letters, digits, _, - and ., at most %d", maxToolName))
				}
			case "description":
				if _, ok := m.text(); !ok {
					return false, m.want("a text")
				}
			case "parameters":
				if m.kind() != jsontext.KindBeginObject {
					return false, m.want("a JSON schema, which is an object")
				}
				f.Parameters, f.path = m.raw, m.path
			case "strict":
				is, ok := m.boolean()
				if !ok {
					return false, m.want("true or false")
				}
				if is {
					r.strict = m.path
				}
			default:
				return false, m.problem("is no field of a function, which has name, description, parameters and strict")
			}
		}
		r.functions = append(r.functions, f)
	}
	if len(list) == 0 {
		return true, nil
	}
	tools, err := prompt.ReadTools(v.raw)
	if err != nil {
		return false, v.problem("can't be read: %v", err)
	}
	r.Tools = tools
	return true, nil
}}

// function reads {"type": "function", "function": {…}}, which has a name.
func (v value) function() (function []member, err error) {
	members, ok := v.members()
	if !ok {
		return nil, v.want(functionForm)
	}
	for _, m := range members {
		switch m.name {
		case "type":
			if text, _ := m.text(); text != "function" {
				return nil, m.want(`"function"`)
			}
		case "function":
			if function, ok = m.members(); !ok || !has(function, "name") {
				return nil, m.want("an object with a name")
			}
		default:
			return nil, m.problem("is unknown; want %s", functionForm)
		}
	}
	if function == nil {
		return nil, v.problem("has no function; want %s", functionForm)
	}
	return function, nil
}

func isToolName(text string) bool {
	return text != "" && len(text) <= maxToolName && strings.Trim(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.") == ""
}

var toolChoiceReader = reader{`"none", "auto", "required" or ` + functionForm, func(r *reading, v value) (bool, error) {
	if text, ok := v.text(); ok {
		r.toolChoice = text
		return text == "none" || text == "auto" || text == "required", nil
	}
	function, err := v.function()
	if err != nil {
		return false, err
	}
	for _, m := range function {
		if m.name != "name" {
			return false, m.problem("is unknown; want name")
		}
		r.toolName, _ = m.text()
	}
	r.toolChoice = "function"
	return true, nil
}}

// finishTools checks what the fields of tools say together.
func (r *reading) finishTools(problem func(field, format string, args ...any) error) error {
	switch r.toolChoice {
	case "none":
		r.Tools = nil
		return nil
	case "required":
		r.MustCall = r.functions
	case "function":
		for _, f := range r.functions {
			if f.Name == r.toolName {
				r.MustCall, r.OneCall = []Function{f}, true
			}
		}
	}
	switch forced := r.toolChoice != "" && r.toolChoice != "auto"; {
	case forced && r.MustCall == nil:
		return problem("tool_choice", "asks for a call of what is none of the tools")
	case forced && r.IgnoreEOS:
		return problem("ignore_eos", "is true, but an answer that must be a call ends when it is whole")
	case r.Tools != nil && r.Grammar != nil:
		return problem("tools", "are there beside a field that says what an answer looks like, which leaves no room for calls; want one of them")
	case r.strict != "" && !forced:
		return &FieldError{Field: r.strict, Problem: "is true, but arguments are held to their schema only where tool_choice asks for a call"}
	}
	return nil
}

// toolCalls are those of an assistant's message.
func (v value) toolCalls() (calls []prompt.ToolCall, err error) {
	const form = `{"id": …, "type": "function", "function": {"name": …, "arguments": …}}`
	list, ok := v.elements()
	if !ok {
		return nil, v.want("a list of " + form)
	}
	for _, e := range list {
		members, ok := e.members()
		if !ok {
			return nil, e.want(form)
		}
		c := prompt.ToolCall{Arguments: "{}"}
		for _, m := range members {
			switch m.name {
			case "id":
				if c.ID, ok = m.text(); !ok {
					return nil, m.want("a text")
				}
			case "type":
				if text, _ := m.text(); text != "function" {
					return nil, m.want(`"function"`)
				}
			case "function":
				if err := m.functionCall(&c); err != nil {
					return nil, err
				}
			case "index": // of a stream's
			default:
				return nil, m.problem("is unknown; want %s", form)
			}
		}
		if c.Name == "" {
			return nil, e.problem("has no function with a name; want %s", form)
		}
		calls = append(calls, c)
	}
	return calls, nil
}

// functionCall reads what is called with what: an object, or a text of one.
func (v value) functionCall(c *prompt.ToolCall) error {
	members, ok := v.members()
	if !ok {
		return v.want("an object with name and arguments")
	}
	for _, m := range members {
		switch m.name {
		case "name":
			if c.Name, ok = m.text(); !ok || c.Name == "" {
				return m.want("the name of a function")
			}
		case "arguments":
			object := m.raw
			if text, ok := m.text(); ok && strings.TrimSpace(text) != "" {
				object = jsontext.Value(text)
			} else if ok {
				object = jsontext.Value("{}")
			}
			if object.Kind() != jsontext.KindBeginObject || !object.IsValid() {
				return m.want("a JSON object, or a text that holds one")
			}
			c.Arguments = string(object)
		case "index": // Ollama's, in whose order the calls are
		default:
			return m.problem("is unknown; want name and arguments")
		}
	}
	return nil
}

// checkTools refuses tools, and calls of them, that the template has no place for, or whose answers could not be told.
func (j *Job) checkTools(r *Request) error {
	why := func() string {
		switch j.Template.CallForm(j.Tokenizer) {
		case prompt.NoTools:
			return fmt.Sprintf("the model's template (%v) has no tools", j.Template)
		case prompt.UnknownForm:
			return fmt.Sprintf("the model's template (%v) has calls of tools in a form that is not known", j.Template)
		}
		return ""
	}
	if r.Tools != nil {
		if w := why(); w != "" {
			return &FieldError{Field: r.path("tools"), Problem: "can't be told to the model: " + w}
		}
		if j.Grammar != nil && r.MustCall == nil {
			return &FieldError{Field: r.path("tools"), Problem: "are there beside the job's grammar, which leaves no room for calls"}
		}
	}
	for i, m := range r.Messages {
		if len(m.ToolCalls) > 0 {
			if w := why(); w != "" {
				return &FieldError{Field: r.path(fmt.Sprintf("messages[%d].tool_calls", i)), Problem: "can't be told to the model: " + w}
			}
		}
	}
	return nil
}
