package main

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"sealvk/prompt"
)

// parseConversation reads a conversation as OpenAI's chat API has it: an
// object with "messages" and maybe "tools" (nil: none), or the array of messages alone.
func parseConversation(line []byte) (msgs []prompt.Message, tools *prompt.Tools, err error) {
	var c struct {
		Messages []openaiMessage `json:"messages"`
		Tools    jsontext.Value  `json:"tools"`
	}
	if bytes.HasPrefix(bytes.TrimSpace(line), []byte("[")) {
		err = parseJSON(line, '[', &c.Messages)
	} else {
		err = parseJSON(line, '{', &c)
	}
	if err != nil {
		return nil, nil, fmt.Errorf(`want {"messages":[…]} or [{"role":…,"content":…},…]: %w`, err)
	}
	if len(c.Messages) == 0 {
		return nil, nil, errors.New(`the conversation has no messages`)
	}
	msgs = make([]prompt.Message, len(c.Messages))
	for i, m := range c.Messages {
		if m.Role == "" {
			return nil, nil, fmt.Errorf("message %d has no role", i+1)
		}
		if msgs[i], err = m.message(); err != nil {
			return nil, nil, fmt.Errorf("message %d: %w", i+1, err)
		}
	}
	if k := c.Tools.Kind(); len(c.Tools) > 0 && k != jsontext.KindNull {
		if tools, err = prompt.ReadTools(c.Tools); err != nil {
			return nil, nil, err
		}
	}
	return msgs, tools, nil
}

// openaiMessage is a message whose content is a string, or an array of parts.
type openaiMessage struct {
	Role       string `json:"role"`
	Content    any    `json:"content"` // null beside calls of tools
	Name       string `json:"name"`
	ToolCallID string `json:"tool_call_id"`
	ToolCalls  []struct {
		ID       string `json:"id"`
		Function struct {
			Name      string         `json:"name"`
			Arguments jsontext.Value `json:"arguments"` // an object, or a text of one
		} `json:"function"`
	} `json:"tool_calls"`
}

// message is what a template reads.
func (m *openaiMessage) message() (to prompt.Message, err error) {
	to = prompt.Message{Role: m.Role, Name: m.Name, ToolCallID: m.ToolCallID}
	for i, c := range m.ToolCalls {
		object := c.Function.Arguments
		if object.Kind() == jsontext.KindString {
			if object, err = jsontext.AppendUnquote(nil, object); err != nil {
				return to, err
			}
		}
		if len(object) == 0 {
			object = jsontext.Value("{}")
		}
		if c.Function.Name == "" || object.Kind() != jsontext.KindBeginObject || !object.IsValid() {
			return to, fmt.Errorf("call %d of a tool has no name, or arguments that are no JSON object", i+1)
		}
		to.ToolCalls = append(to.ToolCalls, prompt.ToolCall{ID: c.ID, Name: c.Function.Name, Arguments: string(object)})
	}
	if m.Content != nil || to.ToolCalls == nil {
		to.Content, err = m.text()
	}
	return to, err
}

// text is the content; parts are joined as they stand.
func (m *openaiMessage) text() (string, error) {
	switch c := m.Content.(type) {
	case string:
		return c, nil
	case []any:
		var b strings.Builder
		for i, p := range c {
			part, _ := p.(map[string]any)
			text, ok := part["text"].(string)
			if !ok || part["type"] != "text" {
				return "", fmt.Errorf(`part %d of the content is not {"type":"text","text":…}`, i+1)
			}
			b.WriteString(text)
		}
		return b.String(), nil
	}
	return "", errors.New("the content is neither a string nor an array of parts")
}
