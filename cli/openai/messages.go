package openai

import (
	"math"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"sealvk/prompt"
)

var promptReader = reader{"a text, a list of texts, a list of ids of tokens, or a list of such lists", func(r *reading, v value) (bool, error) {
	if text, ok := v.text(); ok {
		r.Prompts = []Prompt{{Text: text}}
		return true, nil
	}
	list, ok := v.elements()
	if !ok && v.kind() == jsontext.KindBeginArray {
		return false, v.problem("has more than %d elements", maxElements)
	}
	if !ok || len(list) == 0 {
		return false, nil
	}
	if list[0].kind() == jsontext.KindNumber {
		ids, err := tokenIDs(list)
		r.Prompts = []Prompt{{IDs: ids}}
		return true, err
	}
	r.List = true
	for _, e := range list {
		var p Prompt
		if ids, ok := e.elements(); ok && len(ids) > 0 && list[0].kind() == jsontext.KindBeginArray {
			var err error
			if p.IDs, err = tokenIDs(ids); err != nil {
				return false, err
			}
		} else if p.Text, ok = e.text(); !ok || list[0].kind() != jsontext.KindString {
			return false, e.want("the same as in front of it, a text or a list of ids of tokens")
		}
		r.Prompts = append(r.Prompts, p)
	}
	return true, nil
}}

func tokenIDs(list []value) ([]int32, error) {
	ids := make([]int32, len(list))
	for i, e := range list {
		id, ok := e.integer(0, math.MaxInt32)
		if !ok {
			return nil, e.want("a token's id")
		}
		ids[i] = int32(id)
	}
	return ids, nil
}

var messagesReader = reader{"a list of messages, at least one", func(r *reading, v value) (bool, error) {
	list, ok := v.elements()
	if !ok || len(list) == 0 {
		return false, nil
	}
	for _, e := range list {
		m, err := message(e)
		if err != nil {
			return false, err
		}
		r.Messages = append(r.Messages, m)
	}
	return true, nil
}}

// roles are those of OpenAI's messages and what templates call them.
var roles = map[string]string{"system": "system", "developer": "system", "user": "user", "assistant": "assistant", "tool": "tool"}

// message reads one of a conversation.
func message(v value) (m prompt.Message, err error) {
	members, ok := v.members()
	if !ok {
		return m, v.want("an object with role and content")
	}
	said := false
	for _, f := range members {
		switch f.name {
		case "role":
			text, _ := f.text()
			if m.Role, ok = roles[text]; !ok {
				return m, f.want("system, developer, user, assistant or tool")
			}
		case "content":
			if m.Content, err = content(f.value); err != nil {
				return m, err
			}
			said = true
		case "name":
			if m.Name, ok = f.text(); !ok {
				return m, f.want("a text")
			}
		case "tool_call_id":
			if m.ToolCallID, ok = f.text(); !ok {
				return m, f.want("a text")
			}
		case "tool_calls":
			if m.ToolCalls, err = f.toolCalls(); err != nil {
				return m, err
			}
		case "function_call", "refusal", "audio", "reasoning", "reasoning_content", "prefix", "annotations":
			return m, f.problem("is not supported")
		default:
			return m, f.problem("is no field of a message, which has role, content, name, tool_calls and tool_call_id")
		}
	}
	if err := v.whose(m); err != nil {
		return m, err
	}
	if !said && len(m.ToolCalls) == 0 {
		return m, &FieldError{Field: v.path + ".content", Problem: "is missing; want a text, or a list of parts of text"}
	}
	return m, nil
}

// whose is an error unless a message has a role, and calls of tools are the assistant's.
func (v value) whose(m prompt.Message) error {
	switch {
	case m.Role == "":
		return &FieldError{Field: v.path + ".role", Problem: "is missing"}
	case len(m.ToolCalls) > 0 && m.Role != "assistant":
		return &FieldError{Field: v.path + ".tool_calls", Problem: "is there in a message that is not the assistant's"}
	}
	return nil
}

// content is a message's text; parts of it become lines, as in vLLM and llama.cpp.
func content(v value) (string, error) {
	if text, ok := v.text(); ok {
		return text, nil
	}
	parts, ok := v.elements()
	if !ok {
		return "", v.want("a text, or a list of parts of text")
	}
	var texts []string
	for _, part := range parts {
		members, _ := part.members()
		fields := map[string]string{}
		for _, m := range members {
			fields[m.name], ok = m.text()
			if !ok {
				break
			}
		}
		s, there := fields["text"]
		if !ok || len(fields) != 2 || fields["type"] != "text" || !there {
			return "", part.problem("is no part of text; want {\"type\": \"text\", \"text\": …}")
		}
		texts = append(texts, s)
	}
	return strings.Join(texts, "\n"), nil
}
